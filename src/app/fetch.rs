//! Wires the fetch, and list calls.

use std::sync::Arc;

use super::parts::Parts;
use crate::config::Settings;
use crate::credential::Credential;
use crate::layers::collapse::Fetch;
use crate::layers::fetch::authorise::Authorise;
use crate::layers::fetch::judge::Judge;
use crate::layers::fetch::keep::{Keep, Terms};
use crate::layers::fetch::list::{JudgeList, List, PayList};
use crate::layers::fetch::pay::{Limits, Pay};
use crate::layers::fetch::retry::Retry;
use crate::layers::fetch::slot::AwaitSlot;
use crate::stack::{self, FetchParts};
use crate::upstream::Upstream;

// === impl Parts ===

impl Parts {
    /// The stack below the collapser.
    pub(super) fn fetch(
        &self,
        settings: &Settings,
        authorise: Authorise,
        upstream: Upstream,
    ) -> Fetch {
        let Self {
            store,
            gate,
            planner,
            clock,
            ..
        } = self;
        let metrics = &self.metrics.upstream;
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
            keep: Keep::new(store.clone(), terms, clock.clone(), planner.clone()),
            retry: Retry::new(patience, clock.clone(), metrics.clone()),
            slot: AwaitSlot::new(gate.clone(), planner.clone()),
            max_in_flight: settings.upstream.max_in_flight,
            pay: Pay::new(gate.clone(), limits, clock.clone(), metrics.clone()),
            judge: Judge::new(
                settings.budget.window,
                settings.cache.caller_fields,
                metrics.clone(),
            ),
            authorise,
            upstream,
        })
    }

    /// The stack of list calls.
    pub(super) fn list(
        &self,
        settings: &Settings,
        authorise: Authorise,
        upstream: Upstream,
    ) -> List {
        let (gate, metrics) = (self.gate.clone(), self.metrics.upstream.clone());
        stack::list(
            PayList::new(gate, settings.upstream.timeout, metrics),
            JudgeList::new(settings.budget.window),
            authorise,
            upstream,
        )
    }

    /// The last hand before the wire.
    pub(super) fn authorise(&self, credential: &Arc<Credential>, host: &str) -> Authorise {
        let (clock, metrics) = (self.signing_clock.clone(), self.metrics.upstream.clone());
        Authorise::new(Arc::clone(credential), host, clock, metrics)
    }
}
