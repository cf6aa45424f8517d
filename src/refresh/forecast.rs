//! Warns the operator if the budget does not even cover first asks: clients are refused then, whatever is chosen.
//!
//! It looks once a window, and warns at most once an hour. What it warns of is always in the metrics, too.

use std::time::{Duration, Instant};

use crate::planner::Planner;
use crate::policy::forecast::{Forecast, Warner};

/// Looks at the forecast now and then.
#[derive(Debug)]
pub(super) struct Watch {
    every: Duration,
    next: Option<Instant>,
    warner: Warner,
}

// === impl Watch ===

impl Watch {
    /// Looks once in each `window`.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            every: window,
            next: None,
            warner: Warner::default(),
        }
    }

    /// Looks, if it is time, and warns.
    pub(super) fn look(&mut self, planner: &Planner, now: Instant) {
        if let Some(forecast) = self.alarming(planner, now) {
            tracing::warn!(%forecast, "jobs are asked for the first time oftener than calls may be made: clients are refused");
        }
    }

    /// The first window is let pass: at a start everything is asked for the first time.
    fn alarming(&mut self, planner: &Planner, now: Instant) -> Option<Forecast> {
        let next = now.checked_add(self.every);
        if now < *self.next.get_or_insert(next?) {
            return None;
        }
        self.next = next;
        let forecast = planner.outlook().forecast;
        self.warner.warns(&forecast, now).then_some(forecast)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::Watch;
    use crate::clock::Clock;
    use crate::planner::Planner;
    use crate::policy::client::ClientId;
    use crate::policy::freshness::Lifetimes;
    use crate::policy::job::JobId;
    use crate::policy::refresh::Rules;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn first_asks_beyond_the_budget_are_alarming_but_not_at_the_start() {
        let clock = Clock::manual();
        let rules = Rules {
            requests: NonZeroU32::new(2).unwrap(),
            window: MINUTE,
            floors: Lifetimes {
                finished: MINUTE,
                running: MINUTE,
            },
            longest: 10 * MINUTE,
        };
        let start = clock.now();
        let planner = Planner::new(rules, &[], clock.clone());
        let mut watch = Watch::new(MINUTE);
        let mut alarms = |at: u64| {
            let at = start + Duration::from_secs(at);
            clock.advance(at.saturating_duration_since(clock.now()));
            watch.alarming(&planner, at).is_some()
        };
        assert!(!alarms(0));
        for number in 0..9 {
            let job = JobId::parse(&format!("{number:032}")).unwrap();
            planner.line_up(ClientId::ANONYMOUS, job, |_| MINUTE);
        }
        assert!(
            !alarms(30),
            "at a start everything is asked for the first time"
        );
        assert!(alarms(60), "some are in line still");
        assert!(!alarms(120), "once an hour");
    }
}
