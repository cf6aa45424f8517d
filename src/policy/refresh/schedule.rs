//! All jobs that clients still ask for, in the order of their planned looks, and what is told of them. What to do with a free call is in
//! [`choice`], how looks are planned in [`plans`].

mod choice;
mod plans;

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::demand::Demand;
use super::fleet::Fleet;
use super::rhythm::Rhythm;
use super::track::{Place, Shown, Track};
use super::turns::Turns;
use super::{Look, Rules};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

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
    /// With the tickets by which their places are told.
    pub(super) overdue: VecDeque<(NonZeroU32, JobId)>,
    /// The next ticket.
    tickets: NonZeroU32,
    /// The last paced look was not at an overdue answer, so the next may be.
    overdue_next: bool,
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
    /// The stored answer is so old that it should not be served without a try.
    Overdue,
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
            overdue: VecDeque::new(),
            tickets: NonZeroU32::MIN,
            overdue_next: true,
            turns: Turns::new(shares, &rules, now),
            fleet: Fleet::new(),
            level: LEAST_LEVEL,
            hand: 0,
            paced: None,
        }
    }

    /// The client asks for something. Only whether it was seen within the last window matters, so telling it once in
    /// a while is enough.
    pub fn seen(&mut self, client: ClientId, now: Instant) {
        self.turns.seen(client, now);
    }

    /// The client waits for a job of which nothing is stored that may be served, or was told when to come back; after `until` it is taken
    /// to have given up. Asking again is no second ask. False: it has as many in line as a window pays for.
    pub fn ask_first(
        &mut self,
        client: ClientId,
        job: JobId,
        until: Instant,
        now: Instant,
    ) -> bool {
        let is_new = self.turns.place(&job, now, &self.rules).is_none();
        let is_in_line = self.turns.ask((client, job), until, now, &self.rules);
        if is_in_line && is_new && !self.tracks.contains_key(&job) {
            self.turns.count(now, &self.rules);
        }
        is_in_line
    }

    /// Nobody waits for the job's first answer any more.
    pub fn leave(&mut self, job: &JobId) {
        self.turns.leave(job);
    }

    /// So many asks were answered from what is stored since the last time they were told. False: the job is not in the schedule.
    pub fn asked(&mut self, job: &JobId, asks: u32, now: Instant) -> bool {
        let track = self.tracks.get_mut(job);
        let is_known = track.is_some();
        if let Some(track) = track {
            track.demand.count(asks, now, &self.rules);
        }
        is_known
    }

    /// Upstream has answered, or a list has confirmed the stored answer. Whatever was known, the job is in the schedule now. An
    /// answer that was sent for before the last one changes nothing.
    pub fn looked(&mut self, job: JobId, look: &Look, now: Instant) -> Plan {
        self.leave(&job);
        self.recall(job, look, now)
    }

    /// A job that was forgotten is asked for again; this is what was stored of it. Whoever waits for a newer answer still does.
    pub fn recall(&mut self, job: JobId, look: &Look, now: Instant) -> Plan {
        let rules = self.rules;
        match self.tracks.get_mut(&job) {
            Some(track) if look.sent <= track.shown.seen() => {}
            Some(track) => {
                let before = track.shown;
                track.shown = Shown::after(&before, look, &rules);
                let (after, fleet) = (&track.shown, &mut self.fleet);
                track.rhythm.learn(&before, after, look, &rules, fleet);
                (track.differs, track.overdue) = (false, None);
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
                    overdue: None,
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

    /// The look brought nothing; the job is left alone until then. If a client had forced it, also until the floor of the last one.
    pub fn failed(&mut self, job: &JobId, until: Instant) {
        if let Some(track) = self.tracks.get_mut(job) {
            unqueue(&mut self.queue, *job, track);
            track.due = if track.differs {
                until
            } else {
                until.max(track.floor(&self.rules))
            };
            track.place = Place::Resting;
            track.overdue = None; // who still asks gets it in line again, behind the others
            self.queue.insert((track.due, *job));
        }
    }

    /// The look is over, whatever became of it. One that brought nothing and was told nowhere may be made again at once.
    pub fn ended(&mut self, job: &JobId, now: Instant) {
        let track = self.tracks.get(job);
        if track.is_some_and(|track| track.place == Place::Flying) {
            self.failed(job, now);
        }
    }

    /// A sweep has shown that the stored answer is wrong: the next look is the job's, whatever its floor.
    pub fn differs(&mut self, job: JobId) {
        if let Some(track) = self.tracks.get_mut(&job)
            && !track.differs
        {
            track.differs = true;
            self.proven.retain(|proven| *proven != job); // its place before the last look: others' turns come first
            self.proven.push_back(job);
        }
    }

    /// The stored answer is asked for, and so old that it should not be served without a try.
    pub fn overdue(&mut self, job: JobId) {
        if let Some(track) = self.tracks.get_mut(&job)
            && track.overdue.is_none()
        {
            track.overdue = Some(self.tickets);
            self.overdue.push_back((self.tickets, job));
            self.tickets = self.tickets.checked_add(1).unwrap_or(NonZeroU32::MIN);
        }
    }

    /// How many others are overdue before the job, whether it is in line or not, at most.
    #[must_use]
    pub fn overdue_before(&self, job: &JobId) -> u32 {
        let ticket = self.tracks.get(job).and_then(|track| track.overdue);
        let first = self.overdue.front().map(|(first, _)| *first);
        let (ticket, first) = (
            ticket.unwrap_or(self.tickets),
            first.unwrap_or(self.tickets),
        );
        ticket.get().wrapping_sub(first.get())
    }

    /// No build of an idle job that was looked at then has started up to the time that `vouch` returns, though nobody has looked: no
    /// sweep has shown it. What is planned follows; the stored answer gets no younger. Walks over all jobs.
    pub fn vouched(&mut self, vouch: impl Fn(&JobId, Instant) -> Option<Instant>, now: Instant) {
        for at in 0..self.tracks.len() {
            let Some((job, track)) = self.tracks.get_index_mut(at) else {
                return;
            };
            let is_idle = track.shown.finished && !track.differs && track.place == Place::Queued;
            let looked = track.shown.looked;
            if is_idle && let Some(until) = vouch(job, looked).filter(|until| *until > looked) {
                let (rules, fleet) = (&self.rules, &mut self.fleet);
                let before = track.shown;
                let look = before.unchanged(until, rules);
                track.shown = Shown::after(&before, &look, rules).vouched_since(&before);
                track
                    .rhythm
                    .learn(&before, &track.shown, &look, rules, fleet);
                let job = *job;
                self.plan(job, now);
            }
        }
    }

    /// When the last build began of each job that is believed to run, if bodies tell.
    pub fn running(&self) -> impl Iterator<Item = u64> + '_ {
        let running = self.tracks.values().filter(|track| !track.shown.finished);
        running.filter_map(|track| track.shown.stamp())
    }

    /// Whether the job is in the schedule.
    #[must_use]
    pub fn knows(&self, job: &JobId) -> bool {
        self.tracks.contains_key(job)
    }

    /// The sweep is not believed any more: what it has shown is no proof.
    pub fn trust_no_proof(&mut self) {
        for job in self.proven.drain(..) {
            if let Some(track) = self.tracks.get_mut(&job) {
                track.differs = false;
            }
        }
    }

    /// Time from one paced look to the next.
    #[must_use]
    pub fn pace_of_looks(&self) -> Duration {
        self.rules.pace()
    }

    /// Upstream lets another number of calls out in a window than was planned for.
    pub fn set_requests(&mut self, requests: NonZeroU32) {
        self.rules.requests = requests;
    }

    /// Nothing is stored of the job any more.
    pub fn forget(&mut self, job: &JobId) {
        if let Some(mut track) = self.tracks.swap_remove(job) {
            unqueue(&mut self.queue, *job, &mut track);
        }
    }
}

#[cfg(test)]
impl Schedule {
    /// First asks of a client that wait.
    pub(super) fn waits(&self, client: ClientId) -> usize {
        self.turns.waits(client)
    }

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

fn unqueue(queue: &mut BTreeSet<(Instant, JobId)>, job: JobId, track: &mut Track) {
    if track.place != Place::Flying {
        queue.remove(&(track.due, job));
        track.place = Place::Flying;
    }
}
