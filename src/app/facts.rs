//! How the gateway's parts stand, gathered when somebody looks: nothing is counted twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::parts::Parts;
use crate::clock::Clock;
use crate::config::Settings;
use crate::credential::Credential;
use crate::layers::collapse::Collapse;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::signing_clock::SigningClock;
use crate::planner::Planner;
use crate::policy::limit::Api;
use crate::refresh::sweep::Decisions;
use crate::server::Drain;
use crate::store::Store;
use crate::telemetry::metrics::{Facts, Snapshot};

/// How the parts stand whose state is of interest.
pub(super) struct State {
    parts: Watched,
    budget_requests: u32,
    budget_window: Duration,
    cache_max_bytes: u64,
    leaving: AtomicBool,
}

/// These parts.
pub(super) struct Watched {
    credential: Arc<Credential>,
    collapse: Collapse,
    store: Store,
    gate: Gate,
    /// In budget mode.
    planner: Option<Planner>,
    /// Of sweeps, if there are any.
    decisions: Option<Decisions>,
    clock: Clock,
    signing_clock: SigningClock,
    drain: Drain,
}

// === impl Watched ===

impl Watched {
    pub(super) fn new(
        parts: &Parts,
        credential: Arc<Credential>,
        collapse: Collapse,
        decisions: Option<Decisions>,
    ) -> Self {
        Self {
            credential,
            collapse,
            store: parts.store.clone(),
            gate: parts.gate.clone(),
            planner: parts.planner.clone(),
            decisions,
            clock: parts.clock.clone(),
            signing_clock: parts.signing_clock.clone(),
            drain: parts.drain.clone(),
        }
    }
}

// === impl State ===

impl State {
    pub(super) fn new(settings: &Settings, parts: Watched) -> Self {
        Self {
            parts,
            budget_requests: settings.budget.requests.get(),
            budget_window: settings.budget.window,
            cache_max_bytes: settings.cache.max_memory,
            leaving: AtomicBool::new(false),
        }
    }

    /// How the end is begun.
    pub(super) fn drain(&self) -> &Drain {
        &self.parts.drain
    }

    /// About to drain: load balancers should look elsewhere.
    pub(super) fn not_ready(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }
}

impl Facts for State {
    fn snapshot(&self) -> Snapshot {
        let gate = self.parts.gate.status();
        let (job, list) = (gate.job, gate.list);
        let lists = list.map(|list| (Api::List, list.standing));
        Snapshot {
            accepting: !self.parts.drain.has_begun(),
            draining: self.leaving.load(Ordering::Relaxed),
            requests_waiting: self.parts.collapse.waiting(),
            budget_requests: self.budget_requests,
            budget_window: self.budget_window,
            calls_in_flight: job.standing.in_flight
                + list.map_or(0, |list| list.standing.in_flight),
            budget_remaining: u32::try_from(job.standing.remaining).unwrap_or(u32::MAX),
            limits: [(Api::Job, job.standing)]
                .into_iter()
                .chain(lists)
                .collect(),
            throttle_hold: job.throttle_hold,
            list_throttle_hold: list.and_then(|list| list.throttle_hold),
            sweep: (self.parts.decisions.as_ref())
                .map(|decisions| (decisions.state(), self.parts.clock.now())),
            outlook: self.parts.planner.as_ref().map(Planner::outlook),
            credential_hold: gate.credential_hold,
            outage_hold: gate.outage_hold,
            paused: gate.paused,
            denial_wave: self.parts.store.wave().is_on(self.parts.clock.now()),
            absent_jobs: self.parts.store.absent.len(),
            credential_proven: gate.proven,
            credential_refusal: gate.refusal,
            local_clock: self.parts.signing_clock.standing(),
            credential: (self.parts.credential).health(self.parts.clock.wall()),
            cache_entries: self.parts.store.jobs.len(),
            cache_bytes: self.parts.store.jobs.bytes(),
            cache_max_bytes: self.cache_max_bytes,
            cache_evictions: self.parts.store.jobs.evictions(),
        }
    }
}
