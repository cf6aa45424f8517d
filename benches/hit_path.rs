//! What does a hit cost inside the process, from the request's head to the answer's, without any socket?
//!
//! Baseline: the look into the store alone. Then the whole request path, open to all; with a client key; and with the
//! access line as well, which is what ships. Run: `cargo bench --bench hit_path`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make undocumented items; a bench may fail"
)]

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::Request;
use http_body_util::Empty;
use jobgate::clock::Clock;
use jobgate::config::{AccessLog as Mode, LogFormat, LogSettings};
use jobgate::layers::admit::Admit;
use jobgate::layers::authenticate::Authenticate;
use jobgate::layers::collapse::{Bounds, Collapse, Fetch};
use jobgate::layers::conform::Conform;
use jobgate::layers::lookup::LookupLayer;
use jobgate::layers::observe::Observer;
use jobgate::layers::route::Route;
use jobgate::policy::client::Clients;
use jobgate::policy::freshness::Lifetime;
use jobgate::policy::job::JobId;
use jobgate::policy::normalise::normalise;
use jobgate::server::{Drain, Peer};
use jobgate::stack::{self, RequestParts};
use jobgate::store::{Entry, Memory, cache_control};
use jobgate::telemetry::access::AccessLog;
use jobgate::telemetry::lines::Lines;
use jobgate::telemetry::metrics::{Metrics, Origin};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;
use tower::util::BoxCloneSyncService;
use tower::{Service, service_fn};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

const JOB: &str = "f5af662119404ad187437cd272b5099b";
const DOCUMENTED: &[u8] = include_bytes!("../tests/samples/success-documented.json");
const KEY: &str = "jgk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Long enough that nothing goes stale while the bench runs.
const TTL: Duration = Duration::from_secs(3600);

/// A store with one fresh job.
fn store(clock: &Clock) -> (Memory, JobId) {
    let (store, job) = (Memory::new(1 << 20), JobId::parse(JOB).unwrap());
    let lifetime = Lifetime {
        sent: clock.now(),
        lifetime: TTL,
    };
    let body = normalise(DOCUMENTED).unwrap().body;
    store.put(
        job,
        Arc::new(Entry::new(&body, cache_control(TTL), lifetime)),
    );
    (store, job)
}

fn no_fetch() -> Fetch {
    BoxCloneSyncService::new(service_fn(|_| async {
        unreachable!("a hit fetches nothing")
    }))
}

/// The request path of one connection, over a store with one fresh job.
fn path(
    runtime: &Runtime,
    access: Mode,
    clients: Option<Clients>,
) -> impl Service<Request<Empty<Bytes>>, Response: Sized, Error = std::convert::Infallible> {
    let clock = Clock::system();
    let lines = Lines::start(io::sink()).unwrap();
    let origin = Origin {
        version: "0",
        started: clock.wall(),
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    let metrics = Metrics::register(&mut Registry::default(), origin);
    let (store, _) = store(&clock);
    let bounds = Bounds {
        runtime: runtime.handle().clone(),
        tasks: TaskTracker::new(),
        max_waiting: 1,
        patience: TTL,
        longest_fetch: TTL,
    };
    let clients = clients.map(Arc::new);
    let requests = stack::requests(RequestParts {
        admit: Admit::new(Drain::new()),
        conform: Conform::new(&[]),
        route: Route::new(""),
        authenticate: clients
            .clone()
            .map_or_else(Authenticate::open, Authenticate::with_keys),
        lookup: LookupLayer::new(store.clone(), clock.clone()),
        collapse: Collapse::new(no_fetch(), store, clock.clone(), bounds),
    });
    let settings = LogSettings {
        format: LogFormat::Json,
        level: tracing::Level::INFO,
        access,
    };
    let log = AccessLog::new(&settings, lines);
    let observer = Arc::new(Observer::new(
        metrics.requests,
        clients.unwrap_or_default(),
        log,
        clock,
        1,
    ));
    let peer = Peer {
        addr: "127.0.0.1:50000".parse().unwrap(),
    };
    observer.observe(&peer, requests)
}

fn request(key: Option<&str>) -> Request<Empty<Bytes>> {
    let request = Request::get(format!("/v1/job/{JOB}/info")).header("host", "127.0.0.1:8080");
    let request = key
        .into_iter()
        .fold(request, |request, key| request.header("x-api-key", key));
    request.body(Empty::new()).unwrap()
}

fn hit(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut group = c.benchmark_group("hit");
    group.throughput(Throughput::Elements(1));

    let clock = Clock::system();
    let (stored, job) = store(&clock);
    group.bench_function("baseline: the store alone", |b| {
        b.iter(|| stored.get(black_box(&job)).unwrap().judge(clock.now()));
    });
    // Cloning a request is not part of the path; it is measured so that it can be taken off.
    let keyed = request(Some(KEY));
    group.bench_function("baseline: cloning the request", |b| {
        b.iter(|| black_box(keyed.clone()))
    });

    let clients = || Clients::new([("bench", &[Sha256::digest(KEY).into()][..])]);
    for (name, access, clients, key) in [
        ("path, open", Mode::Off, None, None),
        ("path, client key", Mode::Off, Some(clients()), Some(KEY)),
        (
            "path, client key, access line",
            Mode::All,
            Some(clients()),
            Some(KEY),
        ),
    ] {
        let mut path = path(&runtime, access, clients);
        let request = request(key);
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(path.call(request.clone())))
        });
    }
    group.finish();
}

criterion_group!(benches, hit);
criterion_main!(benches);
