//! Who sets the windows, and who narrows them: the configuration, a client's own setting, a request.

use std::time::Duration;

use jobgate::clock::Clock;

use super::FAILED;
use crate::clients::{KEY, OTHER_KEY};
use crate::support::{Builder, JOB, Running, in_front_of};
use crate::upstream::{A_JOB, Upstream};

const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";

/// A gateway over an upstream that answers once, and fails from then on.
async fn failing_later(build: impl FnOnce(Builder) -> Builder) -> (Upstream, Running) {
    let clock = Clock::manual();
    let answer = |n, _: &_| if n == 0 { A_JOB } else { FAILED };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = build(in_front_of(&upstream.url()).with_clock(&clock)).start();
    (upstream, gateway)
}

#[tokio::test]
async fn the_tighter_of_a_clients_own_bound_and_the_requests_counts() {
    const SERVED: (u16, &str) = (200, "detail=revalidating");
    const REFUSED: (u16, &str) = (500, "fwd-status=500");
    // (`clients.max_stale` in seconds, `Cache-Control`, seconds past the lifetime, status and the label's end)
    for (own, wish, late, expected) in [
        (None, "", 61, SERVED),
        (Some(60), "", 60, SERVED),
        (Some(60), "", 61, REFUSED),
        (Some(60), "max-stale=600", 61, REFUSED),
        (Some(600), "max-stale=60", 60, SERVED),
        (Some(600), "max-stale=60", 61, REFUSED),
        (None, "max-stale=60", 61, REFUSED),
        (None, "max-stale=0", 0, SERVED),
        (None, "max-stale=0", 1, REFUSED),
        (Some(0), "", 1, REFUSED),
        (None, "max-stale", 61, SERVED),
        (Some(60), "max-stale", 61, REFUSED),
    ] {
        let (upstream, gateway) = failing_later(|builder| {
            let builder = builder
                .with_stale_answers()
                .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)]);
            builder.with(|settings| {
                settings.auth.clients[0].max_stale = own.map(Duration::from_secs);
            })
        })
        .await;
        let wallboard = [("x-api-key", KEY), ("cache-control", wish)];
        let fresh = gateway.get(PATH, &wallboard).await;
        assert_eq!(fresh.label(), (200, "fwd=uri-miss; stored; ttl=30", "0"));
        let hit = gateway.get(PATH, &wallboard).await;
        assert_eq!(hit.label(), (200, "hit; ttl=30", "0"), "fresh is not stale");

        let told = format!("{own:?} {wish:?} {late}");
        gateway.clock.advance(Duration::from_secs(30 + late));
        let answer = gateway.get(PATH, &wallboard).await;
        let (status, label, _) = answer.label();
        assert_eq!(status, expected.0, "{told}: {label}");
        assert!(label.ends_with(expected.1), "{told}: {label}");
        gateway
            .until("the look has failed", async || {
                gateway.calls_tried().await == 2
            })
            .await;
        // the other client has no bound of its own
        let other = gateway.get(PATH, &[("x-api-key", OTHER_KEY)]).await;
        assert_eq!(other.status, 200, "{told}");
        assert_eq!(other.body, fresh.body, "{told}");
        assert_eq!(upstream.calls(), 2, "{told}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn what_grows_too_old_while_a_look_is_waited_for_is_not_served() {
    // (seconds waited, both windows in seconds, `Cache-Control`, status and the label's end); asked for at an age of 20 s,
    // 10 s before the end of the lifetime
    for (waited, windows, wish, expected) in [
        (15, 600, "no-cache, max-stale=5", (200, "detail=failed")),
        (16, 600, "no-cache, max-stale=5", (500, "fwd-status=500")),
        (16, 600, "no-cache", (200, "detail=failed")),
        (9, 0, "no-cache", (200, "detail=failed")),
        (10, 0, "no-cache", (500, "fwd-status=500")),
    ] {
        let clock = Clock::manual();
        let answer = |n, _: &_| if n == 0 { A_JOB } else { FAILED };
        let upstream = Upstream::held(&clock, answer).await;
        upstream.let_through(1);
        let windows = Duration::from_secs(windows);
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with(|settings| {
                settings.cache.stale_while_revalidate = windows;
                settings.cache.stale_if_error = windows;
            })
            .start();
        gateway.job(JOB).await;
        clock.advance(Duration::from_secs(20));
        let (answer, ()) = tokio::join!(gateway.job_wanting(JOB, wish), async {
            gateway
                .until("upstream is asked", async || upstream.calls() == 2)
                .await;
            clock.advance(Duration::from_secs(waited));
            upstream.let_through(1);
        });
        let (status, label, _) = answer.label();
        let told = format!("{waited} s, {wish}: {label}");
        assert_eq!(status, expected.0, "{told}");
        assert!(label.ends_with(expected.1), "{told}");
        assert_eq!(upstream.calls(), 2, "{told}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn who_takes_nothing_so_stale_waits_for_the_look_that_others_need_not_wait_for() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .start();
    gateway.job(JOB).await;
    clock.advance(Duration::from_secs(100));
    let answer = gateway.job_wanting(JOB, "max-stale=60").await;
    assert_eq!(answer.label(), (200, "fwd=stale; stored; ttl=30", "0"));
    assert_eq!(upstream.calls(), 2);
    gateway.end().await;
}

#[tokio::test]
async fn the_longer_window_bounds_what_is_served_and_without_any_nothing_stale_is() {
    const AT_ONCE: (u16, &str) = (200, "hit; ttl=-10; detail=revalidating");
    const AFTER_ALL: (u16, &str) = (200, "fwd=stale; fwd-status=500; ttl=-10; detail=failed");
    const ERROR: (u16, &str) = (500, "fwd=stale; fwd-status=500");
    // (stale_while_revalidate and stale_if_error in seconds; ten seconds past the lifetime: status and label)
    for (windows, expected) in [
        ((0, 0), ERROR),
        ((0, 10), ERROR),
        ((0, 11), AFTER_ALL),
        ((10, 0), ERROR),
        ((11, 0), AT_ONCE),
        ((11, 5), AT_ONCE),
        ((10, 11), AFTER_ALL),
    ] {
        let (upstream, gateway) = failing_later(|builder| {
            builder.with(|settings| {
                settings.cache.stale_while_revalidate = Duration::from_secs(windows.0);
                settings.cache.stale_if_error = Duration::from_secs(windows.1);
            })
        })
        .await;
        let stored = gateway.job(JOB).await;
        gateway.clock.advance(Duration::from_secs(40));
        let answer = gateway.job(JOB).await;
        let (status, label, _) = answer.label();
        assert_eq!((status, label), expected, "{windows:?}");
        gateway
            .until("the look has failed", async || {
                gateway.calls_tried().await == 2
            })
            .await;
        let again = gateway.job(JOB).await;
        assert_eq!(again.status, status, "{windows:?}: while it rests");
        assert_eq!(upstream.calls(), 2, "{windows:?}");
        assert_eq!(again.body == stored.body, status == 200, "{windows:?}");
        gateway.end().await;
    }
}
