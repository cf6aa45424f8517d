//! Every way in which upstream can fail a stale job: what is stored is served, and says why; then the job rests.

use std::time::Duration;

use jobgate::clock::Clock;

use crate::flaky::{Flaky, Mood};
use crate::raw::Reply;
use crate::support::{Answer, JOB, Running, in_front_of};

const LOAD_BALANCER: &str = include_str!("../../samples/error-502-load-balancer.html");
const THROTTLED: &str = include_str!("../../samples/error-429-user.json");
const REFUSED: &str = include_str!("../../samples/error-401-signature.json");
const NO_SUCH_API: &str = include_str!("../../samples/error-404-apigw.json");
const FORBIDDEN: &str = include_str!("../../samples/error-403-build.json");

/// A way to fail, and what is told of it.
struct Case {
    how: fn() -> Mood,
    /// Upstream's status, if it answers.
    status: Option<u16>,
    /// The token of `detail`.
    cause: &'static str,
    /// Calls of one look, retries included.
    calls: usize,
    /// What a client gets when nothing stored may be served any more; and what, while the job rests.
    errors: [(u16, &'static str); 2],
}

fn says(status: u16, body: &str) -> Mood {
    Mood::Says(Reply::with(status, "Connection: close\r\n", body))
}

#[rustfmt::skip] // a table
const CASES: &[Case] = &[
    Case { how: || Mood::Refuses, status: None, cause: "unreachable", calls: 3, errors: [(502, "JG.5021"); 2] },
    Case { how: || Mood::Cuts, status: None, cause: "unreachable", calls: 2, errors: [(502, "JG.5021"); 2] },
    Case { how: || says(500, ""), status: Some(500), cause: "failed", calls: 1, errors: [(500, "JG.5023"); 2] },
    Case { how: || says(502, LOAD_BALANCER), status: Some(502), cause: "failed", calls: 3, errors: [(502, "JG.5023"); 2] },
    Case { how: || says(503, ""), status: Some(503), cause: "failed", calls: 3, errors: [(503, "JG.5023"); 2] },
    Case { how: || says(200, "<html>"), status: Some(200), cause: "not-success", calls: 1, errors: [(502, "JG.5024"); 2] },
    Case { how: || says(403, FORBIDDEN), status: Some(403), cause: "refused", calls: 1, errors: [(403, "CB.00031059"); 2] },
    Case { how: || says(404, NO_SUCH_API), status: Some(404), cause: "misconfigured", calls: 1, errors: [(502, "JG.5025"); 2] },
    // these begin a hold, which is asked each time: it knows best when it ends
    Case { how: || says(401, REFUSED), status: Some(401), cause: "credential", calls: 1, errors: [(502, "JG.5022"), (503, "JG.5033")] },
    Case { how: || says(429, THROTTLED), status: Some(429), cause: "throttled", calls: 1, errors: [(429, "APIGW.0308"), (429, "JG.4292")] },
];

/// A gateway with one stored job, and an upstream that has turned bad.
struct House {
    case: &'static Case,
    upstream: Flaky,
    gateway: Running,
    stored: Answer,
    calls: usize,
}

// === impl House ===

impl House {
    async fn with(case: &'static Case) -> Self {
        let clock = Clock::manual();
        let mut upstream = Flaky::start(&clock, Mood::well()).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_stale_answers()
            .start();
        let stored = gateway.job(JOB).await;
        upstream.turn((case.how)()).await;
        Self {
            case,
            upstream,
            gateway,
            stored,
            calls: 1,
        }
    }

    fn advance(&self, seconds: u64) {
        self.gateway.clock.advance(Duration::from_secs(seconds));
    }

    /// What was stored is served, with this label and age.
    #[track_caller]
    fn assert_stale(&self, answer: &Answer, label: &str, age: &str) {
        let label = format!("{label}; detail={}", self.case.cause);
        assert_eq!(answer.label(), (200, label.as_str(), age));
        assert_eq!(answer.body, self.stored.body, "{label}");
    }

    /// So many looks more were made.
    async fn assert_looks(&mut self, looks: usize) {
        self.calls += looks * self.case.calls;
        let told = (self.case.status, self.case.cause);
        let tried = self.gateway.calls_tried().await;
        assert_eq!(tried, self.calls, "{told:?}");
        if !matches!((self.case.how)(), Mood::Refuses) {
            let attempts = self.upstream.attempts();
            assert_eq!(attempts, self.calls, "{told:?}");
        }
    }

    /// `fwd=stale`, and upstream's status.
    fn forwarded(&self) -> String {
        let status = self.case.status;
        let status = status.map(|status| format!("; fwd-status={status}"));
        format!("fwd=stale{}", status.unwrap_or_default())
    }
}

/// Older than what is served at once: asked for, waited for, and what is stored served after all.
async fn waited_for(case: &'static Case) {
    let mut house = House::with(case).await;
    house.advance(660);
    let first = house.gateway.job(JOB).await;
    let label = format!("{}; ttl=-630", house.forwarded());
    house.assert_stale(&first, &label, "660");
    house.assert_looks(1).await;

    for _ in 0..3 {
        let resting = house.gateway.job(JOB).await;
        house.assert_stale(&resting, "hit; ttl=-630", "660");
    }
    house.gateway.clock.advance(Duration::from_millis(700)); // the first rest is 0.8 s at least
    let resting = house.gateway.job(JOB).await;
    house.assert_stale(&resting, "hit; ttl=-631", "660");
    house.assert_looks(0).await;
    house.gateway.end().await;
}

/// Served at once while the look behind fails; then, while the job rests, with its cause.
async fn behind(case: &'static Case) {
    let mut house = House::with(case).await;
    house.advance(32);
    let first = house.gateway.job(JOB).await;
    assert_eq!(
        first.label(),
        (200, "hit; ttl=-2; detail=revalidating", "32")
    );
    assert_eq!(first.body, house.stored.body);
    let label = format!("hit; ttl=-2; detail={}", case.cause);
    house.gateway.until_label(JOB, &label).await;
    house.assert_looks(1).await;
    house.gateway.end().await;
}

/// Past everything: the exact error, again while the job rests; and all is well when upstream is.
async fn past_all(case: &'static Case) {
    let mut house = House::with(case).await;
    house.advance(3_630);
    let [first, resting] = case.errors;
    let told = |answer: &Answer| (answer.status.as_u16(), answer.code());
    let error = house.gateway.job(JOB).await;
    assert_eq!(told(&error), (first.0, first.1.to_owned()));
    assert_eq!(error.label().1, house.forwarded(), "{}", case.cause);
    house.assert_looks(1).await;
    let again = house.gateway.job(JOB).await;
    assert_eq!(told(&again), (resting.0, resting.1.to_owned()));
    let held = format!("detail={}", case.cause);
    assert_eq!(again.label().1, held);
    house.assert_looks(0).await;

    house.upstream.turn(Mood::well()).await;
    house.advance(3_600);
    let fresh = house.gateway.job(JOB).await;
    assert_eq!(fresh.label(), (200, "fwd=stale; stored; ttl=30", "0"));
    house.gateway.end().await;
}

#[tokio::test]
async fn a_look_that_fails_is_made_up_for_by_what_is_stored_and_the_job_rests() {
    futures_util::future::join_all(CASES.iter().map(waited_for)).await;
}

#[tokio::test]
async fn a_look_behind_that_fails_tells_its_cause_to_the_next_and_the_job_rests() {
    futures_util::future::join_all(CASES.iter().map(behind)).await;
}

#[tokio::test]
async fn past_the_last_window_the_error_is_exact() {
    futures_util::future::join_all(CASES.iter().map(past_all)).await;
}
