//! Requests that name no client, by what is wrong.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Label, counters};
use crate::error::Error;

/// The label values, in the order of [`place`].
const REASONS: [&str; 5] = [
    "no_key",
    "unknown_key",
    "oversized_key",
    "bad_signature",
    "clock",
];

/// Counts refused requests. Clones count into the same family.
#[derive(Clone, Debug, Default)]
pub struct RefusalMetrics([Counter; REASONS.len()]);

// === impl RefusalMetrics ===

impl RefusalMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<Label, Counter>::default();
        let metrics = Self(counters(&family, "reason", REASONS));
        registry.register(
            "jobgate_client_refusals",
            "Requests refused because they name no client, by reason: no_key (nothing was presented), unknown_key, \
             oversized_key (probably a cloud token), bad_signature, clock (signed at another time). They are in jobgate_requests, too; \
             a few a second are in the log",
            family,
        );
        metrics
    }

    /// Counts a request that was refused for this; any other error is none of these refusals.
    pub fn refused(&self, error: &Error) {
        if let Some(counter) = place(error).and_then(|place| self.0.get(place)) {
            counter.inc();
        }
    }
}

fn place(error: &Error) -> Option<usize> {
    match error {
        Error::MissingKey => Some(0),
        Error::UnknownKey => Some(1),
        Error::OversizedKey => Some(2),
        Error::BadSignature(_) => Some(3),
        Error::ClientClock { .. } => Some(4),
        _ => None,
    }
}
