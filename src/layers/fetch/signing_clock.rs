//! The clock that requests are signed by: the local one, or upstream's as far as its answers tell it.
//!
//! It is the hand of [`policy::skew`](crate::policy::skew): it reads the clocks, and tells the log what changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::error::{ClockFault, ClockOff};
use crate::policy::skew::{Reading, SigningTime, Skew, Standing, Verdict};
use crate::upstream::Answer;

/// The clock; clones know the same.
#[derive(Clone, Debug)]
pub struct SigningClock {
    clock: Clock,
    skew: Arc<Mutex<Skew>>,
}

// === impl SigningClock ===

impl SigningClock {
    /// The local clock, until upstream has shown that it is wrong.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            skew: Arc::default(),
        }
    }

    /// The time now.
    #[must_use]
    pub fn time(&self) -> SigningTime {
        self.skew().time(self.clock.now(), self.clock.wall())
    }

    /// Takes note of an answer to a request that was signed with this time; if it `refused` the signature, tells whether
    /// that was for the time.
    pub fn read(&self, answer: &Answer, signed: SigningTime, refused: bool) -> Option<ClockFault> {
        let at = self.clock.now();
        let reading = Reading {
            date: answer.date?,
            at,
            local: self.clock.wall(),
            round_trip: at.saturating_duration_since(answer.sent),
            signed,
            refused,
        };
        let findings = self.skew().read(&reading);
        if let Some(standing) = findings.news {
            log(standing);
        }
        findings.refusal
    }

    /// How things stand; `None` before an answer has told the time.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.skew().standing()
    }

    fn skew(&self) -> MutexGuard<'_, Skew> {
        // no step of the policy panics halfway, so it is whole whoever panicked
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(standing: Standing) {
    let Standing {
        difference,
        verdict,
    } = standing;
    let (skew, off) = (difference.as_secs_f64(), ClockOff(difference));
    match verdict {
        Verdict::Good => {
            tracing::info!(
                clock.skew_seconds = skew,
                "the local clock is right again: requests are signed by it"
            );
        }
        Verdict::Corrected => {
            tracing::warn!(
                clock.skew_seconds = skew,
                "the local clock is {off} upstream's: requests are signed by upstream's time"
            );
        }
        Verdict::TooFar => {
            tracing::warn!(
                clock.skew_seconds = skew,
                "the local clock is {off} upstream's, too far to be allowed for: it must be set"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::SigningClock;
    use crate::clock::Clock;
    use crate::policy::limit::Heard;
    use crate::telemetry::lines::memory::logged;
    use crate::upstream::Answer;

    #[test]
    fn each_change_is_told_once_with_amount_and_direction() {
        let clock = Clock::manual();
        let right = clock.wall();
        let signing = SigningClock::new(clock.clone());
        let answered = || {
            let answer = Answer {
                status: 200,
                request_id: None,
                limits: Heard::default(),
                body: "{}".into(),
                sent: clock.now(),
                date: Some(right),
            };
            signing.read(&answer, signing.time(), false)
        };
        let minutes = Duration::from_mins;
        let lines = logged("level", || {
            for local in [
                right,
                right - minutes(20),
                right + minutes(3),
                right + minutes(30 * 60),
                right,
            ] {
                clock.set_wall(local);
                for _ in 0..4 {
                    assert_eq!(answered(), None);
                }
            }
        });
        let lines: Vec<_> = (lines.iter())
            .map(|(level, text, _)| (level.as_str(), text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (
                    "WARN",
                    "the local clock is 20 minutes behind upstream's: requests are signed by upstream's time"
                ),
                (
                    "WARN",
                    "the local clock is 3 minutes ahead of upstream's: requests are signed by upstream's time"
                ),
                (
                    "WARN",
                    "the local clock is 30 hours ahead of upstream's, too far to be allowed for: it must be set"
                ),
                (
                    "INFO",
                    "the local clock is right again: requests are signed by it"
                ),
            ]
        );
    }
}
