//! One fault, one gateway, one sandbox, fifty clients on connections of their own, and a clock that is moved by hand.

mod ask;
mod check;
mod play;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::cases::{Case, Waits};
use super::truth::Truth;
use crate::sandbox::Double;
use crate::support::{Running, nth_job};

/// A job that is asked for before the fault: the credential is proven, and upstream's ids are known to agree.
const ANOTHER: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Clients. The first one asks for the first job, the second one for the second, and so on in turn.
pub(super) const CLIENTS: usize = 50;
/// `cache.ttl` and `cache.ttl_running`: longer than the seconds of asking, so that a job that was got is got once.
pub(super) const LIFETIME: Duration = Duration::from_secs(10);
/// `cache.stale_while_revalidate`
const WHILE_REVALIDATE: Duration = Duration::from_secs(60);
/// `cache.stale_if_error`
const IF_ERROR: Duration = Duration::from_hours(1);
/// `cache.ttl_not_found`
const NOT_FOUND: Duration = Duration::from_secs(30);

/// What is stored when the fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// Nothing.
    Cold,
    /// An answer past `stale_while_revalidate`: requests wait for a look.
    Stale,
    /// An answer within it: requests are answered at once, and there is a look behind them.
    Behind,
}

/// The time-outs of a gateway.
struct Timing {
    /// `upstream.timeout`
    upstream: Duration,
    /// `server.request_timeout`
    request: Duration,
}

/// See the module.
pub(super) struct Stage {
    case: &'static Case,
    situation: Situation,
    double: Double,
    gateway: Running,
    url: String,
    clients: Vec<Client<HttpConnector, Empty<Bytes>>>,
    /// What is asked for.
    jobs: Vec<String>,
    /// What the clock was moved by.
    now: Duration,
    truth: Truth,
    /// The fault has begun, and not ended.
    is_on: bool,
    /// Calls that the test itself has made to the sandbox.
    own_calls: u64,
    /// What clients were told since this was last looked at.
    told: BTreeSet<String>,
    wrong: Vec<String>,
    worst: Duration,
}

// === impl Timing ===

impl Timing {
    /// Short where somebody is to wait for a time-out, but not so short that upstream's good answers are late on a busy machine.
    /// Elsewhere longer than any wait on one, so that nobody who waits for a time-out goes unnoticed.
    fn of(case: &Case, situation: Situation) -> Self {
        let (upstream, request) = match (case.waits, situation) {
            (Waits::Timeout, Situation::Cold | Situation::Stale) => (1_500, 5_000),
            (Waits::Timeout, Situation::Behind) => (5_000, 8_000), // the look's end is waited for
            (Waits::AtOnce | Waits::Retries, _) => (10_000, 12_000),
        };
        Self {
            upstream: Duration::from_millis(upstream),
            request: Duration::from_millis(request),
        }
    }
}

// === impl Stage ===

impl Stage {
    /// Upstream is well, and what shall be stored is.
    pub(super) async fn set(case: &'static Case, situation: Situation, jobs: usize) -> Self {
        let double = Double::start().await;
        let Timing { upstream, request } = Timing::of(case, situation);
        let builder = double.gateway().with(|settings| {
            settings.upstream.timeout = upstream;
            settings.server.request_timeout = request;
            settings.cache.ttl = LIFETIME;
            settings.cache.ttl_running = LIFETIME;
            settings.cache.ttl_not_found = NOT_FOUND;
            settings.cache.stale_while_revalidate = WHILE_REVALIDATE;
            settings.cache.stale_if_error = IF_ERROR;
        });
        let url = builder.settings.upstream.endpoint.to_string();
        let client = || Client::builder(TokioExecutor::new()).build_http();
        let mut stage = Self {
            case,
            situation,
            gateway: builder.start(),
            url: url.trim_end_matches('/').to_owned(),
            double,
            clients: (0..CLIENTS).map(|_| client()).collect(),
            jobs: (0..jobs).map(nth_job).collect(),
            now: Duration::ZERO,
            truth: Truth::default(),
            is_on: false,
            own_calls: 0,
            told: BTreeSet::new(),
            wrong: Vec::new(),
            worst: Duration::ZERO,
        };
        assert_eq!(stage.gateway.job(ANOTHER).await.status, 200);
        if situation != Situation::Cold {
            stage.ask_together().await;
            stage.expect(&["fresh"]);
        }
        match situation {
            Situation::Cold => {}
            Situation::Stale => stage.advance(LIFETIME + WHILE_REVALIDATE * 3 / 2),
            Situation::Behind => stage.advance(LIFETIME + WHILE_REVALIDATE / 2),
        }
        stage
    }

    /// The fault begins, for all jobs.
    pub(super) fn begin(&mut self) {
        self.is_on = true;
        let scenario = format!("[[rules]]\ndo = {}", self.case.fault);
        let scenario = scenario.parse().expect("a scenario");
        self.double.sandbox.set_scenario(scenario);
    }

    /// Ends it: what was wrong, and the longest wait.
    pub(super) async fn end(mut self) -> (Vec<String>, Duration) {
        self.check_the_longest_wait();
        let paid = self.paid().await;
        if paid != self.calls() {
            self.complain(&format!("{paid} calls paid, {} made", self.calls()));
        }
        self.clients.clear();
        self.gateway.end().await;
        (self.wrong, self.worst)
    }

    fn advance(&mut self, by: Duration) {
        self.double.clock.advance(by);
        self.now += by;
    }
}
