//! The ladder, rung by rung: fresh; stale at once, with one look behind; a look that is waited for; stale, because that
//! brought nothing; the error. And how each answer is labelled.

mod bounds;
mod budget;
mod failing;

use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;

use crate::support::{Answer, JOB, Running, in_front_of};
use crate::upstream::{A_JOB, Said, Upstream};

const FAILED: Said = (500, "");

/// Another body, of equal length.
fn renamed() -> Said {
    (200, A_JOB.1.replace("jobname", "renamed").leak())
}

#[tokio::test]
async fn each_rung_begins_where_the_last_one_ends() {
    // (age in milliseconds, the label, `Age`, whether the body is a new one)
    for (age, label, told, is_new) in [
        (29_999, "hit; ttl=0", "29", false),
        (30_000, "hit; ttl=0; detail=revalidating", "30", false),
        (30_001, "hit; ttl=-1; detail=revalidating", "30", false),
        (31_000, "hit; ttl=-1; detail=revalidating", "31", false),
        (629_999, "hit; ttl=-600; detail=revalidating", "629", false),
        (630_000, "fwd=stale; stored; ttl=30", "0", true),
        (3_628_000, "fwd=stale; stored; ttl=30", "0", true), // later than that it is not waited for so long
        (3_630_000, "fwd=stale; stored; ttl=30", "0", true),
    ] {
        let (clock, new) = (Clock::manual(), renamed());
        let upstream = Upstream::start(&clock, move |n, _| if n == 0 { A_JOB } else { new }).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_stale_answers()
            .start();
        let stored = gateway.job(JOB).await;
        assert_eq!(stored.label(), (200, "fwd=uri-miss; stored; ttl=30", "0"));

        clock.advance(Duration::from_millis(age));
        let answer = gateway.job(JOB).await;
        assert_eq!(answer.label(), (200, label, told), "{age} ms");
        assert_eq!(answer.text().contains("renamed"), is_new, "{age} ms");
        assert_eq!(answer.body == stored.body, !is_new, "{age} ms");
        let looks = usize::from(label != "hit; ttl=0");
        if looks == 1 {
            let fresh = gateway.until_label(JOB, "hit; ttl=30").await;
            assert!(fresh.text().contains("renamed"), "{age} ms");
        }
        assert_eq!(upstream.calls(), 1 + looks, "{age} ms");
        gateway.end().await;
    }
}

#[tokio::test]
async fn while_upstream_fails_each_rung_begins_where_the_last_one_ends() {
    // (age in milliseconds, status, the label, `Age`)
    for (age, status, label, told) in [
        (30_000, 200, "hit; ttl=0; detail=revalidating", "30"),
        (629_999, 200, "hit; ttl=-600; detail=revalidating", "629"),
        (
            630_000,
            200,
            "fwd=stale; fwd-status=500; ttl=-600; detail=failed",
            "630",
        ),
        (
            3_628_000, // later than that the failure is not waited for so long
            200,
            "fwd=stale; fwd-status=500; ttl=-3598; detail=failed",
            "3628",
        ),
        (3_630_000, 500, "fwd=stale; fwd-status=500", ""),
        (9_999_999, 500, "fwd=stale; fwd-status=500", ""),
    ] {
        let clock = Clock::manual();
        let answer = |n, _: &_| if n == 0 { A_JOB } else { FAILED };
        let upstream = Upstream::start(&clock, answer).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_stale_answers()
            .start();
        let stored = gateway.job(JOB).await;

        clock.advance(Duration::from_millis(age));
        let answer = gateway.job(JOB).await;
        assert_eq!(answer.label(), (status, label, told), "{age} ms");
        if status == 200 {
            assert_eq!(answer.body, stored.body, "{age} ms");
        } else {
            assert_eq!(answer.code(), "JG.5023", "{age} ms");
        }
        gateway
            .until("the look has failed", async || {
                gateway.calls_tried().await == 2
            })
            .await;
        assert_eq!(upstream.calls(), 2, "{age} ms");
        gateway.end().await;
    }
}

/// A job stored so long ago, and an upstream that holds all further answers back: the job is renamed there.
async fn stored_for(age: Duration) -> (Upstream, Running, Answer) {
    let (clock, new) = (Clock::manual(), renamed());
    let upstream = Upstream::held(&clock, move |n, _| if n == 0 { A_JOB } else { new }).await;
    upstream.let_through(1);
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .start();
    let stored = gateway.job(JOB).await;
    clock.advance(age);
    (upstream, gateway, stored)
}

#[tokio::test]
async fn a_hundred_askers_of_a_stale_job_are_answered_at_once_with_one_look_behind_them() {
    let (upstream, gateway, stored) = stored_for(Duration::from_secs(35)).await;

    for _ in 0..2 {
        // upstream answers nobody meanwhile
        for answer in join_all((0..100).map(|_| gateway.job(JOB))).await {
            let expected = (200, "hit; ttl=-5; detail=revalidating", "35");
            assert_eq!(answer.label(), expected);
            assert_eq!(answer.body, stored.body);
        }
        gateway
            .until("the look is upstream", async || upstream.calls() >= 2)
            .await;
    }
    assert_eq!(gateway.metric("jobgate_requests_waiting").await, 0.0);
    upstream.let_through(100); // as many as a gateway that does not collapse would make
    let fresh = gateway.until_label(JOB, "hit; ttl=30").await;
    assert_eq!(fresh.label().2, "0");
    assert!(fresh.text().contains("renamed"));
    assert_eq!(upstream.calls(), 2);
    let behind = r#"jobgate_looks_total{trigger="behind"}"#;
    assert_eq!(gateway.metric(behind).await, 1.0);
    gateway.end().await;
}

#[tokio::test]
async fn a_look_in_silence_is_waited_for_two_seconds_and_goes_on() {
    let (upstream, gateway, stored) = stored_for(Duration::from_secs(660)).await;
    let real = Clock::system();

    let began = real.now();
    let (leader, follower) = tokio::join!(gateway.job(JOB), gateway.job(JOB));
    let took = real.now() - began;
    let expected = "fwd=stale; ttl=-630; detail=slow";
    let collapsed = "fwd=stale; collapsed; ttl=-630; detail=slow";
    let mut labels = [&leader, &follower].map(|answer| {
        assert_eq!(answer.body, stored.body);
        answer.label()
    });
    labels.sort_unstable();
    assert_eq!(labels, [(200, collapsed, "660"), (200, expected, "660")]);
    let (least, most) = (Duration::from_secs(2), Duration::from_secs(8)); // far less than any time-out
    assert!(least <= took && took < most, "{took:?}");

    upstream.let_through(1);
    let fresh = gateway.until_label(JOB, "hit; ttl=30").await;
    assert!(fresh.text().contains("renamed"));
    assert_eq!(upstream.calls(), 2, "the look went on");
    gateway.end().await;
}

#[tokio::test]
async fn what_may_be_served_a_moment_longer_is_served_without_a_wait_and_the_look_goes_on() {
    let (upstream, gateway, stored) = stored_for(Duration::from_millis(3_629_999)).await;
    let answer = gateway.job(JOB).await;
    assert_eq!(
        answer.label(),
        (200, "fwd=stale; ttl=-3600; detail=slow", "3629")
    );
    assert_eq!(answer.body, stored.body);

    upstream.let_through(1);
    let fresh = gateway.until_label(JOB, "hit; ttl=30").await;
    assert!(fresh.text().contains("renamed"));
    assert_eq!(upstream.calls(), 2, "the look went on");
    gateway.end().await;
}
