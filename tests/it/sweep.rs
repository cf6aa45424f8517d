//! Sweeps over real sockets: one list call tells of a hundred stored answers, and never writes one. One file a promise.
//!
//! Time is the test's. All of the gateway but its client connections runs on the test's own thread, in turn; so once an answer of the
//! admin listener has come after a step of time, whatever that step set off has begun (`Stage::settled`).

mod bounds;
mod confirming;
mod deciding;
mod doubles;
mod failures;
mod fleet;
mod lies;
mod walking;

use std::num::NonZeroU32;
use std::ops::Range;
use std::time::{Duration, Instant};

use jobgate::clock::Clock;
use jobgate::config::SweepMode;
use serde_json::Value;

use crate::support::{Builder, PATIENCE, Running, in_front_of, nth_job};
use crate::upstream::Upstream;
use fleet::Fleet;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// A little more than nothing: a slot is free strictly after its window.
const BIT: Duration = Duration::from_millis(1);

/// The longest pause between two sweeps of at most three pages at the default of 20 list calls a minute.
const NEXT_SWEEP: Duration = Duration::from_secs(12);

/// A gateway that sweeps, its upstream, and their time.
struct Stage {
    clock: Clock,
    fleet: Fleet,
    upstream: Upstream,
    gateway: Running,
}

// === impl Stage ===

impl Stage {
    /// An upstream of so many idle jobs. Of itself the schedule looks at nothing for an hour, so that each call has its cause in the test.
    async fn new(jobs: usize) -> Self {
        Self::built(jobs, |builder| builder).await
    }

    /// The same, with these changes.
    async fn built(jobs: usize, change: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = Clock::manual();
        let fleet = Fleet::of(jobs, &clock);
        let answers = fleet.clone();
        let upstream = Upstream::start(&clock, move |_, head| answers.answer(&head.uri)).await;
        let builder = in_front_of(&upstream.url())
            .with_clock(&clock)
            .in_budget_mode(1_000, MINUTE)
            .with(|settings| {
                settings.budget.sweep.mode = SweepMode::Recent;
                settings.cache.ttl = HOUR;
                settings.cache.ttl_running = HOUR;
            });
        let gateway = change(builder).start();
        let stage = Self {
            clock,
            fleet,
            upstream,
            gateway,
        };
        stage.pass(MINUTE + BIT).await; // the start is over: the whole budget is there
        stage
    }

    /// Time passes at once, and what follows from it happens.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.settled().await;
    }

    /// Second after second passes.
    async fn seconds(&self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(SECOND).await;
        }
    }

    /// Minutes pass, while these jobs are asked for six times in each, and swept no oftener.
    async fn polled(&self, jobs: Range<usize>, minutes: u32) {
        for _ in 0..6 * minutes {
            self.ask(jobs.clone()).await;
            self.pass(10 * SECOND).await;
        }
    }

    /// Each of these jobs is asked for.
    async fn ask(&self, jobs: Range<usize>) {
        for job in jobs.map(nth_job) {
            let answer = self.gateway.job(&job).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }

    /// Time passes until the next sweep, and what it leads to has happened.
    async fn swept(&self) {
        let (lists, due) = (self.lists().len(), self.clock.now() + NEXT_SWEEP);
        while self.lists().len() == lists {
            assert!(self.clock.now() < due, "no sweep");
            self.seconds(1).await;
        }
    }

    /// Waits until every call that has begun is over, and no further one follows.
    async fn settled(&self) {
        let settling = async {
            let mut before = None;
            loop {
                let (ended, calls) = (calls_ended(&self.gateway).await, self.upstream.calls());
                if ended == calls && before == Some(calls) {
                    return;
                }
                before = Some(calls);
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settling).await;
        settled.expect("calls end");
    }

    /// The pages that were asked for, in order: path and query.
    fn lists(&self) -> Vec<String> {
        let targets = self.upstream.targets();
        targets.into_iter().filter(|to| is_list(to)).collect()
    }

    /// The info calls for a job.
    fn looks(&self, n: usize) -> usize {
        self.looked().into_iter().filter(|job| *job == n).count()
    }

    /// Which job each info call was for, in order.
    fn looked(&self) -> Vec<usize> {
        let targets = self.upstream.targets();
        let number = |target: &String| {
            let id = target.strip_prefix("/v1/job/")?.strip_suffix("/info")?;
            usize::from_str_radix(id, 16).ok()
        };
        targets.iter().filter_map(number).collect()
    }

    /// When lists were asked for, and when jobs were.
    fn arrivals(&self) -> (Vec<Instant>, Vec<Instant>) {
        let targets = self.upstream.targets();
        let calls = targets.iter().zip(self.upstream.arrivals());
        let (lists, jobs): (Vec<_>, Vec<_>) = calls.partition(|(to, _)| is_list(to));
        let times = |calls: Vec<(_, Instant)>| calls.into_iter().map(|(_, at)| at).collect();
        (times(lists), times(jobs))
    }

    /// What `/api/stats` says of sweeps.
    async fn told(&self) -> Value {
        let stats = self.gateway.admin("/api/stats").await;
        let mut stats: Value = serde_json::from_slice(&stats.body).unwrap();
        stats["sweep"].take()
    }

    /// Why the one source is swept or not, and whether it is.
    async fn decision(&self) -> (bool, String) {
        let told = self.told().await;
        let source = &told["sources"][0];
        let why = source["why"].as_str().unwrap_or_default().to_owned();
        assert_eq!(source["off_seconds"].is_null(), source["on"] == true);
        (source["on"] == true, why)
    }

    async fn end(self) -> String {
        self.gateway.end().await
    }
}

/// Upstream calls that have ended, for jobs and lists.
async fn calls_ended(gateway: &Running) -> usize {
    let text = gateway.admin("/metrics").await.text();
    let families = ["jobgate_upstream_calls_total{", "jobgate_list_calls_total{"];
    let lines = text
        .lines()
        .filter(|line| families.iter().any(|family| line.starts_with(family)));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    values.sum()
}

fn is_list(target: &str) -> bool {
    !target.ends_with("/info")
}

fn quota(requests: u32) -> NonZeroU32 {
    NonZeroU32::new(requests).expect("not zero")
}

/// The most calls in any window, wherever it is cut and with both its edges.
fn most_in_a_window(arrivals: &[Instant], window: Duration) -> usize {
    let from = |first: &Instant| {
        let within = |at: &&Instant| *at >= first && **at <= *first + window;
        arrivals.iter().filter(within).count()
    };
    arrivals.iter().map(from).max().unwrap_or_default()
}
