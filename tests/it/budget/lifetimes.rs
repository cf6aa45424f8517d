//! The lifetime of an answer is its planned next look; whoever asks later is answered at once and makes no call.

use std::time::Duration;

use super::{BIT, MINUTE, Stage, ages, told_to_wait};
use crate::support::JOB;

/// Ten calls a minute for fifteen jobs that never change: a look is worth its call only after more than a minute.
#[tokio::test]
async fn a_lifetime_is_the_planned_look_and_never_below_ttl() {
    let stage = Stage::new(10).await;
    let jobs = stage.stored_in_turn(0..15).await;
    let mut lifetimes = Vec::new();
    for _ in 0..100 {
        for job in &jobs {
            lifetimes.push(ages(&stage.gateway.job(job).await).0);
        }
        stage.pass(Duration::from_secs(7)).await;
    }
    assert_eq!(lifetimes.iter().min(), Some(&30));
    let longest = lifetimes.iter().max().copied().unwrap();
    assert!((60..=600).contains(&longest), "{longest}");
    stage.end().await;
}

/// All calls are spent, so no look comes when it was planned.
#[tokio::test]
async fn however_often_a_late_answer_is_asked_for_no_asker_makes_a_call() {
    let stage = Stage::new(5).await;
    let jobs = stage.stored(0..5).await;
    let (lifetime, _) = ages(&stage.gateway.job(&jobs[0]).await);
    assert!(
        (30..55).contains(&lifetime),
        "before the window is over: {lifetime}"
    );
    stage.pass(Duration::from_secs(lifetime - 1)).await;
    let fresh = stage.gateway.job(&jobs[0]).await;
    assert_eq!(fresh.label().1, "hit; ttl=1");
    stage.pass(Duration::from_secs(3)).await;
    for _ in 0..100 {
        let late = stage.gateway.job(&jobs[0]).await;
        let (status, label, age) = late.label();
        assert_eq!((status, label), (200, "hit; ttl=-2; detail=queued"));
        assert_eq!(age, (lifetime + 2).to_string());
    }
    assert_eq!(stage.upstream.calls(), 5);
    stage.end().await;
}

/// A job that has not been asked for since it was stored, so long ago; then the rest of the budget is spent.
async fn forgotten(seconds: u64, spend: bool) -> (Stage, u64) {
    let stage = Stage::new(5).await;
    let (lifetime, _) = ages(&stage.gateway.job(JOB).await);
    assert!(lifetime <= 600);
    stage.gateway.operate("/api/upstream/pause").await; // no look meanwhile
    stage.pass(Duration::from_secs(lifetime + seconds)).await;
    stage.gateway.operate("/api/upstream/resume").await;
    if spend {
        stage.stored(0..5).await;
    }
    assert_eq!(stage.looks(JOB).len(), 1);
    (stage, lifetime)
}

#[tokio::test]
async fn past_stale_while_revalidate_an_ask_waits_for_a_look_of_its_own() {
    for seconds in [600, 3_599, 3_600, 10_000] {
        let (stage, _) = forgotten(seconds, false).await;
        let answer = stage.gateway.job(JOB).await;
        let (status, label, age) = answer.label();
        assert_eq!((status, age), (200, "0"), "{seconds}: {label}");
        assert!(
            label.starts_with("fwd=stale; stored; ttl="),
            "{seconds}: {label}"
        );
        stage.settled().await;
        assert_eq!(stage.looks(JOB).len(), 2);
        stage.end().await;
    }
}

#[tokio::test]
async fn without_a_free_call_it_gets_the_stale_answer_or_past_stale_if_error_its_time() {
    for seconds in [600, 3_598] {
        let (stage, lifetime) = forgotten(seconds, true).await;
        let answer = stage.gateway.job(JOB).await;
        let expected = format!("hit; ttl=-{seconds}; detail=budget");
        let age = (lifetime + seconds).to_string();
        assert_eq!(answer.label(), (200, expected.as_str(), age.as_str()));
        assert_eq!(stage.looks(JOB).len(), 1);
        stage.pass(MINUTE + BIT).await;
        assert_eq!(stage.looks(JOB).len(), 2, "its turn came");
        stage.end().await;
    }
    let (stage, _) = forgotten(3_600, true).await;
    assert_eq!(told_to_wait(&stage.gateway.job(JOB).await), 61);
    stage.pass(MINUTE).await;
    assert_eq!(stage.looks(JOB).len(), 1);
    stage.pass(BIT).await;
    assert_eq!(stage.looks(JOB).len(), 2, "its turn came");
    assert!(stage.gateway.job(JOB).await.label().1.starts_with("hit"));
    stage.end().await;
}
