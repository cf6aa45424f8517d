//! Health, readiness, metrics, and the listener itself.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{MAX_CONNECTIONS, PATIENCE, Snapshot, learned, request, running};
use crate::credential::Health;
use crate::policy::forecast::Forecast;
use crate::policy::limit::Api;
use crate::policy::refresh::Outlook;
use crate::policy::skew::{Standing, Verdict};

const IAM_IS_AWAY: &str = "IAM has given no credential for 3 s (no connection): next try in 5 s";

#[tokio::test]
async fn the_process_says_that_it_lives() {
    let admin = running().await;
    let answer = admin.ask("GET /healthz").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#));
    assert!(answer.head.contains("cache-control: no-store"));
    admin.stopped().await;
}

#[tokio::test]
async fn it_stays_ready_while_upstream_or_the_credential_fails_and_says_so() {
    let admin = running().await;
    *admin.state.0.lock().unwrap() = Snapshot {
        accepting: true,
        budget_requests: 50,
        paused: true,
        outage_hold: Some(Duration::from_millis(3_500)),
        denial_wave: true,
        throttle_hold: Some(Duration::from_millis(1500)),
        list_throttle_hold: Some(Duration::from_secs(7)),
        limits: vec![(Api::Job, learned())],
        credential_hold: Some(Duration::from_secs(30)),
        credential_refusal: Some("APIGW.0301 ak is locked".into()),
        credential: Health {
            kind: "password",
            available: true,
            expires_in: Some(Duration::from_millis(7_200_500)),
            why: Some(IAM_IS_AWAY.to_owned()),
            ..Health::default()
        },
        ..Snapshot::default()
    };
    let answer = admin.ask("GET /readyz").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        concat!(
            r#"{"ready":true,"draining":false,"why":["#,
            r#""upstream calls are paused by the operator, stored answers are served","#,
            r#""upstream gives no answer: next try in 4 s, stored answers are served","#,
            r#""upstream denies many jobs that were there: not believed, stored answers are served","#,
            r#""upstream throttles: no calls for another 2 s, stored answers are served","#,
            r#""upstream throttles lists: none for another 7 s","#,
            r#""upstream takes 10 calls in 3s of the job API, not the configured 50 calls in 60s","#,
            r#""somebody else spends the same quota: upstream throttled the job API for 10 calls in 3s, of which this gateway had made 2","#,
            r#""upstream refused the gateway's credential (APIGW.0301 ak is locked): next try in 30 s, stored answers are served","#,
            r#""the gateway's credential is good for another 7201 s, but IAM has given no credential for 3 s (no connection): next try in 5 s","#,
            r#""the upstream budget is spent for now, stored answers are served"],"#,
            r#""upstream":{"paused":true,"down":true,"throttled_seconds":1.5,"denial_wave":true},"#,
            r#""credential":{"kind":"password","available":true,"proven":false,"held_seconds":30.0,"refusal":"APIGW.0301 ak is locked","expires_in_seconds":7200.5,"#,
            r#""why":"IAM has given no credential for 3 s (no connection): next try in 5 s"},"#,
            r#""budget":{"requests":50,"remaining":0}}"#
        )
    );
    admin.stopped().await;
}

/// What is wrong with the credential itself is told in words that fit how long it is good for.
#[tokio::test]
async fn a_credential_that_is_missing_or_over_is_told_and_one_in_order_is_not() {
    let admin = running().await;
    let (day, over) = (Some(Duration::from_secs(86_400)), Some(Duration::ZERO));
    for (expires_in, available, why, told) in [
        (None, true, None, ""),
        (day, true, None, ""),
        (
            over,
            true,
            None,
            "[\"the gateway's credential expired 25 s ago\"]",
        ),
        (
            over,
            false,
            Some(IAM_IS_AWAY),
            "[\"no call goes out: IAM has given no credential for 3 s (no connection): next try in 5 s\",\"the gateway's credential expired 25 s ago\"]",
        ),
        (
            day,
            true,
            Some(IAM_IS_AWAY),
            "[\"the gateway's credential is good for another 86400 s, but IAM has given",
        ),
        (
            day,
            false,
            Some("file x cannot be used (y)"),
            "[\"no call goes out: file x cannot be used (y)\"]",
        ),
        (
            None,
            false,
            Some("cannot read file x"),
            "[\"no call goes out: cannot read file x\"]",
        ),
    ] {
        *admin.state.0.lock().unwrap() = Snapshot {
            accepting: true,
            credential_proven: true,
            budget_remaining: 1,
            credential: Health {
                expires_in,
                expired_since: expires_in
                    .filter(Duration::is_zero)
                    .map(|_| Duration::from_secs(25)),
                available,
                why: why.map(str::to_owned),
                ..Health::default()
            },
            ..Snapshot::default()
        };
        let answer = admin.ask("GET /readyz").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(told), "{}", answer.body);
        assert_eq!(
            answer.body.contains(r#""why":[]"#),
            told.is_empty(),
            "{}",
            answer.body
        );
    }
    admin.stopped().await;
}

fn nothing() -> Outlook {
    let forecast = Forecast {
        first_asks: 0.0,
        floors: 0.0,
        budget: NonZeroU32::MIN,
        window: Duration::from_secs(60),
    };
    Outlook {
        jobs: 0,
        first_asks: 0,
        forecast,
    }
}

/// In budget mode calls go out as they come free.
#[tokio::test]
async fn that_the_budget_is_spent_is_told_where_it_is_not_the_plan() {
    let admin = running().await;
    for (outlook, is_told) in [(None, true), (Some(nothing()), false)] {
        *admin.state.0.lock().unwrap() = Snapshot {
            accepting: true,
            credential_proven: true,
            outlook,
            ..Snapshot::default()
        };
        let body = admin.ask("GET /readyz").await.body;
        assert_eq!(body.contains("budget is spent"), is_told, "{body}");
        assert_eq!(body.contains(r#""why":[]"#), !is_told, "{body}");
        assert!(body.contains(r#""remaining":0"#), "{body}");
    }
    admin.stopped().await;
}

#[tokio::test]
async fn a_wrong_clock_is_told_with_what_is_done_about_it() {
    let admin = running().await;
    for (minutes, verdict, told) in [
        (0, Verdict::Good, r#""why":[]"#),
        (
            -20,
            Verdict::Corrected,
            "the local clock is 20 minutes behind upstream's: requests are signed by upstream's time",
        ),
        (
            30 * 60,
            Verdict::TooFar,
            "the local clock is 30 hours ahead of upstream's, too far to be allowed for: it must be set",
        ),
    ] {
        let difference = SignedDuration::from_mins(minutes);
        *admin.state.0.lock().unwrap() = Snapshot {
            accepting: true,
            credential_proven: true,
            budget_remaining: 1,
            local_clock: Some(Standing {
                difference,
                verdict,
            }),
            ..Snapshot::default()
        };
        let answer = admin.ask("GET /readyz").await;
        assert_eq!(answer.status, 200, "it serves all the same");
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    admin.stopped().await;
}

#[tokio::test]
async fn it_is_not_ready_before_it_accepts_and_while_it_drains() {
    let admin = running().await;
    for (accepting, draining, status, why) in [
        (false, false, 503, "does not accept yet"),
        (true, false, 200, r#""why":[]"#),
        (true, true, 503, "draining: "),
        (false, true, 503, "draining: "),
    ] {
        *admin.state.0.lock().unwrap() = Snapshot {
            accepting,
            draining,
            budget_remaining: 1,
            credential_proven: true,
            ..Snapshot::default()
        };
        let answer = admin.ask("GET /readyz").await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    admin.stopped().await;
}

#[tokio::test]
async fn metrics_are_openmetrics_and_agree_with_readiness() {
    let admin = running().await;
    admin.state.0.lock().unwrap().draining = true;
    let answer = admin.ask("GET /metrics?query=ignored").await;
    assert_eq!(answer.status, 200);
    let content_type =
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.head.contains(content_type), "{}", answer.head);
    assert!(answer.body.contains("\njobgate_draining 1\n"));
    assert!(answer.body.ends_with("# EOF\n"));
    admin.stopped().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let admin = running().await;
    for path in ["/healthz", "/readyz", "/nothing"] {
        let get = admin.ask(&format!("GET {path}")).await;
        let head = admin.ask(&format!("HEAD {path}")).await;
        assert_eq!(head.status, get.status);
        assert!(head.body.is_empty());
        let length = format!("content-length: {}", get.body.len());
        assert!(head.head.contains(&length), "{path}: {}", head.head);
    }
    admin.stopped().await;
}

#[tokio::test]
async fn what_is_not_answered_is_refused_in_the_one_shape() {
    let admin = running().await;
    admin.ask("GET /").await.assert_error(404, "JG.4041");
    let post = admin.ask("POST /nothing").await;
    post.assert_error(404, "JG.4041");
    let post = admin.ask("POST /healthz").await;
    post.assert_error(405, "JG.4051");
    assert!(post.has("allow: get, head"));

    let foreign = request("GET /metrics", "Host: evil.example\r\n");
    let misdirected = admin.send(&foreign).await;
    misdirected.assert_error(421, "JG.4211");
    assert!(!misdirected.body.contains("jobgate_"), "no metric leaks");
    let nameless = admin.send(&request("GET /metrics", "")).await;
    nameless.assert_error(400, "JG.4002");
    admin.stopped().await;
}

#[tokio::test]
async fn one_connection_more_than_there_are_places_waits_for_a_place() {
    let admin = running().await;
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(admin.addr).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", admin.addr);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 1];
        timeout(PATIENCE, stream.read_exact(&mut first))
            .await
            .unwrap()
            .unwrap();
        held.push(stream); // answered, and kept alive
    }
    let waiting = admin.ask("GET /healthz");
    let mut waiting = Box::pin(waiting);
    assert!(
        timeout(Duration::from_millis(50), waiting.as_mut())
            .await
            .is_err(),
        "there was a place too many"
    );
    held.pop();
    assert_eq!(waiting.as_mut().await.status, 200);
    drop((waiting, held));
    admin.stopped().await;
}

#[tokio::test]
async fn stopping_closes_idle_connections() {
    let admin = running().await;
    let mut idle = TcpStream::connect(admin.addr).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", admin.addr);
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    timeout(PATIENCE, idle.read_exact(&mut first))
        .await
        .unwrap()
        .unwrap();
    admin.stopped().await;
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(br#"{"status":"ok"}"#));
}
