//! Upstream says that there is no such job: told at once, remembered for longer and longer, and forgotten when the job is
//! back. Only the conclusive answer counts, and many at once are not believed.

mod many;
mod wave;

use std::time::Duration;

use jobgate::clock::Clock;

use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream};

const DENIED: Said = (422, include_str!("../samples/error-422-not-found.json"));
const NO_SUCH_URL: Said = (404, include_str!("../samples/error-404-build.json"));
const FAILED: Said = (500, "");

/// An upstream that says these one after the other, and the last one for ever.
async fn saying(said: &'static [Said]) -> (Upstream, Running) {
    let clock = Clock::manual();
    let answer = move |n: usize, _: &_| said[n.min(said.len() - 1)];
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .start();
    (upstream, gateway)
}

fn advance(gateway: &Running, seconds: u64) {
    gateway.clock.advance(Duration::from_secs(seconds));
}

/// Upstream's own words, with this label.
#[track_caller]
fn assert_denied(answer: &Answer, label: &str) {
    let (status, told, age) = answer.label();
    assert_eq!((status, told), (404, label));
    assert_eq!(
        age.is_empty(),
        !label.starts_with("hit"),
        "an age, if it is told from memory"
    );
    let id = answer.header("x-request-id");
    let words = r#""error_code":"DEVCB.00031006","error_msg":"The build task does not exist.""#;
    let body = format!(r#"{{{words},"request_id":"{id}","source":"upstream"}}"#);
    assert_eq!(answer.text(), body);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_deleted_job_is_denied_at_the_next_look_and_from_memory_from_then_on() {
    // asked for so long after it was stored
    for (age, is_behind) in [(31, true), (660, false)] {
        let (upstream, gateway) = saying(&[A_JOB, DENIED]).await;
        assert_eq!(gateway.job(JOB).await.status, 200);
        advance(&gateway, 29);
        assert_eq!(gateway.job(JOB).await.label(), (200, "hit; ttl=1", "29"));
        assert_eq!(upstream.calls(), 1, "while fresh nobody can know");

        advance(&gateway, age - 29);
        let first = gateway.job(JOB).await;
        if is_behind {
            let expected = (200, "hit; ttl=-1; detail=revalidating", "31");
            assert_eq!(first.label(), expected);
        } else {
            assert_denied(&first, "fwd=stale; fwd-status=422");
        }
        let remembered = gateway.until_label(JOB, "hit; ttl=30").await;
        assert_denied(&remembered, "hit; ttl=30");
        advance(&gateway, 29);
        assert_denied(&gateway.job(JOB).await, "hit; ttl=1");
        assert_eq!(upstream.calls(), 2);
        gateway.end().await;
    }
}

#[tokio::test]
async fn each_denial_is_remembered_for_twice_as_long_as_the_last_up_to_an_hour() {
    let (upstream, gateway) = saying(&[DENIED]).await;
    assert_denied(&gateway.job(JOB).await, "fwd=uri-miss; fwd-status=422");
    let lifetimes = [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600];
    for (calls, lifetime) in lifetimes.into_iter().enumerate() {
        let whole = format!("hit; ttl={lifetime}");
        assert_denied(&gateway.job(JOB).await, &whole);
        advance(&gateway, lifetime - 1);
        assert_denied(&gateway.job(JOB).await, "hit; ttl=1");
        assert_eq!(upstream.calls(), 1 + calls, "{lifetime} s");
        advance(&gateway, 1);
        assert_denied(&gateway.job(JOB).await, "fwd=stale; fwd-status=422");
        assert_eq!(upstream.calls(), 2 + calls, "{lifetime} s");
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_job_that_comes_back_is_found_after_the_denials_lifetime_or_at_once_if_forced() {
    // (`Cache-Control`, seconds until it is asked for, the label)
    for (wish, wait, label) in [
        ("", 30, "fwd=stale; stored; ttl=30"),
        ("no-cache", 0, "fwd=request; stored; ttl=30"),
        ("max-age=9", 10, "fwd=request; stored; ttl=30"),
    ] {
        let (upstream, gateway) = saying(&[DENIED, A_JOB, DENIED]).await;
        assert_eq!(gateway.job(JOB).await.status, 404);
        advance(&gateway, wait);
        let back = gateway.job_wanting(JOB, wish).await;
        assert_eq!(back.label(), (200, label, "0"), "{wish:?}");
        let hit = gateway.job(JOB).await;
        assert_eq!(
            (hit.label(), &hit.body),
            ((200, "hit; ttl=30", "0"), &back.body)
        );
        assert_eq!(upstream.calls(), 2, "{wish:?}");

        advance(&gateway, 660);
        assert_denied(&gateway.job(JOB).await, "fwd=stale; fwd-status=422");
        let told = gateway.job(JOB).await;
        assert_denied(&told, "hit; ttl=30"); // the earlier denial is forgotten
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_denial_is_never_served_past_its_lifetime_whatever_fails() {
    let (upstream, gateway) = saying(&[DENIED, FAILED, DENIED]).await;
    assert_eq!(gateway.job(JOB).await.status, 404);
    advance(&gateway, 30);
    for label in ["fwd=stale; fwd-status=500", "detail=failed"] {
        let answer = gateway.job(JOB).await;
        assert_eq!(answer.label(), (500, label, ""));
        assert_eq!(answer.code(), "JG.5023");
        assert_eq!(upstream.calls(), 2);
    }
    advance(&gateway, 1);
    assert_denied(&gateway.job(JOB).await, "fwd=stale; fwd-status=422");
    assert_denied(&gateway.job(JOB).await, "hit; ttl=60"); // the failure did not make it forgotten
    assert_eq!(upstream.calls(), 3);
    gateway.end().await;
}

#[tokio::test]
async fn the_build_services_own_404_is_no_denial() {
    let (upstream, gateway) = saying(&[A_JOB, NO_SUCH_URL]).await;
    let stored = gateway.job(JOB).await;
    advance(&gateway, 660);
    for label in [
        "fwd=stale; fwd-status=404; ttl=-630; detail=refused",
        "hit; ttl=-630; detail=refused",
    ] {
        let answer = gateway.job(JOB).await;
        assert_eq!(answer.label(), (200, label, "660"));
        assert_eq!(answer.body, stored.body);
    }
    assert_eq!(upstream.calls(), 2);

    let unknown = nth_job(1);
    for (label, calls, pause) in [
        ("fwd=uri-miss; fwd-status=404", 3, 0),
        ("detail=refused", 3, 1),
        ("fwd=uri-miss; fwd-status=404", 4, 0),
    ] {
        let answer = gateway.job(&unknown).await;
        assert_eq!(answer.label(), (404, label, ""));
        assert_eq!(answer.code(), "CB.00060214");
        assert_eq!(upstream.calls(), calls);
        advance(&gateway, pause);
    }
    gateway.end().await;
}

#[tokio::test]
async fn with_a_lifetime_of_zero_every_ask_is_a_call() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| DENIED).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .with(|settings| settings.cache.ttl_not_found = Duration::ZERO)
        .start();
    for calls in 1..=5 {
        assert_denied(&gateway.job(JOB).await, "fwd=uri-miss; fwd-status=422");
        assert_eq!(upstream.calls(), calls);
    }
    gateway.end().await;
}
