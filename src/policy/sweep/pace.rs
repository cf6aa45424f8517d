//! When the next sweep is due, and whether sweeps are worth their calls.
//!
//! On a quota of their own, list calls cost nothing else, so sweeps go out evenly at what the quota pays: `p ÷ (requests − spare)`
//! windows after one that took `p` pages begins the next. `spare` is the longest of the last few, so that in no window more than
//! `requests` pages are asked for, even if the last sweep takes a page more than any; the gate has the last word.
//!
//! On a shared quota each page is one look less, so a sweep goes out when it is expected to find one wrong answer for each page: `p ÷
//! rate` windows after the last, the rate being the differences found in a window by the last few sweeps. That is where the next page is worth
//! as much as the look that it costs: a difference makes a look that surely brings news, while a look on suspicion hardly brings news more
//! than every other time, so each difference saves a call at least. The more changes, the more often; when nothing changes,
//! seldom, and in `auto` not at all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Rules;

/// Sweeps that decide: whether they saved calls, and how often they find something.
const ROUNDS: usize = 8;

/// On a shared quota, the longest interval, in windows. A sweep that does not even pay then is not worth its call.
const LONGEST_INTERVAL: f64 = 10.0;

/// What came of the comparisons of one sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items that differ.
    pub found: u32,
    /// Items that are equal.
    pub confirmed: u32,
}

/// What the last sweeps cost and found.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    rounds: VecDeque<Round>,
    /// When the last sweep began.
    begun: Option<Instant>,
    /// Windows between the beginnings of the last two.
    waited: Option<f64>,
    /// No sweep before.
    pub(super) due: Option<Instant>,
}

/// One of the last sweeps.
#[derive(Clone, Copy, Debug)]
struct Round {
    pages: u32,
    tally: Tally,
    /// Windows since the one before.
    waited: Option<f64>,
}

// === impl Pace ===

impl Pace {
    /// A sweep begins.
    pub(super) fn begin(&mut self, rules: &Rules, now: Instant) {
        let before = self.begun.replace(now);
        let waited = before.map(|before| now.saturating_duration_since(before));
        self.waited = waited.map(|waited| waited.div_duration_f64(rules.window));
        self.due = Some(now + self.interval(1, rules));
    }

    /// It has ended well.
    pub(super) fn ended(&mut self, pages: u32, tally: Tally, rules: &Rules) {
        if self.rounds.len() == ROUNDS {
            self.rounds.pop_front();
        }
        let waited = self.waited.take();
        self.rounds.push_back(Round {
            pages,
            tally,
            waited,
        });
        let interval = self.interval(pages, rules);
        self.due = self.begun.map(|begun| begun + interval);
    }

    /// It has failed, after so many calls. How long upstream wants to be left alone is the gate's question: it does not believe any
    /// number that a throttle names.
    pub(super) fn failed(&mut self, pages: u32, rules: &Rules, now: Instant) {
        self.due = Some(now + self.interval(pages, rules));
    }

    /// Another try: what sweeps found before does not count.
    pub(super) fn restart(&mut self) {
        self.rounds.clear();
        self.begun = None;
    }

    /// Whether there were enough sweeps to judge by.
    pub(super) fn is_decided(&self) -> bool {
        self.rounds.len() == ROUNDS
    }

    /// Whether the last sweeps were worth their calls.
    pub(super) fn pays(&self, rules: &Rules) -> bool {
        let pages = self.rounds.back().map_or(1, |round| round.pages);
        if rules.shared {
            self.rate(rules) * LONGEST_INTERVAL > f64::from(pages)
        } else {
            let mut tallies = self.rounds.iter().map(|round| round.tally);
            tallies.any(|tally| tally != Tally::default())
        }
    }

    /// From the beginning of a sweep of so many pages to the next.
    fn interval(&self, pages: u32, rules: &Rules) -> Duration {
        let longest = self.rounds.iter().map(|round| round.pages).max();
        let spare = longest.unwrap_or_default().max(pages);
        let pays = rules.requests.get().saturating_sub(spare).max(1);
        let pages = f64::from(pages.max(1));
        let paid = pages / f64::from(pays);
        let windows = if rules.shared {
            (pages / self.rate(rules)).min(LONGEST_INTERVAL).max(paid)
        } else {
            paid
        };
        rules.window.mul_f64(windows)
    }

    /// Differences found in a window, of late. The first of the last sweeps may have found what had piled up, so it does not count; one
    /// difference more does, so that finding none for a while makes sweeps seldom by and by.
    fn rate(&self, rules: &Rules) -> f64 {
        let timed = || {
            let rounds = self.rounds.iter();
            rounds.filter_map(|round| Some((round, round.waited?)))
        };
        let found: f64 = timed().map(|(round, _)| f64::from(round.tally.found)).sum();
        let waited: f64 = timed().map(|(_, waited)| waited).sum();
        let at_least = f64::from(rules.requests.get()).recip();
        (1.0 + found) / waited.max(at_least)
    }
}
