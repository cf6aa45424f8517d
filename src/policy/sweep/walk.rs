//! One sweep under way: page after page, back to where everything older is known.

use std::collections::HashMap;
use std::time::Instant;

use super::page::Page;
use super::{Distrust, PAGE_SIZE, Source};
use crate::policy::job::JobId;

/// One sweep under way.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub(super) goal: Goal,
    pages: u32,
    total: Option<u64>,
    /// The lowest time seen, in a list that is in order.
    lowest: Option<u64>,
    report: Report,
}

/// How far a sweep goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// Builds that began after this are all to be seen; epoch milliseconds.
    pub(super) starts: Option<u64>,
    /// A build that began then is believed to run.
    pub(super) running: Option<u64>,
    /// Pages at most.
    pub(super) max_pages: u32,
    /// The wall clock at the beginning: times ahead of it are not taken for the newest.
    pub(super) wall_ms: u64,
}

/// What comes after a page.
#[derive(Clone, Debug)]
pub enum Step {
    /// The page of this index is needed too.
    More(u32),
    /// That is all.
    Done(Report),
}

/// What a sweep has seen.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was swept.
    pub source: Source,
    /// When its first page was sent for: what the report says, it says of then.
    pub sent: Instant,
    /// Pages it took.
    pub pages: u32,
    /// Every job whose last build began after this (epoch milliseconds) is in the list; 0: every job is. `None`: nothing can be said.
    pub covered_since: Option<u64>,
    /// Every job of the source was seen.
    pub complete: bool,
    /// A few pages did not reach the oldest build that is believed to run.
    pub cut_short: bool,
    /// Every build that began since the sweep before the last was seen.
    pub(super) starts_seen: bool,
    /// The newest build that is not ahead of the clock.
    pub(super) newest: Option<u64>,
    pub(super) listed: HashMap<JobId, Option<u64>>,
    pub(super) is_comparable: bool,
}

// === impl Sweep ===

impl Sweep {
    pub(super) fn new(source: Source, goal: Goal, now: Instant) -> Self {
        Self {
            goal,
            pages: 0,
            total: None,
            lowest: None,
            report: Report {
                source,
                sent: now,
                pages: 0,
                covered_since: None,
                complete: false,
                cut_short: false,
                starts_seen: false,
                newest: None,
                listed: HashMap::new(),
                is_comparable: false,
            },
        }
    }

    /// What is swept.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.report.source
    }

    /// The page that is asked for next, from 0.
    #[must_use]
    pub fn page_index(&self) -> u32 {
        self.pages
    }

    /// A page has come; `sent` is when it was sent for.
    ///
    /// # Errors
    /// [`Distrust::Unsorted`]: nothing of the page is to be believed.
    pub fn take(&mut self, page: &Page, sent: Instant) -> Result<Step, Distrust> {
        if self.report.source == Source::Recent {
            self.check_order(page)?;
        }
        if self.pages == 0 {
            self.report.sent = sent;
            self.total = page.total;
        }
        self.pages += 1;
        self.report.pages = self.pages;
        // Something was deleted in between: all below it moved up, and what stood at the top of this page was skipped.
        let shrank = page.total < self.total;
        self.see(page);
        Ok(match shrank {
            true => self.done(),
            false => self.go_on(page),
        })
    }

    fn go_on(&mut self, page: &Page) -> Step {
        let is_full = page.entries == PAGE_SIZE;
        let read = u64::from(self.pages - 1) * PAGE_SIZE as u64 + page.entries as u64;
        let is_last = page.entries <= PAGE_SIZE && page.total.is_some_and(|total| read >= total);
        let recent = self.report.source == Source::Recent;
        if !is_full && !is_last {
            return self.done(); // with fewer items than asked for it shows no more than what is on it
        }
        self.report.covered_since = match is_last {
            true if recent => Some(0),
            _ => self.lowest.filter(|_| recent),
        };
        if is_last {
            let all =
                page.total == self.total && page.total == Some(self.report.listed.len() as u64);
            self.report.complete = all;
            return self.done();
        }
        let is_enough =
            recent && self.is_covered(self.goal.starts) && self.is_covered(self.goal.running);
        if is_enough {
            return self.done();
        }
        if self.pages >= self.goal.max_pages {
            self.report.cut_short = recent && !self.is_covered(self.goal.running);
            return self.done();
        }
        Step::More(self.pages)
    }

    fn done(&mut self) -> Step {
        let starts = self.goal.starts;
        self.report.starts_seen = starts.is_some() && self.is_covered(starts);
        Step::Done(self.report.clone())
    }

    /// Every build that began at `time` or later is seen; of equal times some may be on the next page.
    fn is_covered(&self, time: Option<u64>) -> bool {
        match (time, self.report.covered_since) {
            (None, _) | (_, Some(0)) => true,
            (Some(time), Some(covered)) => covered < time,
            (Some(_), None) => false,
        }
    }

    fn see(&mut self, page: &Page) {
        for item in &page.items {
            let time = item.facts.last_build_time;
            self.report.listed.entry(item.id).or_insert(time);
            self.report.is_comparable |= item.is_comparable();
            let known = time.filter(|time| *time <= self.goal.wall_ms);
            self.report.newest = self.report.newest.max(known);
            self.lowest = [self.lowest, time].into_iter().flatten().min();
        }
    }

    /// Each page is in order, and what is new on it is no newer than the pages before: builds that begin meanwhile push items down, so
    /// the same item may come twice, but none comes up.
    fn check_order(&self, page: &Page) -> Result<(), Distrust> {
        let mut above = u64::MAX;
        for item in &page.items {
            let Some(time) = item.facts.last_build_time else {
                continue; // never built: it may stand at either end
            };
            let is_new = !self.report.listed.contains_key(&item.id);
            let is_too_new = is_new && self.lowest.is_some_and(|lowest| time > lowest);
            if time > above || is_too_new {
                return Err(Distrust::Unsorted);
            }
            above = time;
        }
        Ok(())
    }
}

// === impl Report ===

impl Report {
    /// Whether the job is in what was seen.
    #[must_use]
    pub fn lists(&self, job: &JobId) -> bool {
        self.listed.contains_key(job)
    }

    /// Jobs of an earlier list of the same source that ought to be in this one, and are not.
    pub(super) fn missing(&self, earlier: &HashMap<JobId, Option<u64>>) -> Vec<JobId> {
        let covered = |time: Option<u64>| match self.covered_since {
            Some(since) => time.is_some_and(|time| time > since),
            None => false,
        };
        let gone = earlier
            .iter()
            .filter(|(job, time)| (self.complete || covered(**time)) && !self.lists(job));
        gone.map(|(job, _)| *job).collect()
    }
}
