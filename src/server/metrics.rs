//! What is counted about connections: how many there are, and why each ended.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::policy::phase::Overrun;

/// The families of the served port; clones count into the same.
#[derive(Clone, Debug, Default)]
pub struct ServerMetrics {
    open: Gauge,
    accepted: Counter,
    closed: Family<Closed, Counter>,
    accept_errors: Counter,
}

/// The label of `jobgate_connections_closed_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    reason: CloseReason,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CloseReason {
    /// In order, by the client or after an answer that said so.
    Done,
    /// The client vanished in the middle, or the socket failed, or HTTP/2 was broken.
    Broken,
    /// The HTTP/1 parser refused what came: answered bare with 400, 414 or 431.
    Parse,
    /// The TLS handshake failed or took too long.
    Handshake,
    /// No first request in time.
    First,
    /// A request head not whole in time.
    Head,
    /// No request for `idle_timeout`.
    Idle,
    /// Requests in flight, and nothing moved for too long.
    Busy,
    /// The client took nothing of its answer for too long.
    Stalled,
    /// Closed by the drain, in order.
    Drain,
    /// Still open at the end of the drain.
    Cut,
    /// A fault of our own in the connection's task.
    Panic,
}

/// One open connection: counted while this lives, and its end with its reason when it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection<'a> {
    metrics: &'a ServerMetrics,
    reason: Option<CloseReason>,
}

// === impl ServerMetrics ===

impl ServerMetrics {
    /// Adds the families, under their full names.
    pub fn register(&self, registry: &mut Registry) {
        for reason in CloseReason::ALL {
            self.closed.get_or_create(&Closed { reason }).inc_by(0); // a family without a series is not exposed
        }
        registry.register(
            "jobgate_connections",
            "Client connections open now; at server.max_connections no further one is accepted",
            self.open.clone(),
        );
        registry.register(
            "jobgate_connections_accepted",
            "Client connections accepted",
            self.accepted.clone(),
        );
        registry.register(
            "jobgate_connections_closed",
            "Client connections ended, by reason; done and idle are everyday, cut means that the drain was too short",
            self.closed.clone(),
        );
        registry.register(
            "jobgate_accept_errors",
            "Accepts that failed for want of descriptors or memory; the connections stayed in the backlog",
            self.accept_errors.clone(),
        );
    }

    pub(super) fn opened(&self) -> OpenConnection<'_> {
        self.accepted.inc();
        self.open.inc();
        OpenConnection {
            metrics: self,
            reason: None,
        }
    }

    pub(super) fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    #[cfg(test)]
    pub(super) fn closed(&self, reason: CloseReason) -> u64 {
        self.closed.get_or_create(&Closed { reason }).get()
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> i64 {
        self.open.get()
    }
}

// === impl OpenConnection ===

impl OpenConnection<'_> {
    /// The connection ended by itself or was ended, for this reason.
    pub(super) fn close(mut self, reason: CloseReason) {
        self.reason = Some(reason);
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        // Without a reason the task did not come to its end: it panicked, or its worker gave up on it.
        let reason = self.reason.unwrap_or(if std::thread::panicking() {
            CloseReason::Panic
        } else {
            CloseReason::Cut
        });
        self.metrics.open.dec();
        self.metrics.closed.get_or_create(&Closed { reason }).inc();
    }
}

// === impl CloseReason ===

impl CloseReason {
    /// Every reason, in declaration order.
    const ALL: [Self; 12] = [
        Self::Done,
        Self::Broken,
        Self::Parse,
        Self::Handshake,
        Self::First,
        Self::Head,
        Self::Idle,
        Self::Busy,
        Self::Stalled,
        Self::Drain,
        Self::Cut,
        Self::Panic,
    ];
}

impl From<Overrun> for CloseReason {
    fn from(overrun: Overrun) -> Self {
        match overrun {
            Overrun::First => Self::First,
            Overrun::Head => Self::Head,
            Overrun::Idle => Self::Idle,
            Overrun::Busy => Self::Busy,
            Overrun::Stalled => Self::Stalled,
            Overrun::Lingering => Self::Done,
        }
    }
}

impl EncodeLabelValue for CloseReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        fmt::Write::write_str(
            encoder,
            match self {
                Self::Done => "done",
                Self::Broken => "broken",
                Self::Parse => "parse",
                Self::Handshake => "handshake",
                Self::First => "first",
                Self::Head => "head",
                Self::Idle => "idle",
                Self::Busy => "busy",
                Self::Stalled => "stalled",
                Self::Drain => "drain",
                Self::Cut => "cut",
                Self::Panic => "panic",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::{CloseReason, ServerMetrics};

    #[test]
    fn each_connection_is_counted_once_and_its_gauge_undoes_itself() {
        let metrics = ServerMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.opened().close(CloseReason::Idle);
        drop(metrics.opened());
        let _open = metrics.opened();

        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "jobgate_connections 1",
            "jobgate_connections_accepted_total 3",
            "jobgate_connections_closed_total{reason=\"idle\"} 1",
            "jobgate_connections_closed_total{reason=\"cut\"} 1",
            "jobgate_accept_errors_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
