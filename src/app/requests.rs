//! Wires the request path above the fetch, and what is put around it.

use std::io;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::parts::Parts;
use crate::config::{AuthMode, Settings};
use crate::layers::admit::Admit;
use crate::layers::authenticate::Authenticate;
use crate::layers::collapse::{Bounds, Collapse, Fetch};
use crate::layers::conform::Conform;
use crate::layers::lookup::LookupLayer;
use crate::layers::observe::Observer;
use crate::layers::rate::Rate;
use crate::layers::route::Route;
use crate::layers::usage::Usage;
use crate::layers::validate::Validate;
use crate::policy::permit::Permits;
use crate::stack::RequestParts;
use crate::telemetry::access::AccessLog;
use crate::telemetry::lines::Lines;

// === impl Parts ===

impl Parts {
    /// Its fetches are tasks of `fetches`, on the runtime that this is called on.
    pub(super) fn collapse(
        &self,
        settings: &Settings,
        fetch: Fetch,
        fetches: &TaskTracker,
    ) -> Collapse {
        let clients = settings.auth.clients.iter();
        let bounds = Bounds {
            runtime: Handle::current(),
            tasks: fetches.clone(),
            max_waiting: settings.server.max_waiting,
            patience: settings.server.request_timeout,
            refresh: clients.map(|client| client.refresh).collect(),
            accounts: self.accounts.clone(),
        };
        Collapse::new(
            fetch,
            self.gate.clone(),
            self.planner.clone(),
            self.store.clone(),
            self.clock.clone(),
            bounds,
            self.metrics.upstream.clone(),
        )
    }

    /// What a request meets on its way.
    pub(super) fn requests(&self, settings: &Settings, collapse: Collapse) -> RequestParts {
        let clients = || Arc::clone(&self.clients);
        let configured = settings.auth.clients.iter();
        let rates = configured.clone().map(|client| client.rate);
        let permits = Permits::new(configured.map(|client| client.jobs.as_deref()));
        RequestParts {
            admit: Admit::new(self.drain.clone()),
            conform: Conform::new(&settings.server.allowed_hosts),
            route: Route::new(&settings.server.base_path),
            authenticate: match settings.auth.mode {
                AuthMode::Keys => Authenticate::with_keys(
                    Arc::clone(&self.keyring),
                    self.metrics.refusals.clone(),
                ),
                AuthMode::Open => Authenticate::open(),
            },
            rate: Rate::new(rates, self.accounts.clone(), &self.clock),
            usage: Usage::new(self.accounts.clone(), clients(), self.clock.clone()),
            validate: Validate::new(permits),
            lookup: LookupLayer::new(
                self.store.clone(),
                settings.cache.windows(),
                clients(),
                self.planner.clone(),
                self.clock.clone(),
            ),
            collapse,
        }
    }

    /// Names requests by a number that tells this process from others, and tells how each of them ended.
    pub(super) fn observer(&self, settings: &Settings, lines: Lines) -> io::Result<Observer> {
        let process = getrandom::u64().map_err(io::Error::other)?;
        Ok(Observer::new(
            self.metrics.requests.clone(),
            Arc::clone(&self.clients),
            AccessLog::new(&settings.log, lines),
            self.store.chronicle.clone(),
            self.clock.clone(),
            process,
        ))
    }
}
