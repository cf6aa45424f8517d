//! Plans: when each job's next look would be worth as much as those that the budget pays for.
//!
//! A plan is made for the level and the demand of its moment, and both move. So plans are renewed when their turn comes, and a hand
//! goes round the others.

use std::time::Instant;

use super::super::track::{Place, Track, later};
use super::{LEAST_LEVEL, Schedule, unqueue};
use crate::policy::job::JobId;

/// Jobs whose plan the hand renews with each decision. Six times as many gave the same share of wrong answers in the simulated fleet.
const TENDED: usize = 2;
/// Plans at the front of the queue that are renewed at most before a choice is made.
const RENEWED: usize = 4;
/// Calls that may be late without being lost: held back for first asks, or because slots were not yet free.
const MADE_UP: u32 = 4;
/// The level follows the worth of each look by this power, and by no more than a factor of [`STEP`] for one.
const GAIN: f64 = 0.125;
const STEP: f64 = 16.0;

impl Schedule {
    /// Renews the plans of the jobs under the hand.
    pub(super) fn tend(&mut self, now: Instant) {
        for _ in 0..TENDED {
            self.hand = if self.hand < self.tracks.len() {
                self.hand
            } else {
                0
            };
            let Some((&job, track)) = self.tracks.get_index(self.hand) else {
                return;
            };
            let is_off = track.is_off(self.level, now, &self.rules);
            self.fleet.saw_rate(track.rhythm.rate(&self.fleet));
            if is_off {
                self.renew(job, now);
            }
            self.hand += 1;
        }
    }

    /// Renews plans until the first in the queue is no longer off.
    pub(super) fn renew_front(&mut self, now: Instant) {
        for _ in 0..RENEWED {
            let first = self.queue.first().copied();
            if !first.is_some_and(|(_, job)| self.renew(job, now)) {
                return;
            }
        }
    }

    /// Plans anew if the plan was made for something else, and forgets who is not asked for; true if the queue has changed.
    pub(super) fn renew(&mut self, job: JobId, now: Instant) -> bool {
        let off = |track: &&Track| track.is_off(self.level, now, &self.rules);
        let Some(track) = self.tracks.get(&job).filter(off) else {
            return false;
        };
        if track.is_silent(now, &self.rules) {
            self.forget(&job);
        } else {
            self.plan(job, now);
        }
        true
    }

    pub(super) fn plan(&mut self, job: JobId, now: Instant) {
        if let Some(track) = self.tracks.get_mut(&job) {
            unqueue(&mut self.queue, job, track);
            track.plan(self.level, now, &self.rules, &self.fleet);
            track.place = Place::Queued;
            self.queue.insert((track.due, job));
        }
    }

    pub(super) fn take_off(&mut self, job: JobId) {
        if let Some(track) = self.tracks.get_mut(&job) {
            unqueue(&mut self.queue, job, track);
        }
    }

    /// Sets when the next refresh may go out. What is late by a few calls' shares of the window is made up for.
    pub(super) fn pace(&mut self, now: Instant) {
        let pace = self.rules.pace();
        let due = self
            .paced
            .filter(|&due| now.saturating_duration_since(due) < pace * MADE_UP);
        self.paced = Some(later(due.unwrap_or(now), pace));
    }

    /// Moves the level towards what the look just made was worth.
    pub(super) fn follow(&mut self, worth: f64) {
        if self.level <= LEAST_LEVEL {
            // the first look of all: a better beginning than none
            self.level = worth.max(LEAST_LEVEL);
        }
        let step = (worth / self.level).clamp(1.0 / STEP, STEP);
        self.level = (self.level * step.powf(GAIN)).max(LEAST_LEVEL);
    }
}
