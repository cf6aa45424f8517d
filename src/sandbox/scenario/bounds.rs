//! The values of a scenario's keys, and the checks that say why one is refused.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use crate::policy::job::JobId;
use crate::sandbox::act::bounded_time;

/// Longest time of a rule or a window.
const MAX_TIME: Duration = Duration::from_hours(24);

/// Longest prefix of a job id, in characters.
const ID_CHARS: usize = 32;

/// A time of at most a day.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) Duration);

/// A well-formed job id.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(super) struct Id(pub(super) JobId);

/// A check that says why it fails.
pub(super) fn must(holds: bool, else_say: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| else_say.to_owned())
}

/// A check of bounds.
pub(super) fn within<T: PartialOrd + Display>(
    n: T,
    bounds: RangeInclusive<T>,
) -> Result<(), String> {
    let message = format!("must be from {} to {}", bounds.start(), bounds.end());
    must(bounds.contains(&n), &message)
}

/// A check of what an id can begin with.
pub(super) fn is_prefix(prefix: &str) -> Result<(), String> {
    let fits = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && (1..=ID_CHARS).contains(&prefix.len());
    must(fits, "must be 1 to 32 letters and digits")
}

// === impl Time ===

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        bounded_time(&text, MAX_TIME).map(Self)
    }
}

// === impl Id ===

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match JobId::parse(&text) {
            Ok(id) => Ok(Self(id)),
            Err(_) => Err("must be ids, each 32 letters and digits"),
        }
    }
}
