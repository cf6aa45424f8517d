//! Builds the request path as the program does, with everything that is in it.

use std::sync::{Arc, Mutex};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;
use tower::service_fn;
use tower::util::{BoxCloneSyncService, ServiceExt as _};

use jobgate::clock::Clock;
use jobgate::credential::ClientSecrets;
use jobgate::credential::Credential;
use jobgate::layers::admit::Admit;
use jobgate::layers::authenticate::{Authenticate, Keyring};
use jobgate::layers::collapse::{Bounds, Collapse, Fetch};
use jobgate::layers::conform::Conform;
use jobgate::layers::fetch::Call;
use jobgate::layers::fetch::authorise::Authorise;
use jobgate::layers::fetch::gate::Gate;
use jobgate::layers::fetch::judge::Judge;
use jobgate::layers::fetch::keep::{Keep, Terms as KeepTerms};
use jobgate::layers::fetch::pay::{Limits, Pay};
use jobgate::layers::fetch::retry::Retry;
use jobgate::layers::fetch::signing_clock::SigningClock;
use jobgate::layers::fetch::slot::AwaitSlot;
use jobgate::layers::lookup::LookupLayer;
use jobgate::layers::rate::Rate;
use jobgate::layers::route::Route;
use jobgate::layers::usage::Usage;
use jobgate::layers::validate::Validate;
use jobgate::policy::client::Clients;
use jobgate::policy::freshness::Lifetimes;
use jobgate::policy::hold::CredentialKind;
use jobgate::policy::ladder::Windows;
use jobgate::policy::normalise::CallerFields;
use jobgate::policy::permit::Permits;
use jobgate::server::Drain;
use jobgate::stack::{self, FetchParts, RequestParts};
use jobgate::store::Store;
use jobgate::telemetry::metrics::{
    Accounts, Metrics, Origin, RefusalMetrics, RequestMetrics, UpstreamMetrics,
};

use super::{House, Requests};
use crate::model::{Model, Shared, lock};
use crate::step::CLIENTS;
use crate::terms::{CLIENT_TERMS, Terms};
use crate::upstream::{FETCH, Upstream};

/// Nothing has to go for lack of memory.
const MEMORY: u64 = 1 << 30;

/// What the parts of the path share.
struct Parts {
    terms: Terms,
    clock: Clock,
    store: Store,
    metrics: UpstreamMetrics,
    accounts: Accounts,
}

fn metrics(clock: &Clock) -> UpstreamMetrics {
    let origin = Origin {
        version: "0",
        started: clock.wall(),
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    Metrics::register(&mut Registry::default(), origin).upstream
}

/// The key that a client shows.
pub(super) fn key_of(client: usize) -> String {
    format!("{client:064}")
}

fn clients() -> Clients {
    let digests: [[u8; 32]; CLIENTS] = std::array::from_fn(|n| Sha256::digest(key_of(n)).into());
    Clients::new(
        digests
            .iter()
            .map(|digest| ("client", std::slice::from_ref(digest))),
    )
    .taking_stale(CLIENT_TERMS.map(|(_, max_stale)| max_stale))
}

fn keyring(clients: &Arc<Clients>, clock: &Clock) -> Arc<Keyring> {
    let (clients, secrets) = (Arc::clone(clients), ClientSecrets::default());
    Arc::new(Keyring::new(clients, secrets, clock.clone()))
}

// === impl House ===

impl House {
    /// A house in which nothing has happened yet.
    pub(super) fn new(terms: Terms, clock: Clock) -> Self {
        let model: Shared = Arc::new(Mutex::new(Model::new(terms, clock.now())));
        let upstream = Upstream::new(Arc::clone(&model), clock.clone(), terms.timeout);
        let (requests, window) = (terms.requests.try_into().unwrap(), terms.window);
        let gate = Gate::new(requests, window, CredentialKind::Lockable, clock.clone());
        let payers = RequestMetrics::default();
        let parts = Parts {
            terms,
            clock: clock.clone(),
            store: Store::new(MEMORY),
            metrics: metrics(&clock),
            accounts: payers.accounts(&clients()),
        };
        let fetch = watched(
            parts.fetch(&gate, &upstream),
            Arc::clone(&model),
            clock.clone(),
        );
        let collapse = parts.collapse(fetch, gate.clone());
        Self {
            requests: parts.requests(collapse.clone()),
            collapse,
            payers,
            store: parts.store,
            gate,
            upstream,
            model,
            clock,
            tasks: JoinSet::new(),
            waiting: Vec::new(),
        }
    }
}

// === impl Parts ===

impl Parts {
    fn fetch(&self, gate: &Gate, upstream: &Upstream) -> Fetch {
        let (terms, clock, metrics) = (&self.terms, &self.clock, &self.metrics);
        let keys = Credential::from_keys("an-access-key", "a-secret-key-of-some-length").unwrap();
        let limits = Limits {
            patience: terms.patience,
            timeout: terms.timeout,
        };
        stack::fetch(FetchParts {
            keep: Keep::new(self.store.clone(), self.keep_terms(), clock.clone(), None),
            retry: Retry::new(terms.patience, clock.clone(), metrics.clone()),
            slot: AwaitSlot::new(gate.clone(), None),
            max_in_flight: terms.max_in_flight,
            pay: Pay::new(gate.clone(), limits, clock.clone(), metrics.clone()),
            judge: Judge::new(terms.window, CallerFields::Keep, metrics.clone()),
            authorise: Authorise::new(
                Arc::new(keys),
                "upstream",
                SigningClock::new(clock.clone()),
                metrics.clone(),
            ),
            upstream: upstream.clone(),
        })
    }

    fn keep_terms(&self) -> KeepTerms {
        let terms = &self.terms;
        KeepTerms {
            lifetimes: Lifetimes {
                finished: terms.lifetime(true),
                running: terms.lifetime(false),
            },
            ttl_not_found: terms.ttl_not_found,
            windows: self.windows(),
            longest_fetch: terms.patience + terms.timeout,
        }
    }

    fn windows(&self) -> Windows {
        Windows {
            while_revalidate: self.terms.while_revalidate,
            if_error: self.terms.if_error,
        }
    }

    fn collapse(&self, fetch: Fetch, gate: Gate) -> Collapse {
        let bounds = Bounds {
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            max_waiting: self.terms.max_waiting,
            patience: self.terms.patience,
            refresh: CLIENT_TERMS.map(|(refresh, _)| refresh).into(),
            accounts: self.accounts.clone(),
        };
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Collapse::new(
            fetch,
            gate,
            None,
            store,
            clock,
            bounds,
            self.metrics.clone(),
        )
    }

    fn requests(&self, collapse: Collapse) -> Requests {
        let clients = Arc::new(clients());
        let (store, clock) = (self.store.clone(), self.clock.clone());
        BoxCloneSyncService::new(stack::requests(RequestParts {
            admit: Admit::new(Drain::new()),
            conform: Conform::new(&[]),
            route: Route::new(""),
            authenticate: Authenticate::with_keys(
                keyring(&clients, &clock),
                RefusalMetrics::default(),
            ),
            rate: Rate::new([], self.accounts.clone(), &clock),
            usage: Usage::new(self.accounts.clone(), Arc::clone(&clients), clock.clone()),
            validate: Validate::new(Permits::default()),
            lookup: LookupLayer::new(store, self.windows(), clients, None, clock),
            collapse,
        }))
    }
}

/// The fetch, each of whose beginnings and ends the model sees.
fn watched(fetch: Fetch, model: Shared, clock: Clock) -> Fetch {
    BoxCloneSyncService::new(service_fn(move |call: Call| {
        let (fetch, model, clock) = (fetch.clone(), Arc::clone(&model), clock.clone());
        async move {
            let number = lock(&model).fetch_began(&call.job, clock.now());
            let landing = FETCH.scope(number, fetch.oneshot(call)).await?;
            lock(&model).fetch_ended(number, &landing, clock.now());
            Ok(landing)
        }
    }))
}
