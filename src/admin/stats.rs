//! `GET /api/stats`: how the gateway fares, as one document.
//!
//! It counts nothing: every number is read from the counters behind `/metrics` or from the same [`Snapshot`]. Counts are
//! since the start. Its names are a contract: members are added, never renamed; a reader must bear further ones.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::outcome::OutcomeKind;
use crate::telemetry::metrics::requests::Sums;
use crate::telemetry::metrics::{
    CallResult, RequestMetrics, Snapshot, StatusClass, UpstreamMetrics,
};

/// The body of `/api/stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The program's version.
    pub version: String,
    /// Since the gateway began to serve.
    pub uptime_seconds: f64,
    /// It is about to end and takes nothing new.
    pub draining: bool,
    /// What clients asked.
    pub requests: Requests,
    /// The same by client, in the order of the configuration; `-` is nobody in particular.
    pub clients: Vec<Client>,
    /// How long answers took inside the gateway, by outcome (the words of `requests.by_outcome`); without those that did
    /// not occur.
    pub latency: BTreeMap<String, Latency>,
    /// What upstream was asked.
    pub upstream: Upstream,
    /// How the central credential fares.
    pub credential: Credential,
    /// What may be asked of upstream.
    pub budget: Budget,
    /// What is stored.
    pub cache: Cache,
}

/// What clients asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Requests answered, or given up by their clients.
    pub total: u64,
    /// The same by how they were answered: the label `outcome` of `jobgate_requests_total`.
    pub by_outcome: BTreeMap<String, u64>,
    /// The same by the class of the status sent: the label `class`.
    pub by_class: BTreeMap<String, u64>,
    /// Requests that wait for upstream right now.
    pub waiting: u64,
    /// Of the requests for a job (all but `local` and `refused`), the part that was answered from memory, 0 to 1; `null`
    /// before the first.
    pub hit_ratio: Option<f64>,
    /// Upstream calls that clients would have made without the gateway and that were not made.
    pub calls_saved: u64,
}

/// What one client asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its requests.
    pub total: u64,
    /// The same by how they were answered.
    pub by_outcome: BTreeMap<String, u64>,
}

/// How long answers took, as far as a histogram can tell: its buckets have bounds, so a quantile is known as «at most».
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many answers.
    pub count: u64,
    /// Their mean.
    pub mean_seconds: f64,
    /// Half of them took at most this; `null`: more than the largest bound, 30 s.
    pub p50_at_most_seconds: Option<f64>,
    /// 95 of 100 took at most this.
    pub p95_at_most_seconds: Option<f64>,
    /// 99 of 100 took at most this.
    pub p99_at_most_seconds: Option<f64>,
}

/// What upstream was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Calls that ended, retries included.
    pub calls: u64,
    /// The same by how they ended: the label `result` of `jobgate_upstream_calls_total`.
    pub by_result: BTreeMap<String, u64>,
    /// Of them, those that repeated a failed one.
    pub retries: u64,
    /// Calls under way right now.
    pub in_flight: u64,
    /// The operator lets no call out.
    pub paused: bool,
    /// What is left of a hold because upstream throttles; 0 without one.
    pub throttled_seconds: f64,
    /// What is left of a pause because upstream cannot be reached; 0 without one.
    pub down_seconds: f64,
    /// Answers refused because they contained the central credential.
    pub secret_echoes: u64,
}

/// How the central credential fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Upstream has accepted it since the start or the last refusal.
    pub proven: bool,
    /// What is left of a hold because upstream refused it; 0 without one.
    pub held_seconds: f64,
}

/// What may be asked of upstream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Calls that one window may see.
    pub requests: u32,
    /// The window.
    pub window_seconds: f64,
    /// Calls that may go out right now; those in flight are taken off.
    pub remaining: u32,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// Stored answers.
    pub entries: u64,
    /// What they cost, keys and bookkeeping included.
    pub bytes: u64,
    /// The most they may cost: `cache.max_memory`.
    pub max_bytes: u64,
    /// Answers that went to make room.
    pub evictions: u64,
    /// Remembered «no such job».
    pub denials: u64,
}

// === impl Stats ===

impl Stats {
    /// Reads everything.
    pub(super) fn gather(
        uptime: Duration,
        now: &Snapshot,
        requests: &RequestMetrics,
        upstream: &UpstreamMetrics,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: uptime.as_secs_f64(),
            draining: now.draining,
            requests: Requests::gather(now, requests),
            clients: clients(requests),
            latency: latency(requests),
            upstream: Upstream::gather(now, upstream),
            credential: Credential {
                proven: now.credential_proven,
                held_seconds: seconds(now.credential_hold),
            },
            budget: Budget {
                requests: now.budget_requests,
                window_seconds: now.budget_window.as_secs_f64(),
                remaining: now.budget_remaining,
            },
            cache: Cache {
                entries: now.cache_entries,
                bytes: now.cache_bytes,
                max_bytes: now.cache_max_bytes,
                evictions: now.cache_evictions,
                denials: now.denials,
            },
        }
    }
}

// === impl Requests ===

impl Requests {
    fn gather(now: &Snapshot, requests: &RequestMetrics) -> Self {
        let of_class = |class| {
            OutcomeKind::ALL
                .map(|kind| requests.count(kind, class))
                .iter()
                .sum()
        };
        let of_outcome = |kind| {
            StatusClass::ALL
                .map(|class| requests.count(kind, class))
                .iter()
                .sum()
        };
        let counts = OutcomeKind::ALL.map(|kind| (kind, of_outcome(kind)));
        Self {
            total: counts.iter().map(|(_, count)| count).sum(),
            by_outcome: by_outcome(counts),
            by_class: StatusClass::ALL
                .map(|class| (class.as_str().to_owned(), of_class(class)))
                .into(),
            waiting: now.requests_waiting as u64,
            hit_ratio: hit_ratio(&counts),
            calls_saved: requests.calls_saved(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio for people; exact up to 2^53 requests"
)]
fn hit_ratio(counts: &[(OutcomeKind, u64)]) -> Option<f64> {
    let sum = |wanted: fn(OutcomeKind) -> bool| -> u64 {
        let wanted = counts.iter().filter(|(kind, _)| wanted(*kind));
        wanted.map(|(_, count)| count).sum()
    };
    let (hits, asked) = (sum(is_from_memory), sum(asks_for_a_job));
    (asked > 0).then(|| hits as f64 / asked as f64)
}

fn is_from_memory(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Hit => true,
        OutcomeKind::Local
        | OutcomeKind::Miss
        | OutcomeKind::Collapsed
        | OutcomeKind::Failed
        | OutcomeKind::Refused
        | OutcomeKind::Held
        | OutcomeKind::Fault
        | OutcomeKind::Abandoned => false,
    }
}

fn asks_for_a_job(kind: OutcomeKind) -> bool {
    !matches!(kind, OutcomeKind::Local | OutcomeKind::Refused)
}

fn by_outcome(counts: impl IntoIterator<Item = (OutcomeKind, u64)>) -> BTreeMap<String, u64> {
    let counts = counts.into_iter();
    counts
        .map(|(kind, count)| (kind.as_str().to_owned(), count))
        .collect()
}

fn clients(requests: &RequestMetrics) -> Vec<Client> {
    let clients = requests.clients().into_iter().map(|client| {
        let counts = OutcomeKind::ALL.map(|kind| (kind, client.count(kind)));
        Client {
            name: client.name().to_owned(),
            total: counts.iter().map(|(_, count)| count).sum(),
            by_outcome: by_outcome(counts),
        }
    });
    clients.collect()
}

fn latency(requests: &RequestMetrics) -> BTreeMap<String, Latency> {
    let latencies = OutcomeKind::ALL.map(|kind| (kind, requests.durations(kind)));
    let occurred = latencies.into_iter().filter(|(_, sums)| sums.count > 0);
    occurred
        .map(|(kind, sums)| (kind.as_str().to_owned(), Latency::from(&sums)))
        .collect()
}

// === impl Latency ===

impl From<&Sums> for Latency {
    fn from(sums: &Sums) -> Self {
        Self {
            count: sums.count,
            mean_seconds: sums.mean_seconds(),
            p50_at_most_seconds: sums.at_most_seconds(50),
            p95_at_most_seconds: sums.at_most_seconds(95),
            p99_at_most_seconds: sums.at_most_seconds(99),
        }
    }
}

// === impl Upstream ===

impl Upstream {
    fn gather(now: &Snapshot, upstream: &UpstreamMetrics) -> Self {
        let counts = CallResult::ALL.map(|result| (result, upstream.calls(result)));
        Self {
            calls: counts.iter().map(|(_, count)| count).sum(),
            by_result: counts
                .map(|(result, count)| (result.as_str().to_owned(), count))
                .into(),
            retries: upstream.retries(),
            in_flight: now.calls_in_flight as u64,
            paused: now.paused,
            throttled_seconds: seconds(now.throttle_hold),
            down_seconds: seconds(now.upstream_down),
            secret_echoes: upstream.secret_echoes(),
        }
    }
}

fn seconds(left: Option<Duration>) -> f64 {
    left.unwrap_or_default().as_secs_f64()
}
