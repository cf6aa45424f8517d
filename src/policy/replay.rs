//! What other settings would have made of a recorded day: an access log, asked again in virtual time.
//!
//! A [`Recorder`] makes a [`Trace`] of the lines of a log: who asked for which job and when, and what was seen of the jobs. [`replay`]
//! sends these asks through the very policy that serves them ([`ladder`](super::ladder), [`budget`](super::budget), [`denial`](super::denial),
//! and [`refresh`](super::refresh) or fixed lifetimes) and counts what comes of it.
//!
//! # What it can know, and what not
//!
//! The truth is what the recording gateway saw: a job's state is the newest one that a line has told, and it changed when a line first told it.
//! What happened between two looks of that gateway, or before the look that showed it, is not in the log. So settings that look oftener than the recorded ones
//! cannot be shown to be better than those, and the share of answers that differ is a lower bound; below the recorded budget it is a fair comparison. Lines without `etag` say only
//! whether the job was there: then nothing differs, every job is taken to be finished, and `ttl_running` has no effect.
//!
//! Each call takes as long as the recorded ones did (the median) and brings an answer. Not replayed: failing calls and what follows from
//! them, bounds on memory and on calls in flight, `Cache-Control` of clients and looks by force (they are not in the log), list calls, and the wait of up to
//! two seconds for a free call: who has something stale to fall back on gets that at once. Clients are taken to ask as they did, whatever they are answered.

mod demand;
mod figures;
mod line;
mod looks;
mod recorder;
mod run;
mod slot;
mod trace;

use std::time::{Duration, Instant};

pub use figures::{Ages, Figures};
pub use line::TextFormat;
pub use recorder::Recorder;
pub use trace::Trace;

use super::client::ClientId;
use super::ladder::Windows;
use super::refresh::Rules;

/// Who decides when a job is looked at: `budget.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The schedule.
    Budget,
    /// Fixed lifetimes.
    Ttl,
}

/// The settings that are tried.
#[derive(Clone, Debug)]
pub struct Terms {
    /// `budget.mode`
    pub mode: Mode,
    /// The budget, `ttl*`, and `stale_while_revalidate` for the schedule.
    pub rules: Rules,
    /// For how long past its lifetime an answer may be served.
    pub windows: Windows,
    /// `cache.ttl_not_found`
    pub ttl_not_found: Duration,
    /// `upstream.timeout`: when a call has certainly ended.
    pub timeout: Duration,
    /// `share` and `max_stale` of the configured clients, whose names the [`Recorder`] was told in the same order.
    pub clients: Vec<Client>,
}

/// What is set for a client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client {
    /// `share`
    pub share: Option<f64>,
    /// `max_stale`
    pub max_stale: Option<Duration>,
}

/// Asks it all again on these terms, beginning with nothing stored. What happens in the first `warm_up` is not counted. `base` is any
/// moment.
#[must_use]
pub fn replay(trace: &Trace, terms: &Terms, warm_up: Duration, base: Instant) -> Figures {
    let mut run = run::Run::new(trace, terms, warm_up, base);
    run.play();
    run.into_figures()
}

// === impl Terms ===

impl Terms {
    fn max_stale(&self, client: ClientId) -> Option<Duration> {
        let client = client.index().and_then(|index| self.clients.get(index));
        client.and_then(|client| client.max_stale)
    }

    /// All clients of the trace, those first that are configured.
    fn shares(&self, clients: usize) -> impl Iterator<Item = (ClientId, Option<f64>)> {
        let share = |index: usize| self.clients.get(index).and_then(|client| client.share);
        (0..clients).map(move |index| (ClientId::at(index), share(index)))
    }
}

#[cfg(test)]
mod tests;
