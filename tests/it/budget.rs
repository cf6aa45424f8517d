//! Budget mode, over real sockets: the schedule spends the calls, whoever asks. One file a promise.
//!
//! Time is the test's. All of the gateway but its client connections runs on the test's own thread, in turn; so once an answer of the
//! admin listener has come after a step of time, whatever that step set off has begun (`Stage::settled`).

mod bounds;
mod firsts;
mod floors;
mod gone;
mod holds;
mod lifetimes;
mod limits;
mod restarts;
mod sharing;

use std::time::{Duration, Instant};

use jobgate::clock::Clock;

use crate::support::{Answer, Builder, PATIENCE, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream, asked_for};

const MINUTE: Duration = Duration::from_secs(60);
/// A little more than nothing: a slot is free strictly after its window.
const BIT: Duration = Duration::from_millis(1);

const NO_SUCH_JOB: &str = include_str!("../samples/error-422-not-found.json");

/// A gateway in budget mode, its upstream, and their time.
struct Stage {
    clock: Clock,
    upstream: Upstream,
    gateway: Running,
    /// Calls that upstream got from gateways before this one.
    earlier: usize,
}

// === impl Stage ===

impl Stage {
    /// So many calls a minute; upstream answers every call with the documented job, which never changes.
    async fn new(requests: u32) -> Self {
        Self::built(requests, |_, _| A_JOB, |builder| builder).await
    }

    /// Upstream answers the n-th call, for this job, so; and the gateway is built with these changes. Its start is over: the whole
    /// budget is there.
    async fn built(
        requests: u32,
        answer: impl Fn(usize, &str) -> Said + Send + Sync + 'static,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let clock = Clock::manual();
        let answer = move |n, head: &_| answer(n, &asked_for(head));
        let upstream = Upstream::start(&clock, answer).await;
        Self::over(clock, upstream, requests, change).await
    }

    /// In front of this upstream.
    async fn over(
        clock: Clock,
        upstream: Upstream,
        requests: u32,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let builder = in_front_of(&upstream.url())
            .with_clock(&clock)
            .in_budget_mode(requests, MINUTE);
        let gateway = change(builder).start();
        let stage = Self {
            clock,
            upstream,
            gateway,
            earlier: 0,
        };
        stage.pass(MINUTE + BIT).await;
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
            self.pass(Duration::from_secs(1)).await;
        }
    }

    /// The same, while these jobs are asked for each second.
    async fn polled(&self, jobs: &[String], seconds: u32) {
        for _ in 0..seconds {
            for job in jobs {
                assert_eq!(self.gateway.job(job).await.status, 200);
            }
            self.seconds(1).await;
        }
    }

    /// Waits until every call that has begun is over, and no further one follows.
    async fn settled(&self) {
        let settling = async {
            let mut before = None;
            loop {
                let tried = self.gateway.calls_tried().await;
                let calls = self.upstream.calls() - self.earlier;
                if tried == calls && before == Some(calls) {
                    return;
                }
                before = Some(calls);
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settling).await;
        settled.expect("calls end");
    }

    /// When a job was asked for upstream.
    fn looks(&self, job: &str) -> Vec<Instant> {
        let (jobs, arrivals) = (self.upstream.jobs(), self.upstream.arrivals());
        let looks = jobs.iter().zip(arrivals).filter(|(asked, _)| *asked == job);
        looks.map(|(_, at)| at).collect()
    }

    /// Jobs that are stored by now, with the calls they cost.
    async fn stored(&self, jobs: std::ops::Range<usize>) -> Vec<String> {
        let jobs: Vec<_> = jobs.map(nth_job).collect();
        for job in &jobs {
            assert_eq!(self.gateway.job(job).await.status, 200);
        }
        jobs
    }

    /// The same, if need be after as long as they are told to wait.
    async fn stored_in_turn(&self, jobs: std::ops::Range<usize>) -> Vec<String> {
        let jobs: Vec<_> = jobs.map(nth_job).collect();
        for job in &jobs {
            loop {
                let answer = self.gateway.job(job).await;
                if answer.status == 200 {
                    break;
                }
                self.pass(Duration::from_secs(told_to_wait(&answer))).await;
            }
        }
        jobs
    }

    async fn end(self) {
        self.gateway.end().await;
    }
}

/// The answer to somebody whose turn is later: in so many seconds.
#[track_caller]
fn told_to_wait(answer: &Answer) -> u64 {
    let told = (answer.status.as_u16(), answer.code());
    assert_eq!(told, (429, "JG.4292".to_owned()), "{}", answer.text());
    answer.header("retry-after").parse().expect("whole seconds")
}

/// `max-age` and `Age` of an answer, in seconds; that they agree with `ttl` is checked.
#[track_caller]
fn ages(answer: &Answer) -> (u64, u64) {
    let (_, _, age) = answer.label();
    let max_age = answer.header("cache-control");
    let max_age = max_age
        .strip_prefix("private, max-age=")
        .expect("a lifetime");
    (
        max_age.parse().expect("seconds"),
        age.parse().expect("seconds"),
    )
}

/// The most calls in any window of this length, wherever it is cut and with both its edges.
fn most_in_a_window(arrivals: &[Instant], window: Duration) -> usize {
    let from = |first: &Instant| {
        let within = |at: &&Instant| *at >= first && **at <= *first + window;
        arrivals.iter().filter(within).count()
    };
    arrivals.iter().map(from).max().unwrap_or_default()
}
