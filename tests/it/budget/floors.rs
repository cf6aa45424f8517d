//! No job is looked at twice within `ttl` (or `ttl_running`), however much of the budget is left; unless a client forces it.

use std::time::{Duration, Instant};

use super::Stage;
use crate::support::{JOB, Running, nth_job};
use crate::upstream::A_JOB;

const RUNNING: &str = r#"{"result":{"id":"x","running_status":"Running"},"status":"success"}"#;

async fn force(gateway: &Running, job: &str) -> String {
    let answer = gateway.job_wanting(job, "no-cache").await;
    answer.label().1.to_owned()
}

#[track_caller]
fn closest(looks: &[Instant]) -> Duration {
    let pauses = looks.windows(2).map(|two| two[1] - two[0]);
    pauses.min().expect("two looks")
}

#[tokio::test]
async fn a_lone_wallboard_does_not_use_up_a_large_budget() {
    let answer = |_, job: &str| {
        if job == JOB { (200, RUNNING) } else { A_JOB }
    };
    let stage = Stage::built(1_000, answer, |builder| builder).await;
    let finished = nth_job(0);
    stage.stored(0..1).await;
    let began = stage.clock.now();
    stage.polled(&[JOB.to_owned(), finished.clone()], 180).await;
    let polled = stage.clock.now() - began;
    for (job, floor) in [(JOB, 5), (finished.as_str(), 30)] {
        let (looks, floor) = (stage.looks(job), Duration::from_secs(floor));
        assert!(closest(&looks) >= floor, "{looks:?}");
        let most = polled.as_secs() / floor.as_secs() + 1;
        let count = u64::try_from(looks.len()).unwrap();
        assert!(
            (most - 3..=most).contains(&count),
            "each time: {count} of {most}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_forced_look_goes_out_at_once_and_the_schedule_hears_of_it() {
    let stage = Stage::new(100).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 20).await;
    assert_eq!(stage.looks(JOB).len(), 1);
    let label = force(&stage.gateway, JOB).await;
    assert!(label.starts_with("fwd=request; stored; ttl="), "{label}");
    assert_eq!(stage.looks(JOB).len(), 2);
    stage.polled(&[JOB.to_owned()], 29).await;
    assert_eq!(stage.looks(JOB).len(), 2, "its floor counts from there");
    stage.polled(&[JOB.to_owned()], 3).await;
    assert_eq!(stage.looks(JOB).len(), 3);
    stage.end().await;
}

#[tokio::test]
async fn forced_looks_end_with_their_allowance_and_cost_no_other_call() {
    let stage = Stage::new(100).await;
    stage.gateway.job(JOB).await;
    for _ in 0..10 {
        assert!(
            force(&stage.gateway, JOB)
                .await
                .starts_with("fwd=request; ")
        );
    }
    for _ in 0..20 {
        let label = force(&stage.gateway, JOB).await;
        assert!(label.ends_with("; detail=refresh-limit"), "{label}");
    }
    stage.settled().await;
    assert_eq!(stage.upstream.calls(), 11, "ten a minute");
    stage.end().await;
}

/// Nothing is left to force a look with: it is told, and takes nobody's turn.
#[tokio::test]
async fn a_forced_look_without_a_free_call_gets_what_is_stored() {
    let stage = Stage::new(5).await;
    stage.stored(0..5).await;
    let label = force(&stage.gateway, &nth_job(0)).await;
    assert!(label.starts_with("hit; ttl="), "{label}");
    assert!(label.ends_with("; detail=budget"), "{label}");
    assert_eq!(stage.upstream.calls(), 5);
    stage.end().await;
}
