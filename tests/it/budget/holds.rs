//! While calls are held back the schedule makes none, and answers say why; so it is at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobgate::app::Ended;
use jobgate::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{BIT, MINUTE, Stage};
use crate::support::{JOB, PATIENCE};
use crate::upstream::{A_JOB, Said, Upstream};

const THROTTLED: Said = (429, include_str!("../../samples/error-429-user.json"));
const REFUSED: Said = (401, include_str!("../../samples/error-401-signature.json"));
const BAD_GATEWAY: Said = (502, include_str!("../../samples/error-502-apigw.json"));

const NOTHING_LEFT: Ended = Ended {
    cut_connections: 0,
    lost_fetches: 0,
};

/// The next look is answered with this, and so are all that follow; the stage, and how to make upstream well again.
async fn failing(said: Said) -> (Stage, Arc<AtomicUsize>) {
    let bad_from = Arc::new(AtomicUsize::new(usize::MAX));
    let from = Arc::clone(&bad_from);
    let answer = move |n, _: &str| {
        if n < from.load(Ordering::Relaxed) {
            A_JOB
        } else {
            said
        }
    };
    let stage = Stage::built(100, answer, |builder| builder).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 10).await;
    bad_from.store(1, Ordering::Relaxed);
    (stage, bad_from)
}

#[tokio::test]
async fn a_held_scheduler_makes_no_call_and_stale_answers_say_why() {
    // (what upstream says, the label of a stale answer, seconds without a call)
    for (said, detail, held) in [(THROTTLED, "throttled", 60), (REFUSED, "credential", 20)] {
        let (stage, bad_from) = failing(said).await;
        stage.seconds(25).await;
        assert_eq!(stage.upstream.calls(), 2, "{detail}: the planned look");
        for _ in 0..held / 2 - 3 {
            stage.seconds(2).await;
            let answer = stage.gateway.job(JOB).await;
            let (status, label, _) = answer.label();
            assert_eq!(status, 200);
            assert!(label.ends_with(&format!("; detail={detail}")), "{label}");
            assert_eq!(stage.upstream.calls(), 2, "{detail}");
        }
        bad_from.store(usize::MAX, Ordering::Relaxed);
        stage.polled(&[JOB.to_owned()], 120).await;
        assert!(stage.upstream.calls() > 2, "{detail}: it goes on by itself");
        assert!(
            stage
                .gateway
                .job(JOB)
                .await
                .label()
                .1
                .starts_with("hit; ttl=")
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn while_the_operator_pauses_upstream_nothing_is_looked_at_and_afterwards_it_goes_on() {
    let stage = Stage::new(100).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 10).await;
    stage.gateway.operate("/api/upstream/pause").await;
    stage.polled(&[JOB.to_owned()], 60).await;
    assert_eq!(stage.upstream.calls(), 1);
    let label = stage.gateway.job(JOB).await;
    assert!(label.label().1.ends_with("; detail=paused"), "{label:?}");
    stage.gateway.operate("/api/upstream/resume").await;
    stage.settled().await;
    assert_eq!(
        stage.upstream.calls(),
        2,
        "without waiting for time to pass"
    );
    stage.end().await;
}

/// A look that fails rests the job, for pauses that grow; its failures are paid from the same budget.
#[tokio::test]
async fn a_job_whose_looks_fail_is_left_alone_for_growing_pauses() {
    let (stage, bad_from) = failing(BAD_GATEWAY).await;
    let before = stage.looks(JOB).len();
    stage.polled(&[JOB.to_owned()], 120).await;
    let looks = stage.looks(JOB).len() - before;
    // a look is at most three attempts, and the pauses are 1, 2, 4, 8, 16 and then 30 seconds
    assert!((2..=3 * 9).contains(&looks), "{looks}");
    bad_from.store(usize::MAX, Ordering::Relaxed);
    stage.polled(&[JOB.to_owned()], 60).await;
    assert!(
        stage
            .gateway
            .job(JOB)
            .await
            .label()
            .1
            .starts_with("hit; ttl=")
    );
    stage.end().await;
}

#[tokio::test]
async fn after_the_drain_no_call_begins() {
    let mut stage = Stage::new(5).await;
    let jobs = stage.stored(0..5).await;
    for job in &jobs {
        stage.gateway.job(job).await;
    }
    stage.gateway.job(JOB).await; // told to wait: its turn is after a window
    let drain = tokio::time::timeout(PATIENCE, stage.gateway.drain());
    assert_eq!(drain.await.unwrap(), NOTHING_LEFT);
    stage.clock.advance(MINUTE + BIT);
    for _ in 0..1_000 {
        tokio::task::yield_now().await; // whatever were left of the scheduler would run now
    }
    assert_eq!(stage.upstream.calls(), 5);
    assert_eq!(stage.looks(JOB).len(), 0);
    stage.end().await;
}

/// It is about to forget everything, so only those who wait are worth a call.
#[tokio::test]
async fn a_draining_gateway_begins_no_look_that_nobody_waits_for() {
    let clock = Clock::manual();
    let upstream = Upstream::held(&clock, |_, _| A_JOB).await;
    upstream.let_through(2);
    let mut stage = Stage::over(clock, upstream, 100, |builder| builder).await;
    for job in stage.stored(0..2).await {
        stage.gateway.job(&job).await;
    }
    let mut waiting = TcpStream::connect(stage.gateway.addr).await.unwrap();
    let request = format!("GET /v1/job/{JOB}/info HTTP/1.1\r\nhost: x\r\n\r\n");
    waiting.write_all(request.as_bytes()).await.unwrap();
    let asked = async || stage.upstream.calls() == 3;
    stage.gateway.until("it is asked for upstream", asked).await;

    let mut drain = JoinSet::new();
    drain.spawn(stage.gateway.drain());
    let refused = async || TcpStream::connect(stage.gateway.addr).await.is_err();
    stage
        .gateway
        .until("new connections are refused", refused)
        .await;
    for _ in 0..60 {
        stage.clock.advance(Duration::from_secs(1));
        stage.gateway.metric("jobgate_draining").await;
    }
    assert_eq!(stage.upstream.calls(), 3, "two jobs would be due");
    stage.upstream.let_through(10);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let ended = drain.join_next().await.unwrap().unwrap();
    assert_eq!(ended, NOTHING_LEFT);
    assert_eq!(stage.upstream.calls(), 3);
    stage.end().await;
}
