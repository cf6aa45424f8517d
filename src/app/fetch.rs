//! Wires the fetch.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Settings;
use crate::credential::Credential;
use crate::layers::collapse::Fetch;
use crate::layers::fetch::authorise::Authorise;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::judge::Judge;
use crate::layers::fetch::keep::{Keep, Terms};
use crate::layers::fetch::list::{JudgeList, List, PayList};
use crate::layers::fetch::pay::{Limits, Pay};
use crate::layers::fetch::retry::Retry;
use crate::layers::fetch::slot::AwaitSlot;
use crate::planner::Planner;
use crate::stack::{self, FetchParts};
use crate::store::Store;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::Upstream;

/// What the layers of the fetch share with other parts.
pub(super) struct FetchWiring<'a> {
    pub(super) settings: &'a Settings,
    pub(super) store: &'a Store,
    pub(super) gate: &'a Gate,
    pub(super) planner: Option<&'a Planner>,
    pub(super) clock: &'a Clock,
    pub(super) metrics: &'a UpstreamMetrics,
}

// === impl FetchWiring ===

impl FetchWiring<'_> {
    /// The stack below the collapser.
    pub(super) fn fetch(&self, authorise: Authorise, upstream: Upstream) -> Fetch {
        let Self {
            settings,
            store,
            gate,
            planner,
            clock,
            metrics,
        } = *self;
        let patience = settings.server.request_timeout;
        let timeout = settings.upstream.timeout;
        let terms = Terms {
            lifetimes: settings.cache.lifetimes(),
            ttl_not_found: settings.cache.ttl_not_found,
            windows: settings.cache.windows(),
            longest_fetch: patience.saturating_add(timeout),
        };
        let limits = Limits { patience, timeout };
        stack::fetch(FetchParts {
            keep: Keep::new(store.clone(), terms, clock.clone(), planner.cloned()),
            retry: Retry::new(patience, clock.clone(), metrics.clone()),
            slot: AwaitSlot::new(gate.clone(), planner.cloned()),
            max_in_flight: settings.upstream.max_in_flight,
            pay: Pay::new(gate.clone(), limits, clock.clone(), metrics.clone()),
            judge: Judge::new(settings.budget.window, metrics.clone()),
            authorise,
            upstream,
        })
    }

    /// The stack of list calls.
    pub(super) fn list(&self, authorise: Authorise, upstream: Upstream) -> List {
        let timeout = self.settings.upstream.timeout;
        stack::list(
            PayList::new(self.gate.clone(), timeout, self.metrics.clone()),
            JudgeList::new(self.settings.budget.window),
            authorise,
            upstream,
        )
    }

    /// The last hand before the wire.
    pub(super) fn authorise(&self, credential: Credential, host: &str) -> Authorise {
        let (clock, metrics) = (self.clock.clone(), self.metrics.clone());
        Authorise::new(Arc::new(credential), host, clock, metrics)
    }
}
