//! Clients that bound the age of their answer: served younger ones within their allowance, and what is stored beyond it.

mod allowance;

use std::time::Duration;

use jobgate::clock::Clock;

use crate::support::{Answer, JOB, Running, in_front_of};
use crate::upstream::{A_JOB, Said, Upstream};

const FAILED: Said = (500, "");
/// What is asked for.
const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";

/// A stored job of this age in seconds; later answers have another body.
async fn stored(age: u64, later: Said) -> (Upstream, Running, Answer) {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, move |n, _| if n == 0 { A_JOB } else { later }).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .start();
    let first = gateway.job(JOB).await;
    clock.advance(Duration::from_secs(age));
    (upstream, gateway, first)
}

/// Another body, of equal length.
fn renamed() -> Said {
    (200, A_JOB.1.replace("jobname", "renamed").leak())
}

#[tokio::test]
async fn a_younger_answer_is_looked_for_only_if_what_is_stored_is_too_old() {
    const FORCED: &str = "fwd=request; stored; ttl=30";
    const WAITED: &str = "fwd=stale; stored; ttl=30";
    // (age in seconds, `Cache-Control`, the label)
    for (age, wish, label) in [
        (10, "no-cache", FORCED),
        (10, "max-age=0", FORCED),
        (0, "no-cache", FORCED), // also what has come this very moment
        (0, "max-age=0", FORCED),
        (10, "max-age=9", FORCED),
        (10, "max-age=10", "hit; ttl=20"),
        (10, "max-age=11", "hit; ttl=20"),
        (29, "max-age=60", "hit; ttl=1"),
        (35, "max-age=60", "hit; ttl=-5; detail=revalidating"),
        (35, "max-age=35", "hit; ttl=-5; detail=revalidating"),
        (35, "max-age=34", FORCED),
        (35, "no-cache", FORCED),
        (660, "no-cache", WAITED),
        (660, "max-age=9999", WAITED),
        (10, "max-age=60, no-cache", FORCED),
        (10, "No-Cache", FORCED),
    ] {
        let (upstream, gateway, first) = stored(age, renamed()).await;
        let answer = gateway.job_wanting(JOB, wish).await;
        let is_new = label.contains("stored");
        let told = if is_new { "0" } else { &age.to_string() };
        assert_eq!(answer.label(), (200, label, told), "{age} {wish}");
        assert_eq!(answer.text().contains("renamed"), is_new, "{age} {wish}");
        assert_eq!(answer.body == first.body, !is_new, "{age} {wish}");
        let looks = usize::from(is_new || label.contains("revalidating"));
        if looks == 1 {
            gateway.until_label(JOB, "hit; ttl=30").await;
        }
        assert_eq!(upstream.calls(), 1 + looks, "{age} {wish}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn whoever_wants_only_what_is_stored_never_causes_a_look() {
    // (age in seconds, `Cache-Control`, status and label)
    for (age, wish, status, label) in [
        (10, "only-if-cached", 200, "hit; ttl=20"),
        (
            35,
            "only-if-cached",
            200,
            "hit; ttl=-5; detail=only-if-cached",
        ),
        (
            3_629,
            "only-if-cached",
            200,
            "hit; ttl=-3599; detail=only-if-cached",
        ),
        (10, "only-if-cached, no-cache", 200, "hit; ttl=20"),
        (3_630, "only-if-cached", 504, ""),
        (
            35,
            "only-if-cached, max-stale=5",
            200,
            "hit; ttl=-5; detail=only-if-cached",
        ),
        (36, "only-if-cached, max-stale=5", 504, ""),
    ] {
        let (upstream, gateway, first) = stored(age, renamed()).await;
        for _ in 0..2 {
            let answer = gateway.job_wanting(JOB, wish).await;
            let told = if status == 200 {
                age.to_string()
            } else {
                String::new()
            };
            assert_eq!(
                answer.label(),
                (status, label, told.as_str()),
                "{age} {wish}"
            );
            if status == 200 {
                assert_eq!(answer.body, first.body);
            } else {
                assert_eq!(answer.code(), "JG.5041");
            }
        }
        let nothing = gateway.job_wanting(&crate::support::nth_job(1), wish).await;
        assert_eq!(
            (nothing.status.as_u16(), &*nothing.code()),
            (504, "JG.5041")
        );
        let waiting = gateway.metric("jobgate_requests_waiting").await;
        assert_eq!((waiting, upstream.calls()), (0.0, 1), "{age} {wish}");
        let looks = gateway
            .metric(r#"jobgate_looks_total{trigger="forced"}"#)
            .await;
        assert_eq!(looks, 0.0);
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_directive_that_cannot_be_read_asks_for_nothing() {
    for wish in [
        "",
        "max-age",
        "max-age=",
        "max-age=abc",
        "max-age=-1",
        "max-age=1.5",
        "max-age=99999999999999999999",
        "no-store",
        "min-fresh=25",
        "no-transform",
        "nocache",
        "=",
        ",,,",
    ] {
        let (upstream, gateway, _) = stored(10, renamed()).await;
        let answer = gateway.job_wanting(JOB, wish).await;
        assert_eq!(answer.label(), (200, "hit; ttl=20", "10"), "{wish:?}");
        let pragma = gateway.get(PATH, &[("pragma", "no-cache")]).await;
        assert_eq!(pragma.label(), (200, "hit; ttl=20", "10"));
        assert_eq!(upstream.calls(), 1, "{wish:?}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_forced_look_that_fails_is_made_up_for_and_none_is_made_while_the_job_rests() {
    let (upstream, gateway, first) = stored(10, FAILED).await;
    for label in [
        "fwd=request; fwd-status=500; ttl=20; detail=failed",
        "hit; ttl=20; detail=failed",
        "hit; ttl=20; detail=failed",
    ] {
        let answer = gateway.job_wanting(JOB, "no-cache").await;
        assert_eq!(answer.label(), (200, label, "10"));
        assert_eq!(answer.body, first.body);
        assert_eq!(upstream.calls(), 2);
    }
    // whoever wants nothing special does not notice
    assert_eq!(gateway.job(JOB).await.label(), (200, "hit; ttl=20", "10"));
    gateway.clock.advance(Duration::from_secs(1));
    let answer = gateway.job_wanting(JOB, "no-cache").await;
    let expected = "fwd=request; fwd-status=500; ttl=19; detail=failed";
    assert_eq!(answer.label(), (200, expected, "11"));
    assert_eq!(upstream.calls(), 3);
    gateway.end().await;
}

#[tokio::test]
async fn head_and_an_unchanged_body_keep_the_labels() {
    // (age in seconds, the label, `Age`, whether upstream is asked)
    for (age, wish, label, told) in [
        (10, "", "hit; ttl=20", "10"),
        (35, "", "hit; ttl=-5; detail=revalidating", "35"),
        (10, "no-cache", "fwd=request; stored; ttl=30", "0"),
        (
            35,
            "only-if-cached",
            "hit; ttl=-5; detail=only-if-cached",
            "35",
        ),
        (660, "", "fwd=stale; stored; ttl=30", "0"),
    ] {
        let etag_of = |answer: &Answer| answer.header("etag").to_owned();
        let (_upstream, gateway, first) = stored(age, A_JOB).await;
        let head = gateway.ask("HEAD", PATH, &[("cache-control", wish)]).await;
        assert_eq!(head.label(), (200, label, told), "HEAD {age} {wish}");
        assert_eq!((head.body.len(), etag_of(&head)), (0, etag_of(&first)));
        gateway.end().await;

        let (_upstream, gateway, first) = stored(age, A_JOB).await;
        let etag = etag_of(&first);
        let headers = [("cache-control", wish), ("if-none-match", etag.as_str())];
        let unchanged = gateway.get(PATH, &headers).await;
        assert_eq!(unchanged.label(), (304, label, told), "304 {age} {wish}");
        assert_eq!((unchanged.body.len(), etag_of(&unchanged)), (0, etag));
        gateway.end().await;
    }
}
