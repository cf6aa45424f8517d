//! What is kept between sweeps: which source is next and when, and whether it is worth it.
//!
//! # When the next sweep is due
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
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::compare::{Difference, Times, Verdict, compare};
use super::item::Item;
use super::state::{Decision, Last, State, Why};
use super::track::Track;
use super::trust::Trust;
use super::walk::{Report, Sweep};
use super::{Distrust, Mode, Rules, Source};
use crate::error::Error;
use crate::policy::cause::Cause;
use crate::policy::job::JobId;

/// Sweeps that decide: whether they saved calls, and how often they find something.
const ROUNDS: usize = 8;

/// On a shared quota, the longest interval, in windows. A sweep that does not even pay then is not worth its call.
const LONGEST_INTERVAL: f64 = 10.0;

/// The state between sweeps.
#[derive(Clone, Debug)]
pub struct Sweeps {
    rules: Rules,
    tracks: Vec<Track>,
    /// The track whose turn it is.
    turn: usize,
    /// When the last sweep began.
    begun: Option<Instant>,
    /// Windows between the beginnings of the last two.
    waited: Option<f64>,
    /// No sweep before.
    due: Option<Instant>,
    rounds: VecDeque<Round>,
    trust: Trust,
    last: Option<Last>,
}

/// What came of the comparisons of one sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// [`Verdict::Differs`].
    pub found: u32,
    /// [`Verdict::Equal`].
    pub confirmed: u32,
}

/// One of the last sweeps.
#[derive(Clone, Copy, Debug)]
struct Round {
    pages: u32,
    tally: Tally,
    /// Windows since the one before.
    waited: Option<f64>,
}

// === impl Sweeps ===

impl Sweeps {
    /// No sweep yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let sources = match rules.mode {
            Mode::Auto | Mode::Recent => vec![Source::Recent],
            Mode::Projects => rules
                .projects
                .iter()
                .cloned()
                .map(Source::Project)
                .collect(),
            Mode::Off => Vec::new(),
        };
        Self {
            rules,
            tracks: sources.into_iter().map(Track::new).collect(),
            turn: 0,
            begun: None,
            waited: None,
            due: None,
            rounds: VecDeque::with_capacity(ROUNDS),
            trust: Trust::default(),
            last: None,
        }
    }

    /// The quota is another one now: upstream has named it.
    pub fn set_requests(&mut self, requests: NonZeroU32) {
        self.rules.requests = requests;
    }

    /// When the next sweep is due. `None`: there is nothing to sweep, or nothing stored that it could tell of.
    #[must_use]
    pub fn next(&self, is_anything_stored: bool, now: Instant) -> Option<Instant> {
        let free = |track: &Track| track.off.map_or(now, |off| off.until);
        let free = self.tracks.iter().map(free).min();
        let due = free?.max(self.due.unwrap_or(now)).max(now);
        is_anything_stored.then_some(due)
    }

    /// Begins the sweep of the source whose turn it is; `None` if all are switched off. `running` are the times of the last builds
    /// of the jobs that are believed to run, `wall_ms` is the wall clock; both in epoch milliseconds.
    pub fn begin(
        &mut self,
        running: impl IntoIterator<Item = u64>,
        wall_ms: u64,
        now: Instant,
    ) -> Option<Sweep> {
        let free = |track: &Track| track.off.is_none_or(|off| off.until <= now);
        let mut turns = (0..self.tracks.len()).map(|step| (self.turn + step) % self.tracks.len());
        let turn = turns.find(|turn| self.tracks.get(*turn).is_some_and(free))?;
        self.turn = turn + 1;
        let track = self.tracks.get_mut(turn)?;
        if track.off.take().is_some() {
            self.rounds.clear();
            self.trust.restart();
        }
        let since = |begun| now.saturating_duration_since(begun);
        let windows = |time: Duration| time.div_duration_f64(self.rules.window);
        self.waited = self.begun.replace(now).map(since).map(windows);
        let source = track.source.clone();
        let max_pages = source.max_pages(self.rules.requests);
        let goal = track.goal(running.into_iter(), max_pages, wall_ms);
        self.due = Some(now + self.rules.window.mul_f64(self.interval(1)));
        Some(Sweep::new(source, goal, now))
    }

    /// What an item says of a stored answer.
    #[must_use]
    pub fn compare(&self, item: &Item, stored: &[u8], times: Times) -> Verdict {
        compare(item, stored, times, &self.trust.ignored)
    }

    /// A sweep has ended. The jobs returned were in the list and are not any more: they are to be looked at
    /// ([`Difference::Vanished`]).
    pub fn ended(&mut self, report: Report, tally: Tally, now: Instant) -> Vec<JobId> {
        let (sent, pages) = (report.sent, report.pages);
        let Some(track) = self
            .tracks
            .iter_mut()
            .find(|track| track.source == report.source)
        else {
            return Vec::new();
        };
        let mut vanished = match track.ended(report) {
            Ok(vanished) => vanished,
            Err(distrust) => {
                track.switch_off(Why::Distrusted(distrust), self.rules.window, now);
                return Vec::new();
            }
        };
        vanished.retain(|_| !self.trust.ignored.contains(Difference::Vanished));
        let gone = u32::try_from(vanished.len()).unwrap_or(u32::MAX);
        self.last = Some(Last {
            sent,
            pages,
            found: tally.found,
            confirmed: tally.confirmed,
            vanished: gone,
        });
        let found = tally.found.saturating_add(gone);
        self.count(pages, Tally { found, ..tally }, now);
        vanished
    }

    /// A page could not be had, and the sweep is over. Errors that are not about lists (no call let out, upstream down) only
    /// postpone it.
    pub fn failed(&mut self, sweep: &Sweep, error: &Error, now: Instant) {
        let wait = self.interval(sweep.page_index() + 1);
        let wait = self.rules.window.mul_f64(wait);
        self.due = Some(now + wait.max(error.retry_after().unwrap_or_default()));
        let window = self.rules.window;
        if let Some(track) = self.track(sweep.source())
            && is_about_lists(error)
            && track.failed()
        {
            track.switch_off(Why::Failing(Cause::of(error)), window, now);
        }
    }

    /// A page was not to be believed ([`Sweep::take`]), and the sweep is over.
    pub fn distrust(&mut self, sweep: &Sweep, distrust: Distrust, now: Instant) {
        let window = self.rules.window;
        if let Some(track) = self.track(sweep.source()) {
            track.switch_off(Why::Distrusted(distrust), window, now);
        }
    }

    /// The look that a difference led to has brought a changed body (or a denial), or not. True: lists are not believed any more, so
    /// differences that were not looked at yet are best forgotten.
    pub fn settled(&mut self, difference: Difference, changed: bool, now: Instant) -> bool {
        if self.tracks.iter().all(|track| track.off.is_some()) {
            return false; // what it said before was settled by that
        }
        let Err(distrust) = self.trust.settled(difference, changed) else {
            return false;
        };
        for track in &mut self.tracks {
            track.switch_off(Why::Distrusted(distrust), self.rules.window, now);
        }
        true
    }

    /// No build of an idle job that was looked at `looked` has started up to the time returned, save those that sweeps have shown.
    /// `None`: nothing is known. For the schedule only: it is no revalidation.
    #[must_use]
    pub fn vouches(&self, looked: Instant) -> Option<Instant> {
        self.tracks.iter().find_map(|track| track.vouches(looked))
    }

    /// How things stand.
    #[must_use]
    pub fn state(&self) -> State {
        let decision = |track: &Track| Decision {
            source: track.source.clone(),
            why: track.off.map_or(self.why_on(), |off| off.why),
            off_until: track.off.map(|off| off.until),
        };
        State {
            mode: self.rules.mode,
            decisions: self.tracks.iter().map(decision).collect(),
            last: self.last,
            contradictions: self.trust.contradictions,
            ignored: self.trust.ignored.as_slice().to_vec(),
        }
    }

    fn why_on(&self) -> Why {
        match self.rules.mode {
            Mode::Auto if self.rounds.len() < ROUNDS => Why::Trying,
            Mode::Auto => Why::Saves,
            Mode::Recent | Mode::Projects | Mode::Off => Why::Configured,
        }
    }

    fn track(&mut self, source: &Source) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.source == *source)
    }

    /// One more sweep that ended well.
    fn count(&mut self, pages: u32, tally: Tally, now: Instant) {
        if self.rounds.len() == ROUNDS {
            self.rounds.pop_front();
        }
        let waited = self.waited.take();
        self.rounds.push_back(Round {
            pages,
            tally,
            waited,
        });
        let interval = self.rules.window.mul_f64(self.interval(pages));
        self.due = Some(self.begun.unwrap_or(now) + interval);
        let is_decided = self.rounds.len() == ROUNDS;
        if is_decided && self.rules.mode == Mode::Auto && !self.pays(pages) {
            for track in &mut self.tracks {
                track.switch_off(Why::SavesNothing, self.rules.window, now);
            }
        }
    }

    /// Whether the last sweeps were worth their calls.
    fn pays(&self, pages: u32) -> bool {
        match self.rules.shared {
            true => self.rate() * LONGEST_INTERVAL > f64::from(pages),
            false => self
                .rounds
                .iter()
                .any(|round| round.tally != Tally::default()),
        }
    }

    /// Windows from the beginning of a sweep of so many pages to the next.
    fn interval(&self, pages: u32) -> f64 {
        let longest = self.rounds.iter().map(|round| round.pages).max();
        let spare = longest.unwrap_or_default().max(pages);
        let pays = self.rules.requests.get().saturating_sub(spare).max(1);
        let pages = f64::from(pages.max(1));
        let paid = pages / f64::from(pays);
        match self.rules.shared {
            true => (pages / self.rate()).min(LONGEST_INTERVAL).max(paid),
            false => paid,
        }
    }

    /// Differences found in a window, of late. The first of the last sweeps may have found what had piled up, so it does not count; one
    /// difference more does, so that finding none for a while makes sweeps seldom by and by.
    fn rate(&self) -> f64 {
        let timed = || {
            self.rounds
                .iter()
                .filter_map(|round| Some((round, round.waited?)))
        };
        let found: f64 = timed().map(|(round, _)| f64::from(round.tally.found)).sum();
        let waited: f64 = timed().map(|(_, waited)| waited).sum();
        let at_least = f64::from(self.rules.requests.get()).recip();
        (1.0 + found) / waited.max(at_least)
    }
}

/// Whether an error is an answer to this call, and not the fault of anything that concerns all calls alike.
fn is_about_lists(error: &Error) -> bool {
    matches!(
        error,
        Error::Throttled { .. }
            | Error::CredentialRefused(_)
            | Error::Passed { .. }
            | Error::UpstreamFailed { .. }
            | Error::NotSuccess { .. }
            | Error::Misconfigured { .. }
            | Error::TimedOut
    )
}
