//! `clients.refresh`: how often a client may force a look. Beyond it the stored answer is served, never a refusal.

use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::policy::allowance::Allowance;

use super::PATH;
use crate::clients::{KEY, OTHER_KEY};
use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const FORCED: &str = "fwd=request; stored; ttl=30";

/// Two clients, of which the first may force a look so often a minute.
async fn with_allowance(times: u32) -> (Upstream, Running) {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
        .with(|settings| {
            let per = Duration::from_secs(60);
            settings.auth.clients[0].refresh = Allowance { times, per };
        })
        .start();
    (upstream, gateway)
}

async fn force(gateway: &Running, key: &str) -> Answer {
    let headers = [("x-api-key", key), ("cache-control", "no-cache")];
    gateway.get(PATH, &headers).await
}

#[tokio::test]
async fn a_spent_allowance_fills_again_evenly_and_the_stored_answer_is_served_meanwhile() {
    let (upstream, gateway) = with_allowance(3).await;
    assert_eq!(
        force(&gateway, KEY).await.label().1,
        "fwd=uri-miss; stored; ttl=30",
        "a first ask forces nothing"
    );
    for calls in 2..=4 {
        assert_eq!(force(&gateway, KEY).await.label(), (200, FORCED, "0"));
        assert_eq!(upstream.calls(), calls);
    }
    // (seconds later, the label, `Age`, calls)
    for (pause, label, age, calls) in [
        (0, "hit; ttl=30; detail=refresh-limit", "0", 4),
        (19, "hit; ttl=11; detail=refresh-limit", "19", 4),
        (1, FORCED, "0", 5), // one of three each twenty seconds
        (0, "hit; ttl=30; detail=refresh-limit", "0", 5),
        (60, FORCED, "0", 6),
        (0, FORCED, "0", 7),
        (0, FORCED, "0", 8),
        (0, "hit; ttl=30; detail=refresh-limit", "0", 8),
    ] {
        gateway.clock.advance(Duration::from_secs(pause));
        assert_eq!(force(&gateway, KEY).await.label(), (200, label, age));
        assert_eq!(upstream.calls(), calls);
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_stale_answer_is_looked_at_behind_also_for_whoever_may_not_force_it() {
    const LIMITED: &str = "hit; ttl=30; detail=refresh-limit";
    let (upstream, gateway) = with_allowance(0).await;
    force(&gateway, KEY).await;
    gateway.clock.advance(Duration::from_secs(35));
    let expected = (200, "hit; ttl=-5; detail=refresh-limit", "35");
    assert_eq!(force(&gateway, KEY).await.label(), expected);
    gateway
        .until("the look behind has ended", async || {
            force(&gateway, KEY).await.label() == (200, LIMITED, "0")
        })
        .await;
    assert_eq!(upstream.calls(), 2);

    gateway.clock.advance(Duration::from_secs(660)); // past what is served at once
    let waited = force(&gateway, KEY).await;
    assert_eq!(waited.label(), (200, "fwd=stale; stored; ttl=30", "0"));
    assert_eq!(upstream.calls(), 3);
    gateway.end().await;
}

#[tokio::test]
async fn never_is_never_and_each_client_has_an_allowance_of_its_own() {
    let (upstream, gateway) = with_allowance(0).await;
    let first = force(&gateway, KEY).await;
    for round in 0..3 {
        let limited = force(&gateway, KEY).await;
        let expected = "hit; ttl=30; detail=refresh-limit";
        assert_eq!(limited.label(), (200, expected, "0"));
        assert_eq!(limited.body, first.body);
        assert_eq!(upstream.calls(), 1 + round);
        let other = force(&gateway, OTHER_KEY).await;
        assert_eq!(other.label(), (200, FORCED, "0"));
    }
    gateway.clock.advance(Duration::from_secs(29));
    let limited = force(&gateway, KEY).await;
    let expected = "hit; ttl=1; detail=refresh-limit";
    assert_eq!(limited.label(), (200, expected, "29"));
    let refused = r#"jobgate_client_requests_total{client="wallboard",outcome="refused"}"#;
    assert_eq!(gateway.metric(refused).await, 0.0);
    assert_eq!(upstream.calls(), 4);
    gateway.end().await;
}

#[tokio::test]
async fn the_default_in_open_mode_is_ten_a_minute_over_all_jobs() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).with_clock(&clock).start();
    for n in 0..12 {
        gateway.job(&nth_job(n)).await;
        let answer = gateway.job_wanting(&nth_job(n), "no-cache").await;
        let label = if n < 10 {
            FORCED
        } else {
            "hit; ttl=30; detail=refresh-limit"
        };
        assert_eq!(answer.label(), (200, label, "0"), "{n}");
    }
    assert_eq!(upstream.calls(), 12 + 10);
    gateway.end().await;
}

#[tokio::test]
async fn ten_who_force_a_look_at_once_make_one_and_pay_for_one() {
    let clock = Clock::manual();
    let upstream = Upstream::held(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).with_clock(&clock).start();
    upstream.let_through(1);
    gateway.job(JOB).await;
    clock.advance(Duration::from_secs(10));

    let asking = join_all((0..10).map(|_| gateway.job_wanting(JOB, "no-cache")));
    let (answers, ()) = tokio::join!(asking, async {
        gateway
            .until("all ten wait", async || {
                gateway.metric("jobgate_requests_waiting").await == 10.0
            })
            .await;
        upstream.let_through(10);
    });
    let collapsed = "fwd=request; collapsed; stored; ttl=30";
    let mut labels: Vec<_> = answers.iter().map(Answer::label).collect();
    labels.sort_unstable();
    let mut expected = [(200, collapsed, "0"); 10];
    expected[9].1 = FORCED;
    assert_eq!(labels, expected);
    assert_eq!(upstream.calls(), 2);

    // one look of ten is spent: nine are left
    upstream.let_through(20);
    for n in 1..=10 {
        let label = if n < 10 {
            FORCED
        } else {
            "hit; ttl=30; detail=refresh-limit"
        };
        let answer = gateway.job_wanting(JOB, "no-cache").await;
        assert_eq!(answer.label(), (200, label, "0"), "{n}");
    }
    assert_eq!(upstream.calls(), 11);
    gateway.end().await;
}
