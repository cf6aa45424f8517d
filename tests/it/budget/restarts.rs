//! What is spent is not known after a restart. So in its first window each life makes one call at once and one more with each part of a
//! window, however many wait: then lives that last longer than such a part never exceed the budget together. A longer life than a window may
//! have spent its whole budget in its last moments; what the starts after it make comes on top.

use std::time::Duration;

use jobgate::clock::Clock;

use super::{MINUTE, Stage, most_in_a_window};
use crate::support::{in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const REQUESTS: u32 = 50;
/// The shortest time after which a start makes another call, in whole milliseconds.
const PART: Duration = Duration::from_millis(2_401);
/// More than a budget of jobs is asked for at once.
const HERD: usize = 60;

/// When the jobs of a life are asked for.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    AtTheStart,
    AtTheEnd,
}

/// One life after the other, of so many milliseconds, each with jobs of its own; the most calls in a window over all of them.
async fn lives(lengths: impl IntoIterator<Item = (u64, Asks)>) -> usize {
    let clock = Clock::manual();
    let mut upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let mut jobs = (0..).map(nth_job);
    for (length, asks) in lengths {
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .in_budget_mode(REQUESTS, MINUTE)
            .started_again()
            .start();
        let earlier = upstream.calls();
        let stage = Stage {
            earlier,
            clock: clock.clone(),
            upstream,
            gateway,
        };
        if asks == Asks::AtTheStart {
            stage.herd(&mut jobs).await;
        }
        let mut left = Duration::from_millis(length);
        while !left.is_zero() {
            let step = left.min(PART);
            stage.pass(step).await;
            left -= step;
        }
        if asks == Asks::AtTheEnd {
            stage.herd(&mut jobs).await;
        }
        let Stage { gateway, .. } = stage;
        upstream = stage.upstream;
        gateway.end().await;
    }
    most_in_a_window(&upstream.arrivals(), MINUTE)
}

impl Stage {
    /// Whoever is refused keeps its place in line, so the calls go out whenever they may.
    async fn herd(&self, jobs: &mut impl Iterator<Item = String>) {
        for job in jobs.take(HERD) {
            self.gateway.job(&job).await;
        }
        self.settled().await;
    }
}

fn all(lengths: &[u64]) -> impl Iterator<Item = (u64, Asks)> {
    lengths.iter().map(|length| (*length, Asks::AtTheStart))
}

#[tokio::test]
async fn restarts_each_two_and_a_half_seconds_or_more_never_exceed_the_budget() {
    for (lengths, calls) in [
        (&[60_000][..], 25),
        (&[2_401; 30], 50), // two calls in each; both edges of a window are in it
        (&[2_500; 30], 49),
        (&[4_900; 15], 12 * 3 + 2),
        (&[15_000; 6], 4 * 7 + 1),
        (
            &[2_401, 40_000, 2_401, 2_401, 59_000, 2_401, 2_401, 30_000],
            2 + 17 + 2 * 2 + 6, // from the first start on
        ),
    ] {
        assert_eq!(lives(all(lengths)).await, calls, "{lengths:?}");
    }
}

#[tokio::test]
async fn after_a_life_that_spent_its_budget_in_its_last_moments_what_the_starts_make_comes_on_top()
{
    let long = (61_000, Asks::AtTheEnd);
    for restarts in 0..3 {
        let short = vec![2_500; restarts];
        let calls = lives([long].into_iter().chain(all(&short))).await;
        assert_eq!(calls, REQUESTS as usize + 2 * restarts);
    }
}

#[tokio::test]
async fn lives_that_are_shorter_exceed_it() {
    assert_eq!(lives(all(&[1_000; 70])).await, 61, "one call each");
}
