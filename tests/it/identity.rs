//! Whole days in fast time: a gateway before the double that plays the build API, IAM and the metadata service, all on
//! one clock that the test moves, while clients ask all the time.
//!
//! A step of a day is: move the clock, let clients ask, look at what the double was asked. Answers are fresh for less
//! than a step, so each step needs upstream.

mod day;
mod files;
mod metadata;
mod password;
mod signing;
mod sky;
mod start;

use std::time::{Duration, Instant};

use self::day::Day;
use self::sky::Sky;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// What the promise to an identity service is about, less a step of trouble: a question from the end of a step may be seen in the next.
const PROMISED: Duration = Duration::from_secs(3_600 - 31);

/// Jobs that are asked for at each step.
const STORED: usize = 3;
/// Longer than any answer is fresh, shorter than the pauses between questions to an identity service become.
const STEP: Duration = Duration::from_secs(31);
/// The same while all is well.
const CALM_STEP: Duration = Duration::from_secs(2 * 60);
/// The longest that a job rests after looks that failed, and a step.
const HEALED: Duration = Duration::from_secs(62);

/// The most moments that any window of this length holds.
fn most_within(moments: &[Instant], window: Duration) -> usize {
    let within = |(n, first): (usize, &Instant)| {
        let rest = moments.get(n..).unwrap_or_default();
        rest.partition_point(|at| *at - *first < window)
    };
    moments
        .iter()
        .enumerate()
        .map(within)
        .max()
        .unwrap_or_default()
}
