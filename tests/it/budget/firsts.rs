//! First-ever asks: at once if a call is free, a short wait if one is about to be, else told when to come back; the answer is there then.

use std::time::Duration;

use super::{BIT, MINUTE, Stage, told_to_wait};
use crate::support::{JOB, nth_job};

const SECOND: Duration = Duration::from_secs(1);
const FETCHED: &str = "fwd=uri-miss; stored; ttl=";

#[tokio::test]
async fn while_a_call_is_free_the_answer_comes_at_once() {
    let stage = Stage::new(5).await;
    for n in 0..5 {
        let answer = stage.gateway.job(&nth_job(n)).await;
        let (status, label, age) = answer.label();
        assert_eq!((status, age), (200, "0"));
        assert!(label.starts_with(FETCHED), "{label}");
        assert_eq!(stage.upstream.calls(), n + 1);
    }
    stage.end().await;
}

#[tokio::test]
async fn who_is_told_to_wait_finds_the_answer_then_and_not_a_second_before() {
    let stage = Stage::new(5).await;
    let spent = stage.stored(0..5).await;
    // five more have their turn when the window is over, the next ones when another one is
    let (next, later) = (5..10, nth_job(10));
    for n in next.clone() {
        for _twice in 0..2 {
            assert_eq!(told_to_wait(&stage.gateway.job(&nth_job(n)).await), 61);
        }
    }
    assert_eq!(told_to_wait(&stage.gateway.job(&later).await), 121);

    stage.pass(MINUTE).await;
    assert_eq!(stage.upstream.jobs(), spent, "its edge is in the window");
    stage.pass(BIT).await;
    for n in next {
        let job = nth_job(n);
        assert_eq!(stage.looks(&job).len(), 1, "fetched behind, once");
        let answer = stage.gateway.job(&job).await;
        assert!(answer.label().1.starts_with("hit; ttl="), "{answer:?}");
    }
    assert_eq!(stage.upstream.calls(), 10);

    // no more of one client's asks are kept in line than a window pays for, but the time it was told is right
    stage.pass(MINUTE).await;
    assert_eq!(stage.upstream.calls(), 10);
    stage.pass(Duration::from_millis(999)).await;
    assert!(
        stage
            .gateway
            .job(&later)
            .await
            .label()
            .1
            .starts_with(FETCHED)
    );
    stage.end().await;
}

#[tokio::test]
async fn a_call_that_comes_free_within_two_seconds_is_waited_for() {
    let stage = Stage::new(5).await;
    stage.stored(0..5).await;
    stage.pass(59 * SECOND).await;
    let (answer, ()) = tokio::join!(stage.gateway.job(JOB), async {
        let waits = async || stage.gateway.metric("jobgate_requests_waiting").await == 1.0;
        stage.gateway.until("it waits", waits).await;
        assert_eq!(stage.upstream.calls(), 5);
        stage.clock.advance(Duration::from_secs(1) + BIT);
    });
    assert!(
        answer.label().1.starts_with(FETCHED),
        "{:?}",
        answer.label()
    );
    assert_eq!(stage.looks(JOB).len(), 1);
    stage.end().await;
}

/// Time stands still, so the call that was promised shortly does not come.
#[tokio::test]
async fn who_has_waited_two_seconds_in_vain_keeps_its_place() {
    let stage = Stage::new(5).await;
    stage.stored(0..5).await;
    stage.pass(59 * SECOND).await;
    assert_eq!(told_to_wait(&stage.gateway.job(JOB).await), 2); // a second and a moment
    assert_eq!(stage.upstream.calls(), 5);
    stage.pass(Duration::from_secs(2)).await;
    assert_eq!(stage.looks(JOB).len(), 1, "its turn came");
    assert!(stage.gateway.job(JOB).await.label().1.starts_with("hit"));
    assert_eq!(stage.looks(JOB).len(), 1);
    stage.end().await;
}

/// The gateway is shut meanwhile, so that turns do not come when they were told.
#[tokio::test]
async fn an_ask_is_remembered_for_a_window_after_its_turn_and_then_lapses() {
    for (shut_for, looks) in [(119, 1), (121, 0)] {
        let stage = Stage::new(5).await;
        stage.stored(0..5).await;
        assert_eq!(told_to_wait(&stage.gateway.job(JOB).await), 61);
        stage.gateway.operate("/api/upstream/pause").await;
        stage.seconds(shut_for).await;
        assert_eq!(stage.upstream.calls(), 5);
        stage.gateway.operate("/api/upstream/resume").await;
        stage.settled().await;
        assert_eq!(stage.looks(JOB).len(), looks, "after {shut_for} s");
        stage.end().await;
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_waits_for_its_turn_neither_stops_nor_repeats_the_call() {
    let stage = Stage::new(5).await;
    stage.stored(0..5).await;
    stage.pass(59 * SECOND).await;
    let waits = async || stage.gateway.metric("jobgate_requests_waiting").await == 1.0;
    tokio::select! {
        biased;
        () = stage.gateway.until("it waits", waits) => {} // and is dropped here, with its connection
        answer = stage.gateway.job(JOB) => panic!("answered: {answer:?}"),
    }
    let gone = async || stage.gateway.metric("jobgate_requests_waiting").await == 0.0;
    stage.gateway.until("it has gone", gone).await;
    stage.pass(Duration::from_secs(1) + BIT).await;
    assert_eq!(stage.looks(JOB).len(), 1);
    assert!(stage.gateway.job(JOB).await.label().1.starts_with("hit"));
    assert_eq!(stage.looks(JOB).len(), 1);
    stage.end().await;
}
