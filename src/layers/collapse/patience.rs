//! How long a request waits for its look, by what it has to fall back on.

use std::sync::Arc;
use std::time::Duration;

use crate::layers::{Forward, Wait};
use crate::policy::client::ClientId;
use crate::policy::ladder::STALE_PATIENCE;
use crate::policy::outcome::ForwardReason;
use crate::store::{Entry, Stored};
use crate::telemetry::metrics::LookTrigger;

/// By so much earlier than what is stored may be served no more does a wait end, so that it still can be served then.
const MARGIN: Duration = Duration::from_millis(20);

// === impl Forward ===

impl Forward {
    /// How long it waits for a look, at most `longest`. With something to fall back on, no longer than that may be
    /// served: else a client would get it staler than the windows and the client itself allow.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        let longest = if self.has_stale() {
            longest.min(STALE_PATIENCE)
        } else {
            longest
        };
        match self.stored {
            Some(_) => longest.min(self.servable_for.saturating_sub(MARGIN)),
            None => longest,
        }
    }

    /// How long its look may wait for a free call of the budget, at most `longest`. Without anything to fall back on, and
    /// unless calls are given out by `turns`, it does not wait: the client is told when to come back.
    pub(super) fn slot_wait(&self, longest: Duration, turns: bool) -> Duration {
        if self.has_stale() || (turns && self.wait == Wait::Yes) {
            longest.min(STALE_PATIENCE)
        } else {
            Duration::ZERO
        }
    }

    fn has_stale(&self) -> bool {
        self.stored.is_some() && self.reason == ForwardReason::Stale
    }

    /// The stale job that it may be answered with.
    pub(super) fn fallback(&self) -> Option<&Arc<Entry>> {
        match &self.stored {
            Some(Stored::Job(entry)) if self.has_stale() => Some(entry),
            Some(_) | None => None,
        }
    }

    /// Who asks.
    pub(super) fn client(&self) -> ClientId {
        let client = self.ask.exchange.client();
        client.unwrap_or(ClientId::ANONYMOUS)
    }

    /// What makes its look, if it makes one.
    pub(super) fn trigger(&self) -> LookTrigger {
        match self.reason {
            ForwardReason::UriMiss => LookTrigger::First,
            ForwardReason::Stale => LookTrigger::Stale,
            ForwardReason::Request => LookTrigger::Forced,
        }
    }
}
