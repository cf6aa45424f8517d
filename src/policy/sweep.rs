//! Sweeps: one list call tells of up to 100 stored answers. What may be believed of it, how far a sweep goes, and when the next is due.
//!
//! A list's items have some fields of the info body, but not all. So a list never writes a body: nothing in this module makes one.
//! An item either confirms what is stored ([`Verdict::Equal`]), or proves that a look is due ([`Verdict::Differs`]), or says nothing.
//!
//! # The pieces
//!
//! - [`Page`]: a list's answer, read leniently, at most [`PAGE_SIZE`] items.
//! - [`compare()`]: one item against one stored answer.
//! - [`Sweep`]: one sweep under way. It is given page after page, and says which it wants next or that it is done ([`Report`]).
//! - [`Sweeps`]: what is kept between them: when the next is due, how far it must go, and whether lists are believed at all.
//!
//! ```text
//! next(..) → begin(..) → [the call for sweep.page_index()] → take(page) → each item: compare → settled(..) after the look it led to
//!                ↑             └ failed(error)                 └ distrust, or More (another call), or Done → ended(report)
//!                └────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # How far a sweep of all jobs goes
//!
//! The list comes with the last build first, so a start is at the top. A sweep goes back to where it meets what the sweep *before the
//! last* had seen as newest: what started since the last one is then covered even where that one's answer was too old to count
//! for an entry, or upstream's clock is behind. A finish does not move an item, so a sweep also goes back to the oldest build that is believed
//! to run, if a few pages reach that far. Times that lie ahead of the clock never count as newest: one lie would end each sweep too early.
//!
//! A job that starts a build between two pages jumps to a page that was read already. Nothing is claimed of it: a report speaks of
//! the moment its first page was sent for, and the next sweep goes back beyond that.
//!
//! # What a lie can do
//!
//! Cost a look. A false difference leads to a look; if that brings an unchanged body, it is a contradiction, and a few of those
//! switch sweeps off for a while. A false "equal" confirms for an hour at most ([`FULL_LOOK`]). An answer that is unsorted, in which
//! everything needed is missing, or from which many jobs are gone at once, switches sweeps off at once.
//!
//! Not here: the calls, the store, the schedule, the clock.

mod compare;
mod item;
mod pace;
mod page;
mod state;
mod sweeps;
#[cfg(test)]
mod tests;
mod track;
mod trust;
mod walk;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub use compare::{Difference, Missing, Times, Verdict, compare};
pub use item::{Facts, Item};
pub use pace::Tally;
pub use page::{ListFault, Page};
pub use state::{Decision, Last, State, Why};
pub use sweeps::Sweeps;
pub use trust::Ignored;
pub use walk::{Report, Step, Sweep};

/// Items of one page: upstream's largest `page_size`.
pub const PAGE_SIZE: usize = 100;

/// A list confirms only what an info call has looked at within this time: five fields of the body are in no list. An hour, less five
/// minutes in which the look that is then due gets its turn.
pub const FULL_LOOK: Duration = Duration::from_secs(55 * 60);

/// A sweep of all jobs takes at most this many pages: the last 500 jobs that were built. A build that has run for longer than it
/// takes for so many others to start is left to the schedule.
const MAX_PAGES: u32 = 5;

/// … and at most this part of what a window's quota pays, so that at least four sweeps fit in a window.
const SWEEPS_PER_WINDOW: u32 = 4;

/// A project's list is read to its end if that costs at most this part of a window's quota.
const PROJECT_SHARE: u32 = 2;

/// What is swept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// All jobs that the credential sees, the last built first.
    Recent,
    /// The jobs of one CodeArts project, by its id; in no order.
    Project(Arc<str>),
}

/// `budget.sweep.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All jobs, as long as it saves calls.
    Auto,
    /// All jobs.
    Recent,
    /// The configured projects.
    Projects,
    /// No sweeps.
    Off,
}

/// What the operator has set.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `budget.sweep.mode`
    pub mode: Mode,
    /// `budget.sweep.projects`
    pub projects: Vec<Arc<str>>,
    /// `budget.sweep.requests`: list calls in a window.
    pub requests: NonZeroU32,
    /// `budget.sweep.shared`: each of them is one job call less.
    pub shared: bool,
    /// `budget.window`: the unit of all intervals here.
    pub window: Duration,
}

/// Why a list's answers are not believed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Not in the order asked for.
    #[error("the list is not in the order that was asked for")]
    Unsorted,
    /// No item has what is needed to compare it.
    #[error("the list's items lack the fields that are needed")]
    FieldsMissing,
    /// More jobs are gone at once than anybody deletes.
    #[error("{0} jobs are missing from the list at once")]
    Vanished(usize),
    /// What the list said differs from what looks showed, again and again.
    #[error("looks have contradicted the list")]
    Contradicted,
}

// === impl Source ===

impl Source {
    /// Path and query of the call for one page, counted from 0.
    #[must_use]
    pub fn path_and_query(&self, page_index: u32) -> String {
        let page = format!("page_index={page_index}&page_size={PAGE_SIZE}");
        match self {
            Self::Recent => {
                format!("/v1/job/list?{page}&sort_field=last_build_time&sort_order=DESC")
            }
            Self::Project(id) => format!("/v1/job/{id}/list?{page}"),
        }
    }

    /// Pages a sweep takes at most.
    fn max_pages(&self, requests: NonZeroU32) -> u32 {
        match self {
            Self::Recent => (requests.get() / SWEEPS_PER_WINDOW).clamp(1, MAX_PAGES),
            Self::Project(_) => (requests.get() / PROJECT_SHARE).max(1),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recent => f.write_str("all jobs"),
            Self::Project(id) => write!(f, "project {id}"),
        }
    }
}
