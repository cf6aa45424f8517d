//! One fault, one gateway, one sandbox, fifty clients on connections of their own, and a clock that is moved by hand.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jobgate::admin::stats::Stats;
use jobgate::clock::Clock;
use jobgate::policy::normalise::normalise;
use jobgate::sandbox::{SandboxCredential, Scenario};
use secrecy::ExposeSecret as _;

use super::cases::{Case, Waits};
use super::truth::{Truth, seconds};
use crate::sandbox::Double;
use crate::support::{Answer, PATIENCE, Running, nth_job};

/// A job that is asked for before the fault: the credential is proven, and upstream's ids are known to agree.
const ANOTHER: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Clients. The first one asks for the first job, the second one for the second, and so on in turn.
pub(super) const CLIENTS: usize = 50;
/// The last of the seconds in which all clients ask, the first being 0. Rests after failed looks (1 s, 2 s, 4 s, less up to a
/// fifth) end within them, so looks are made at 0, 1, 3 and 7 s whatever the jitter.
const LAST_SECOND: u64 = 7;
/// After those, one client asks so often, at this distance, until the rests are as long as they get (30 s). What is stored is
/// past `stale_while_revalidate` each time.
const LONG_ASKS: u32 = 3;
const LONG_PAUSE: Duration = Duration::from_secs(80);
/// Most attempts of a look.
const ATTEMPTS: u64 = 3;

/// How long a client waits that has something to fall back on (layers/collapse/patience.rs).
const STALE_PATIENCE: Duration = Duration::from_secs(2);

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
    fn of(waits: Waits) -> Self {
        let (upstream, request) = match waits {
            Waits::Timeout => (Duration::from_millis(1_500), Duration::from_secs(5)),
            Waits::AtOnce | Waits::Retries => (Duration::from_secs(10), Duration::from_secs(12)),
        };
        Self { upstream, request }
    }
}

// === impl Stage ===

impl Stage {
    /// Upstream is well, and what shall be stored is.
    pub(super) async fn set(case: &'static Case, situation: Situation, jobs: usize) -> Self {
        let double = Double::start().await;
        let Timing { upstream, request } = Timing::of(case.waits);
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

    /// All clients ask, for some seconds.
    pub(super) async fn seconds_of_asking(&mut self) {
        let before = self.calls();
        for second in 0..=LAST_SECOND {
            if second > 0 {
                self.advance(Duration::from_secs(1));
            }
            self.ask_together().await;
        }
        let calls = self.calls() - before;
        let expected = self.most_calls();
        if calls != expected {
            self.complain(&format!("{calls} calls, not {expected}"));
        }
    }

    /// One client asks now and then, until everything rests as long as it ever does. By then all was told that is ever told.
    pub(super) async fn minutes_of_asking(&mut self) {
        for _ in 0..LONG_ASKS {
            self.advance(LONG_PAUSE);
            let before = self.calls();
            self.ask_alone().await;
            let calls = self.calls() - before;
            if calls > ATTEMPTS {
                self.complain(&format!("{calls} calls for one look"));
            }
        }
        self.expect(self.expected());
    }

    /// The fault is over: within the longest rest the job is fresh, for everybody.
    pub(super) async fn lift_and_recover(&mut self) {
        self.is_on = false;
        self.advance(Duration::from_secs(1)); // so that each second has one truth
        self.double.sandbox.set_scenario(Scenario::default());
        let latest = self.now + self.case.back.within();
        while !self.is_fresh().await {
            if self.now >= latest {
                self.complain("not fresh again in time");
                return;
            }
            self.advance(Duration::from_secs(1));
        }
        let mut until_then: BTreeSet<_> = self.expected().iter().copied().collect();
        until_then.insert("fresh");
        self.expect_at_most(&until_then);
        self.ask_together().await;
        self.expect(&["fresh"]);
    }

    /// All clients ask for once, and once more: the first looks decide what is told, and there are no more of them.
    pub(super) async fn ask_twice(&mut self) {
        let before = self.calls();
        self.ask_together().await;
        self.expect_at_most(&self.expected().iter().copied().collect());
        let first = self.calls() - before;
        self.ask_together().await;
        let settled = match self.situation {
            Situation::Cold => self.expected(),
            Situation::Stale | Situation::Behind => &self.expected()[self.expected().len() - 1..],
        };
        self.expect_at_most(&settled.iter().copied().collect());
        let (calls, most) = (self.calls() - before, self.most_calls());
        if first == 0 || calls > most {
            self.complain(&format!("{calls} calls, not at most {most}"));
        }
    }

    /// The fault is over, and so is the longest rest: after one more look all jobs are fresh.
    pub(super) async fn lift_and_wait(&mut self) {
        self.is_on = false;
        self.double.sandbox.set_scenario(Scenario::default());
        self.advance(self.case.back.within());
        self.ask_alone().await; // where nobody is sure of upstream, one call goes first
        self.told.clear();
        self.ask_together().await;
        self.expect(&["fresh"]);
    }

    /// While the look behind their answers runs, clients get what is stored; after it, what came of it.
    pub(super) async fn ask_before_and_after_the_look(&mut self) {
        const DURING: &str = "stale revalidating";
        let before = self.calls();
        self.ask_together().await;
        let mut expected: BTreeSet<_> = self.expected().iter().copied().collect();
        if !self.told.contains(DURING) {
            self.complain("nobody was answered while the look ran");
        }
        expected.insert(DURING);
        let look = async {
            while self.ask_alone().await.as_deref() == Some(DURING) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, look).await;
        ended.expect("the look ends");
        self.expect_at_most(&expected);
        expected.remove(DURING);
        self.ask_together().await;
        self.expect_at_most(&expected);
        let calls = self.calls() - before;
        if !(1..=ATTEMPTS).contains(&calls) {
            self.complain(&format!("{calls} calls for one look"));
        }
    }

    /// The longest wait was for what it should be for. `server.request_timeout` is the contract; twice as long leaves room for
    /// a machine that has other things to do than to wake whoever waits.
    fn check_the_longest_wait(&mut self) {
        let timing = Timing::of(self.case.waits);
        let bounds = match (self.situation, self.case.waits) {
            (_, Waits::AtOnce | Waits::Retries) => Duration::ZERO..timing.upstream,
            (Situation::Cold | Situation::Stale, Waits::Timeout) => {
                timing.upstream..2 * timing.request
            }
            // the labels have shown that nobody waited for the look
            (Situation::Behind, Waits::Timeout) => Duration::ZERO..2 * timing.request,
        };
        if !bounds.contains(&self.worst) {
            self.complain(&format!("the longest wait was {:?}", self.worst));
        }
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

    // --- asking ---

    /// All clients ask at once.
    async fn ask_together(&mut self) {
        self.learn().await;
        let (jobs, gateway) = (self.jobs.iter().cycle(), &self.gateway);
        let asking = self.clients.iter().zip(jobs).map(async |(client, job)| {
            let (answer, took) = ask(client, gateway, job).await;
            (job.clone(), answer, took)
        });
        for (job, answer, took) in join_all(asking).await {
            self.hear(&job, &answer, took);
        }
    }

    /// One client asks once.
    async fn ask_alone(&mut self) -> Option<String> {
        self.learn().await;
        let job = self.jobs[0].clone();
        let (answer, took) = ask(&self.clients[0], &self.gateway, &job).await;
        self.hear(&job, &answer, took)
    }

    async fn is_fresh(&mut self) -> bool {
        self.ask_alone().await.as_deref() == Some("fresh")
    }

    fn hear(&mut self, job: &str, answer: &Answer, took: Duration) -> Option<String> {
        self.worst = self.worst.max(took);
        match self.truth.told(job, answer, seconds(self.now)) {
            // whoever has something to fall back on waits two seconds at most, and the machine may be as busy as that
            Ok(told) if told == "stale slow" && took >= STALE_PATIENCE => Some(told),
            Ok(told) => {
                self.told.insert(told.clone());
                Some(told)
            }
            Err(wrong) => {
                self.complain(&wrong);
                None
            }
        }
    }

    /// What the sandbox says of the jobs now, if it says anything; it is asked as the gateway asks, but past it.
    async fn learn(&mut self) {
        if self.is_on && !self.case.cold.contains(&"fresh") {
            return;
        }
        let token = SandboxCredential::default().token;
        let asking = self.jobs.iter().map(|job| {
            let request = Request::get(format!("{}/v1/job/{job}/info", self.url))
                .header("x-auth-token", token.expose_secret())
                .body(Empty::new());
            self.gateway.send(request.expect("a request"))
        });
        for (job, answer) in self.jobs.iter().zip(join_all(asking).await) {
            self.own_calls += 1;
            if answer.status == 200 {
                let success = normalise(&answer.body).expect("a success");
                self.truth.learn(job, seconds(self.now), success.body);
            }
        }
    }

    // --- counting and complaining ---

    /// Calls of the gateway, as the sandbox counts them.
    fn calls(&self) -> u64 {
        self.double.sandbox.stats().requests - self.own_calls
    }

    /// Calls of the gateway, as it counts them itself.
    async fn paid(&self) -> u64 {
        let stats = self.gateway.admin("/api/stats").await;
        let stats: Stats = serde_json::from_slice(&stats.body).expect("statistics");
        stats.upstream.calls
    }

    fn most_calls(&self) -> u64 {
        let (cold, stored) = self.case.calls;
        match self.situation {
            Situation::Cold => cold,
            Situation::Stale | Situation::Behind => stored,
        }
    }

    fn expected(&self) -> &'static [&'static str] {
        match self.situation {
            Situation::Cold => self.case.cold,
            Situation::Stale | Situation::Behind => self.case.stored,
        }
    }

    /// Since this was last looked at, clients were told just this.
    fn expect(&mut self, expected: &[&str]) {
        let told = std::mem::take(&mut self.told);
        if !told.iter().eq(BTreeSet::from_iter(expected)) {
            self.complain(&format!("told {told:?}, not {expected:?}"));
        }
    }

    /// The same, but not all of it need have been told.
    fn expect_at_most(&mut self, expected: &BTreeSet<&str>) {
        let told = std::mem::take(&mut self.told);
        if told.iter().any(|it| !expected.contains(it.as_str())) {
            self.complain(&format!("told {told:?}, not only {expected:?}"));
        }
    }

    fn complain(&mut self, what: &str) {
        let (fault, situation, now) = (self.case.fault, self.situation, self.now);
        self.wrong
            .push(format!("{fault}, {situation:?}, at {now:?}: {what}"));
    }

    fn advance(&mut self, by: Duration) {
        self.double.clock.advance(by);
        self.now += by;
    }
}

/// What a client gets, and how long it waits for it.
async fn ask(
    client: &Client<HttpConnector, Empty<Bytes>>,
    gateway: &Running,
    job: &str,
) -> (Answer, Duration) {
    let clock = Clock::system();
    let request = Request::get(format!("http://{}/v1/job/{job}/info", gateway.addr));
    let request = request.body(Empty::new()).expect("a request");
    let asked = clock.now();
    let response = tokio::time::timeout(PATIENCE, client.request(request)).await;
    let answer = Answer::read(response.expect("an answer in time").expect("an answer")).await;
    (answer, clock.now() - asked)
}
