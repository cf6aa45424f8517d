//! Scenarios under a test's hand: begun, ended, exchanged; what they do to the quota; what is counted.

use std::time::Duration;

use super::{Double, ID};
use crate::policy::job::JobId;
use crate::sandbox::{Sandbox, SandboxSettings};

#[tokio::test]
async fn an_outage_begins_and_ends_when_the_test_says_so() {
    let double = Double::start(1_000).await;
    assert_eq!(double.get(ID).await.status, 200);
    double.plays("[[rules]]\ndo = { status = 503 }");
    assert_eq!(double.get(ID).await.status, 503);
    double.plays("");
    assert_eq!(double.get(ID).await.status, 200);
    let stats = double.sandbox.stats();
    assert_eq!((stats.requests, stats.answered, stats.acts), (3, 3, 1));
}

#[tokio::test]
async fn seconds_and_counts_begin_anew_with_each_scenario() {
    let double = Double::start(1_000).await;
    let scenario = "[[rules]]\nuntil = \"10s\"\ntimes = 1\ndo = \"missing\"";
    for _ in 0..2 {
        double.plays(scenario);
        assert_eq!(double.get(ID).await.status, 422);
        assert_eq!(double.get(ID).await.status, 200, "once");
        double.clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_quota_in_a_scenario_holds_while_it_runs() {
    let double = Double::start(1_000).await;
    double.plays("requests = 1\nwindow = \"10s\"");
    assert_eq!(double.get(ID).await.status, 200);
    let throttled = double.get(ID).await;
    assert!(throttled.message().ends_with("limit:1,time:10 second"));
    double.plays("");
    assert_eq!(double.get(ID).await.status, 200);
    let settings = SandboxSettings {
        scenario: "requests = 0".parse().unwrap(),
        ..SandboxSettings::default()
    };
    assert_eq!(settings.quota(), (0, Duration::from_mins(1)));
    let sandbox = Sandbox::new(settings, double.clock.clone());
    assert!(!sandbox.state().quotas.jobs.admit(double.clock.now()));
}

#[tokio::test]
async fn jobs_live_as_fast_as_the_scenario_says() {
    let double = Double::start(10_000).await;
    for (speed, changes) in [(1, 0..=4), (100, 9..=1_000)] {
        double.plays(&format!("speed = {speed}"));
        let mut bodies = Vec::new();
        for _ in 0..100 {
            bodies.push(double.get(ID).await.body);
            double.clock.advance(Duration::from_millis(100));
        }
        bodies.dedup();
        assert!(
            changes.contains(&(bodies.len() - 1)),
            "{speed}: {}",
            bodies.len()
        );
    }
}

#[tokio::test]
async fn the_calls_for_each_job_are_counted_once_they_reach_the_build_service() {
    let double = Double::start(2).await;
    let calls = || double.sandbox.calls_of(&JobId::parse(ID).unwrap());
    assert_eq!(calls(), 0);
    double.get("missing0000000000000000000000000").await;
    assert_eq!(calls(), 0);
    for _ in 0..3 {
        double.get(ID).await;
    }
    assert_eq!(calls(), 1, "the others met the throttle");
}
