//! Many stored jobs are denied at once: that is a fault of upstream, until it has lasted or others are seen to be there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::request::Parts;
use jobgate::clock::Clock;

use super::{DENIED, advance, assert_denied};
use crate::support::{Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream};

/// An upstream that denies some jobs once it is told to.
struct House {
    upstream: Upstream,
    gateway: Running,
    denying: Arc<AtomicBool>,
    jobs: usize,
}

// === impl House ===

impl House {
    /// All jobs are stored; those in `denied` will be denied.
    async fn with(jobs: usize, denied: impl IntoIterator<Item = usize>) -> Self {
        let clock = Clock::manual();
        let denying = Arc::new(AtomicBool::new(false));
        let switch = Arc::clone(&denying);
        let denied: BTreeSet<String> = denied.into_iter().map(nth_job).collect();
        let answer = move |_, head: &Parts| -> Said {
            let job = head.uri.path().split('/').nth(3).unwrap_or_default();
            if switch.load(Ordering::SeqCst) && denied.contains(job) {
                DENIED
            } else {
                A_JOB
            }
        };
        let upstream = Upstream::start(&clock, answer).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_stale_answers()
            .start();
        for n in 0..jobs {
            assert_eq!(gateway.job(&nth_job(n)).await.status, 200);
        }
        denying.store(true, Ordering::SeqCst);
        Self {
            upstream,
            gateway,
            denying,
            jobs,
        }
    }

    async fn is_wave(&self) -> bool {
        self.gateway.metric("jobgate_denial_wave").await == 1.0
    }

    /// Asks for every job once, in order; those that are told 404.
    async fn round(&self) -> Vec<usize> {
        let mut gone = Vec::new();
        for n in 0..self.jobs {
            let answer = self.gateway.job(&nth_job(n)).await;
            let is_gone = answer.status == 404;
            assert!(is_gone || answer.status == 200, "{}", answer.text());
            if is_gone {
                gone.push(n);
            }
        }
        gone
    }
}

#[tokio::test]
async fn a_thousand_jobs_denied_at_once_are_all_still_there() {
    const DOUBTED: &str = "fwd=stale; fwd-status=422; ttl=-630; detail=doubted";
    const RESTING: &str = "hit; ttl=-630; detail=doubted";
    let house = House::with(1_000, 0..1_000).await;
    let gateway = &house.gateway;
    advance(gateway, 660);

    // the first two may have been deleted; with the third they are given back
    for n in 0..1_000 {
        let answer = gateway.job(&nth_job(n)).await;
        if n < 2 {
            assert_denied(&answer, "fwd=stale; fwd-status=422");
        } else {
            assert_eq!(answer.label(), (200, DOUBTED, "660"), "{n}");
        }
    }
    assert!(house.is_wave().await);
    assert_eq!(house.upstream.calls(), 2_000);
    for n in 0..1_000 {
        let label = if n < 2 { DOUBTED } else { RESTING };
        let answer = gateway.job(&nth_job(n)).await;
        assert_eq!(answer.label(), (200, label, "660"), "{n}");
    }
    assert_eq!(house.upstream.calls(), 2_002);

    house.denying.store(false, Ordering::SeqCst);
    advance(gateway, 30);
    for n in 0..1_000 {
        let answer = gateway.job(&nth_job(n)).await;
        assert_eq!(answer.label(), (200, "fwd=stale; stored; ttl=30", "0"));
    }
    assert!(!house.is_wave().await);
    house.gateway.end().await;
}

#[tokio::test]
async fn in_a_wave_behind_answers_hardly_anybody_is_told_404() {
    let house = House::with(200, 0..200).await;
    let mut gone = 0;
    for _ in 0..5 {
        advance(&house.gateway, 32);
        gone += house.round().await.len();
    }
    assert!(gone <= 2, "{gone} told 404");
    assert!(house.is_wave().await);
    house.gateway.end().await;
}

#[tokio::test]
async fn what_is_denied_past_the_last_window_is_gone_also_in_a_wave() {
    let house = House::with(20, 0..20).await;
    advance(&house.gateway, 3_630);
    assert_eq!(house.round().await, Vec::from_iter(0..20));
    house.gateway.end().await;
}

#[tokio::test]
async fn a_few_deleted_among_many_that_are_there_are_gone_in_the_end() {
    for deleted in [[0, 8, 16], [0, 1, 2], [10, 11, 12], [20, 21, 22]] {
        for age in [32, 660] {
            let house = House::with(23, deleted).await;
            let mut gone = Vec::new();
            for _ in 0..6 {
                gone = house.round().await;
                house.gateway.clock.advance(Duration::from_secs(age));
            }
            assert_eq!(gone, deleted, "asked for every {age} s");
            house.gateway.end().await;
        }
    }
}
