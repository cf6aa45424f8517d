//! The metric families, declared once: names, help texts, and the handles that layers count with.
//!
//! A family is counted ([`requests`], [`upstream`]) or it mirrors what another part knows and is read at scrape time
//! ([`facts`], and the process's own); never both, so nothing is counted twice. A part of the house with families of its own
//! (the server's connections) registers them in the same [`Registry`].

use std::time::SystemTime;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub mod facts;
pub mod refusals;
pub mod requests;
pub mod upstream;

mod process;

pub use facts::{Facts, Snapshot};
pub use refusals::RefusalMetrics;
pub use requests::{Account, Accounts, ClientCounters, RequestMetrics, StatusClass, Usage};
pub use upstream::{CallResult, LookTrigger, UpstreamMetrics};

/// What [`exposition`] is sent as.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A single label whose values are known when the program is written.
type Label = [(&'static str, &'static str); 1];

/// Everything that layers count; each takes the part that is its own.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// For the layers that see requests.
    pub requests: RequestMetrics,
    /// For the layer that asks who asks.
    pub refusals: RefusalMetrics,
    /// For the fetch.
    pub upstream: UpstreamMetrics,
}

/// What the families need to know when they are made.
#[derive(Debug)]
pub struct Origin<'a> {
    /// The program's version.
    pub version: &'static str,
    /// When the process started, wall time.
    pub started: SystemTime,
    /// The fields of a job that normalising may null: a closed list, each a label value.
    pub nullable_fields: &'a [&'static str],
    /// The log's own count of the lines it dropped.
    pub log_lines_dropped: Counter,
}

// === impl Metrics ===

impl Metrics {
    /// Makes and registers every family that is counted, and those of the process.
    #[must_use]
    pub fn register(registry: &mut Registry, origin: Origin<'_>) -> Self {
        registry.register(
            "jobgate_build",
            "Always 1; the label says which version runs",
            Info::new([("version", origin.version)]),
        );
        registry.register(
            "jobgate_log_lines_dropped",
            "Log lines lost because the reader of the log was too slow or gone; requests never wait for it",
            origin.log_lines_dropped,
        );
        process::register(registry, origin.started);
        Self {
            requests: RequestMetrics::register(registry),
            refusals: RefusalMetrics::register(registry),
            upstream: UpstreamMetrics::register(registry, origin.nullable_fields),
        }
    }
}

/// All families as OpenMetrics text, see [`CONTENT_TYPE`].
#[must_use]
pub fn exposition(registry: &Registry) -> String {
    let mut out = String::with_capacity(32 * 1024); // a fresh gateway's text is about 20 KiB
    let _ = text::encode(&mut out, registry); // writing to a String cannot fail, and no family refuses
    out
}

/// One counter for each value of a closed label, in the order given.
fn counters<const N: usize>(
    family: &Family<Label, Counter>,
    key: &'static str,
    values: [&'static str; N],
) -> [Counter; N] {
    values.map(|value| family.get_or_create_owned(&[(key, value)]))
}

#[cfg(test)]
mod tests;
