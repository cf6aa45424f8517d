//! Upstream stops: stored jobs go on being answered, labelled; others are told the error at once; upstream is tried once a
//! back-off step; and when it returns, it is used again within one step.

use std::time::{Duration, Instant};

use jobgate::clock::Clock;

use crate::flaky::{Flaky, Mood};
use crate::support::{Running, in_front_of, nth_job};

/// Jobs with a stored answer, from 0; those without follow.
const STORED: usize = 50;
const UNKNOWN: usize = 20;

const STEP: Duration = Duration::from_millis(100);
/// Three minutes of steps.
const STEPS: usize = 1_800;
/// Attempts in a row that show that upstream is down.
const MISSES: usize = 3;
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// A way to be down, and what is told of it.
struct Case {
    how: Mood,
    cause: &'static str,
    error: (u16, &'static str),
}

struct Outage {
    upstream: Flaky,
    gateway: Running,
    began: Instant,
    case: Case,
    body: bytes::Bytes,
    /// Answers to requests for unknown jobs that were not given at once.
    waited: usize,
    /// Attempts that were seen upstream and have been given up.
    settled: usize,
}

/// Pauses grow from a second to the longest, each less up to a fifth of it.
fn shortest_pause(step: usize) -> Duration {
    let whole = Duration::from_secs(1) * 2_u32.pow(step.min(10).try_into().unwrap());
    whole.min(LONGEST) * 4 / 5
}

// === impl Outage ===

impl Outage {
    /// Fifty jobs are stored and stale; then upstream stops, and that has become known.
    async fn begin(mut case: Case) -> Self {
        let clock = Clock::manual();
        let mut upstream = Flaky::start(&clock, Mood::well()).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_stale_answers()
            .with(|settings| settings.upstream.timeout = Duration::from_millis(250))
            .start();
        let mut body = bytes::Bytes::new();
        for n in 0..STORED {
            let stored = gateway.job(&nth_job(n)).await;
            assert_eq!(stored.label(), (200, "fwd=uri-miss; stored; ttl=30", "0"));
            body = stored.body;
        }
        assert_eq!(upstream.attempts(), STORED);
        clock.advance(Duration::from_secs(40));
        let how = std::mem::replace(&mut case.how, Mood::Refuses);
        upstream.turn(how).await;
        let began = clock.now();
        let mut outage = Self {
            upstream,
            gateway,
            began,
            case,
            body,
            waited: 0,
            settled: 0,
        };
        for n in 0..UNKNOWN {
            if outage.is_known().await {
                break;
            }
            outage.ask_unknown(n).await;
        }
        assert!(outage.is_known().await);
        assert_eq!(outage.attempts().await, MISSES);
        outage.waited = 0;
        outage
    }

    async fn is_known(&self) -> bool {
        self.gateway.metric("jobgate_upstream_down").await == 1.0
    }

    /// Attempts since upstream has stopped. A refused connection leaves no trace but the gateway's own count.
    async fn attempts(&self) -> usize {
        self.gateway.calls_tried().await - STORED
    }

    async fn ask_stored(&self, n: usize) {
        let answer = self.gateway.job(&nth_job(n % STORED)).await;
        let (status, label, age) = answer.label();
        assert_eq!((status, &answer.body), (200, &self.body), "{label}");
        let since = self.gateway.clock.now() - self.began;
        let expected = (Duration::from_secs(40) + since).as_secs();
        assert_eq!(age, expected.to_string());
        let detail = label.rsplit("; detail=").next();
        let known = ["revalidating", self.case.cause];
        assert!(
            detail.is_some_and(|detail| known.contains(&detail)),
            "{label}"
        );
        assert!(label.starts_with("hit; ttl=-"), "{label}");
    }

    async fn ask_unknown(&mut self, n: usize) {
        let answer = self.gateway.job(&nth_job(STORED + n % UNKNOWN)).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (self.case.error.0, self.case.error.1.to_owned()));
        let label = answer.label().1;
        let at_once = label == format!("detail={}", self.case.cause);
        assert!(at_once || label == "fwd=uri-miss", "{label}");
        self.waited += usize::from(!at_once);
    }

    async fn last(&mut self) {
        for n in 0..STEPS {
            self.gateway.clock.advance(STEP);
            self.ask_stored(n).await;
            self.ask_unknown(n).await;
            self.settle().await;
        }
    }

    /// Time stands still until a request that upstream does not answer has been given up.
    async fn settle(&mut self) {
        let seen = self.upstream.unanswered().len();
        if self.settled < seen {
            let given_up = || async { self.attempts().await == seen };
            self.gateway.until("it is given up", given_up).await;
            self.settled = seen;
        }
    }

    /// One attempt a step, and none left out: the pauses are 1, 2, 4, 8, 16, 30, 30 … seconds, less up to a fifth.
    async fn check_attempts(&self) {
        let probes = self.attempts().await - MISSES;
        assert!((8..=11).contains(&probes), "{probes} in three minutes");
        assert!(self.waited <= probes, "{} waited for {probes}", self.waited);
        let arrivals = self.upstream.unanswered();
        for (step, pair) in arrivals.windows(2).skip(MISSES - 1).enumerate() {
            let (gap, least) = (pair[1] - pair[0], shortest_pause(step));
            assert!(gap >= least, "step {step}: {gap:?}, at least {least:?}");
        }
    }

    /// Upstream answers again; how long it takes until that is noticed.
    async fn ends(&mut self) -> Duration {
        self.upstream.turn(Mood::well()).await;
        let began = self.gateway.clock.now();
        for n in 0.. {
            if !self.is_known().await {
                break;
            }
            self.gateway.clock.advance(STEP);
            let _ = self.gateway.job(&nth_job(n % STORED)).await;
        }
        self.gateway.clock.now() - began
    }

    /// What was stored is fresh again, and what was not is there.
    async fn all_is_well(self) {
        self.gateway.clock.advance(LONGEST); // the longest that a job of its own rests
        for n in 0..STORED {
            let fresh = self.gateway.until_label(&nth_job(n), "hit; ttl=30").await;
            assert_eq!(fresh.body, self.body);
        }
        for n in STORED..STORED + UNKNOWN {
            let answer = self.gateway.job(&nth_job(n)).await;
            assert_eq!(answer.label(), (200, "fwd=uri-miss; stored; ttl=30", "0"));
            assert_eq!(answer.body, self.body);
        }
        self.gateway.end().await;
    }
}

async fn play(case: Case) {
    let is_seen = !matches!(case.how, Mood::Refuses);
    let mut outage = Outage::begin(case).await;
    outage.last().await;
    outage.check_attempts().await;
    if is_seen {
        let seen = outage.upstream.unanswered().len();
        assert_eq!(outage.attempts().await, seen);
    }
    let noticed = outage.ends().await;
    assert!(noticed <= LONGEST + STEP, "{noticed:?}");
    outage.all_is_well().await;
}

#[tokio::test]
async fn an_upstream_that_refuses_connections_is_tried_once_a_step_and_used_when_it_is_back() {
    let (how, cause, error) = (Mood::Refuses, "unreachable", (502, "JG.5021"));
    play(Case { how, cause, error }).await;
}

#[tokio::test]
async fn an_upstream_that_cuts_connections_is_tried_once_a_step_and_used_when_it_is_back() {
    let (how, cause, error) = (Mood::Cuts, "unreachable", (502, "JG.5021"));
    play(Case { how, cause, error }).await;
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_tried_once_a_step_and_used_when_it_is_back() {
    let (how, cause, error) = (Mood::IsSilent, "slow", (504, "JG.5042"));
    play(Case { how, cause, error }).await;
}
