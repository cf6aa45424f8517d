//! The choice of the next call: first-ever asks, then proven differences, then overdue answers and the highest expected loss by turns.

use std::num::NonZeroU32;
use std::time::Instant;

use super::super::track::{Appraisal, later};
use super::super::turns::Turn;
use super::{Next, Schedule, Wait, Why};
use crate::policy::job::JobId;

/// Of so many jobs whose planned looks come first, the one is taken whose look is worth most now.
const FRONT: usize = 4;

/// Slots come free with time, which the schedule does not see: this often within one call's share of the window it looks again whether
/// there is more than the reserve.
const GLANCES: u32 = 16;

/// What stands at the front of the queue.
#[derive(Clone, Copy, Default)]
struct Front {
    /// Of the jobs that may be looked at, the one whose look is worth most.
    best: Option<(JobId, Appraisal)>,
    /// When the first of the others may be.
    opens: Option<Instant>,
}

/// A job at the front that nobody asks for any more.
struct Silent(JobId);

impl Schedule {
    /// What to do with a free call, of which there are `remaining`.
    pub fn next(&mut self, remaining: usize, now: Instant) -> Next {
        self.tend(now);
        self.turns.lapse(now);
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
            Some((client, job)) => {
                self.take_off(job);
                let why = Why::First(client);
                Next::Look { job, why }
            }
            None => wait(None, Wait::Idle),
        }
    }

    fn refresh(&mut self, remaining: usize, now: Instant) -> Next {
        if remaining <= self.turns.reserve(now, &self.rules) {
            let until = later(now, self.rules.pace() / GLANCES);
            return wait(Some(until), Wait::Reserve);
        }
        let next = match self.next_proven(now) {
            Some(job) => Next::Look {
                job,
                why: Why::Differs,
            },
            None => self.next_paced(now),
        };
        if let Next::Look { job, .. } = next {
            self.take_off(job);
            self.turns.refreshed(now, &self.rules);
        }
        next
    }

    /// The first proven job that may be looked at; those that have been looked at since, or that nobody asks for
    /// any more, are struck off.
    fn next_proven(&mut self, now: Instant) -> Option<JobId> {
        let (tracks, rules) = (&self.tracks, &self.rules);
        self.proven.retain(|job| {
            let track = tracks.get(job);
            track.is_some_and(|track| track.differs && !track.is_silent(now, rules))
        });
        let waits = |job: &JobId| {
            let track = tracks.get(job);
            track.is_some_and(|track| track.may_be_forced(now))
        };
        let at = self.proven.iter().position(waits)?;
        self.proven.get(at).copied()
    }

    /// Overdue answers and those of the highest loss take turns.
    fn next_paced(&mut self, now: Instant) -> Next {
        if let Some(paced) = self.paced.filter(|&paced| now < paced) {
            return wait(Some(paced), Wait::Pace);
        }
        let by_loss = match self.overdue_next {
            true => None,
            false => Some(self.next_by_loss(now)),
        };
        if let Some(look @ Next::Look { .. }) = by_loss {
            self.overdue_next = true;
            return look;
        }
        if let Some(job) = self.next_overdue(now) {
            self.overdue_next = false;
            self.pace(now);
            let why = Why::Overdue;
            return Next::Look { job, why };
        }
        by_loss.unwrap_or_else(|| self.next_by_loss(now))
    }

    /// The first overdue job that may be looked at; those that have been looked at since, or that nobody asks for any more, are struck
    /// off.
    fn next_overdue(&mut self, now: Instant) -> Option<JobId> {
        let (tracks, rules) = (&self.tracks, &self.rules);
        let is_overdue = |(ticket, job): &(NonZeroU32, JobId)| {
            let track = tracks.get(job);
            track
                .is_some_and(|track| track.overdue == Some(*ticket) && !track.is_silent(now, rules))
        };
        while self.overdue.front().is_some_and(|front| !is_overdue(front)) {
            self.overdue.pop_front();
        }
        let mut front = self.overdue.iter().take(FRONT);
        let may_be_looked_at = |job: &JobId| {
            let track = tracks.get(job);
            track.is_some_and(|track| track.may_be_forced(now))
        };
        let next = front.find(|overdue| is_overdue(overdue) && may_be_looked_at(&overdue.1));
        next.map(|(_, job)| *job)
    }

    fn next_by_loss(&mut self, now: Instant) -> Next {
        let front = loop {
            self.renew_front(now);
            match self.appraise_front(now) {
                Ok(front) => break front,
                Err(Silent(job)) => self.forget(&job), // each job once, so this costs nothing in the long run
            }
        };
        if let Some((job, best)) = front.best {
            self.follow(best.worth);
            self.pace(now);
            let (asks, wrong) = (best.asks, best.wrong);
            let why = Why::Loss { asks, wrong };
            return Next::Look { job, why };
        }
        let why = front.opens.map_or(Wait::Idle, |_| Wait::Floors);
        wait(front.opens, why)
    }

    fn appraise_front(&self, now: Instant) -> Result<Front, Silent> {
        let mut front = Front::default();
        for (_, job) in self.queue.iter().take(FRONT) {
            let Some(track) = self.tracks.get(job) else {
                continue;
            };
            if track.is_silent(now, &self.rules) {
                return Err(Silent(*job));
            }
            let opens = track.opens(&self.rules);
            if now < opens {
                front.opens = front.opens.into_iter().chain([opens]).min();
                continue;
            }
            let next = track.appraise(now, &self.rules, &self.fleet);
            if front.best.is_none_or(|(_, best)| best.worth < next.worth) {
                front.best = Some((*job, next));
            }
        }
        Ok(front)
    }
}

fn wait(until: Option<Instant>, why: Wait) -> Next {
    Next::Wait { until, why }
}
