//! Dead ids in numbers: they cost next to nothing, and no stored job its place.

use std::num::NonZeroU32;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::config::AccessLog;

use super::DENIED;
use crate::raw::Wire;
use crate::support::{in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

/// Dead ids on a dashboard.
const DEAD: usize = 25;

#[tokio::test]
async fn dead_ids_asked_for_each_second_for_an_hour_cost_a_few_calls_each() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| DENIED).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .with(|settings| {
            settings.budget.requests = NonZeroU32::new(50).unwrap();
            settings.budget.window = Duration::from_secs(60);
            settings.log.access = AccessLog::Off; // ninety thousand lines
        })
        .start();
    let request = |n| {
        format!(
            "GET /v1/job/{}/info HTTP/1.1\r\nHost: a\r\n\r\n",
            nth_job(n)
        )
    };
    let requests: String = (0..DEAD).map(request).collect();
    let mut wire = Wire::open(gateway.addr).await;
    let mut denied = 0;
    for _ in 0..3_600 {
        wire.write(&requests).await; // one after the other on one connection
        for _ in 0..DEAD {
            let status = wire.answer().await.status();
            assert_eq!(status, 404);
            denied += usize::from(status == 404);
        }
        clock.advance(Duration::from_secs(1));
    }
    let calls = upstream.calls();
    assert!(denied > 3_530 * DEAD, "{denied}");
    eprintln!("{DEAD} dead ids asked for each second for an hour: {calls} upstream calls");
    assert!((DEAD..200).contains(&calls), "{calls} calls");
    drop(wire);
    gateway.end().await;
}

#[tokio::test]
async fn denials_cost_no_stored_job_its_place() {
    const STORED: usize = 40;
    let clock = Clock::manual();
    let answer = |n, _: &_| if n < STORED { A_JOB } else { DENIED };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .with_stale_answers()
        .with(|settings| settings.cache.max_memory = 64 << 10) // hardly more than these
        .start();
    for n in 0..STORED {
        assert_eq!(gateway.job(&nth_job(n)).await.status, 200);
    }
    for n in STORED..20 * STORED {
        assert_eq!(gateway.job(&nth_job(n)).await.status, 404);
    }
    for n in 0..STORED {
        let hit = gateway.job(&nth_job(n)).await;
        assert_eq!(hit.label(), (200, "hit; ttl=30", "0"));
    }
    assert_eq!(gateway.metric("jobgate_cache_evictions_total").await, 0.0);
    assert_eq!(upstream.calls(), 20 * STORED);
    gateway.end().await;
}
