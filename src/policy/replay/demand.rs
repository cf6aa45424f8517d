//! The forecast for a recorded log.

use std::time::Duration;

use super::Trace;
use super::line::State;
use crate::policy::forecast::Forecast;
use crate::policy::refresh::Rules;

/// What is counted of one job.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// The last ask, and the last look if each ask found a free call; milliseconds.
    last: Option<(u64, u64)>,
}

// === impl Trace ===

impl Trace {
    /// What the recorded demand would need under these rules. A job that nobody asked for in `rules.longest` counts as asked for the
    /// first time: its answer is too old to be served at once.
    #[must_use]
    pub fn forecast(&self, rules: &Rules) -> Forecast {
        let mut jobs = vec![Counted::default(); self.jobs()];
        let mut truth = self.first.clone();
        let mut changes = self.changes.iter().peekable();
        let (mut first_asks, mut floors) = (0_u32, 0_u32);
        for ask in &self.asks {
            while let Some(change) = changes.next_if(|change| change.at_ms <= ask.at_ms) {
                if let Some(truth) = truth.get_mut(change.job as usize) {
                    *truth = change.state;
                }
            }
            let job = ask.job as usize;
            let (Some(counted), Some(state)) = (jobs.get_mut(job), truth.get(job)) else {
                continue;
            };
            match counted.ask(ask.at_ms, *state, rules) {
                Need::First => first_asks = first_asks.saturating_add(1),
                Need::Floor => floors = floors.saturating_add(1),
                Need::None => {}
            }
        }
        let windows = self.span().div_duration_f64(rules.window).max(1.0);
        Forecast {
            first_asks: f64::from(first_asks) / windows,
            floors: f64::from(floors) / windows,
            budget: rules.requests,
            window: rules.window,
        }
    }
}

/// The call that an ask needs.
#[derive(Clone, Copy, Debug)]
enum Need {
    First,
    Floor,
    None,
}

// === impl Counted ===

impl Counted {
    fn ask(&mut self, now: u64, state: State, rules: &Rules) -> Need {
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let (need, looked) = match self.last {
            Some((asked, looked)) if since(asked) <= rules.longest => {
                if since(looked) < rules.floors.of(state.is_finished()) {
                    (Need::None, looked)
                } else {
                    (Need::Floor, now)
                }
            }
            Some(_) | None => (Need::First, now),
        };
        self.last = Some((now, looked));
        need
    }
}
