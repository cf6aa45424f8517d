//! How an ask is answered: by the ladder's plan, from what is stored or with what a look brings.

use std::time::Instant;

use super::super::figures::Answer;
use super::super::trace::Ask;
use super::Run;
use crate::policy::ladder::{Known, Plan, STALE_PATIENCE, plan, servable_for};
use crate::policy::wish::Wish;

impl Run<'_> {
    /// How the ask is answered, and what it sets going.
    pub(super) fn ask(&mut self, ask: &Ask, now: Instant) -> Option<Answer> {
        let job = ask.job as usize;
        let wish = Wish {
            max_stale: self.terms.max_stale(ask.client),
            ..Wish::default()
        };
        let slot = self.slots.get(job)?;
        let id = *self.trace.jobs.get_index(job)?;
        let (known, freshness) = (slot.known(now), slot.judge(now));
        if let (Some(looks), Known::Job { .. }) = (&mut self.looks, known) {
            looks.asked(ask, id, slot, now);
        }
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
        match (&mut self.looks, self.slots.get(job)) {
            (Some(_), Some(slot)) if slot.lands.is_some() => {}
            (Some(looks), _) => {
                looks.line_up(ask, id, &self.ledger, now);
                self.spend(now);
            }
            (None, _) => self.send(job, now),
        }
        self.slots.get(job)?.lands
    }
}
