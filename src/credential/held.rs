//! What an identity service gave: the credential in use, and those before it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;

use super::Generation;
use super::issue::{Issued, Material};
use super::keys::EXPIRY_GRACE;
use crate::clock::Clock;

/// Former credentials that are still searched for in answers. Calls with the last one may be under way; of the others
/// something may stand in an upstream's log.
const MOST_FORMER: usize = 8;

/// The credential in use, if there is one. Read without a lock; written by the keeper alone.
#[derive(Default)]
pub(super) struct Held {
    current: ArcSwapOption<Given>,
    former: Mutex<VecDeque<Arc<Given>>>,
}

/// One credential, and how long it is good for.
///
/// Its end is known twice over, both counted from when it was given, by the service's own measure: the monotonic clock stands
/// still while the machine sleeps, and the wall clock may be set. Whichever says that it is over is believed, since to ask
/// for another costs little.
pub(super) struct Given {
    pub(super) material: Material,
    pub(super) generation: Generation,
    /// As the service says it.
    pub(super) expires_at: SystemTime,
    until: Instant,
    until_wall: SystemTime,
}

// === impl Held ===

impl Held {
    pub(super) fn current(&self) -> Option<Arc<Given>> {
        self.current.load_full()
    }

    /// Takes what was given; tells whether it is the same as before, which then only counts as good for longer.
    pub(super) fn take(&self, issued: Issued, clock: &Clock) -> bool {
        let before = self.current();
        let is_same = (before.as_ref()).is_some_and(|before| before.material.is(&issued.material));
        let generation = match &before {
            None => Generation::default(),
            Some(before) if is_same => before.generation,
            Some(before) => before.generation.next(),
        };
        let (now, wall) = (clock.now(), clock.wall());
        let given = Given {
            until: now.checked_add(issued.lifetime).unwrap_or(now),
            until_wall: wall.checked_add(issued.lifetime).unwrap_or(wall),
            expires_at: issued.expires_at,
            material: issued.material,
            generation,
        };
        if !is_same {
            self.keep_former(before);
        }
        self.current.store(Some(Arc::new(given)));
        is_same
    }

    /// The one in use and those before it. Whichever is replaced meanwhile is among them: it is put with the former before
    /// it goes, and looked for there after.
    pub(super) fn known(&self) -> impl Iterator<Item = Arc<Given>> + use<> {
        let current = self.current();
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let former: Vec<_> = former.iter().cloned().collect();
        current.into_iter().chain(former)
    }

    fn keep_former(&self, before: Option<Arc<Given>>) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.extend(before);
        let surplus = former.len().saturating_sub(MOST_FORMER);
        former.drain(..surplus);
    }
}

// === impl Given ===

impl Given {
    /// How long it is good for.
    pub(super) fn left(&self, clock: &Clock) -> Duration {
        let left = self.until.saturating_duration_since(clock.now());
        let left_by_wall = self.until_wall.duration_since(clock.wall());
        left.min(left_by_wall.unwrap_or_default())
    }

    /// Whether it is known to be of no use: over for as long as clocks may differ.
    pub(super) fn is_over(&self, clock: &Clock) -> bool {
        let grace = |end: Option<Duration>| end.is_some_and(|since| since > EXPIRY_GRACE);
        grace(clock.now().checked_duration_since(self.until))
            || grace(clock.wall().duration_since(self.until_wall).ok())
    }
}
