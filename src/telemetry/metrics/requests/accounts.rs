//! What each client asked, and what it paid.
//!
//! Requests are counted for every hit, so each thread keeps its own sums. What is paid is written a few times a minute: one
//! atomic number for each account, and the only place where it is counted. Metrics, `/-/usage`, `/api/stats` and `jobgate
//! stats` read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::client::ClientId;
use crate::policy::cost::Cost;
use crate::policy::outcome::OutcomeKind;
use crate::telemetry::per_thread::{PerThread, Tally};

use super::OUTCOMES;

/// What somebody has paid since the start. Clones are the same account.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<AtomicU64>);

/// Counts the requests of one client, and what they cost it.
#[derive(Clone, Debug, Default)]
pub struct ClientCounters {
    name: Arc<str>,
    requests: PerThread<Requests>,
    account: Account,
}

/// A thread's sums of one client.
#[derive(Debug, Default)]
struct Requests {
    outcomes: [Tally; OUTCOMES],
    /// Of the stale answers, those that had paid for a look in vain.
    in_vain: Tally,
    /// Of the refused, those above the client's rate.
    above_rate: Tally,
}

/// Who may have to pay: the clients by their place in the configuration, whoever asks in open mode, and the gateway itself.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    clients: Arc<[ClientCounters]>,
    anonymous: ClientCounters,
    gateway: Account,
}

// === impl Account ===

impl Account {
    /// Pays.
    pub fn pay(&self, cost: Cost) {
        if !cost.is_zero() {
            self.0.fetch_add(cost.millionths(), Ordering::Relaxed);
        }
    }

    /// What was paid.
    #[must_use]
    pub fn paid(&self) -> Cost {
        Cost::of_millionths(self.0.load(Ordering::Relaxed))
    }
}

// === impl ClientCounters ===

impl ClientCounters {
    pub(super) fn new(name: &str) -> Self {
        let name = Arc::from(name);
        Self {
            name,
            ..Self::default()
        }
    }

    /// Counts an exchange of this client that ended.
    pub fn answered(&self, outcome: OutcomeKind) {
        self.requests.mine().outcomes[outcome.index()].add(1);
    }

    /// Counts a stale answer that had paid for a look in vain. It is also [`answered`](Self::answered).
    pub fn looked_in_vain(&self) {
        self.requests.mine().in_vain.add(1);
    }

    /// Counts a request that was refused because it was above the client's rate. It is also [`answered`](Self::answered).
    pub fn refused_by_rate(&self) {
        self.requests.mine().above_rate.add(1);
    }

    /// The client's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Requests of this client that were answered so.
    #[must_use]
    pub fn count(&self, outcome: OutcomeKind) -> u64 {
        self.requests.sum(|mine| &mine.outcomes[outcome.index()])
    }

    /// What it paid.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Requests that were refused because they were above the client's rate.
    #[must_use]
    pub fn above_rate(&self) -> u64 {
        self.requests.sum(|mine| &mine.above_rate)
    }

    /// Stale answers that had paid for a look in vain.
    pub(super) fn in_vain(&self) -> u64 {
        self.requests.sum(|mine| &mine.in_vain)
    }
}

// === impl Accounts ===

impl Accounts {
    pub(super) fn new(
        clients: Arc<[ClientCounters]>,
        anonymous: ClientCounters,
        gateway: Account,
    ) -> Self {
        Self {
            clients,
            anonymous,
            gateway,
        }
    }

    /// The counters of a client; of nobody in particular, if it is not known.
    #[must_use]
    pub fn of(&self, client: ClientId) -> &ClientCounters {
        let counters = client.index().and_then(|index| self.clients.get(index));
        counters.unwrap_or(&self.anonymous)
    }

    /// Pays for what no client waits for: looks behind stale answers, of the schedule and of the operator.
    #[must_use]
    pub fn gateway(&self) -> &Account {
        &self.gateway
    }
}
