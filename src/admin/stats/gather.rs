//! The document of [`stats`](super), read from the counters and the facts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::credential::Renewed;
use crate::policy::limit::account::Standing;
use crate::policy::limit::{self, Api};
use crate::policy::outcome::OutcomeKind;
use crate::policy::refresh;
use crate::telemetry::metrics::requests::Sums;
use crate::telemetry::metrics::{
    CallResult, RequestMetrics, Snapshot, StatusClass, UpstreamMetrics,
};

use super::{
    ApiLimits, Budget, Cache, Client, Credential, Foreign, Key, Latency, Limit, Outlook, Requests,
    Savings, Stats, Sweep, Upstream,
};

// === impl Stats ===

impl Stats {
    /// Reads everything.
    pub(in crate::admin) fn gather(
        uptime: Duration,
        now: &Snapshot,
        requests: &RequestMetrics,
        upstream: &UpstreamMetrics,
        keys: BTreeMap<String, Vec<Key>>,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: uptime.as_secs_f64(),
            draining: now.draining,
            savings: Savings {
                share: requests.saved_share(),
                usage: requests.usage(),
                gateway_paid: requests.gateway_paid(),
            },
            requests: Requests::gather(now, requests),
            clients: clients(requests, keys),
            latency: latency(requests),
            upstream: Upstream::gather(now, upstream),
            credential: Credential::from(now),
            budget: Budget {
                requests: now.budget_requests,
                window_seconds: now.budget_window.as_secs_f64(),
                remaining: now.budget_remaining,
                apis: now.limits.iter().map(ApiLimits::from).collect(),
                outlook: now.outlook.as_ref().map(Outlook::from),
            },
            sweep: (now.sweep.as_ref()).map(|sweep| Sweep::gather(sweep, upstream)),
            cache: Cache {
                entries: now.cache_entries,
                bytes: now.cache_bytes,
                max_bytes: now.cache_max_bytes,
                evictions: now.cache_evictions,
                absent_jobs: now.absent_jobs,
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
        OutcomeKind::Hit | OutcomeKind::Stale => true,
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

fn clients(requests: &RequestMetrics, mut keys: BTreeMap<String, Vec<Key>>) -> Vec<Client> {
    let clients = requests.clients().into_iter().map(|client| {
        let counts = OutcomeKind::ALL.map(|kind| (kind, client.count(kind)));
        Client {
            name: client.name().to_owned(),
            total: counts.iter().map(|(_, count)| count).sum(),
            usage: client.usage(),
            by_outcome: by_outcome(counts),
            keys: keys.remove(client.name()).unwrap_or_default(),
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

// === impl Credential ===

impl From<&Snapshot> for Credential {
    fn from(now: &Snapshot) -> Self {
        let health = &now.credential;
        let renewals = Renewed::ALL.map(|ended| {
            let count = health.renewals.count(ended);
            (ended.as_str().to_owned(), count)
        });
        Self {
            proven: now.credential_proven,
            held_seconds: seconds(now.credential_hold),
            refusal: now.credential_refusal.as_deref().map(str::to_owned),
            kind: health.kind.to_owned(),
            available: health.available,
            expires_in_seconds: health.expires_in.map(|left| left.as_secs_f64()),
            expired_seconds_ago: health.expired_since.map(|since| since.as_secs_f64()),
            why: health.why.clone(),
            renewals: renewals.into(),
        }
    }
}

// === impl ApiLimits ===

impl From<&(Api, Standing)> for ApiLimits {
    fn from((api, standing): &(Api, Standing)) -> Self {
        let changes = standing.changes;
        Self {
            api: api.as_str().to_owned(),
            configured: standing.budget.into(),
            in_force: standing.in_force.into(),
            remaining: standing.remaining as u64,
            adopted: changes.adopted,
            raised: changes.raised,
            fell_back: changes.fell_back,
            lifted: changes.lifted,
            foreign_throttles: standing.foreign_throttles,
            foreign: standing.foreign.map(|foreign| Foreign {
                limit: foreign.limit.into(),
                own: foreign.own as u64,
            }),
        }
    }
}

// === impl Outlook ===

impl From<&refresh::Outlook> for Outlook {
    fn from(outlook: &refresh::Outlook) -> Self {
        let forecast = outlook.forecast;
        Self {
            requests: forecast.budget.get(),
            jobs: outlook.jobs as u64,
            first_asks: outlook.first_asks as u64,
            demand_first: forecast.first_asks,
            demand_floors: forecast.floors,
            forecast: forecast.to_string(),
        }
    }
}

// === impl Limit ===

impl From<limit::Limit> for Limit {
    fn from(limit: limit::Limit) -> Self {
        Self {
            requests: limit.requests.get(),
            window_seconds: limit.window.as_secs_f64(),
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
            down: now.outage_hold.is_some(),
            down_seconds: seconds(now.outage_hold),
            denial_wave: now.denial_wave,
            clock_skew_seconds: now.local_clock.map(|clock| clock.difference.as_secs_f64()),
            secret_echoes: upstream.secret_echoes(),
        }
    }
}

fn seconds(left: Option<Duration>) -> f64 {
    left.unwrap_or_default().as_secs_f64()
}
