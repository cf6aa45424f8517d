//! What is spent is not known after a restart, so each start begins with a fifth of the budget for its first window. Within a window
//! there are then no more calls than one budget of the life before and a fifth for each start in it: a crash loop is bounded by
//! its starts, and within the budget as long as there are no more than five of them in a window.

use std::time::Duration;

use jobgate::clock::Clock;

use super::{MINUTE, most_in_a_window};
use crate::support::{in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const REQUESTS: u32 = 20;
const FIFTH: usize = 4;

/// Lives so long, one after the other, each with more to ask than it may; the most calls in a window over all of them.
async fn lives(lengths: &[u64]) -> usize {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    for (life, seconds) in lengths.iter().enumerate() {
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .in_budget_mode(REQUESTS, MINUTE)
            .start();
        for step in 0..=*seconds / 61 {
            for n in 0..30_usize {
                let job = 1_000 * life + n + 30 * usize::try_from(step).unwrap();
                gateway.job(&nth_job(job)).await;
            }
            clock.advance(Duration::from_secs((*seconds - 61 * step).min(61)));
        }
        gateway.end().await;
    }
    most_in_a_window(&upstream.arrivals(), MINUTE)
}

#[tokio::test]
async fn over_restarts_a_window_holds_one_budget_and_a_fifth_for_each_start_at_most() {
    for (lengths, calls) in [
        (&[1][..], FIFTH),
        (&[15; 8], 5 * FIFTH), // both edges of a window are in it
        (&[13; 8], 5 * FIFTH),
        (&[3; 6], 6 * FIFTH),
        (&[130, 3, 3], 20 + 2 * FIFTH),
    ] {
        assert_eq!(lives(lengths).await, calls, "{lengths:?}");
    }
}
