//! One item of a list against one stored answer.

use std::cmp::Ordering;
use std::time::Instant;

use super::FULL_LOOK;
use super::item::{Facts, Item, SHARED};
use super::trust::Ignored;
use crate::policy::normalise::Field;

/// When the two that are compared were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The info call that brought the stored answer was sent.
    pub looked: Instant,
    /// What the stored answer's age counts from: the same, or when a list was sent that confirmed it since.
    pub confirmed: Instant,
    /// The list was sent.
    pub listed: Instant,
}

/// What an item says of a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It still holds: a revalidation, and its age counts from when the list was sent.
    Equal,
    /// It is wrong: the job is to be looked at.
    Differs(Difference),
    /// The item is older than what is stored, or as good as that: ignored.
    Older,
    /// Nothing differs, but the last look at the whole body is too long ago for a list to confirm it.
    FullLookDue,
    /// Something is missing that a comparison needs.
    Unknown(Missing),
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Another build has begun.
    Build,
    /// The build is over, or runs after all.
    Running,
    /// Another field, the build being the same.
    Field(Field),
    /// The job is in the list no more.
    Vanished,
}

/// What a comparison lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A stored body that can be read.
    Body,
    /// `last_build_time`, on either side.
    BuildTime,
    /// Whether a build runs, on either side.
    Running,
}

/// Compares an item with a normalised info body. `ignored` are the fields that lists of this upstream are known to get wrong.
#[must_use]
pub fn compare(item: &Item, stored: &[u8], times: Times, ignored: &Ignored) -> Verdict {
    if times.looked.max(times.confirmed) > times.listed {
        return Verdict::Older;
    }
    let Some(stored) = Facts::of_body(stored) else {
        return Verdict::Unknown(Missing::Body);
    };
    let listed = &item.facts;
    let (Some(listed_time), Some(stored_time)) = (listed.last_build_time, stored.last_build_time)
    else {
        return Verdict::Unknown(Missing::BuildTime);
    };
    match listed_time.cmp(&stored_time) {
        Ordering::Less => return Verdict::Older,
        Ordering::Greater => return Verdict::Differs(Difference::Build),
        Ordering::Equal => {}
    }
    let (Some(listed_runs), Some(stored_runs)) = (listed.running, stored.running) else {
        return Verdict::Unknown(Missing::Running);
    };
    if listed_runs != stored_runs {
        return Verdict::Differs(Difference::Running);
    }
    if let Some(field) = differing_field(listed, &stored, ignored) {
        return Verdict::Differs(Difference::Field(field));
    }
    match times.listed.saturating_duration_since(times.looked) <= FULL_LOOK {
        true => Verdict::Equal,
        false => Verdict::FullLookDue,
    }
}

/// The first field that both have and that differs.
fn differing_field(listed: &Facts, stored: &Facts, ignored: &Ignored) -> Option<Field> {
    let runs = listed.running == Some(true);
    let pairs = listed.shared.iter().zip(&stored.shared);
    let mut fields = SHARED.into_iter().zip(pairs);
    fields.find_map(|(field, (listed, stored))| {
        let (Some(listed), Some(stored)) = (listed, stored) else {
            return None;
        };
        let is_same = if field == Field::LastBuildStatus {
            // while a build runs, one side may still tell of the one before; the siblings of the call shout the same words
            runs || listed.eq_ignore_ascii_case(stored)
        } else {
            listed == stored
        };
        (!is_same && !ignored.contains(Difference::Field(field))).then_some(field)
    })
}
