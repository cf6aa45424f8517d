//! One fetch per job, however many ask, and whatever becomes of them.

use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::config::Settings;

use crate::support::{Answer, FIRST_REST, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const NOT_FOUND: &str = include_str!("../samples/error-422-not-found.json");
const BAD_GATEWAY: &str = include_str!("../samples/error-502-apigw.json");

/// So many ask for the job at once.
async fn ask_at_once(gateway: &Running, askers: usize) -> Vec<Answer> {
    join_all((0..askers).map(|_| gateway.job(JOB))).await
}

/// Waits until so many requests wait for upstream.
async fn waiting(gateway: &Running, requests: u16) {
    let here = || async { gateway.metric("jobgate_requests_waiting").await == f64::from(requests) };
    gateway.until("so many wait for upstream", here).await;
}

/// Requests answered so, over all classes.
async fn outcomes(gateway: &Running, outcome: &str) -> f64 {
    let name = format!(r#"jobgate_client_requests_total{{client="-",outcome="{outcome}"}}"#);
    gateway.metric(&name).await
}

/// Connections, each of which has asked for the job.
async fn askers_by_hand(gateway: &Running, askers: usize) -> Vec<tokio::net::TcpStream> {
    use tokio::io::AsyncWriteExt as _;
    let request = format!("GET /v1/job/{JOB}/info HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut streams = Vec::new();
    for _ in 0..askers {
        let mut stream = tokio::net::TcpStream::connect(gateway.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    streams
}

#[tokio::test]
async fn three_hundred_askers_of_a_cold_job_cost_one_call() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();

    let (answers, ()) = tokio::join!(ask_at_once(&gateway, 300), async {
        waiting(&gateway, 300).await;
        upstream.let_through(300); // as many as a gateway that does not collapse would ask for
    });

    assert!(answers.iter().all(|answer| answer.status == 200));
    let (first, others) = answers.split_first().unwrap();
    assert!(others.iter().all(|answer| answer.body == first.body));
    let leaders = |answer: &&Answer| !answer.header("cache-status").contains("collapsed");
    assert_eq!(answers.iter().filter(leaders).count(), 1);
    assert_eq!(outcomes(&gateway, "miss").await, 1.0);
    assert_eq!(outcomes(&gateway, "collapsed").await, 299.0);
    assert_eq!(gateway.metric("jobgate_calls_saved_total").await, 299.0);
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn askers_that_hang_up_neither_end_nor_repeat_the_paid_call() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();

    let askers = askers_by_hand(&gateway, 300).await;
    waiting(&gateway, 300).await;
    drop(askers);
    waiting(&gateway, 0).await;
    assert_eq!(outcomes(&gateway, "abandoned").await, 300.0);

    upstream.let_through(300);
    let landed = || async {
        gateway
            .metric("jobgate_upstream_calls_total{result=\"success\"}")
            .await
            == 1.0
    };
    gateway
        .until("the fetch ends without its askers", landed)
        .await;
    let answer = gateway.job(JOB).await;
    assert_eq!(
        answer.header("cache-status").split("; ttl").next(),
        Some("jobgate; hit")
    );
    assert_eq!(upstream.calls(), 1);

    let log = gateway.end().await;
    let told = log
        .lines()
        .filter(|line| line.contains(r#""outcome":"abandoned""#));
    assert_eq!(told.count(), 300);
}

#[tokio::test]
async fn a_failure_is_everybodys_and_whoever_asks_after_the_rest_starts_afresh() {
    // (upstream's status, its body, what clients get, calls of one fetch: the first and its retries, the rest after it)
    for (status, body, told, calls, rest) in [
        (422, NOT_FOUND, 404, 1, None),
        (502, BAD_GATEWAY, 502, 3, Some(FIRST_REST)),
    ] {
        let failing = move |n, _: &_| if n < calls { (status, body) } else { A_JOB };
        let upstream = Upstream::held(&Clock::system(), failing).await;
        let gateway = in_front_of(&upstream.url()).with_manual_clock().start();

        let (answers, ()) = tokio::join!(ask_at_once(&gateway, 100), async {
            waiting(&gateway, 100).await;
            upstream.let_through(100);
        });
        assert_eq!(upstream.calls(), calls, "{status}: one fetch");
        for answer in &answers {
            assert_eq!(answer.status, told);
            assert_eq!(answer.code(), answers[0].code());
        }
        if let Some(rest) = rest {
            let resting = gateway.job(JOB).await;
            assert_eq!(resting.status, told, "the same, without a call");
            assert_eq!(upstream.calls(), calls);
            gateway.clock.advance(rest);
        }
        assert_eq!(gateway.job(JOB).await.status, 200, "after {status}");
        assert_eq!(upstream.calls(), calls + 1);
        gateway.end().await;
    }
}

#[tokio::test]
async fn who_finds_no_seat_is_sent_away_at_once_and_seats_come_free_again() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.max_waiting = 3)
        .start();

    let seated = askers_by_hand(&gateway, 3).await;
    waiting(&gateway, 3).await;
    for job in [JOB, &nth_job(1)] {
        let refused = gateway.job(job).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (503, "JG.5031".to_owned())
        );
        assert_ne!(refused.header("retry-after"), "");
    }

    drop(seated);
    waiting(&gateway, 0).await;
    upstream.let_through(2);
    assert_eq!(gateway.job(JOB).await.status, 200);
    assert_eq!(gateway.job(&nth_job(1)).await.status, 200);
    assert_eq!(upstream.calls(), 2);
    gateway.end().await;
}

#[tokio::test]
async fn who_waits_too_long_is_sent_away_and_the_answer_is_kept_for_the_next() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let impatient =
        |settings: &mut Settings| settings.server.request_timeout = Duration::from_millis(100);
    let gateway = in_front_of(&upstream.url()).with(impatient).start();

    for _ in 0..2 {
        let late = gateway.job(JOB).await;
        assert_eq!(
            (late.status.as_u16(), late.code()),
            (504, "JG.5042".to_owned())
        );
    }
    assert_eq!(
        upstream.calls(),
        1,
        "the second asker joined the fetch of the first"
    );

    upstream.let_through(2);
    let stored = || async {
        gateway
            .metric("jobgate_upstream_calls_total{result=\"success\"}")
            .await
            == 1.0
    };
    gateway.until("the late answer comes", stored).await;
    let kept = gateway.job(JOB).await;
    assert_eq!(
        (
            kept.status.as_u16(),
            kept.header("cache-status").starts_with("jobgate; hit")
        ),
        (200, true)
    );
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn two_spellings_of_an_id_are_two_jobs_and_an_escaped_one_is_the_same() {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();

    for job in [
        JOB.to_owned(),
        JOB.to_uppercase(),
        format!("%39{}", &JOB[1..]),
    ] {
        let request =
            format!("GET /v1/job/{job}/info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = gateway.raw(request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{job}");
    }
    assert_eq!(upstream.calls(), 2);
    gateway.end().await;
}
