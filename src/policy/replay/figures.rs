//! What came of a replay, counted.

use std::time::{Duration, Instant};

/// What came of a replay, after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Asks for jobs.
    pub asks: u64,
    /// Of these, answered at once with what was stored, fresh or stale.
    pub from_memory: u64,
    /// Of these, refused with 429: nothing was stored that might be served, and no call was free.
    pub refused: u64,
    /// Answers from memory that were another than what was known to be true; `None`: the log does not tell how jobs stood.
    pub differing: Option<u64>,
    /// Upstream calls.
    pub calls: u64,
    /// How old answers were.
    pub ages: Ages,
}

/// How old answers were, counted from when their call was sent. To the millisecond; 49 days at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// Of all.
    pub mean: Duration,
    /// Half were no older.
    pub p50: Duration,
    /// 95 of 100 were no older.
    pub p95: Duration,
    /// None was older.
    pub oldest: Duration,
}

/// How one ask was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Stored {
        age: Duration,
        differs: bool,
    },
    /// With what a look brought.
    Fetched {
        age: Duration,
    },
    Refused,
}

/// Counts what happens once the warm-up is over.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    from: Instant,
    figures: Figures,
    /// Milliseconds.
    ages: Vec<u32>,
}

// === impl Figures ===

impl Figures {
    /// The share of asks that were answered from memory.
    #[must_use]
    pub fn hit_ratio(&self) -> f64 {
        ratio(self.from_memory, self.asks)
    }

    /// The share of asks that were refused.
    #[must_use]
    pub fn refused_ratio(&self) -> f64 {
        ratio(self.refused, self.asks)
    }

    /// The share of answers that were another than what was known to be true.
    #[must_use]
    pub fn differing_ratio(&self) -> Option<f64> {
        let answers = self.asks - self.refused;
        self.differing.map(|differing| ratio(differing, answers))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio for people; exact up to 2^53 asks"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

// === impl Tally ===

impl Tally {
    pub(super) fn new(from: Instant, knows_states: bool) -> Self {
        let figures = Figures {
            asks: 0,
            from_memory: 0,
            refused: 0,
            differing: knows_states.then_some(0),
            calls: 0,
            ages: Ages::default(),
        };
        Self {
            from,
            figures,
            ages: Vec::new(),
        }
    }

    pub(super) fn called(&mut self, now: Instant) {
        self.figures.calls += u64::from(now >= self.from);
    }

    pub(super) fn answered(&mut self, answer: Answer, now: Instant) {
        if now < self.from {
            return;
        }
        self.figures.asks += 1;
        match answer {
            Answer::Stored { age, differs } => {
                self.figures.from_memory += 1;
                if let Some(differing) = &mut self.figures.differing {
                    *differing += u64::from(differs);
                }
                self.aged(age);
            }
            Answer::Fetched { age } => self.aged(age),
            Answer::Refused => self.figures.refused += 1,
        }
    }

    fn aged(&mut self, age: Duration) {
        self.ages
            .push(u32::try_from(age.as_millis()).unwrap_or(u32::MAX));
    }

    pub(super) fn into_figures(self) -> Figures {
        let ages = ages(self.ages);
        Figures {
            ages,
            ..self.figures
        }
    }
}

fn ages(mut millis: Vec<u32>) -> Ages {
    millis.sort_unstable();
    let sum: u64 = millis.iter().copied().map(u64::from).sum();
    let count = u64::try_from(millis.len()).unwrap_or(u64::MAX);
    let rank = |percent: usize| {
        // the nearest rank: the least age that so many are not above
        let rank = (millis.len() * percent).div_ceil(100).saturating_sub(1);
        let age = millis.get(rank).copied().unwrap_or_default();
        Duration::from_millis(u64::from(age))
    };
    Ages {
        mean: Duration::from_millis(sum / count.max(1)),
        p50: rank(50),
        p95: rank(95),
        oldest: rank(100),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ages, ages};

    #[test]
    fn ages_are_of_the_nearest_rank() {
        let millis = Duration::from_millis;
        let told = |mean, p50, p95, oldest| Ages {
            mean: millis(mean),
            p50: millis(p50),
            p95: millis(p95),
            oldest: millis(oldest),
        };
        for (given, expected) in [
            (vec![], told(0, 0, 0, 0)),
            (vec![7], told(7, 7, 7, 7)),
            (vec![40, 10, 30, 20], told(25, 20, 40, 40)),
            ((1..=100).rev().collect(), told(50, 50, 95, 100)),
        ] {
            assert_eq!(ages(given.clone()), expected, "{given:?}");
        }
    }
}
