//! The operator's listener over a socket, in front of a double that records what it is asked.

mod access;
mod acts;
mod audit;
mod looks;
mod probes;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::operate::{
    self, Explanation, Key, Operate, Page, Plan, Query, Refreshed, Rhythm, State, Summary, Told,
};
use super::{Access, Admin, MAX_CONNECTIONS, Parts, serve};
use crate::clock::Clock;
use crate::config::{AdminSettings, SecretSource};
use crate::policy::job::JobId;
use crate::policy::limit::{Limit, account};
use crate::telemetry::metrics::{Facts, Metrics, Origin, Snapshot, facts};

/// Long enough never to be the reason that a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

const JOB: &str = "901878212b1a49be9c1a1054c272762a";
const TOKEN: &str = "an-admin-token-0123456789";

/// How the parts stand.
#[derive(Default)]
struct Standing(Mutex<Snapshot>);

impl Facts for Standing {
    fn snapshot(&self) -> Snapshot {
        self.0.lock().unwrap().clone()
    }
}

/// An API of which upstream takes less than is configured, and which others use too.
fn learned() -> account::Standing {
    let limit = |requests: u32, seconds| Limit {
        requests: requests.try_into().unwrap(),
        window: Duration::from_secs(seconds),
    };
    account::Standing {
        budget: limit(50, 60),
        in_force: limit(10, 3),
        remaining: 7,
        in_flight: 1,
        changes: account::Changes {
            adopted: 4,
            raised: 3,
            fell_back: 2,
            lifted: 1,
        },
        foreign_throttles: 5,
        foreign: Some(account::Foreign {
            limit: limit(10, 3),
            own: 2,
        }),
    }
}

/// Records what it is asked, and says what a test wants to be said.
#[derive(Default)]
struct Double {
    asked: Mutex<Vec<String>>,
    /// Nothing is stored, nothing changes, no look succeeds.
    empty: bool,
    /// A look never ends.
    hangs: bool,
    /// How long a look is waited for; by default only until it was asked once, which is enough for all but one that hangs.
    patience: Duration,
    /// Every question is a panic.
    broken: bool,
    /// A walk over all entries lasts as long as a test holds this.
    walking: tokio::sync::Mutex<()>,
    looking: Arc<Notify>,
}

struct Running {
    addr: SocketAddr,
    state: Arc<Standing>,
    double: Arc<Double>,
    metrics: Metrics,
    clock: Clock,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

// === impl Double ===

impl Double {
    fn record(&self, question: String) {
        self.asked.lock().unwrap().push(question);
        assert!(!self.broken, "the double is broken");
    }
}

impl Operate for Double {
    fn entries(&self, query: &Query) -> Page {
        self.record(format!("entries {query:?}"));
        let _over = self.walking.blocking_lock();
        Page {
            entries: vec![summary(JOB)],
            next: Some(JOB.to_owned()),
        }
    }

    fn explain(&self, job: JobId) -> Explanation {
        self.record(format!("explain {job}"));
        Explanation {
            summary: summary(job.as_str()),
            etag: Some("\"f1b3\"".to_owned()),
            last_answer: Some(told()),
            if_asked_now: "It would be answered from memory.".to_owned(),
            rhythm: Some("A build begins about every 25 min.".to_owned()),
            next_look: "In 18 s, when its lifetime ends.".to_owned(),
            plan: Some(plan()),
            story: vec![told()],
        }
    }

    fn invalidate(&self, job: JobId) -> bool {
        self.record(format!("invalidate {job}"));
        !self.empty
    }

    fn invalidate_all(&self) -> u64 {
        self.record("invalidate all".to_owned());
        if self.empty { 0 } else { 7 }
    }

    fn refresh(&self, job: JobId) -> Pin<Box<dyn Future<Output = Refreshed> + Send>> {
        self.record(format!("refresh {job}"));
        self.looking.notify_one();
        if self.hangs {
            return Box::pin(std::future::pending());
        }
        let (stored, changed, error) = if self.empty {
            (false, None, Some("JG.4292".to_owned()))
        } else {
            (true, Some(true), None)
        };
        Box::pin(std::future::ready(Refreshed {
            stored,
            changed,
            error_msg: error.clone().map(|_| "The budget is spent.".to_owned()),
            error_code: error,
            calls: u32::from(stored),
        }))
    }

    fn pause(&self, paused: bool) -> bool {
        self.record(format!("pause {paused}"));
        !self.empty
    }

    fn keys(&self) -> BTreeMap<String, Vec<Key>> {
        BTreeMap::from([("wallboard".to_owned(), vec![key()])])
    }
}

fn summary(job: &str) -> Summary {
    Summary {
        job_id: job.to_owned(),
        state: State::Fresh,
        age_seconds: Some(12.0),
        ttl_seconds: Some(18.0),
        finished: Some(true),
        bytes: Some(559),
        hits: Some(3),
        next_look_seconds: Some(17.5),
    }
}

fn key() -> Key {
    Key {
        kind: "secret".to_owned(),
        fingerprint: "1a2b3c4d".to_owned(),
        last_used: Some("2026-11-24T08:32:50Z".to_owned()),
    }
}

fn plan() -> Plan {
    Plan {
        standing: operate::Standing::UnderWay,
        place: None,
        rhythm: Some(Rhythm {
            builds: 2.5,
            pause_seconds: 1_500.0,
            length_seconds: 90.0,
            asks_per_window: 240.0,
            wrong: 0.03,
            loss_per_window: 7.5,
        }),
    }
}

fn told() -> Told {
    Told {
        at: "2026-11-24T08:32:50Z".to_owned(),
        seconds_ago: 2.0,
        what: "hit".into(),
        text: "Answered from memory.".to_owned(),
        times: 3,
    }
}

// === impl Running ===

async fn running() -> Running {
    running_with(Double::default(), Access::default()).await
}

/// What `[admin]` would say with [`TOKEN`] and a further host.
fn guarded() -> Access {
    let settings = AdminSettings {
        listen: None,
        allowed_hosts: vec!["ops.example".to_owned()],
        token: Some(SecretSource::Env("ADMIN".to_owned())),
    };
    Access::open(&settings, &|_| Some(TOKEN.to_owned())).unwrap()
}

async fn running_with(double: Double, access: Access) -> Running {
    let state = Arc::new(Standing::default());
    state.0.lock().unwrap().accepting = true;
    let (double, clock) = (Arc::new(double), Clock::manual());
    let mut registry = Registry::default();
    facts::register(&mut registry, state.clone());
    let origin = Origin {
        version: "0",
        started: SystemTime::UNIX_EPOCH,
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    let metrics = Metrics::register(&mut registry, origin);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let admin = Admin::new(Parts {
        registry,
        facts: state.clone(),
        requests: metrics.requests.clone(),
        upstream: metrics.upstream.clone(),
        operate: double.clone(),
        access,
        clock: clock.clone(),
        look_patience: double.patience,
    });
    let serving = serve(listener, admin, stop.clone());
    let serving = TaskTracker::new().spawn(serving);
    Running {
        addr,
        state,
        double,
        metrics,
        clock,
        stop,
        serving,
    }
}

impl Running {
    /// Sends a request line with the right `Host` on a connection of its own.
    async fn ask(&self, request_line: &str) -> Answer {
        self.ask_with(request_line, "").await
    }

    /// The same with the token.
    async fn ask_as_operator(&self, request_line: &str) -> Answer {
        self.ask_with(request_line, &format!("Authorization: Bearer {TOKEN}\r\n"))
            .await
    }

    /// The same with further header lines.
    async fn ask_with(&self, request_line: &str, headers: &str) -> Answer {
        let host = format!("Host: {}\r\n{headers}", self.addr);
        self.send(&request(request_line, &host)).await
    }

    async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// What the double was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.double.asked.lock().unwrap())
    }

    /// Stops the listener; it must come to an end by itself.
    async fn stopped(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

/// A request on a connection that ends with its answer.
fn request(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

// === impl Answer ===

impl Answer {
    #[track_caller]
    fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.head);
        let body = self.json();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["error_code", "error_msg", "request_id", "source"]);
        assert_eq!(body["error_code"], code);
        assert_eq!(body["source"], "gateway");
        let id = body["request_id"].as_str().unwrap();
        assert!(self.has(&format!("x-request-id: {id}")) && id.len() == 32);
        self.assert_json_head();
    }

    #[track_caller]
    fn assert_json(&self, expected: &serde_json::Value) {
        assert_eq!((self.status, &self.json()), (200, expected));
        self.assert_json_head();
    }

    #[track_caller]
    fn assert_json_head(&self) {
        for line in [
            "content-type: application/json;charset=utf-8",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
        ] {
            assert!(self.has(line), "{line}: {}", self.head);
        }
        assert!(!self.head.contains("access-control"), "no CORS, ever");
    }

    /// Whether the head has this very line.
    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|found| found == line)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
