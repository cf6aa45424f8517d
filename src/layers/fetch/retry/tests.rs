use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::Retry;
use crate::clock::Clock;
use crate::error::{Error, FailedStatus};
use crate::layers::fetch::Call;
use crate::layers::fetch::around::around;
use crate::layers::fetch::judge::Judged;
use crate::policy::job::JobId;
use crate::telemetry::metrics::{Metrics, Origin};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs one fetch over these attempts; attempts made, and the time between the first and the last.
async fn attempts(failures: Vec<Error>) -> (Result<Judged, Error>, usize, Duration) {
    let clock = Clock::manual();
    let origin = Origin {
        version: "0",
        started: clock.wall(),
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    let metrics = Metrics::register(&mut Registry::default(), origin).upstream;
    let made = Arc::new(AtomicUsize::new(0));
    let failures = Arc::new(Mutex::new(failures.into_iter()));
    let (count, sent) = (Arc::clone(&made), clock.now());
    let upstream = service_fn(move |_: Call| {
        count.fetch_add(1, Ordering::Relaxed);
        let failure = failures.lock().unwrap().next();
        let judged = failure.map_or_else(
            || {
                Ok(Judged {
                    body: "{}".into(),
                    finished: true,
                    last_build_time: None,
                    sent,
                })
            },
            Err,
        );
        async { judged }
    });
    let fetch = ServiceBuilder::new()
        .layer(around(Retry::new(PATIENCE, clock.clone(), metrics)))
        .service(upstream);
    let begun = tokio::time::sleep(Duration::ZERO).deadline();
    let job = JobId::parse("901878212b1a49be9c1a1054c272762a").unwrap();
    let result = fetch.oneshot(Call::new(job, sent)).await;
    let ended = tokio::time::sleep(Duration::ZERO).deadline();
    let took = ended.saturating_duration_since(begun);
    (result, made.load(Ordering::Relaxed), took)
}

fn failed(status: FailedStatus) -> Error {
    Error::UpstreamFailed {
        status,
        code: None,
        message: None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_stays_away_is_tried_three_times_with_growing_pauses() {
    for failure in [
        Error::Unreachable("refused".into()),
        failed(FailedStatus::BadGateway),
        failed(FailedStatus::Unavailable),
        failed(FailedStatus::GatewayTimeout),
    ] {
        let (result, made, took) = attempts(vec![failure.clone(); 5]).await;
        assert_eq!((made, result.is_err()), (3, true), "{failure:?}");
        // 100 ms and 200 ms, each with up to as much again; one tick of the timer is a millisecond
        let bounds = Duration::from_millis(300)..=Duration::from_millis(602);
        assert!(bounds.contains(&took), "{took:?}");

        let (result, made, _) = attempts(vec![failure; 2]).await;
        assert_eq!((made, result.is_ok()), (3, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_and_a_renewed_credential_are_each_tried_once_more_at_once() {
    let lost = || Error::ConnectionLost("reset".into());
    for (failures, expected) in [
        (vec![lost()], (2, true)),
        (vec![lost(), lost()], (2, false)),
        (vec![Error::CredentialRenewed], (2, true)),
        (
            vec![Error::CredentialRenewed, Error::CredentialRenewed],
            (2, false),
        ),
        (vec![lost(), Error::CredentialRenewed], (3, true)),
    ] {
        let (result, made, took) = attempts(failures.clone()).await;
        assert_eq!((made, result.is_ok()), expected, "{failures:?}");
        assert_eq!(took, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_repeat_could_only_make_worse_is_never_repeated() {
    let retry_after = Duration::from_secs(60);
    for failure in [
        failed(FailedStatus::Internal),
        Error::TimedOut,
        Error::CredentialRefused("-".into()),
        Error::CredentialHold {
            retry_after,
            clock: None,
        },
        Error::ThrottleHold { retry_after },
        Error::BudgetSpent { retry_after },
        Error::Throttled {
            code: "APIGW.0308".into(),
            message: "slow down".into(),
            retry_after,
        },
        Error::Misconfigured {
            status: 302,
            code: None,
        },
        Error::NotSuccess {
            code: None,
            message: None,
            detail: "cut off".into(),
        },
        Error::Internal("a bug".into()),
    ] {
        let (result, made, took) = attempts(vec![failure.clone()]).await;
        assert_eq!((made, took), (1, Duration::ZERO), "{failure:?}");
        assert_eq!(result.unwrap_err().to_string(), failure.to_string());
    }
}
