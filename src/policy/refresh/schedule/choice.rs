//! The choice of the next call: first-ever asks, then proven differences, then the highest expected loss.

use std::time::Instant;

use super::super::track::{Track, later};
use super::super::turns::Turn;
use super::{Next, Schedule, Wait, Why};
use crate::policy::job::JobId;

/// Of so many jobs whose planned looks come first, the one is taken whose look is worth most now.
const FRONT: usize = 4;

impl Schedule {
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

    fn next_by_loss(&mut self, now: Instant) -> Next {
        if let Some(paced) = self.paced.filter(|&paced| now < paced) {
            return wait(Some(paced), Wait::Pace);
        }
        self.forget_silent(now);
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

    /// Nobody asks any more for what has come to the front. Each job is forgotten once, so this costs nothing in the long run.
    fn forget_silent(&mut self, now: Instant) {
        let rules = self.rules;
        let silent = |(job, track): (JobId, &Track)| track.is_silent(now, &rules).then_some(job);
        loop {
            let job = self.front().find_map(silent);
            let Some(job) = job else { return };
            self.forget(&job);
        }
    }

    /// The jobs whose planned looks come first.
    fn front(&self) -> impl Iterator<Item = (JobId, &Track)> {
        let front = self.queue.iter().take(FRONT);
        front.filter_map(|(_, job)| Some((*job, self.tracks.get(job)?)))
    }
}

fn wait(until: Option<Instant>, why: Wait) -> Next {
    Next::Wait { until, why }
}
