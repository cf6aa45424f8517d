//! What other parts know anyway: asked for at scrape time, never counted here.
//!
//! The app implements [`Facts`] over the parts it wired; `/metrics`, `/readyz` and `/api/stats` read the same [`Snapshot`], so they
//! cannot contradict each other.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::credential::{Health, Renewed};
use crate::policy::limit::Api;
use crate::policy::limit::account::Standing;
use crate::policy::refresh::Outlook;
use crate::policy::skew;
use crate::policy::sweep;

/// Knows the state of the gateway's parts.
pub trait Facts: Send + Sync + 'static {
    /// The state now. Cheap: a few locks, no waiting, and in budget mode a walk over the jobs that are asked for.
    fn snapshot(&self) -> Snapshot;
}

/// The state of the gateway's parts at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The listener for clients accepts connections.
    pub accepting: bool,
    /// The gateway is about to end: it takes no new work.
    pub draining: bool,
    /// Requests that wait for upstream.
    pub requests_waiting: usize,
    /// Upstream calls that one window may see.
    pub budget_requests: u32,
    /// That window.
    pub budget_window: Duration,
    /// Of these, how many are free now.
    pub budget_remaining: u32,
    /// What lies before the schedule; `None` in mode `ttl`, where there is none.
    pub outlook: Option<Outlook>,
    /// What is decided about sweeps, and when that was asked; `None` in mode `ttl`.
    pub sweep: Option<(sweep::State, Instant)>,
    /// Upstream calls under way.
    pub calls_in_flight: usize,
    /// Each API that upstream counts by itself, and what is known of its limits; the lists only if they are one.
    pub limits: Vec<(Api, Standing)>,
    /// What is left of a hold because upstream throttles.
    pub throttle_hold: Option<Duration>,
    /// What is left of one because it throttles lists, if they are counted by themselves.
    pub list_throttle_hold: Option<Duration>,
    /// What is left of a hold because upstream refused the central credential.
    pub credential_hold: Option<Duration>,
    /// What is left of a hold because upstream is down; zero once a call may probe, or does.
    pub outage_hold: Option<Duration>,
    /// The operator lets no upstream call out.
    pub paused: bool,
    /// Upstream denies suspiciously many jobs, which is not believed.
    pub denial_wave: bool,
    /// Jobs that are remembered without a body: denied, or failing.
    pub absent_jobs: u64,
    /// Upstream has accepted the central credential since the start or the last refusal.
    pub credential_proven: bool,
    /// What it last said against it, cleaned; `None` once it has accepted it since.
    pub credential_refusal: Option<Arc<str>>,
    /// How the local clock stands against upstream's; `None` before an answer has told the time.
    pub local_clock: Option<skew::Standing>,
    /// How the central credential fares otherwise.
    pub credential: Health,
    /// Stored responses.
    pub cache_entries: u64,
    /// Bytes that they cost, all told.
    pub cache_bytes: u64,
    /// The most that they may cost.
    pub cache_max_bytes: u64,
    /// Stored responses that went to make room, since the start.
    pub cache_evictions: u64,
}

/// Reads the facts for each scrape.
struct FactsCollector(Arc<dyn Facts>);

/// Registers the families that mirror `facts`.
pub fn register(registry: &mut Registry, facts: Arc<dyn Facts>) {
    registry.register_collector(Box::new(FactsCollector(facts)));
}

// === impl FactsCollector ===

impl fmt::Debug for FactsCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactsCollector")
    }
}

impl Collector for FactsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.snapshot();
        encode_state(&now, &mut encoder)?;
        encode_credential(&now.credential, &mut encoder)?;
        encode_budget(&now, &mut encoder)?;
        encode_limits(&now.limits, &mut encoder)?;
        encode_learning(&now.limits, &mut encoder)?;
        encode_cache(&now, &mut encoder)
    }
}

fn encode_state(now: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "jobgate_draining",
        "1 from the signal to end on, server.drain_delay included, else 0.",
        u64::from(now.draining),
    )?;
    gauge(
        encoder,
        "jobgate_requests_waiting",
        "Requests that wait for upstream right now, over all jobs; bounded by server.max_waiting.",
        now.requests_waiting as u64,
    )?;
    gauge(
        encoder,
        "jobgate_credential_proven",
        "1 once upstream has accepted the central credential, 0 at the start and after a refusal.",
        u64::from(now.credential_proven),
    )?;
    encode_clock(now.local_clock, encoder)?;
    gauge(
        encoder,
        "jobgate_upstream_paused",
        "1 while the operator lets no upstream call out, else 0.",
        u64::from(now.paused),
    )?;
    gauge(
        encoder,
        "jobgate_upstream_down",
        "1 while upstream gives no answer at all: one call at a time probes it, at growing pauses; else 0.",
        u64::from(now.outage_hold.is_some()),
    )?;
    gauge(
        encoder,
        "jobgate_denial_wave",
        "1 while upstream denies so many jobs that were there that it is not believed, else 0; wants a look.",
        u64::from(now.denial_wave),
    )?;
    let mut family = encoder.encode_descriptor(
        "jobgate_hold",
        "Time for which no upstream call will be made, because upstream throttles, refused the central credential or is \
         down (outage); list_throttle: no list call; 0 without a hold.",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    hold(&mut family, "throttle", now.throttle_hold)?;
    hold(&mut family, "list_throttle", now.list_throttle_hold)?;
    hold(&mut family, "credential", now.credential_hold)?;
    hold(&mut family, "outage", now.outage_hold)
}

fn encode_clock(
    standing: Option<skew::Standing>,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "jobgate_clock_skew",
        "Local time minus upstream's, as its answers show it to half a second and half the round trip. From a minute on requests are \
         signed by upstream's time, beyond a day they are not: the local clock wants to be set. Absent until an answer has told the time.",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    match standing {
        Some(standing) => family.encode_gauge(&standing.difference.as_secs_f64()),
        None => Ok(()),
    }
}

fn encode_credential(credential: &Health, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "jobgate_credential_available",
        "1 while there is a central credential to send, 0 while its file is gone, or none was given, or it has expired.",
        u64::from(credential.available),
    )?;
    let mut family = encoder.encode_descriptor(
        "jobgate_credential_expiry_timestamp",
        "When the central credential expires, in seconds since 1970; absent if nobody says. One that an identity service gives is renewed while a quarter of its life is left.",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    let since_1970 = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).ok();
    if let Some(at) = credential.expires_at.and_then(since_1970) {
        family.encode_gauge(&at.as_secs_f64())?;
    }
    let mut family = encoder.encode_descriptor(
        "jobgate_credential_renewals",
        "Questions to the identity service, by result: issued, unchanged (it gave the one that was held), refused (not asked again before the \
         password changes), forbidden, unavailable.",
        None,
        MetricType::Counter,
    )?;
    for result in Renewed::ALL {
        family
            .encode_family(&[("result", result.as_str())])?
            .encode_counter::<NoLabelSet, _, u64>(&credential.renewals.count(result), None)?;
    }
    Ok(())
}

fn encode_budget(now: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "jobgate_budget_requests",
        "Upstream calls that one window may see: budget.requests, whatever lower limit is in force.",
        u64::from(now.budget_requests),
    )?;
    gauge(
        encoder,
        "jobgate_budget_remaining",
        "Upstream calls that may be made right now; calls in flight are already taken off.",
        u64::from(now.budget_remaining),
    )?;
    encode_outlook(now.outlook.as_ref(), encoder)?;
    encode_sweep(now.sweep.as_ref().map(|(sweep, _)| sweep), encoder)
}

fn encode_sweep(sweep: Option<&sweep::State>, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "jobgate_sweeping",
        "1 while lists of jobs are asked for, 0 while that is off, by configuration or because it did not prove good; /api/stats says why.",
        u64::from(sweep.is_some_and(sweep::State::is_on)),
    )?;
    encoder
        .encode_descriptor(
            "jobgate_sweep_contradictions",
            "Looks that a list had asked for and that found nothing changed; a few in a row switch sweeps off for a while.",
            None,
            MetricType::Counter,
        )?
        .encode_counter::<NoLabelSet, _, u64>(&sweep.map_or(0, |sweep| sweep.contradictions), None)
}

/// In mode `ttl` there is nothing to tell.
fn encode_outlook(outlook: Option<&Outlook>, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "jobgate_budget_demand",
        "Calls in a window that the demand would need: first asks of jobs of which nothing is stored (first), and looks at all others \
         as often as ttl and ttl_running allow (floors). More first asks than jobgate_budget_requests, and clients are refused; more floors, and \
         answers get older. Absent in mode ttl.",
        None,
        MetricType::Gauge,
    )?;
    if let Some(forecast) = outlook.map(|outlook| outlook.forecast) {
        for (kind, calls) in [("first", forecast.first_asks), ("floors", forecast.floors)] {
            family
                .encode_family(&[("kind", kind)])?
                .encode_gauge(&calls)?;
        }
    }
    gauge(
        encoder,
        "jobgate_planned_jobs",
        "Stored jobs that clients ask for and whose next looks are planned; 0 in mode ttl.",
        outlook.map_or(0, |outlook| outlook.jobs as u64),
    )?;
    gauge(
        encoder,
        "jobgate_first_asks_in_line",
        "Jobs of which nothing may be served, somebody waits or was told when to come back, and the first call has not gone out; 0 in mode ttl.",
        outlook.map_or(0, |outlook| outlook.first_asks as u64),
    )
}

/// A limit is the operator's, or the strictest in force, which may be learned.
fn encode_limits(limits: &[(Api, Standing)], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let rows = limits.iter().flat_map(|(api, standing)| {
        [
            (
                [("api", api.as_str()), ("source", "configured")],
                standing.budget,
            ),
            (
                [("api", api.as_str()), ("source", "in_force")],
                standing.in_force,
            ),
        ]
    });
    let mut family = encoder.encode_descriptor(
        "jobgate_limit_requests",
        "Calls that one window may see, by API and source: configured, or in force, which is lower once upstream has named \
         a lower limit; each with its own jobgate_limit_window_seconds.",
        None,
        MetricType::Gauge,
    )?;
    for (labels, limit) in rows.clone() {
        family
            .encode_family(&labels)?
            .encode_gauge(&limit.requests.get())?;
    }
    let mut family = encoder.encode_descriptor(
        "jobgate_limit_window",
        "The window of jobgate_limit_requests.",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    for (labels, limit) in rows {
        family
            .encode_family(&labels)?
            .encode_gauge(&limit.window.as_secs_f64())?;
    }
    Ok(())
}

fn encode_learning(limits: &[(Api, Standing)], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "jobgate_limit_changes",
        "What became of limits that upstream named: adopted because lower, raised by a call for a try, fell_back because that \
         was throttled, lifted because not needed any more.",
        None,
        MetricType::Counter,
    )?;
    for (api, Standing { changes, .. }) in limits {
        for (change, count) in [
            ("adopted", changes.adopted),
            ("raised", changes.raised),
            ("fell_back", changes.fell_back),
            ("lifted", changes.lifted),
        ] {
            family
                .encode_family(&[("api", api.as_str()), ("change", change)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    let mut family = encoder.encode_descriptor(
        "jobgate_foreign_throttles",
        "Throttles for a limit that this gateway had not used up: somebody else spends the same quota.",
        None,
        MetricType::Counter,
    )?;
    for (api, standing) in limits {
        family
            .encode_family(&[("api", api.as_str())])?
            .encode_counter::<NoLabelSet, _, u64>(&standing.foreign_throttles, None)?;
    }
    Ok(())
}

fn encode_cache(now: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(
        encoder,
        "jobgate_cache_entries",
        "Stored responses.",
        now.cache_entries,
    )?;
    gauge(
        encoder,
        "jobgate_absent_jobs",
        "Jobs that are remembered without a body: upstream denied them, or a look has failed; at most 10 000.",
        now.absent_jobs,
    )?;
    encoder
        .encode_descriptor(
            "jobgate_cache",
            "What the stored responses cost, keys and bookkeeping included; bounded by cache.max_memory.",
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?
        .encode_gauge(&now.cache_bytes)?;
    encoder
        .encode_descriptor(
            "jobgate_cache_evictions",
            "Stored responses that went to make room; if it grows steadily, cache.max_memory is small.",
            None,
            MetricType::Counter,
        )?
        .encode_counter::<NoLabelSet, _, u64>(&now.cache_evictions, None)
}

fn hold(family: &mut MetricEncoder<'_>, kind: &'static str, left: Option<Duration>) -> fmt::Result {
    family
        .encode_family(&[("kind", kind)])?
        .encode_gauge(&left.unwrap_or_default().as_secs_f64())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Gauge)?
        .encode_gauge(&value)
}
