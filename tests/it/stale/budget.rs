//! The budget is spent: what is stale is served and says so, after a short wait if a call comes free in that time.

use std::num::NonZeroU32;
use std::time::Duration;

use jobgate::clock::Clock;

use crate::support::{JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

/// Seconds: longer than what is served at once.
const WINDOW: u64 = 1_000;

/// A stored job that has cost the one call of a window.
async fn spent() -> (Upstream, Running) {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .with(|settings| {
            settings.budget.requests = NonZeroU32::MIN;
            settings.budget.window = Duration::from_secs(WINDOW);
            settings.upstream.max_in_flight = 1;
        })
        .start();
    gateway.job(JOB).await;
    (upstream, gateway)
}

#[tokio::test]
async fn what_is_stale_is_served_at_once_and_says_that_the_budget_is_spent() {
    for (age, asked) in [
        (35, "hit; ttl=-5; detail=budget"),
        (700, "hit; ttl=-670; detail=budget"),
    ] {
        let (upstream, gateway) = spent().await;
        gateway.clock.advance(Duration::from_secs(age));
        let first = gateway.job(JOB).await;
        let told = age.to_string();
        assert_eq!(first.label(), (200, asked, told.as_str()));
        let late = age - 30;
        let resting = format!("hit; ttl=-{late}; detail=budget");
        gateway.until_label(JOB, &resting).await;
        let unknown = gateway.job(&nth_job(1)).await;
        assert_eq!(
            (unknown.status.as_u16(), &*unknown.code()),
            (429, "JG.4292")
        );
        let wait = (WINDOW + 1 - age).to_string(); // free strictly after its window
        assert_eq!(unknown.header("retry-after"), wait);
        assert_eq!(upstream.calls(), 1);
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_call_that_comes_free_within_two_seconds_is_waited_for() {
    let (upstream, gateway) = spent().await;
    gateway.clock.advance(Duration::from_secs(WINDOW - 1));
    let (answer, ()) = tokio::join!(gateway.job(JOB), async {
        gateway
            .until("it waits", async || {
                gateway.metric("jobgate_requests_waiting").await == 1.0
            })
            .await;
        gateway.clock.advance(Duration::from_secs(2));
    });
    assert_eq!(answer.label(), (200, "fwd=stale; stored; ttl=30", "0"));
    assert_eq!(upstream.calls(), 2);
    gateway.end().await;
}

#[tokio::test]
async fn a_call_that_somebody_else_takes_is_not_waited_for_twice() {
    let (upstream, gateway) = spent().await;
    gateway.clock.advance(Duration::from_secs(WINDOW - 1));
    let answer = gateway.job(JOB).await; // time stands still, so it does not come free
    let expected = (200, "hit; ttl=-969; detail=budget", "999");
    assert_eq!(answer.label(), expected);
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn a_call_that_comes_free_later_is_not_waited_for() {
    let (upstream, gateway) = spent().await;
    gateway.clock.advance(Duration::from_secs(WINDOW - 2)); // and a moment more
    let (real, most) = (Clock::system(), Duration::from_millis(900));
    let began = real.now();
    let answer = gateway.job(JOB).await;
    let expected = (200, "hit; ttl=-968; detail=budget", "998");
    assert_eq!(answer.label(), expected);
    assert!(real.now() - began < most);
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

/// Waiting for the budget must not take the place of a call: or, with enough stale jobs, a first ask would time out.
#[tokio::test]
async fn whoever_waits_for_a_free_call_keeps_nobody_else_from_being_told_that_there_is_none() {
    let (upstream, gateway) = spent().await;
    gateway.clock.advance(Duration::from_secs(WINDOW - 1));
    let mut stale = Box::pin(gateway.job(JOB));
    let first_ask = async {
        gateway
            .until("the stale one waits", async || {
                gateway.metric("jobgate_requests_waiting").await == 1.0
            })
            .await;
        gateway.job(&nth_job(1)).await
    };
    let told = tokio::select! {
        biased;
        told = first_ask => told,
        _ = &mut stale => panic!("the first ask was held up by the one that waits"),
    };
    assert_eq!((told.status.as_u16(), &*told.code()), (429, "JG.4292"));
    let still_waiting = gateway.metric("jobgate_requests_waiting").await;
    assert_eq!(still_waiting, 1.0, "for its whole second");
    assert_eq!(stale.await.status, 200);
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}
