//! What is gone is not looked at: denied, invalidated, evicted, or asked for by nobody any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::Empty;

use super::{NO_SUCH_JOB, Stage};
use crate::support::JOB;
use crate::upstream::A_JOB;

const HOUR: u32 = 3_600;

impl Stage {
    async fn invalidate(&self, job: &str) {
        let path = format!("http://{}/api/entries/{job}", self.gateway.admin);
        let request = Request::delete(path).body(Empty::new()).unwrap();
        assert_eq!(self.gateway.send(request).await.status, 200);
    }

    /// So long, in steps that each leave the schedule time for a few looks.
    async fn idle(&self, seconds: u32) {
        for _ in 0..seconds / 15 {
            self.pass(Duration::from_secs(15)).await;
        }
    }
}

#[tokio::test]
async fn a_job_that_upstream_denies_is_not_looked_at_again_until_somebody_asks() {
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = Arc::clone(&gone);
    let answer = move |_, _: &str| {
        if is_gone.load(Ordering::Relaxed) {
            (422, NO_SUCH_JOB)
        } else {
            A_JOB
        }
    };
    let stage = Stage::built(100, answer, |builder| builder).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 10).await;
    gone.store(true, Ordering::Relaxed);
    stage.idle(45).await;
    assert_eq!(
        stage.looks(JOB).len(),
        2,
        "the planned look, which was denied"
    );
    for _ in 0..10 {
        assert_eq!(stage.gateway.job(JOB).await.status, 404);
    }
    stage.idle(HOUR).await;
    assert_eq!(stage.looks(JOB).len(), 2);
    assert_eq!(stage.gateway.job(JOB).await.status, 404);
    assert_eq!(stage.looks(JOB).len(), 3, "its denial is over");
    stage.end().await;
}

#[tokio::test]
async fn an_invalidated_job_is_looked_at_when_somebody_asks_and_not_before() {
    let stage = Stage::new(100).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 10).await;
    stage.invalidate(JOB).await;
    stage.idle(HOUR).await;
    assert_eq!(stage.looks(JOB).len(), 1);
    let label = stage.gateway.job(JOB).await;
    assert!(label.label().1.starts_with("fwd=uri-miss; stored"));
    assert_eq!(stage.looks(JOB).len(), 2);
    stage.end().await;
}

/// What the schedule knew of it must not get in the way of whoever waits for it.
#[tokio::test]
async fn a_job_invalidated_a_moment_ago_is_fetched_when_its_turn_comes() {
    let stage = Stage::new(5).await;
    let jobs = stage.stored(0..5).await;
    let job = jobs[0].as_str();
    stage.polled(&jobs[..1], 10).await;
    stage.invalidate(job).await;
    stage.pass(Duration::from_secs(49)).await;
    let (answer, ()) = tokio::join!(stage.gateway.job(job), async {
        let waits = async || stage.gateway.metric("jobgate_requests_waiting").await == 1.0;
        stage.gateway.until("it waits", waits).await;
        stage.clock.advance(Duration::from_secs(2));
    });
    let label = answer.label();
    assert!(label.1.starts_with("fwd=uri-miss; stored"), "{label:?}");
    assert_eq!(stage.looks(job).len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn an_evicted_job_is_not_looked_at() {
    const ROOM: usize = 20;
    let stage = Stage::built(
        100,
        |_, _| A_JOB,
        |builder| builder.with(|settings| settings.cache.max_memory = 25_000),
    )
    .await;
    let jobs = stage.stored(0..2 * ROOM).await;
    let stored = stage.gateway.metric("jobgate_cache_entries").await;
    assert!((10.0..=20.0).contains(&stored), "{stored}");
    stage.seconds(120).await;
    let looks: Vec<_> = jobs.iter().map(|job| stage.looks(job).len()).collect();
    assert!(looks[..ROOM].iter().all(|looks| *looks == 1), "{looks:?}");
    assert!(
        looks[2 * ROOM - 10..].iter().all(|looks| *looks > 1),
        "{looks:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_job_that_nobody_asks_for_any_more_is_left_alone_and_comes_back_when_somebody_does() {
    let stage = Stage::new(100).await;
    stage.gateway.job(JOB).await;
    stage.polled(&[JOB.to_owned()], 40).await;
    let while_asked = stage.upstream.calls();
    stage.idle(10 * 60).await; // stale_while_revalidate
    let until_silent = stage.upstream.calls();
    assert!(until_silent - while_asked <= 20, "each half minute at most");
    stage.idle(HOUR).await;
    assert_eq!(stage.upstream.calls(), until_silent);

    let back = stage.gateway.job(JOB).await;
    assert!(back.label().1.starts_with("fwd=stale; stored"), "{back:?}");
    stage.polled(&[JOB.to_owned()], 40).await;
    assert_eq!(stage.upstream.calls(), until_silent + 2, "planned again");
    stage.end().await;
}

/// Long enough away to be forgotten, but what is stored may still be served at once.
#[tokio::test]
async fn who_comes_back_to_a_stale_answer_gets_it_at_once_and_the_look_behind() {
    let stage = Stage::built(
        100,
        |_, _| A_JOB,
        |builder| {
            builder.with(|settings| {
                settings.cache.stale_while_revalidate = Duration::from_secs(60);
            })
        },
    )
    .await;
    stage.gateway.job(JOB).await;
    stage.gateway.operate("/api/upstream/pause").await; // no look meanwhile
    stage.idle(75).await;
    stage.gateway.operate("/api/upstream/resume").await;
    stage.settled().await;
    assert_eq!(stage.upstream.calls(), 1, "nobody has asked for a minute");
    assert_eq!(
        stage.gateway.job(JOB).await.label().1,
        "hit; ttl=-45; detail=queued"
    );
    stage.seconds(2).await;
    assert_eq!(stage.upstream.calls(), 2);
    assert_eq!(
        stage.gateway.job(JOB).await.label().1.split(';').next(),
        Some("hit")
    );
    stage.end().await;
}
