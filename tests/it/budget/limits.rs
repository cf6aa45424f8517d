//! A limit that upstream names is what the schedule plans by from then on: not one throttle more, and still evenly.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jobgate::clock::Clock;

use super::{MINUTE, Stage, most_in_a_window};
use crate::support::nth_job;
use crate::upstream::{A_JOB, Upstream};

const TEN_A_MINUTE: &str = r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:1 minute"}"#;

#[tokio::test]
async fn the_schedule_follows_a_learned_limit() {
    let clock = Clock::manual();
    let (counted, now) = (Mutex::new(VecDeque::<Instant>::new()), clock.clone());
    let answer = move |_, _: &_| {
        let mut counted = counted.lock().unwrap();
        counted.push_back(now.now());
        let first = now.now().checked_sub(MINUTE);
        counted.retain(|at| first.is_none_or(|first| *at >= first));
        if counted.len() <= 10 {
            A_JOB
        } else {
            (429, TEN_A_MINUTE)
        }
    };
    let upstream = Upstream::start(&clock, answer).await;
    let stage = Stage::over(clock, upstream, 50, |builder| {
        builder.with(|settings| settings.budget.learn = true)
    })
    .await;
    for n in 0..11 {
        stage.gateway.job(&nth_job(n)).await;
    }
    assert_eq!(stage.upstream.calls(), 11, "the last of them was throttled");
    let throttled = stage.clock.now();

    let mut asked = Vec::new();
    for _ in 0..360 {
        for n in 0..10 {
            asked.push(stage.gateway.job(&nth_job(n)).await.status);
        }
        stage.seconds(1).await;
    }
    assert!(asked.iter().all(|status| *status == 200));
    let throttles = r#"jobgate_upstream_calls_total{result="throttled"}"#;
    assert_eq!(stage.gateway.metric(throttles).await, 1.0);
    let after: Vec<_> = stage.upstream.arrivals().split_off(11);
    assert!(most_in_a_window(&after, MINUTE) <= 10);
    assert!(
        after.len() >= 45,
        "five minutes after the hold, used up: {}",
        after.len()
    );
    // paced by the limit: not ten at once when a window is over, and then none
    let settled: Vec<_> = after
        .iter()
        .filter(|at| **at > throttled + 3 * MINUTE)
        .copied()
        .collect();
    assert!(
        most_in_a_window(&settled, Duration::from_secs(20)) <= 6,
        "{}",
        most_in_a_window(&settled, Duration::from_secs(20))
    );
    stage.end().await;
}
