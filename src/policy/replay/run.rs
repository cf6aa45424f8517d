//! Virtual time: asks come in, calls go out as the ledger lets them, answers land. How an ask is answered is in [`ask`].

mod ask;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::figures::{Figures, Tally};
use super::line::State;
use super::looks::Looks;
use super::slot::Slot;
use super::trace::Change;
use super::{Mode, Terms, Trace};
use crate::policy::budget::{self, Ledger, Verdict, later};
use crate::policy::freshness::Lifetime;

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
        slot.lands = None;
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
}
