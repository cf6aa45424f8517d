//! A running gateway, a mock upstream, and a client.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use httpmock::{Mock, MockServer};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jobgate::app::{Ended, Environment, Gateway};
use jobgate::clock::Clock;
use jobgate::config::{
    self, AuthMode, AuthSettings, BudgetMode, ClientSettings, CredentialSettings, LogFormat,
    Settings, SweepMode, UpstreamFrom,
};
use jobgate::credential::Credential;
use jobgate::policy::allowance::Allowance;
use jobgate::telemetry::lines::Lines;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The job of upstream's own example.
pub(crate) const JOB: &str = "901878212b1a49be9c1a1054c272762a";
/// What upstream answers for it.
pub(crate) const DOCUMENTED: &str = include_str!("../samples/success-documented.json");
/// The made-up access key of the tests.
pub(crate) const ACCESS_KEY: &str = "AKTESTTESTTESTTEST00";
/// The made-up secret key of the tests, which must be seen nowhere.
pub(crate) const SECRET_KEY: &str = "sk-test-0123456789abcdef0123456789abcdef";

/// Longest wait for anything in a test, far above what it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the gateway wrote to its log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// The longest that a job rests after one failed look; each further failure doubles it.
pub(crate) const FIRST_REST: Duration = Duration::from_secs(1);

/// Gives a gateway its settings.
pub(crate) struct Builder {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    credential: Credential,
    upstream_is_new: bool,
}

/// A running gateway. It must be ended with [`Running::end`], which checks that nothing is left over.
pub(crate) struct Running {
    gateway: Option<Gateway>,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) clock: Clock,
    log: Log,
    lines: Lines,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

// === impl Builder ===

/// A gateway in front of `upstream` (its base URL), on ephemeral ports, open to all, with a system clock and a budget that no test
/// spends by accident.
pub(crate) fn in_front_of(upstream: &str) -> Builder {
    let checked = config::load(None, UpstreamFrom::Sandbox, []).expect("the defaults are good");
    let mut settings = checked.settings;
    settings.server.listen = "127.0.0.1:0".parse().expect("an address");
    settings.admin.listen = Some(settings.server.listen);
    settings.server.workers = 2;
    settings.upstream.endpoint = upstream.parse().expect("a URL");
    settings.budget.requests = NonZeroU32::new(10_000).expect("not zero");
    settings.budget.mode = BudgetMode::Ttl;
    settings.budget.learn = false;
    settings.budget.sweep.mode = SweepMode::Off;
    settings.log.format = LogFormat::Json;
    // most tests look at plain lifetimes: an answer is fresh or gone; those of stale answers and of remembered denials
    // switch them on
    settings.cache.ttl_not_found = Duration::ZERO;
    settings.cache.stale_while_revalidate = Duration::ZERO;
    settings.cache.stale_if_error = Duration::ZERO;
    let credential = Credential::from_keys(ACCESS_KEY, SECRET_KEY).expect("a good credential");
    Builder {
        settings,
        clock: Clock::system(),
        credential,
        upstream_is_new: true,
    }
}

/// A credential as these settings name it, without any environment.
pub(crate) fn open(credential: CredentialSettings) -> Credential {
    open_with(credential, &Clock::system(), &|_| None)
}

/// The same, by this clock and with these variables.
pub(crate) fn open_with(
    credential: CredentialSettings,
    clock: &Clock,
    env: &dyn Fn(&str) -> Option<String>,
) -> Credential {
    let checked = config::load(None, UpstreamFrom::Sandbox, []).expect("the defaults are good");
    let mut upstream = checked.settings.upstream;
    upstream.credential = credential;
    Credential::open(&upstream, env, clock).expect("a good credential")
}

impl Builder {
    /// Changes settings.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Time stands still until the test moves it.
    pub(crate) fn with_manual_clock(mut self) -> Self {
        self.clock = Clock::manual();
        self
    }

    /// With the windows of the defaults: stale answers for ten minutes at once, for an hour if there is nothing better;
    /// denials are remembered for half a minute.
    pub(crate) fn with_stale_answers(self) -> Self {
        self.with(|settings| {
            settings.cache.stale_while_revalidate = Duration::from_secs(10 * 60);
            settings.cache.stale_if_error = Duration::from_secs(60 * 60);
            settings.cache.ttl_not_found = Duration::from_secs(30);
        })
    }

    /// Time is that of a test's own clock.
    pub(crate) fn with_clock(self, clock: &Clock) -> Self {
        let clock = clock.clone();
        Self { clock, ..self }
    }

    /// After a life of which nothing is known, which may have spent the budget.
    pub(crate) fn started_again(mut self) -> Self {
        self.upstream_is_new = false;
        self
    }

    /// Another credential than the made-up keys.
    pub(crate) fn with_credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// So many calls in each window, spent where they are worth most; answers may be as stale as the shipped settings let them.
    pub(crate) fn in_budget_mode(self, requests: u32, window: Duration) -> Self {
        self.with_stale_answers().with(|settings| {
            settings.budget.mode = BudgetMode::Budget;
            settings.budget.requests = NonZeroU32::new(requests).expect("not zero");
            settings.budget.window = window;
        })
    }

    /// Only these clients may ask, each by its one key.
    pub(crate) fn in_keys_mode(self, clients: &[(&str, &str)]) -> Self {
        let clients = clients.iter().map(|(name, key)| ClientSettings {
            name: (*name).to_owned(),
            key_sha256: vec![Sha256::digest(key).into()],
            secrets: Vec::new(),
            rate: None,
            jobs: None,
            refresh: Allowance::DEFAULT,
            share: None,
            max_stale: None,
        });
        let clients = clients.collect();
        self.with(|settings| {
            settings.auth = AuthSettings {
                mode: AuthMode::Keys,
                clients,
            };
        })
    }

    /// Starts it on the test's runtime.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let Self {
            settings,
            clock,
            credential,
            upstream_is_new,
        } = self;
        let log = Log::default();
        let lines = Lines::start(log.clone()).expect("a log thread");
        let environment = Environment {
            clock: clock.clone(),
            lines: lines.clone(),
            credential,
            listener: None,
            upstream_is_new,
        };
        let gateway = Gateway::start(&settings, environment).expect("the gateway starts");
        let (addr, admin) = (gateway.addr, gateway.admin_addr.unwrap_or(gateway.addr));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Running {
            gateway: Some(gateway),
            addr,
            admin,
            clock,
            log,
            lines,
            client,
        }
    }
}

// === impl Running ===

impl Running {
    /// `GET` the info of a job.
    pub(crate) async fn job(&self, job: &str) -> Answer {
        self.get(&format!("/v1/job/{job}/info"), &[]).await
    }

    /// The same, with a `Cache-Control`.
    pub(crate) async fn job_wanting(&self, job: &str, wish: &str) -> Answer {
        let headers = [("cache-control", wish)];
        self.get(&format!("/v1/job/{job}/info"), &headers).await
    }

    /// `GET` a path with headers.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers).await
    }

    /// Asks for a path.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Empty::new()).expect("a request"))
            .await
    }

    /// Sends a request to wherever it says.
    pub(crate) async fn send(&self, request: Request<Empty<Bytes>>) -> Answer {
        let response = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        Answer::read(response.expect("an answer in time").expect("an answer")).await
    }

    /// `GET` a path of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        let request = Request::get(format!("http://{}{path}", self.admin)).body(Empty::new());
        self.send(request.expect("a request")).await
    }

    /// `POST` to a path of the admin listener.
    pub(crate) async fn operate(&self, path: &str) -> Answer {
        let request = Request::post(format!("http://{}{path}", self.admin)).body(Empty::new());
        self.send(request.expect("a request")).await
    }

    /// The value of a metric, by its full name with labels; 0 if it is not there yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").await.text();
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        values.next().unwrap_or(0.0)
    }

    /// Writes bytes on a new connection and reads until the gateway closes it; the request should ask for that.
    pub(crate) async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.addr).await.expect("a connection");
        stream.write_all(request).await.expect("written");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("the gateway closes the connection")
            .expect("readable");
        answer
    }

    /// Upstream calls that were tried and have ended.
    pub(crate) async fn calls_tried(&self) -> usize {
        let text = self.admin("/metrics").await.text();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("jobgate_upstream_calls_total{"));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        values.sum()
    }

    /// Asks for a job until its label is this one, which takes until a look behind has ended.
    pub(crate) async fn until_label(&self, job: &str, label: &str) -> Answer {
        let asked = || async { self.job(job).await.label().1 == label };
        self.until(label, asked).await;
        self.job(job).await
    }

    /// Waits until `reached` holds, looking again and again; the gateway's own counts say when something has happened.
    pub(crate) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        reached: impl Fn() -> F,
    ) {
        let looking = async {
            while !reached().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, looking).await.is_ok(),
            "never: {what}"
        );
    }

    /// What the log says by now.
    pub(crate) fn log(&self) -> String {
        assert!(self.lines.flush(PATIENCE), "the log is written");
        self.log.text()
    }

    /// Begins the drain once the future is polled. How it ends is then for the caller to check.
    pub(crate) fn drain(&mut self) -> impl Future<Output = Ended> + Send + use<> {
        self.client = Client::builder(TokioExecutor::new()).build_http(); // closes the kept-alive connections
        self.gateway.take().expect("not ended yet").drain()
    }

    /// Drains it if that has not been done, checks that nothing is left over, and gives the whole log.
    pub(crate) async fn end(mut self) -> String {
        self.client = Client::builder(TokioExecutor::new()).build_http(); // closes the kept-alive connections
        let Some(gateway) = self.gateway.take() else {
            return self.log();
        };
        let ended = tokio::time::timeout(PATIENCE, gateway.drain())
            .await
            .expect("drained in time");
        assert_eq!(
            (ended.cut_connections, ended.lost_fetches),
            (0, 0),
            "something was left over"
        );
        self.log()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        assert!(
            self.gateway.is_none() || std::thread::panicking(),
            "end the gateway, so that its end is checked"
        );
    }
}

// === impl Answer ===

impl Answer {
    /// Reads it.
    pub(crate) async fn read(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("UTF-8")
    }

    /// A header, or "".
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// Status, `Cache-Status` after the cache's name, and `Age` in seconds, which must agree: what `max-age` and `Age`
    /// leave of the lifetime is `ttl`, or one second more, because both are rounded down.
    #[track_caller]
    pub(crate) fn label(&self) -> (u16, &str, &str) {
        let label = self.header("cache-status");
        let label = label.strip_prefix("jobgate; ").unwrap_or(label);
        let age = self.header("age");
        if let Some(max_age) = self
            .header("cache-control")
            .strip_prefix("private, max-age=")
        {
            let seconds = |text: &str| text.parse::<i64>().expect("seconds");
            let ttl = label.split("; ").find_map(|part| part.strip_prefix("ttl="));
            let left = seconds(max_age) - seconds(age);
            let rounded = left - seconds(ttl.expect("a ttl"));
            assert!((0..=1).contains(&rounded), "{max_age} − {age}: {label}");
        }
        (self.status.as_u16(), label, age)
    }

    /// The `error_code` in the body, or "".
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.get("error_code")
            .and_then(|code| code.as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

// === impl Log ===

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// === upstream ===

/// An upstream that answers every job with `status` and `body`.
pub(crate) async fn answering(
    upstream: &MockServer,
    status: u16,
    body: impl Into<String>,
) -> Mock<'_> {
    let body = body.into();
    upstream
        .mock_async(|when, then| {
            when.path_matches("^/v1/job/[0-9A-Za-z]{32}/info$");
            then.status(status)
                .header("content-type", "application/json;charset=UTF-8")
                .body(body);
        })
        .await
}

/// The `n`-th of many job ids.
pub(crate) fn nth_job(n: usize) -> String {
    format!("{n:032x}")
}

/// A client's HTTP/2 connection, without TLS and by prior knowledge; the authority is whatever a request says.
pub(crate) struct Http2 {
    requests: hyper::client::conn::http2::SendRequest<Empty<Bytes>>,
    _connection: JoinSet<()>,
}

// === impl Http2 ===

impl Http2 {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(addr).await.expect("a connection"));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
        let (requests, connection) = handshake.await.expect("HTTP/2");
        let mut task = JoinSet::new();
        task.spawn(async move { connection.await.expect("a connection in order") });
        Self {
            requests,
            _connection: task,
        }
    }

    pub(crate) async fn send(&mut self, request: Request<Empty<Bytes>>) -> Answer {
        let response = tokio::time::timeout(PATIENCE, self.requests.send_request(request)).await;
        Answer::read(response.expect("an answer in time").expect("an answer")).await
    }
}
