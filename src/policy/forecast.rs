//! Will the budget do? What the demand would need, were every answer kept as fresh as the settings allow, against what there is.
//!
//! Two kinds of demand spend calls. **First asks** cannot be put off: nothing is stored that may be served, and somebody waits. **Floors** are all
//! looks that `ttl*` permits: each job that is asked for once per `ttl` (or `ttl_running`), and only if it is asked for that often. The floors
//! may well exceed the budget: budget mode chooses which of them are worth a call. If first asks exceed it, clients are refused whatever is chosen.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Add;
use std::time::{Duration, Instant};

/// The operator is told no oftener.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60 * 60);

/// Calls in a window of the budget that the demand would need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// For first asks.
    pub first_asks: f64,
    /// Beyond these, to keep every job at its floor.
    pub floors: f64,
    /// Calls that there are: `budget.requests`, or fewer if upstream lets out fewer.
    pub budget: NonZeroU32,
    /// `budget.window`
    pub window: Duration,
}

/// Will the budget do?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// For everything.
    Ample,
    /// For first asks and some of the rest.
    Short,
    /// Not even for first asks.
    Exceeded,
}

/// Remembers when the operator was warned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Warner {
    last: Option<Instant>,
}

// === impl Forecast ===

impl Forecast {
    /// What jobs need that are asked for so often in a window and have these floors.
    #[must_use]
    pub fn floors(jobs: impl IntoIterator<Item = (f64, Duration)>, window: Duration) -> f64 {
        let need = |(asks, floor): (f64, Duration)| asks.min(window.div_duration_f64(floor));
        jobs.into_iter().map(need).fold(0.0, f64::add) // an empty sum() is -0.0, and is shown so
    }

    /// Will the budget do?
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let budget = f64::from(self.budget.get());
        if self.first_asks > budget {
            Verdict::Exceeded
        } else if self.first_asks + self.floors > budget {
            Verdict::Short
        } else {
            Verdict::Ample
        }
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first_asks,
            floors,
            budget,
            window,
        } = self;
        let verdict = match self.verdict() {
            Verdict::Ample => "the budget covers both",
            Verdict::Short => {
                "the budget covers the first and some of the rest, so answers get older than that, and in mode ttl clients may be refused"
            }
            Verdict::Exceeded => {
                "the budget does not cover the first, so clients are refused (429 JG.4292)"
            }
        };
        write!(
            f,
            "jobs asked for the first time need {first_asks:.1} calls in {window:?}, and all others {floors:.1} to be as fresh as ttl and \
             ttl_running allow; {budget} may be made: {verdict}"
        )
    }
}

// === impl Warner ===

impl Warner {
    /// Whether to warn of this forecast now: first asks exceed the budget, and an hour has passed since the last warning.
    pub fn warns(&mut self, forecast: &Forecast, now: Instant) -> bool {
        let is_early = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_WARNINGS);
        let warns = forecast.verdict() == Verdict::Exceeded && !is_early;
        if warns {
            self.last = Some(now);
        }
        warns
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::{Forecast, Verdict, Warner};
    use crate::clock::Clock;

    fn forecast(first_asks: f64, floors: f64) -> Forecast {
        Forecast {
            first_asks,
            floors,
            budget: NonZeroU32::new(50).unwrap(),
            window: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_job_needs_a_call_per_floor_and_no_more_than_it_is_asked_for() {
        let seconds = Duration::from_secs;
        for (jobs, needed) in [
            (&[][..], 0.0),
            (&[(600.0, seconds(30))], 2.0),
            (&[(600.0, seconds(5))], 12.0),
            (&[(0.5, seconds(30))], 0.5),
            (&[(600.0, seconds(30)), (0.5, seconds(5))], 2.5),
        ] {
            let told = Forecast::floors(jobs.iter().copied(), seconds(60));
            assert!((told - needed).abs() < 1e-9, "{jobs:?}: {told}");
            assert!(told.is_sign_positive(), "shown as -0.0: {jobs:?}");
        }
    }

    #[test]
    fn the_verdict_is_about_first_asks_and_then_about_all() {
        for (first_asks, floors, verdict, told) in [
            (0.0, 0.0, Verdict::Ample, "covers both"),
            (20.0, 30.0, Verdict::Ample, "covers both"),
            (20.0, 30.1, Verdict::Short, "covers the first"),
            (50.0, 1.0, Verdict::Short, "covers the first"),
            (50.1, 0.0, Verdict::Exceeded, "clients are refused"),
        ] {
            let forecast = forecast(first_asks, floors);
            assert_eq!(forecast.verdict(), verdict, "{forecast}");
            assert!(forecast.to_string().contains(told), "{forecast}");
        }
    }

    #[test]
    fn the_operator_is_warned_of_refusals_only_and_at_most_once_an_hour() {
        let (start, mut warner) = (Clock::system().now(), Warner::default());
        let (bad, short) = (forecast(51.0, 0.0), forecast(0.0, 51.0));
        for (minutes, forecast, warns) in [
            (0, short, false),
            (1, bad, true),
            (2, bad, false),
            (60, bad, false),
            (61, short, false),
            (61, bad, true),
            (62, bad, false),
        ] {
            let now = start + Duration::from_secs(60 * minutes);
            assert_eq!(warner.warns(&forecast, now), warns, "{minutes} min");
        }
    }
}
