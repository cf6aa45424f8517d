//! What goes upstream and what comes back. At most a few calls a second, so the crate's own types do.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::error::Error;
use crate::policy::sweep::Verdict;

use super::{Label, counters};

/// Upper bounds of the call duration buckets in seconds, up to the default `upstream.timeout` of 10 s.
const BOUNDS_SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What a list says of a stored answer, in the order of [`UpstreamMetrics::compared`].
const COMPARED: [&str; 5] = ["equal", "differs", "older", "unknown", "full_look_due"];

/// Counts upstream calls and what their answers needed. Clones count into the same families.
#[derive(Clone, Debug)]
pub struct UpstreamMetrics {
    calls: [Counter; CallResult::ALL.len()],
    lists: [Counter; CallResult::ALL.len()],
    compared: [Counter; COMPARED.len()],
    duration: Histogram,
    retries: Counter,
    secret_echoes: Counter,
    limits_ignored: Counter,
    looks: [Counter; LookTrigger::ALL.len()],
    fields_nulled: Vec<(&'static str, Counter)>,
}

/// How an upstream call ended: a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// With a job.
    Success,
    /// With an error about the job or the request, passed on.
    Passed,
    /// With a throttle.
    Throttled,
    /// With a refusal of the central credential.
    CredentialRefused,
    /// With a hint that the gateway is set up wrongly.
    Misconfigured,
    /// With a 5xx.
    Failed,
    /// With a 200 that is no success, or an answer the error table has no row for.
    NotSuccess,
    /// Without an answer: no connection, or it was lost.
    Unreachable,
    /// Without an answer in time.
    TimedOut,
}

/// What made a look: a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookTrigger {
    /// Nothing was stored.
    First,
    /// What was stored was too stale to be served at once.
    Stale,
    /// A stale answer was served at once; the look was made behind it.
    Behind,
    /// A client wanted it younger.
    Forced,
    /// The operator wanted it.
    Operator,
    /// What was stored was likelier to be wrong than anything else, weighted by how often it is asked for (budget mode).
    Scheduled,
    /// A sweep has shown that what was stored is wrong (budget mode).
    Proven,
}

// === impl UpstreamMetrics ===

impl UpstreamMetrics {
    pub(super) fn register(registry: &mut Registry, nullable_fields: &[&'static str]) -> Self {
        let calls = Family::<Label, Counter>::default();
        let compared = Family::<Label, Counter>::default();
        let lists = Family::<Label, Counter>::default();
        let fields = Family::<Label, Counter>::default();
        let looks = Family::<Label, Counter>::default();
        let metrics = Self {
            calls: counters(&calls, "result", CallResult::ALL.map(CallResult::as_str)),
            compared: counters(&compared, "verdict", COMPARED),
            lists: counters(&lists, "result", CallResult::ALL.map(CallResult::as_str)),
            duration: Histogram::new(BOUNDS_SECONDS),
            retries: Counter::default(),
            secret_echoes: Counter::default(),
            limits_ignored: Counter::default(),
            looks: counters(&looks, "trigger", LookTrigger::ALL.map(LookTrigger::as_str)),
            fields_nulled: nullable_fields
                .iter()
                .map(|field| (*field, fields.get_or_create_owned(&[("field", *field)])))
                .collect(),
        };
        registry.register(
            "jobgate_upstream_calls",
            "Calls tried upstream, retries included, by how they ended; unreachable ones may not have cost quota",
            calls,
        );
        registry.register(
            "jobgate_list_calls",
            "Calls for pages of job lists (sweeps), by how they ended; they are not in jobgate_upstream_calls",
            lists,
        );
        registry.register(
            "jobgate_sweep_items",
            "Items of job lists that were compared with stored answers: equal (confirmed), differs (looked at next), older than the answer, unknown (something is missing), full_look_due (equal, but the body was not looked at for almost an hour: looked at when its turn comes)",
            compared,
        );
        registry.register(
            "jobgate_looks",
            "Looks begun, by what made them: a first ask, a stale answer that was waited for or served (behind), a client or the operator that forced one; in budget mode the schedule, or a sweep that has proven an answer wrong. A look that budget and holds let out makes one call or, with retries, more",
            looks,
        );
        registry.register_with_unit(
            "jobgate_upstream_call_duration",
            "Time from an upstream call's start, connecting included, to its answer's last byte or its failure",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "jobgate_upstream_retries",
            "Calls that repeated a failed one; they are in jobgate_upstream_calls as well",
            metrics.retries.clone(),
        );
        registry.register(
            "jobgate_secret_echoes",
            "Upstream answers refused because they contained the central credential; above 0 wants a look",
            metrics.secret_echoes.clone(),
        );
        registry.register(
            "jobgate_limits_ignored",
            "Limits in upstream's headers and throttles that were not believed: unreadable, zero, over 10 000 calls or over an hour",
            metrics.limits_ignored.clone(),
        );
        registry.register(
            "jobgate_fields_nulled",
            "Fields sent on as null because upstream's value could not be converted to the documented type",
            fields,
        );
        metrics
    }

    /// Counts a call that ended.
    pub fn called(&self, result: CallResult, took: Duration) {
        self.calls[result as usize].inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts an item of a list that was compared.
    pub fn compared(&self, verdict: Verdict) {
        let at = match verdict {
            Verdict::Equal => 0,
            Verdict::Differs(_) => 1,
            Verdict::Older => 2,
            Verdict::Unknown(_) => 3,
            Verdict::FullLookDue => 4,
        };
        self.compared[at].inc();
    }

    /// Counts a list call that ended.
    pub fn listed(&self, result: CallResult) {
        self.lists[result as usize].inc();
    }

    /// List calls that ended so.
    #[must_use]
    pub fn lists(&self, result: CallResult) -> u64 {
        self.lists[result as usize].get()
    }

    /// Calls that ended so.
    #[must_use]
    pub fn calls(&self, result: CallResult) -> u64 {
        self.calls[result as usize].get()
    }

    /// Calls that repeated a failed one.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.get()
    }

    /// Answers that contained the central credential.
    #[must_use]
    pub fn secret_echoes(&self) -> u64 {
        self.secret_echoes.get()
    }

    /// Counts the start of a call that repeats a failed one.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// Counts a look that begins.
    pub fn looked(&self, trigger: LookTrigger) {
        self.looks[trigger as usize].inc();
    }

    /// Counts an answer that contained the central credential.
    pub fn secret_echoed(&self) {
        self.secret_echoes.inc();
    }

    /// Counts limits that upstream named and that are not believed.
    pub fn limits_ignored(&self, count: u32) {
        self.limits_ignored.inc_by(count.into());
    }

    /// Counts a field that was nulled; one outside of the list given at the start is a mistake of ours.
    pub fn field_nulled(&self, field: &str) {
        let known = self.fields_nulled.iter().find(|(name, _)| *name == field);
        debug_assert!(known.is_some(), "{field} is not in the closed list");
        if let Some((_, counter)) = known {
            counter.inc();
        }
    }
}

// === impl CallResult ===

impl CallResult {
    /// Every result, in declaration order.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Passed,
        Self::Throttled,
        Self::CredentialRefused,
        Self::Misconfigured,
        Self::Failed,
        Self::NotSuccess,
        Self::Unreachable,
        Self::TimedOut,
    ];

    /// The result of a call that ended so; `None` for an error that no call has.
    pub fn of<T>(ended: &Result<T, Error>) -> Option<Self> {
        (ended.as_ref()).map_or_else(Self::of_error, |_| Some(Self::Success))
    }

    /// The result of a call that failed so; `None` for an error that no call has.
    #[must_use]
    pub fn of_error(error: &Error) -> Option<Self> {
        match error {
            Error::Passed { .. } => Some(Self::Passed),
            Error::Throttled { .. } => Some(Self::Throttled),
            Error::CredentialRefused(_) | Error::CredentialRenewed => Some(Self::CredentialRefused),
            Error::Misconfigured { .. } => Some(Self::Misconfigured),
            Error::UpstreamFailed { .. } => Some(Self::Failed),
            Error::NotSuccess { .. } => Some(Self::NotSuccess),
            Error::Unreachable(_) | Error::ConnectionLost(_) => Some(Self::Unreachable),
            Error::TimedOut => Some(Self::TimedOut),
            Error::InvalidJobId
            | Error::UnreadableRequest(_)
            | Error::UnexpectedBody
            | Error::Misdirected
            | Error::MissingKey
            | Error::UnknownKey
            | Error::OversizedKey
            | Error::BadSignature(_)
            | Error::ClientClock { .. }
            | Error::AdminToken
            | Error::ForeignOrigin
            | Error::JobForbidden
            | Error::AboveRate { .. }
            | Error::NoRoute
            | Error::MethodNotAllowed
            | Error::UriTooLong
            | Error::BudgetSpent { .. }
            | Error::ThrottleHold { .. }
            | Error::CredentialHold { .. }
            | Error::CredentialUnavailable(_)
            | Error::Overloaded
            | Error::Draining
            | Error::UpstreamDown { .. }
            | Error::Paused
            | Error::NotStored
            | Error::DenialDoubted { .. }
            | Error::Internal(_) => None,
        }
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Passed => "passed",
            Self::Throttled => "throttled",
            Self::CredentialRefused => "credential_refused",
            Self::Misconfigured => "misconfigured",
            Self::Failed => "failed",
            Self::NotSuccess => "not_success",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
        }
    }
}

// === impl LookTrigger ===

impl LookTrigger {
    /// Every trigger, in declaration order.
    pub const ALL: [Self; 7] = [
        Self::First,
        Self::Stale,
        Self::Behind,
        Self::Forced,
        Self::Operator,
        Self::Scheduled,
        Self::Proven,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Stale => "stale",
            Self::Behind => "behind",
            Self::Forced => "forced",
            Self::Operator => "operator",
            Self::Scheduled => "scheduled",
            Self::Proven => "proven",
        }
    }
}
