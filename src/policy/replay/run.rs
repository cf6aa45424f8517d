//! Virtual time: asks come in, calls go out as the ledger lets them, answers land.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::figures::{Answer, Figures, Tally};
use super::line::State;
use super::looks::Looks;
use super::slot::Slot;
use super::trace::{Ask, Change};
use super::{Mode, Terms, Trace};
use crate::policy::budget::{self, Ledger, Verdict, later};
use crate::policy::freshness::Lifetime;
use crate::policy::ladder::{Known, Plan, STALE_PATIENCE, plan, servable_for};
use crate::policy::wish::Wish;

/// The gateway and its world at a moment.
#[derive(Debug)]
pub(super) struct Run<'a> {
    trace: &'a Trace,
    terms: &'a Terms,
    base: Instant,
    ledger: Ledger,
    /// In budget mode.
    looks: Option<Looks>,
    slots: Vec<Slot>,
    truth: Vec<State>,
    /// What has not changed yet.
    changes: &'a [Change],
    /// In order of landing: all calls take equally long.
    flying: VecDeque<Flight>,
    latency: Duration,
    tally: Tally,
    /// When each call was sent and landed, for which job.
    #[cfg(test)]
    pub(super) calls: Vec<(Instant, Instant, usize)>,
}

/// A call under way.
#[derive(Debug)]
struct Flight {
    job: usize,
    sent: Instant,
    lands: Instant,
    /// What it will bring: the job as it was when the call was sent.
    state: State,
    slot: budget::Slot,
}

/// What happens without being asked for, earlier kinds first if at the same time.
#[derive(Clone, Copy, Debug)]
enum Event {
    Change,
    Landing,
    Decision,
}

// === impl Run ===

impl<'a> Run<'a> {
    pub(super) fn new(
        trace: &'a Trace,
        terms: &'a Terms,
        warm_up: Duration,
        base: Instant,
    ) -> Self {
        let rules = &terms.rules;
        let looks = match terms.mode {
            Mode::Budget => Some(Looks::new(terms, trace, base)),
            Mode::Ttl => None,
        };
        Self {
            trace,
            terms,
            base,
            ledger: Ledger::new(rules.requests, rules.window, base),
            looks,
            slots: vec![Slot::default(); trace.jobs.len()],
            truth: trace.first.clone(),
            changes: &trace.changes,
            flying: VecDeque::new(),
            latency: trace.latency.min(terms.timeout),
            tally: Tally::new(later(base, warm_up), trace.knows_states()),
            #[cfg(test)]
            calls: Vec::new(),
        }
    }

    pub(super) fn play(&mut self) {
        let trace = self.trace;
        for ask in &trace.asks {
            let now = self.moment(ask.at_ms);
            self.advance(now);
            if let Some(answer) = self.ask(ask, now) {
                self.tally.answered(answer, now);
            }
        }
    }

    pub(super) fn into_figures(self) -> Figures {
        self.tally.into_figures()
    }

    fn moment(&self, at_ms: u64) -> Instant {
        later(self.base, Duration::from_millis(at_ms))
    }

    /// Lets all happen that happens up to then.
    fn advance(&mut self, to: Instant) {
        while let Some((at, event)) = self.next_event().filter(|(at, _)| *at <= to) {
            match event {
                Event::Change => self.change(),
                Event::Landing => self.land(),
                Event::Decision => self.spend(at),
            }
        }
    }

    fn next_event(&self) -> Option<(Instant, Event)> {
        let change = self.changes.first();
        let change = change.map(|change| (self.moment(change.at_ms), Event::Change));
        let landing = self.flying.front();
        let landing = landing.map(|flight| (flight.lands, Event::Landing));
        let due = self.looks.as_ref().and_then(|looks| looks.due);
        let decision = due.map(|due| (due, Event::Decision));
        let events = [change, landing, decision].into_iter().flatten();
        events.min_by_key(|(at, _)| *at) // the first of equals
    }

    fn change(&mut self) {
        if let Some((change, rest)) = self.changes.split_first() {
            if let Some(truth) = self.truth.get_mut(change.job as usize) {
                *truth = change.state;
            }
            self.changes = rest;
        }
    }

    fn land(&mut self) {
        let Some(flight) = self.flying.pop_front() else {
            return;
        };
        let Flight {
            job,
            sent,
            state,
            lands: now,
            ..
        } = flight;
        self.ledger.settle(flight.slot, now);
        let (Some(slot), Some(&id)) = (self.slots.get_mut(job), self.trace.jobs.get_index(job))
        else {
            return;
        };
        (slot.lands, slot.in_line) = (None, false);
        if state == State::Denied {
            slot.deny(sent, self.terms.ttl_not_found);
            if let Some(looks) = &mut self.looks {
                looks.denied(&id, now);
            }
            return;
        }
        let lifetime = match &mut self.looks {
            Some(looks) => looks.looked(id, sent, state, slot.state(), now),
            None => self.terms.rules.floors.of(state.is_finished()),
        };
        slot.store(Lifetime { sent, lifetime }, state);
    }

    /// Sends what the schedule wants sent.
    fn spend(&mut self, now: Instant) {
        while let Some(looks) = &mut self.looks
            && let Some(id) = looks.next(&self.ledger, now)
        {
            if let Some(job) = self.trace.jobs.get_index_of(&id) {
                self.send(job, now);
            }
        }
    }

    /// Sends a call, if one is free and none is under way.
    fn send(&mut self, job: usize, now: Instant) {
        let (Some(known), Some(&state)) = (self.slots.get_mut(job), self.truth.get(job)) else {
            return;
        };
        if known.lands.is_some() {
            return;
        }
        let Verdict::Granted(slot) = self.ledger.withdraw(now, self.terms.timeout) else {
            return;
        };
        let lands = later(now, self.latency);
        known.lands = Some(lands);
        self.tally.called(now);
        #[cfg(test)]
        self.calls.push((now, lands, job));
        self.flying.push_back(Flight {
            job,
            sent: now,
            lands,
            state,
            slot,
        });
    }

    fn ask(&mut self, ask: &Ask, now: Instant) -> Option<Answer> {
        let job = ask.job as usize;
        let wish = Wish {
            max_stale: self.terms.max_stale(ask.client),
            ..Wish::default()
        };
        let slot = self.slots.get_mut(job)?;
        let id = *self.trace.jobs.get_index(job)?;
        let (known, freshness) = (slot.known(now), slot.judge(now));
        if let (Some(looks), Known::Job { .. }) = (&mut self.looks, known) {
            looks.asked(ask, id, slot, now);
        }
        slot.asked = Some(now);
        let stored = freshness.map(|freshness| Answer::Stored {
            age: freshness.age(),
            differs: slot.state() != self.truth.get(job).copied(),
        });
        match plan(known, &wish, &self.terms.windows) {
            Plan::Hit | Plan::Stored => stored,
            Plan::StoredAndLook => {
                if self.looks.is_none() {
                    self.send(job, now); // else it is the schedule that decides
                }
                stored
            }
            Plan::Look(look) => {
                let stored = stored.filter(|_| look.fallback);
                let patience = freshness.filter(|_| look.fallback).map(|freshness| {
                    servable_for(freshness, &wish, &self.terms.windows).min(STALE_PATIENCE)
                });
                let fetched = self.look(ask, now).filter(|lands| {
                    patience.is_none_or(|patience| lands.duration_since(now) <= patience)
                });
                let fetched = fetched.map(|_| Answer::Fetched { age: self.latency });
                fetched.or(stored).or(Some(Answer::Refused))
            }
            // never: no look has failed, and nobody asks for what is stored or nothing
            Plan::HeldBack | Plan::NotStored => None,
        }
    }

    /// When the look lands that is under way, or that goes out now.
    fn look(&mut self, ask: &Ask, now: Instant) -> Option<Instant> {
        let job = ask.job as usize;
        let id = *self.trace.jobs.get_index(job)?;
        match (&mut self.looks, self.slots.get_mut(job)) {
            (Some(looks), Some(slot)) => {
                looks.line_up(ask, id, slot, now);
                self.spend(now);
            }
            (None, _) => self.send(job, now),
            (Some(_), None) => {}
        }
        self.slots.get(job)?.lands
    }
}
