//! Requests as clients see them: how many, how answered, how fast; by outcome, by status class, by client.
//!
//! This is counted for every hit, so each thread keeps its own sums (`per_thread`) and a scrape adds them up. That is
//! also why the histogram is ours: prometheus-client's takes a lock that all threads would share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::registry::Registry;

use crate::policy::outcome::{OutcomeKind, Why};
use crate::telemetry::per_thread::{PerThread, Tally};

use durations::Durations;
pub use durations::Sums;

mod durations;
mod exposed;

const OUTCOMES: usize = OutcomeKind::ALL.len();

/// Counts requests. Clones count into the same families.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    answers: PerThread<Answers>,
    clients: Arc<Mutex<Vec<ClientCounters>>>,
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

/// A thread's sums.
#[derive(Debug, Default)]
struct Answers {
    by_class: [[Tally; StatusClass::ALL.len()]; OUTCOMES],
    durations: [Durations; OUTCOMES],
    /// Answers from what is stored although it was stale or too old, by the reason.
    stored: [Tally; Why::COUNT],
    /// Of these, those that had paid for a look in vain.
    stored_paid: Tally,
}

// === impl RequestMetrics ===

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            answers: PerThread::default(),
            clients: Arc::default(),
        };
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts an exchange that ended.
    pub fn answered(&self, outcome: OutcomeKind, class: StatusClass, took: Duration) {
        let mine = self.answers.mine();
        mine.by_class[outcome.index()][class as usize].add(1);
        mine.durations[outcome.index()].observe(took);
    }

    /// Counts an answer from what is stored although it was stale or older than the client wanted; `calls` upstream were paid
    /// for it in vain. It is also [`answered`](Self::answered).
    pub fn served_stored(&self, why: Why, calls: u32) {
        let mine = self.answers.mine();
        mine.stored[why.index()].add(1);
        if calls > 0 {
            mine.stored_paid.add(1);
        }
    }

    /// The counters of a client, to be kept with it: made by the first call for its name, found by later ones, so
    /// that no name has two series. The names come from the configuration; `-` is nobody in particular.
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

    /// Requests that were answered so.
    #[must_use]
    pub fn count(&self, outcome: OutcomeKind, class: StatusClass) -> u64 {
        self.answers
            .sum(|mine| &mine.by_class[outcome.index()][class as usize])
    }

    /// Answers with a job that cost no call of their own.
    #[must_use]
    pub fn calls_saved(&self) -> u64 {
        let saving = [OutcomeKind::Hit, OutcomeKind::Stale, OutcomeKind::Collapsed];
        let classes = [StatusClass::Success, StatusClass::Redirection];
        let pairs = saving.map(|outcome| classes.map(|class| self.count(outcome, class)));
        let answers: u64 = pairs.iter().flatten().sum();
        answers.saturating_sub(self.answers.sum(|mine| &mine.stored_paid))
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

// === impl ClientCounters ===

impl ClientCounters {
    /// Counts an exchange of this client that ended.
    pub fn answered(&self, outcome: OutcomeKind) {
        self.outcomes.mine()[outcome.index()].add(1);
    }

    /// The client's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Requests of this client that were answered so.
    #[must_use]
    pub fn count(&self, outcome: OutcomeKind) -> u64 {
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
