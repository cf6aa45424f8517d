//! What is kept between sweeps: which source is next, what becomes of its answers, and what the operator is told.

use std::num::NonZeroU32;
use std::time::Instant;

use super::compare::{Difference, Times, Verdict, compare};
use super::item::Item;
use super::pace::{Pace, Tally};
use super::state::{Decision, Last, State, Why};
use super::track::Track;
use super::trust::Trust;
use super::walk::{Report, Sweep};
use super::{Distrust, Mode, Rules, Source};
use crate::error::Error;
use crate::policy::cause::Cause;
use crate::policy::job::JobId;

/// The state between sweeps.
#[derive(Clone, Debug)]
pub struct Sweeps {
    rules: Rules,
    tracks: Vec<Track>,
    /// The track whose turn it is.
    turn: usize,
    pace: Pace,
    trust: Trust,
    last: Option<Last>,
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
            pace: Pace::default(),
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
        let due = free?.max(self.pace.due.unwrap_or(now)).max(now);
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
            self.pace.restart();
            self.trust.restart();
        }
        self.pace.begin(&self.rules, now);
        let source = track.source.clone();
        let max_pages = source.max_pages(self.rules.requests);
        let goal = track.goal(running.into_iter(), max_pages, wall_ms);
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
        self.pace
            .ended(pages, Tally { found, ..tally }, &self.rules);
        if self.rules.mode == Mode::Auto && self.pace.is_decided() && !self.pace.pays(&self.rules) {
            self.switch_off(Why::SavesNothing, now);
        }
        vanished
    }

    /// A page could not be had, and the sweep is over. Errors that are not about lists (no call let out, upstream down) only
    /// postpone it.
    pub fn failed(&mut self, sweep: &Sweep, error: &Error, now: Instant) {
        let pages = sweep.page_index() + 1;
        self.pace.failed(pages, &self.rules, now);
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
        self.switch_off(Why::Distrusted(distrust), now);
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
            Mode::Auto if !self.pace.is_decided() => Why::Trying,
            Mode::Auto => Why::Saves,
            Mode::Recent | Mode::Projects | Mode::Off => Why::Configured,
        }
    }

    fn track(&mut self, source: &Source) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.source == *source)
    }

    fn switch_off(&mut self, why: Why, now: Instant) {
        for track in &mut self.tracks {
            track.switch_off(why, self.rules.window, now);
        }
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
            | Error::ConnectionLost(_)
            | Error::TimedOut
    )
}
