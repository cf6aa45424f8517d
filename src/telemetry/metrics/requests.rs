//! Requests as clients see them: how many, how answered, how fast; by outcome, by status class, by client.
//!
//! This is counted for every hit, so each thread keeps its own sums (`per_thread`) and a scrape adds them up. That is
//! also why the histogram is ours: prometheus-client's takes a lock that all threads would share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::registry::Registry;

use crate::policy::client::{ClientId, Clients};
use crate::policy::cost::Cost;
use crate::policy::outcome::{OutcomeKind, Why};
use crate::telemetry::per_thread::{PerThread, Tally};

pub use accounts::{Account, Accounts, ClientCounters};
use durations::Durations;
pub use durations::Sums;
pub use usage::Usage;

mod accounts;
mod durations;
mod exposed;
pub mod usage;

const OUTCOMES: usize = OutcomeKind::ALL.len();

/// Counts requests. Clones count into the same families.
#[derive(Clone, Debug, Default)]
pub struct RequestMetrics {
    answers: PerThread<Answers>,
    clients: Arc<Mutex<Vec<ClientCounters>>>,
    gateway: Account,
    most_saved: Arc<AtomicU64>,
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

/// A thread's sums.
#[derive(Debug, Default)]
struct Answers {
    by_class: [[Tally; StatusClass::ALL.len()]; OUTCOMES],
    durations: [Durations; OUTCOMES],
    /// Answers from what is stored although it was stale or too old, by the reason.
    stored: [Tally; Why::COUNT],
}

// === impl RequestMetrics ===

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts an exchange that ended.
    pub fn answered(&self, outcome: OutcomeKind, class: StatusClass, took: Duration) {
        let mine = self.answers.mine();
        mine.by_class[outcome.index()][class as usize].add(1);
        mine.durations[outcome.index()].observe(took);
    }

    /// Counts an answer from what is stored although it was stale or older than the client wanted. It is also
    /// [`answered`](Self::answered).
    pub fn served_stored(&self, why: Why) {
        self.answers.mine().stored[why.index()].add(1);
    }

    /// The counters of a client, to be kept with it: made by the first call for its name, found by later ones, so
    /// that no name has two series. The names come from the configuration; `-` is nobody in particular.
    #[must_use]
    pub fn client(&self, name: &str) -> ClientCounters {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.iter().find(|client| client.name() == name) {
            return known.clone();
        }
        let client = ClientCounters::new(name);
        clients.push(client.clone());
        client
    }

    /// The counters of these clients, of whoever is nobody in particular, and the account of the gateway's own looks.
    #[must_use]
    pub fn accounts(&self, clients: &Clients) -> Accounts {
        let known = clients.names().map(|name| self.client(name)).collect();
        let anonymous = self.client(clients.name(ClientId::ANONYMOUS));
        Accounts::new(known, anonymous, self.gateway.clone())
    }

    /// Requests that were answered so.
    #[must_use]
    pub fn count(&self, outcome: OutcomeKind, class: StatusClass) -> u64 {
        self.answers
            .sum(|mine| &mine.by_class[outcome.index()][class as usize])
    }

    /// Upstream calls that clients would have made without the gateway and that were not made: one for each request that
    /// was told something of its job, less all calls that were made, the gateway's own looks included. It never falls: a look
    /// that is not yet made up for by answers shows once more have come.
    #[must_use]
    pub fn calls_saved(&self) -> u64 {
        let pairs = OutcomeKind::ALL.map(|kind| {
            let would_call = u64::from(usage::would_have_called(kind));
            StatusClass::ALL.map(|class| would_call * self.count(kind, class))
        });
        let wanted: u64 = pairs.iter().flatten().sum();
        let saved = wanted.saturating_sub(self.paid().begun_calls());
        self.most_saved
            .fetch_max(saved, Ordering::Relaxed)
            .max(saved)
    }

    /// What all clients asked and paid.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.clients().iter().map(ClientCounters::usage).sum()
    }

    /// What was paid for looks that no client waited for.
    #[must_use]
    pub fn gateway_paid(&self) -> Cost {
        self.gateway.paid()
    }

    /// Of what clients asked, the part that [was saved](Self::calls_saved), 0 to 1; `None` before the first request.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio for people; exact up to 2^53 requests"
    )]
    pub fn saved_share(&self) -> Option<f64> {
        let asked = self.usage().asked;
        (asked > 0).then(|| self.calls_saved() as f64 / asked as f64)
    }

    fn paid(&self) -> Cost {
        self.usage().paid + self.gateway_paid()
    }

    /// How long the answers of an outcome took.
    #[must_use]
    pub fn durations(&self, outcome: OutcomeKind) -> Sums {
        Durations::sum(&self.answers, |mine| &mine.durations[outcome.index()])
    }

    /// The counters of every client, in the order in which they were made.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientCounters> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.clone()
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
