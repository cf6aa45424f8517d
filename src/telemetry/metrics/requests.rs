//! Requests as clients see them: how many, how answered, how fast; by outcome, by status class, by client.
//!
//! This is counted for every hit, so each thread keeps its own sums ([`PerThread`]) and a scrape adds them up. That is
//! also why the histogram is ours: prometheus-client's takes a lock that all threads would share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::policy::outcome::OutcomeKind;
use crate::telemetry::per_thread::{PerThread, Tally};

/// Upper bounds of the duration buckets. The first few tell hits apart, 100 ms to 1 s one upstream call, the last the
/// default `server.request_timeout`.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

const OUTCOMES: usize = OutcomeKind::ALL.len();

/// Counts requests. Clones count into the same families.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    answers: PerThread<Answers>,
    clients: Arc<Mutex<Vec<ClientCounters>>>,
    waiting: Gauge,
}

/// Counts the requests of one client.
#[derive(Clone, Debug)]
pub struct ClientCounters {
    name: Arc<str>,
    outcomes: PerThread<[Tally; OUTCOMES]>,
}

/// The class of the status a client got: a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 2xx.
    Success,
    /// 3xx: 304.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// No status was sent: the client went away first.
    None,
}

/// A request that waits for upstream; no longer when this is dropped.
#[derive(Debug)]
pub struct Waiting(Gauge);

/// A thread's sums.
#[derive(Debug, Default)]
struct Answers {
    by_class: [[Tally; StatusClass::ALL.len()]; OUTCOMES],
    durations: [Durations; OUTCOMES],
}

#[derive(Debug, Default)]
struct Durations {
    /// Not cumulative; the last has no bound.
    buckets: [Tally; BOUNDS.len() + 1],
    nanos: Tally,
}

// === impl RequestMetrics ===

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            answers: PerThread::default(),
            clients: Arc::default(),
            waiting: Gauge::default(),
        };
        registry.register(
            "jobgate_requests_waiting",
            "Requests that wait for upstream right now, over all jobs; bounded by server.max_waiting",
            metrics.waiting.clone(),
        );
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts an exchange that ended.
    pub fn answered(&self, outcome: OutcomeKind, class: StatusClass, took: Duration) {
        let mine = self.answers.mine();
        mine.by_class[outcome.index()][class as usize].add(1);
        mine.durations[outcome.index()].observe(took);
    }

    /// The counters of a client, to be kept with it: made by the first call for its name, found by later ones (a
    /// reload), so that its counts go on. The names come from the configuration; `-` is nobody in particular.
    #[must_use]
    pub fn client(&self, name: &str) -> ClientCounters {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.iter().find(|client| *client.name == *name) {
            return known.clone();
        }
        let client = ClientCounters {
            name: Arc::from(name),
            outcomes: PerThread::default(),
        };
        clients.push(client.clone());
        client
    }

    /// Marks a request as waiting for as long as the guard lives.
    #[must_use]
    pub fn wait(&self) -> Waiting {
        self.waiting.inc();
        Waiting(self.waiting.clone())
    }

    fn count(&self, outcome: OutcomeKind, class: StatusClass) -> u64 {
        self.answers
            .sum(|mine| &mine.by_class[outcome.index()][class as usize])
    }

    /// Answers with a job that cost no call of their own.
    fn calls_saved(&self) -> u64 {
        let saving = [OutcomeKind::Hit, OutcomeKind::Collapsed];
        let classes = [StatusClass::Success, StatusClass::Redirection];
        let pairs = saving.map(|outcome| classes.map(|class| self.count(outcome, class)));
        pairs.iter().flatten().sum()
    }
}

impl Collector for RequestMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        self.encode_calls_saved(&mut encoder)?;
        self.encode_durations(&mut encoder)?;
        self.encode_clients(&mut encoder)
    }
}

impl RequestMetrics {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_requests",
            "Requests by how they were answered and by the class of the status sent (none: the client left first). \
             hit, collapsed: cost no upstream call; miss, failed: led to one; held: upstream may not be asked now.",
            None,
            MetricType::Counter,
        )?;
        for outcome in OutcomeKind::ALL {
            for class in StatusClass::ALL {
                let labels = [("outcome", outcome.as_str()), ("class", class.as_str())];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&self.count(outcome, class), None)?;
            }
        }
        Ok(())
    }

    fn encode_calls_saved(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        encoder
            .encode_descriptor(
                "jobgate_calls_saved",
                "Upstream calls that clients would have made without the gateway and that were not made: the hit and \
                 collapsed requests with class 2xx and 3xx, added up.",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&self.calls_saved(), None)
    }

    fn encode_durations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_request_duration",
            "Time from a request's head to its answer's, inside the gateway: without the client's network.",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        let uppers = BOUNDS.map(|bound| bound.as_secs_f64());
        for outcome in OutcomeKind::ALL {
            let sum = |tally: fn(&Durations, usize) -> &Tally, bucket| {
                self.answers
                    .sum(|mine| tally(&mine.durations[outcome.index()], bucket))
            };
            let buckets: Vec<(f64, u64)> = uppers
                .into_iter()
                .chain([f64::INFINITY])
                .enumerate()
                .map(|(bucket, upper)| (upper, sum(|own, bucket| &own.buckets[bucket], bucket)))
                .collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let seconds = Duration::from_nanos(sum(|own, _| &own.nanos, 0)).as_secs_f64();
            family
                .encode_family(&[("outcome", outcome.as_str())])?
                .encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)?;
        }
        Ok(())
    }

    fn encode_clients(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_client_requests",
            "Requests by configured client (-: nobody in particular) and outcome; requests refused before the client \
             was known are only in jobgate_requests.",
            None,
            MetricType::Counter,
        )?;
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        for client in clients.iter() {
            for outcome in OutcomeKind::ALL {
                let labels = [("client", &*client.name), ("outcome", outcome.as_str())];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&client.count(outcome), None)?;
            }
        }
        Ok(())
    }
}

// === impl ClientCounters ===

impl ClientCounters {
    /// Counts an exchange of this client that ended.
    pub fn answered(&self, outcome: OutcomeKind) {
        self.outcomes.mine()[outcome.index()].add(1);
    }

    fn count(&self, outcome: OutcomeKind) -> u64 {
        self.outcomes.sum(|mine| &mine[outcome.index()])
    }
}

// === impl StatusClass ===

impl StatusClass {
    /// Every class, in declaration order.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::None,
    ];

    /// The class of a status; 1xx, which the gateway never ends an exchange with, counts as a fault.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::None => "none",
        }
    }
}

// === impl Waiting ===

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

// === impl Durations ===

impl Durations {
    fn observe(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|bound| took <= *bound);
        self.buckets[bucket.unwrap_or(BOUNDS.len())].add(1);
        self.nanos
            .add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}
