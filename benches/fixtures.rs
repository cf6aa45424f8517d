//! What the benches ask with: one stored job, the request path over it, and a connection in memory to put before it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jobgate::clock::Clock;
use jobgate::config::{AccessLog as Mode, BudgetMode, LogFormat, LogSettings};
use jobgate::credential::ClientSecrets;
use jobgate::layers::admit::Admit;
use jobgate::layers::authenticate::{Authenticate, Keyring};
use jobgate::layers::collapse::{Bounds, Collapse, Fetch};
use jobgate::layers::conform::Conform;
use jobgate::layers::fetch::gate::Gate;
use jobgate::layers::lookup::LookupLayer;
use jobgate::layers::observe::Observer;
use jobgate::layers::rate::Rate;
use jobgate::layers::route::Route;
use jobgate::layers::usage::Usage;
use jobgate::layers::validate::Validate;
use jobgate::planner::Planner;
use jobgate::policy::allowance::Allowance;
use jobgate::policy::client::Clients;
use jobgate::policy::freshness::{Lifetime, Lifetimes};
use jobgate::policy::hold::CredentialKind;
use jobgate::policy::job::JobId;
use jobgate::policy::ladder::Windows;
use jobgate::policy::normalise::{CallerFields, normalise};
use jobgate::policy::permit::Permits;
use jobgate::policy::refresh::Rules;
use jobgate::server::{Drain, Peer};
use jobgate::stack::{self, RequestParts};
use jobgate::store::{Chronicle, Entry, Store, cache_control};
use jobgate::telemetry::access::AccessLog;
use jobgate::telemetry::lines::Lines;
use jobgate::telemetry::metrics::{Accounts, Metrics, Origin, RefusalMetrics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::TaskTracker;
use tower::util::BoxCloneSyncService;
use tower::{Service, service_fn as tower_fn};

/// Upstream's own example of an answer, 559 bytes when normalised.
pub(crate) const DOCUMENTED: &[u8] = include_bytes!("../tests/samples/success-documented.json");
const JOB: &str = "f5af662119404ad187437cd272b5099b";
pub(crate) const KEY: &str = "jgk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Longer than any bench runs: nothing goes stale, nobody loses patience.
pub(crate) const LONG: Duration = Duration::from_secs(3600);
/// As the defaults are.
const WINDOWS: Windows = Windows {
    while_revalidate: Duration::from_secs(600),
    if_error: Duration::from_secs(3_600),
};
/// Bytes on their way through a connection in memory; more than a request or an answer has.
const PIPE_BYTES: usize = 64 << 10;

/// What is switched on above the look-up.
#[derive(Clone, Copy)]
pub(crate) enum Guard {
    /// Nothing: open to all, no access line.
    Open,
    /// The client's key is checked.
    Key,
    /// … and the client has a rate, so that each answer tells how it stands.
    KeyAndRate,
    /// The client's key is checked, and the access line is written, which is what ships.
    KeyAndLine,
}

/// A client's connection over HTTP/1.1 and hyper, but without a socket.
pub(crate) struct Wire {
    client: DuplexStream,
    server: Pin<Box<dyn Future<Output = hyper::Result<()>>>>,
    request: Vec<u8>,
    /// An answer has arrived when these bytes have, which end it.
    body: Bytes,
    read: Vec<u8>,
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

pub(crate) fn job() -> JobId {
    JobId::parse(JOB).unwrap()
}

/// The documented job, stored just now.
pub(crate) fn entry(clock: &Clock) -> Arc<Entry> {
    let lifetime = Lifetime {
        sent: clock.now(),
        lifetime: LONG,
    };
    let body = normalise(DOCUMENTED, CallerFields::Keep).unwrap().body;
    Arc::new(Entry::new(&body, true, cache_control(LONG), lifetime))
}

/// A store with one fresh job.
pub(crate) fn store(clock: &Clock) -> Store {
    let store = Store::new(1 << 20);
    store.jobs.put(job(), entry(clock));
    store
}

/// `max_waiting` askers of `fetch`, whose tasks run on `runtime`.
pub(crate) fn bounds(runtime: &Handle, max_waiting: usize) -> Bounds {
    Bounds {
        runtime: runtime.clone(),
        tasks: TaskTracker::new(),
        max_waiting,
        patience: LONG,
        refresh: Vec::new(),
        accounts: Accounts::default(),
    }
}

fn planner(mode: BudgetMode, clients: &Clients, clock: &Clock) -> Option<Planner> {
    let rules = Rules {
        requests: NonZeroU32::MIN,
        window: LONG,
        floors: Lifetimes {
            finished: LONG,
            running: LONG,
        },
        longest: LONG,
    };
    let clients: Vec<_> = clients.ids().map(|client| (client, None)).collect();
    (mode == BudgetMode::Budget).then(|| Planner::new(rules, &clients, clock.clone()))
}

/// The request path of one connection, over a store with one fresh job.
pub(crate) fn path<B: Body + 'static>(
    runtime: &Runtime,
    guard: Guard,
    mode: BudgetMode,
) -> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = Infallible> + use<B> {
    let clock = Clock::system();
    let store = store(&clock);
    let clients = match guard {
        Guard::Open => Clients::default(),
        Guard::Key | Guard::KeyAndRate | Guard::KeyAndLine => {
            Clients::new([("bench", &[Sha256::digest(KEY).into()][..])])
        }
    };
    let clients = Arc::new(clients);
    let requests = stack::requests(RequestParts {
        admit: Admit::new(Drain::new()),
        conform: Conform::new(&[]),
        route: Route::new(""),
        authenticate: match guard {
            Guard::Open => Authenticate::open(),
            Guard::Key | Guard::KeyAndRate | Guard::KeyAndLine => {
                Authenticate::with_keys(keyring(&clients, &clock), RefusalMetrics::default())
            }
        },
        rate: Rate::new([rate(guard)], Accounts::default(), &clock),
        usage: Usage::new(Accounts::default(), Arc::clone(&clients), clock.clone()),
        validate: Validate::new(Permits::default()),
        lookup: LookupLayer::new(
            store.clone(),
            WINDOWS,
            Arc::clone(&clients),
            planner(mode, &clients, &clock),
            clock.clone(),
        ),
        collapse: Collapse::new(
            no_fetch(),
            gate(&clock),
            None,
            store,
            clock.clone(),
            bounds(runtime.handle(), 1),
            metrics(&clock).upstream,
        ),
    });
    let peer = Peer {
        addr: "127.0.0.1:50000".parse().unwrap(),
        certificate: None,
    };
    observer(guard, clients, clock).observe(&peer, requests)
}

/// The keys of these clients, none of whom has a secret.
fn keyring(clients: &Arc<Clients>, clock: &Clock) -> Arc<Keyring> {
    let (clients, secrets) = (Arc::clone(clients), ClientSecrets::default());
    Arc::new(Keyring::new(clients, secrets, clock.clone()))
}

/// More than any bench asks.
fn rate(guard: Guard) -> Option<Allowance> {
    matches!(guard, Guard::KeyAndRate).then_some(Allowance {
        times: 1_000_000_000,
        per: Duration::from_secs(1),
    })
}

/// A gate that lets out as much as any bench asks for.
pub(crate) fn gate(clock: &Clock) -> Gate {
    let requests = NonZeroU32::new(1_000_000).unwrap();
    Gate::new(requests, LONG, CredentialKind::Renewable, clock.clone())
}

fn no_fetch() -> Fetch {
    BoxCloneSyncService::new(tower_fn(|_| async {
        unreachable!("a hit fetches nothing")
    }))
}

fn observer(guard: Guard, clients: Arc<Clients>, clock: Clock) -> Arc<Observer> {
    let lines = Lines::start(io::sink()).unwrap();
    let metrics = metrics(&clock).requests;
    let settings = LogSettings {
        format: LogFormat::Json,
        level: tracing::Level::INFO,
        access: match guard {
            Guard::Open | Guard::Key | Guard::KeyAndRate => Mode::Off,
            Guard::KeyAndLine => Mode::All,
        },
    };
    let log = AccessLog::new(&settings, lines);
    let chronicle = Chronicle::new();
    Arc::new(Observer::new(metrics, clients, log, chronicle, clock, 1))
}

pub(crate) fn metrics(clock: &Clock) -> Metrics {
    let origin = Origin {
        version: "0",
        started: clock.wall(),
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    Metrics::register(&mut Registry::default(), origin)
}

/// Asks for the stored job, with a key.
pub(crate) fn request() -> Request<Empty<Bytes>> {
    Request::get(job().info_path())
        .header("host", "127.0.0.1:8080")
        .header("x-api-key", KEY)
        .body(Empty::new())
        .unwrap()
}

/// The least that can be done over HTTP: the same body, whatever is asked. It drops the request unread, so that hyper reads the
/// next one into the same buffer; who keeps a head until the answer, as the path does for its access line, costs hyper a new
/// buffer of 8 KiB each time.
pub(crate) fn bare()
-> impl Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> {
    let body = entry(&Clock::system()).body().clone();
    tower_fn(move |_| {
        let mut response = Response::new(Full::new(body.clone()));
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, json);
        std::future::ready(Ok(response))
    })
}

// === impl Wire ===

impl Wire {
    /// A connection to `service`.
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>
            + 'static,
    {
        let (client, server) = tokio::io::duplex(PIPE_BYTES);
        let service = RefCell::new(service);
        let service = service_fn(move |request| service.borrow_mut().call(request));
        let server = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let path = job().info_path();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nx-api-key: {KEY}\r\n\r\n");
        Self {
            client,
            server: Box::pin(server),
            request: request.into_bytes(),
            body: entry(&Clock::system()).body().clone(),
            read: Vec::with_capacity(PIPE_BYTES),
        }
    }

    /// Sends the request and reads the whole answer.
    pub(crate) async fn get(&mut self) {
        self.client.write_all(&self.request).await.unwrap();
        self.read.clear();
        while !self.read.ends_with(&self.body) {
            tokio::select! {
                biased;
                read = self.client.read_buf(&mut self.read) => assert_ne!(read.unwrap(), 0),
                end = &mut self.server => unreachable!("the connection is kept: {end:?}"),
            }
        }
    }
}
