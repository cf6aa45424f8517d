//! All jobs that clients still ask for, in the order of their planned looks, and the choice of the next call.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::demand::Demand;
use super::fleet::Fleet;
use super::rhythm::Rhythm;
use super::track::{Place, Shown, Track, later};
use super::turns::{Turn, Turns};
use super::{Look, Rules};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// Jobs whose plan the hand renews with each decision.
const TENDED: usize = 8;
/// A plan is renewed if what it was made for is off by more than this factor.
const SLACK: f64 = 1.1;
/// Of so many jobs whose planned looks come first the one is taken whose look is worth most now; so many plans are renewed
/// at most before.
const FRONT: usize = 4;
/// The level follows the worth of each look by this power, and by no more than a factor of [`STEP`] for one.
const GAIN: f64 = 0.125;
const STEP: f64 = 16.0;
/// The level at the start is that of a look at once, and never lower.
const LEAST_LEVEL: f64 = 1e-9;

/// What is known of all jobs that are asked for, and the plan of looks.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(super) rules: Rules,
    pub(super) tracks: IndexMap<JobId, Track>,
    /// The jobs that no look is under way for, by their due time.
    pub(super) queue: BTreeSet<(Instant, JobId)>,
    pub(super) proven: VecDeque<JobId>,
    pub(super) turns: Turns,
    pub(super) fleet: Fleet,
    /// Worth of a look at which the budget is just spent, in wrong answers prevented.
    level: f64,
    /// The place in `tracks` up to which plans are renewed.
    hand: usize,
    /// No refresh goes out before.
    paced: Option<Instant>,
}

/// What to do with a free call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Look at this job. The schedule waits to be told how it ended.
    Look {
        /// The job.
        job: JobId,
        /// The reason.
        why: Why,
    },
    /// Nothing now; ask again when something is asked for, or then.
    Wait {
        /// The earliest time at which the answer may be another one; `None`: not by itself.
        until: Option<Instant>,
        /// The reason.
        why: Wait,
    },
}

/// Why a job is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// Nothing is stored, and this client waits.
    First(ClientId),
    /// A sweep has shown that the stored answer is wrong.
    Differs,
    /// Of all stored answers this one costs the most.
    Loss {
        /// How often it is asked for, in a window.
        asks: f64,
        /// The chance that it is wrong.
        wrong: f64,
    },
}

/// Why there is no look now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The calls that are left are kept for first-ever asks.
    Reserve,
    /// Refreshes go out evenly over the window.
    Pace,
    /// Every job was looked at so lately that its floor forbids another.
    Floors,
    /// Nobody asks for anything.
    Idle,
}

/// What is planned for a job that was just looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it is looked at next, as things stand.
    pub next_look: Instant,
    /// Lifetime of the answer: up to the planned look, within `ttl*` and `stale_while_revalidate`.
    pub lifetime: Duration,
}

// === impl Schedule ===

impl Schedule {
    /// An empty schedule. `shares` are the configured clients in the order of their ids, with `share` if set.
    #[must_use]
    pub fn new(
        rules: Rules,
        shares: impl IntoIterator<Item = (ClientId, Option<f64>)>,
        now: Instant,
    ) -> Self {
        Self {
            rules,
            tracks: IndexMap::new(),
            queue: BTreeSet::new(),
            proven: VecDeque::new(),
            turns: Turns::new(shares, &rules, now),
            fleet: Fleet::new(),
            level: LEAST_LEVEL,
            hand: 0,
            paced: None,
        }
    }

    // --- what happened

    /// The client asks for something. Only whether it was seen within the last window matters, so telling it once in
    /// a while is enough.
    pub fn seen(&mut self, client: ClientId, now: Instant) {
        self.turns.seen(client, now);
    }

    /// The client asks for a job of which nothing is stored. Once for a job that several wait for.
    pub fn ask_first(&mut self, client: ClientId, job: JobId, now: Instant) {
        self.turns.ask(client, job, now, &self.rules);
    }

    /// Nobody waits for the job's first answer any more.
    pub fn leave(&mut self, job: &JobId) {
        self.turns.leave(job);
    }

    /// So many asks were answered from what is stored since the last time they were told.
    pub fn asked(&mut self, job: &JobId, asks: u32, now: Instant) {
        if let Some(track) = self.tracks.get_mut(job) {
            track.demand.count(asks, now, &self.rules);
        }
    }

    /// Upstream has answered, or a list has confirmed the stored answer. Whatever was known, the job is in the schedule now. An
    /// answer that was sent for before the last one changes nothing.
    pub fn looked(&mut self, job: JobId, look: &Look, now: Instant) -> Plan {
        let rules = self.rules;
        match self.tracks.get_mut(&job) {
            Some(track) if look.sent <= track.shown.looked => {}
            Some(track) => {
                let before = track.shown;
                track.shown = Shown::after(&before, look, &rules);
                let (after, fleet) = (&track.shown, &mut self.fleet);
                track.rhythm.learn(&before, after, look, &rules, fleet);
                track.differs = false;
            }
            None => {
                let shown = Shown::first(look, &rules);
                let track = Track {
                    rhythm: Rhythm::first(&shown, look, &self.fleet),
                    demand: Demand::first(now),
                    due: look.sent,
                    planned_for: 0.0,
                    place: Place::Flying,
                    differs: false,
                    shown,
                };
                self.tracks.insert(job, track);
            }
        }
        self.plan(job, now);
        let (sent, due) = self
            .tracks
            .get(&job)
            .map_or((now, now), |track| (track.shown.looked, track.due));
        let floor = rules.floors.of(look.finished);
        let lifetime = due.saturating_duration_since(sent);
        Plan {
            next_look: due,
            lifetime: lifetime.min(rules.longest).max(floor),
        }
    }

    /// The look brought nothing; the job is left alone until then.
    pub fn failed(&mut self, job: &JobId, until: Instant) {
        self.take_off(*job);
        if let Some(track) = self.tracks.get_mut(job) {
            track.due = until;
            track.place = Place::Resting;
            self.queue.insert((until, *job));
        }
    }

    /// A sweep has shown that the stored answer is wrong: the next look is the job's, whatever its floor.
    pub fn differs(&mut self, job: JobId) {
        if let Some(track) = self.tracks.get_mut(&job)
            && !track.differs
        {
            track.differs = true;
            self.proven.push_back(job);
        }
    }

    /// Nothing is stored of the job any more.
    pub fn forget(&mut self, job: &JobId) {
        if let Some(track) = self.tracks.swap_remove(job) {
            self.queue.remove(&(track.due, *job));
        }
    }

    // --- what to do

    /// What to do with a free call, of which there are `remaining`.
    pub fn next(&mut self, remaining: usize, now: Instant) -> Next {
        self.tend(now);
        let turn = self.turns.next(now, &self.rules);
        if let Turn::First(at) = turn {
            return self.first(at);
        }
        let refresh = self.refresh(remaining, now);
        match (refresh, self.turns.first()) {
            (Next::Wait { .. }, Some(at)) => self.first(at),
            (Next::Look { .. } | Next::Wait { .. }, _) => refresh,
        }
    }

    fn first(&mut self, at: usize) -> Next {
        match self.turns.grant(at) {
            Some((client, job)) => Next::Look {
                job,
                why: Why::First(client),
            },
            None => wait(None, Wait::Idle),
        }
    }

    fn refresh(&mut self, remaining: usize, now: Instant) -> Next {
        if remaining <= self.turns.reserve(now, &self.rules) {
            let until = later(now, self.rules.pace());
            return wait(Some(until), Wait::Reserve);
        }
        let next = match self.next_proven(now) {
            Some(job) => Next::Look {
                job,
                why: Why::Differs,
            },
            None => self.next_by_loss(now),
        };
        if let Next::Look { job, .. } = next {
            self.take_off(job);
            self.turns.refreshed(now, &self.rules);
        }
        next
    }

    /// The first proven job that may be looked at; those that have been looked at since are struck off.
    fn next_proven(&mut self, now: Instant) -> Option<JobId> {
        let tracks = &self.tracks;
        let differs = |job: &JobId| tracks.get(job).is_some_and(|track| track.differs);
        self.proven.retain(differs);
        let waits = |job: &JobId| {
            let track = tracks.get(job);
            track.is_some_and(|track| track.may_be_forced(now))
        };
        let at = self.proven.iter().position(waits)?;
        self.proven.get(at).copied()
    }

    fn next_by_loss(&mut self, now: Instant) -> Next {
        if let Some(paced) = self.paced.filter(|&paced| now < paced) {
            return wait(Some(paced), Wait::Pace);
        }
        self.renew_front(now);
        let rules = &self.rules;
        let open = self.front().filter(|(_, track)| track.opens(rules) <= now);
        let appraised = open.map(|(job, track)| (job, track.appraise(now, rules, &self.fleet)));
        let Some((job, best)) = appraised.max_by(|(_, a), (_, b)| a.worth.total_cmp(&b.worth))
        else {
            let soonest = self.front().map(|(_, track)| track.opens(rules)).min();
            let why = soonest.map_or(Wait::Idle, |_| Wait::Floors);
            return wait(soonest, why);
        };
        self.follow(best.worth);
        self.pace(now);
        let (asks, wrong) = (best.asks, best.wrong);
        let why = Why::Loss { asks, wrong };
        Next::Look { job, why }
    }

    /// The jobs whose planned looks come first.
    fn front(&self) -> impl Iterator<Item = (JobId, &Track)> {
        let front = self.queue.iter().take(FRONT);
        front.filter_map(|(_, job)| Some((*job, self.tracks.get(job)?)))
    }

    // --- plans

    /// Renews the plans of the jobs under the hand.
    fn tend(&mut self, now: Instant) {
        for _ in 0..TENDED {
            self.hand = if self.hand < self.tracks.len() {
                self.hand
            } else {
                0
            };
            let Some((&job, track)) = self.tracks.get_index(self.hand) else {
                return;
            };
            self.fleet.saw_rate(track.rhythm.rate(&self.fleet));
            self.renew(job, now);
            self.hand += 1;
        }
    }

    /// Renews plans until the first in the queue is no longer off.
    fn renew_front(&mut self, now: Instant) {
        for _ in 0..FRONT {
            let first = self.queue.first().copied();
            if !first.is_some_and(|(_, job)| self.renew(job, now)) {
                return;
            }
        }
    }

    /// Plans anew if the plan was made for something else, and forgets who is not asked for; true if the queue has changed.
    fn renew(&mut self, job: JobId, now: Instant) -> bool {
        let Some(track) = self
            .tracks
            .get(&job)
            .filter(|track| track.place == Place::Queued)
        else {
            return false;
        };
        if track.demand.silence(now) > self.rules.longest {
            self.forget(&job);
            return true;
        }
        let off = self.level / track.demand.rate(now, &self.rules) / f64::from(track.planned_for);
        let is_off = !(1.0 / SLACK..SLACK).contains(&off);
        if is_off {
            self.plan(job, now);
        }
        is_off
    }

    fn plan(&mut self, job: JobId, now: Instant) {
        self.take_off(job);
        if let Some(track) = self.tracks.get_mut(&job) {
            track.plan(self.level, now, &self.rules, &self.fleet);
            track.place = Place::Queued;
            self.queue.insert((track.due, job));
        }
    }

    fn take_off(&mut self, job: JobId) {
        if let Some(track) = self.tracks.get_mut(&job) {
            self.queue.remove(&(track.due, job));
            track.place = Place::Flying;
        }
    }

    /// Sets when the next refresh may go out. Who comes late by less than one call's share of the window does not lose it.
    fn pace(&mut self, now: Instant) {
        let pace = self.rules.pace();
        let due = self
            .paced
            .filter(|&due| now.saturating_duration_since(due) < pace);
        self.paced = Some(later(due.unwrap_or(now), pace));
    }

    /// Moves the level towards what the look just made was worth.
    fn follow(&mut self, worth: f64) {
        let step = (worth / self.level).clamp(1.0 / STEP, STEP);
        self.level = (self.level * step.powf(GAIN)).max(LEAST_LEVEL);
    }
}

#[cfg(test)]
impl Schedule {
    /// Each job that no look is under way for is in the queue, once.
    pub(super) fn queue_is_sound(&self) -> bool {
        let queued = self
            .tracks
            .iter()
            .filter(|(_, track)| track.place != Place::Flying);
        let mut queued = queued.map(|(job, track)| (track.due, *job));
        let all = queued.all(|entry| self.queue.contains(&entry));
        let flying = self
            .tracks
            .values()
            .filter(|track| track.place == Place::Flying);
        all && self.queue.len() + flying.count() == self.tracks.len()
    }
}

fn wait(until: Option<Instant>, why: Wait) -> Next {
    Next::Wait { until, why }
}
