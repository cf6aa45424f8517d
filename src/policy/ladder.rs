//! How to answer, rung by rung: fresh; stale, at once, with a look behind; upstream, waited for; stale, because that failed;
//! the error.
//!
//! ```text
//! fresh                                     what is stored, at once
//! past its lifetime, within                 what is stored, at once, and one look behind
//!   stale_while_revalidate                    (none while the job rests after one that brought nothing)
//! past that                                 a bounded wait for a look; and if it fails, or too much time passes,
//!   within stale_if_error                     what is stored
//!   past that                                 the error, exact
//! ```
//!
//! Both windows begin when the lifetime ends (RFC 5861). What a client may bound is how old its answer is ([`Wish`]): too old
//! an answer makes it a forced look, which the layers grant within the client's allowance.

use std::time::Duration;

use super::freshness::Freshness;
use super::outcome::ForwardReason;
use super::wish::Wish;

/// Longest wait for a look while there is something stale to fall back on: a person notices two seconds, a dashboard does
/// not, and most looks take a fraction of one.
pub const STALE_PATIENCE: Duration = Duration::from_secs(2);

/// For how long past its lifetime an answer may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// `cache.stale_while_revalidate`
    pub while_revalidate: Duration,
    /// `cache.stale_if_error`
    pub if_error: Duration,
}

/// What is known of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// Nothing, but a look has failed a moment ago, and it is too early for another.
    Failing,
    /// An answer is stored.
    Job {
        /// How old it is.
        freshness: Freshness,
        /// Whether a look has failed a moment ago, so that it is too early for another.
        rests: bool,
    },
    /// Upstream denied it.
    Denied {
        /// How old the denial is.
        freshness: Freshness,
        /// Whether a look has failed a moment ago, so that it is too early for another.
        rests: bool,
    },
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// With what is stored, which is as good as the client wants it.
    Hit,
    /// With what is stored although it is stale or older than the client wants: it is too early for another look, or the
    /// client wants no other answer.
    Stored,
    /// With what is stored, at once; one look behind.
    StoredAndLook,
    /// With what upstream says.
    Look(Look),
    /// With the error of the last look: it is too early for another, and nothing stored may be served.
    HeldBack,
    /// With the error that nothing is stored.
    NotStored,
}

/// A look that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Why.
    pub reason: ForwardReason,
    /// Whether what is stored may be served if it fails.
    pub fallback: bool,
}

/// How to answer a client with such a wish, knowing this.
#[must_use]
pub fn plan(known: Known, wish: &Wish, windows: &Windows) -> Plan {
    match known {
        Known::Nothing | Known::Failing if wish.only_if_cached => Plan::NotStored,
        Known::Nothing => look(ForwardReason::UriMiss, false),
        Known::Failing => Plan::HeldBack,
        Known::Job { freshness, rests } => plan_stored(freshness, rests, wish, windows),
        // A denial is never served past its lifetime: it is the one answer that may turn out wrong in the meantime without
        // anything else failing.
        Known::Denied { freshness, rests } => plan_stored(freshness, rests, wish, &Windows::NONE),
    }
}

fn plan_stored(freshness: Freshness, rests: bool, wish: &Wish, windows: &Windows) -> Plan {
    let servable = is_servable(freshness, wish, windows);
    if wish.only_if_cached {
        return match freshness {
            Freshness::Fresh { .. } => Plan::Hit,
            Freshness::Stale { .. } if servable => Plan::Stored,
            Freshness::Stale { .. } => Plan::NotStored,
        };
    }
    let too_old = wish.is_younger_than(freshness.age());
    match (freshness, rests) {
        (Freshness::Fresh { .. }, _) if !too_old => Plan::Hit,
        (_, true) if servable => Plan::Stored,
        (_, true) => Plan::HeldBack,
        (Freshness::Stale { late, .. }, _) if late >= windows.while_revalidate || !servable => {
            look(ForwardReason::Stale, servable)
        }
        _ if too_old => look(ForwardReason::Request, true),
        _ => Plan::StoredAndLook,
    }
}

/// Whether something stored may be served at all, if there is nothing better.
#[must_use]
pub fn is_servable(freshness: Freshness, wish: &Wish, windows: &Windows) -> bool {
    match freshness {
        Freshness::Fresh { .. } => true,
        Freshness::Stale { late, .. } => late < windows.longest() && wish.takes(late),
    }
}

/// For how much longer, strictly less: a request that waits for something better must not wait past that.
#[must_use]
pub fn servable_for(freshness: Freshness, wish: &Wish, windows: &Windows) -> Duration {
    let (ttl, late) = match freshness {
        Freshness::Fresh { ttl, .. } => (ttl, Duration::ZERO),
        Freshness::Stale { late, .. } => (Duration::ZERO, late),
    };
    let window = windows.longest();
    let just_past = |bound: Duration| bound.saturating_add(Duration::from_nanos(1)); // a client's bound is taken itself
    let latest = wish
        .max_stale
        .map_or(window, |bound| just_past(bound).min(window));
    ttl.saturating_add(latest.saturating_sub(late))
}

fn look(reason: ForwardReason, fallback: bool) -> Plan {
    Plan::Look(Look { reason, fallback })
}

// === impl Windows ===

impl Windows {
    /// Nothing is served past its lifetime.
    pub const NONE: Self = Self {
        while_revalidate: Duration::ZERO,
        if_error: Duration::ZERO,
    };

    /// The longest that anything may be served past its lifetime.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }
}

#[cfg(test)]
mod tests;
