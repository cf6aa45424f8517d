//! What does it cost an asker to share a fetch, and does that grow with their number? All ask for one cold job, each in a task of
//! its own; upstream answers at once. From the first asker's question to the last one's answer.
//!
//! Beside tokio's channels with as many receivers, which hand a value on but decide nothing: nobody bounds them, times out, looks
//! into a store or starts a fetch. `watch` wakes in no order; `Collapse` answers whoever came first first.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use http::Request;
use jobgate::clock::Clock;
use jobgate::layers::collapse::{Collapse, Fetch};
use jobgate::layers::fetch::{Call, Landing};
use jobgate::layers::{Ask, Exchange, Failure, Forward, Reply, Wait};
use jobgate::policy::outcome::{ForwardReason, Outcome};
use jobgate::policy::request_id::RequestId;
use jobgate::store::{Entry, Store};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{Service as _, service_fn};

use crate::fixtures::{bounds, entry, gate, job, metrics, runtime};

const ASKERS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// Those who are going to ask, and whom.
struct Herd {
    collapse: Collapse,
    askers: Vec<Forward>,
}

pub(crate) fn ask(c: &mut Criterion) {
    let runtime = runtime();
    let entry = entry(&Clock::system());
    let mut group = c.benchmark_group("collapse");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for askers in ASKERS {
        let herd = || Herd::new(askers, runtime.handle(), &entry);
        assert_eq!(runtime.block_on(herd().fetches()), 1, "all share one fetch");
        group.throughput(Throughput::Elements(askers as u64));
        group.bench_function(BenchmarkId::new("collapse", askers), |b| {
            let ask = |herd: &mut Herd| runtime.block_on(herd.ask());
            b.iter_batched_ref(herd, ask, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("baseline: watch", askers), |b| {
            b.iter(|| runtime.block_on(by_watch(askers, &entry)));
        });
        group.bench_function(BenchmarkId::new("baseline: broadcast", askers), |b| {
            b.iter(|| runtime.block_on(by_broadcast(askers, &entry)));
        });
    }
    group.finish();
}

// === impl Herd ===

impl Herd {
    fn new(askers: usize, runtime: &Handle, entry: &Arc<Entry>) -> Self {
        let (store, clock) = (Store::new(1 << 20), Clock::system());
        let collapse = Collapse::new(
            fetch(Arc::clone(entry), store.clone()),
            gate(&clock),
            None,
            store,
            clock.clone(),
            bounds(runtime, askers),
            metrics(&clock).upstream,
        );
        let asker = |n| {
            let (head, ()) = Request::new(()).into_parts();
            let exchange = Exchange::new(RequestId::numbered(0, n), head, false, clock.now());
            let (exchange, job) = (Arc::new(exchange), job());
            Forward {
                ask: Ask { exchange, job },
                reason: ForwardReason::UriMiss,
                wait: Wait::Yes,
                stored: None,
                servable_for: Duration::ZERO,
            }
        };
        let askers = (0..askers as u64).map(asker).collect();
        Self { collapse, askers }
    }

    async fn ask(&mut self) -> Vec<Result<Reply, Failure>> {
        let mut asking = JoinSet::new();
        for asker in self.askers.drain(..) {
            asking.spawn(self.collapse.call(asker));
        }
        asking.join_all().await
    }

    /// Fetches started, all askers having been answered by one.
    async fn fetches(mut self) -> usize {
        let answers = self.ask().await;
        let leads = |answer: &Result<Reply, Failure>| match answer {
            Ok(Reply::Job {
                outcome: Outcome::Forwarded { forward, .. },
                ..
            }) => !forward.collapsed,
            other => unreachable!("everybody waits for a fetch: {other:?}"),
        };
        answers.iter().filter(|answer| leads(answer)).count()
    }
}

/// Answers at once, and stores first, as the true one does.
fn fetch(entry: Arc<Entry>, store: Store) -> Fetch {
    BoxCloneSyncService::new(service_fn(move |call: Call| {
        store.jobs.put(call.job, Arc::clone(&entry));
        let story = call.story();
        ready(Ok::<_, Infallible>(Landing {
            result: Ok(Arc::clone(&entry)),
            story,
        }))
    }))
}

async fn by_watch(receivers: usize, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
    let (sender, _) = watch::channel(None);
    let mut tasks = JoinSet::new();
    for _ in 0..receivers {
        let mut receiver = sender.subscribe();
        tasks.spawn(async move {
            let sent = receiver.wait_for(Option::is_some).await.unwrap();
            Arc::clone(sent.as_ref().unwrap())
        });
    }
    tokio::task::yield_now().await; // all wait before it is sent
    sender.send(Some(Arc::clone(entry))).unwrap();
    tasks.join_all().await
}

async fn by_broadcast(receivers: usize, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
    let (sender, _) = broadcast::channel(1);
    let mut tasks = JoinSet::new();
    for _ in 0..receivers {
        let mut receiver = sender.subscribe();
        tasks.spawn(async move { receiver.recv().await.unwrap() });
    }
    tokio::task::yield_now().await; // all wait before it is sent
    sender.send(Arc::clone(entry)).unwrap();
    tasks.join_all().await
}
