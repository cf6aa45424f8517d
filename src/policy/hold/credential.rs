//! The credential hold: a refused credential rests, and is never refused five times in five minutes.
//!
//! Until an answer proves the credential (at the start, and after each refusal) calls go out one at a time. A refusal
//! starts a pause; each probe that is refused again makes the next one longer. An authenticated answer ends all that.
//!
//! The API gateway locks an access key for five minutes after more than five failed signatures in a row. So for a
//! [`Lockable`](CredentialKind::Lockable) credential the calls in flight and the failures of the last five minutes are
//! never more than four together, even when proven: if everything in flight fails, the key is still not locked. A
//! call without an answer may have failed unseen, so it counts as a failure while the credential is unproven; a proven
//! one is trusted through an outage. For a token the rule holds only while it is unproven, and the refusals that were
//! under way when the hold began count as one.

use std::mem;
use std::time::{Duration, Instant};

use super::{CredentialKind, Generation};
use crate::policy::budget::later;

/// Failures within [`FAILURE_WINDOW`], calls in flight included. Upstream locks a key after *more than five* in a
/// row; four leaves one to whoever else uses the key.
const MOST_FAILURES: usize = 4;

/// How long a failure counts: strictly more than the five minutes of upstream's lock.
const FAILURE_WINDOW: Duration = Duration::from_nanos(5 * 60 * 1_000_000_000 + 1);

/// The pause after the first refusal in a row, the second, and so on; the last one repeats. Short enough at first for
/// a credential that is just being replaced, at last no more than a quarter of an hour behind its repair.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
    Duration::from_secs(600),
    LONGEST_PAUSE,
];

const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// The credential hold.
#[derive(Clone, Debug)]
pub(super) struct CredentialHold {
    kind: CredentialKind,
    proven: bool,
    /// The end of the pause; `None` once proven.
    until: Option<Instant>,
    /// Pauses in a row.
    refusals: usize,
    /// The next refusal is of a credential renewed within this pause, which does not make the pause grow.
    renewed: bool,
    /// Earliest first.
    failures: Vec<Failure>,
    /// Counts the pauses; a call of the current one is a probe.
    generation: Generation,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    counts_until: Instant,
    /// False for a call without an answer.
    seen: bool,
}

// === impl CredentialHold ===

impl CredentialHold {
    pub(super) fn new(kind: CredentialKind) -> Self {
        Self {
            kind,
            proven: false,
            until: None,
            refusals: 0,
            renewed: false,
            failures: Vec::new(),
            generation: 0,
        }
    }

    /// What is left of the hold: of the pause, or until there is room for one more failure.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(now);
        let pause = self.until.map_or(Duration::ZERO, left);
        let room = self.room_at(now).map_or(Duration::ZERO, left);
        pause.max(room)
    }

    /// Whether one more call may be in flight.
    pub(super) fn has_room(&self, now: Instant, in_flight: usize) -> bool {
        let alone = self.proven || in_flight == 0;
        let safe = !self.is_capped() || in_flight + self.failures(now) < MOST_FAILURES;
        alone && safe
    }

    /// Upstream took the credential of a call.
    pub(super) fn proved(&mut self, sent: Generation) {
        if sent != self.generation {
            return; // sent before the refusal: the credential may have died since
        }
        self.proven = true;
        self.until = None;
        self.refusals = 0;
        self.renewed = false;
        self.failures.retain(|failure| failure.seen); // the right key was not refused unseen
    }

    /// Upstream refused the credential of a call.
    pub(super) fn refused(&mut self, now: Instant, sent: Generation) {
        let is_first = sent == self.generation;
        if is_first || self.kind == CredentialKind::Lockable {
            self.record(now, true);
        }
        if !is_first {
            return;
        }
        if !mem::take(&mut self.renewed) {
            self.refusals = self.refusals.saturating_add(1);
        }
        let step = self.refusals.saturating_sub(1);
        let pause = PAUSES.get(step).copied().unwrap_or(LONGEST_PAUSE);
        self.until = Some(later(now, pause));
        self.proven = false;
        self.generation = self.generation.wrapping_add(1);
    }

    /// A call had no answer; `latest` is the last moment at which upstream may have refused it.
    pub(super) fn unanswered(&mut self, latest: Instant) {
        if self.kind == CredentialKind::Lockable && !self.proven {
            self.record(latest, false);
        }
    }

    /// There is a new credential: the pause is over. The failures still count.
    pub(super) fn renewed(&mut self) {
        if self.until.take().is_some() {
            self.renewed = true;
        }
    }

    /// Drops failures that no longer count.
    pub(super) fn forget(&mut self, now: Instant) {
        self.failures.retain(|failure| failure.counts_until > now);
    }

    pub(super) fn failures(&self, now: Instant) -> usize {
        self.counted(now).len()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    fn is_capped(&self) -> bool {
        self.kind == CredentialKind::Lockable || !self.proven
    }

    fn counted(&self, now: Instant) -> &[Failure] {
        let old = |failure: &Failure| failure.counts_until <= now;
        let first = self.failures.partition_point(old);
        self.failures.get(first..).unwrap_or_default()
    }

    /// When fewer failures than allowed are left; `None` if that is so now.
    fn room_at(&self, now: Instant) -> Option<Instant> {
        if !self.is_capped() {
            return None;
        }
        let counted = self.counted(now);
        let last_in_the_way = counted.len().checked_sub(MOST_FAILURES)?;
        counted.get(last_in_the_way).map(|f| f.counts_until)
    }

    fn record(&mut self, at: Instant, seen: bool) {
        let counts_until = later(at, FAILURE_WINDOW);
        let earlier = |failure: &Failure| failure.counts_until <= counts_until;
        let place = self.failures.partition_point(earlier);
        self.failures.insert(place, Failure { counts_until, seen });
    }
}
