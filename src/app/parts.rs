//! The parts that others share, built once.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{BudgetMode, Settings};
use crate::credential::{ClientSecrets, Credential};
use crate::layers::authenticate::Keyring;
use crate::layers::fetch::gate::{Gate, Terms};
use crate::layers::fetch::signing_clock::SigningClock;
use crate::planner::Planner;
use crate::policy::client::Clients;
use crate::policy::refresh::Rules;
use crate::server::Drain;
use crate::store::Store;
use crate::telemetry::metrics::{Accounts, Metrics};

/// The shared parts. Each is a handle: whoever clones it has the same one.
pub(super) struct Parts {
    pub(super) clock: Clock,
    pub(super) signing_clock: SigningClock,
    pub(super) drain: Drain,
    pub(super) metrics: Metrics,
    pub(super) store: Store,
    pub(super) gate: Gate,
    /// In budget mode.
    pub(super) planner: Option<Planner>,
    pub(super) clients: Arc<Clients>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) accounts: Accounts,
}

// === impl Parts ===

impl Parts {
    pub(super) fn new(
        settings: &Settings,
        credential: &Credential,
        secrets: ClientSecrets,
        upstream_is_new: bool,
        metrics: Metrics,
        clock: Clock,
    ) -> Self {
        let clients = Arc::new(clients(settings));
        let keyring = Keyring::new(Arc::clone(&clients), secrets, clock.clone());
        let terms = Terms {
            upstream_is_new,
            ..Terms::from(&settings.budget)
        };
        Self {
            drain: Drain::new(),
            store: Store::new(settings.cache.max_memory),
            gate: Gate::on(terms, credential.kind(), clock.clone()),
            planner: planner(settings, &clients, &clock),
            accounts: metrics.requests.accounts(&clients),
            clients,
            keyring: Arc::new(keyring),
            metrics,
            signing_clock: SigningClock::new(clock.clone()),
            clock,
        }
    }
}

/// In `ttl` mode there is none: whoever asks decides when a look is made.
fn planner(settings: &Settings, clients: &Clients, clock: &Clock) -> Option<Planner> {
    let (budget, cache) = (&settings.budget, &settings.cache);
    if budget.mode == BudgetMode::Ttl {
        return None;
    }
    let rules = Rules {
        requests: budget.requests,
        window: budget.window,
        floors: cache.lifetimes(),
        longest: cache.stale_while_revalidate,
    };
    let shares = settings.auth.clients.iter().map(|client| client.share);
    let shares: Vec<_> = clients.ids().zip(shares).collect();
    Some(Planner::new(rules, &shares, clock.clone()))
}

fn clients(settings: &Settings) -> Clients {
    let clients = &settings.auth.clients;
    let keys = clients
        .iter()
        .map(|client| (client.name.as_str(), client.key_sha256.as_slice()));
    Clients::new(keys).taking_stale(clients.iter().map(|client| client.max_stale))
}
