//! States that a job is held in or led through.

use std::time::Duration;

use serde::Deserialize;

use super::values::Pause;
use crate::sandbox::life::Phase;

/// Most states of a script.
const MAX_STATES: usize = 100;

/// What a job can be seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum State {
    /// A build waits.
    Queued,
    /// A build runs.
    Running,
    /// The newest build has finished.
    Finished,
    /// There has been no build.
    NeverBuilt,
}

/// States one after the other; the last one stays.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Stage>")]
pub(in crate::sandbox) struct Script(Vec<Stage>);

/// A state, and how long it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    state: State,
    r#for: Option<Pause>,
}

// === impl State ===

impl State {
    /// Where in its life a job is; `None` if its life has not begun.
    pub(in crate::sandbox) fn phase(self) -> Option<Phase> {
        match self {
            Self::Queued => Some(Phase::Queued),
            Self::Running => Some(Phase::Running),
            Self::Finished => Some(Phase::Resting),
            Self::NeverBuilt => None,
        }
    }
}

// === impl Script ===

impl Script {
    /// The states entered so far, each with how long after the beginning; never empty.
    pub(in crate::sandbox) fn entered(&self, elapsed: Duration) -> Vec<(State, Duration)> {
        let mut begins = Duration::ZERO;
        let mut entered = Vec::new();
        for stage in &self.0 {
            if begins > elapsed {
                break;
            }
            entered.push((stage.state, begins));
            begins = begins.saturating_add(stage.r#for.map_or(Duration::MAX, |pause| pause.0));
        }
        entered
    }
}

impl From<State> for Script {
    fn from(state: State) -> Self {
        Self(vec![Stage { state, r#for: None }])
    }
}

impl TryFrom<Vec<Stage>> for Script {
    type Error = &'static str;

    fn try_from(stages: Vec<Stage>) -> Result<Self, &'static str> {
        let Some((_, all_but_last)) = stages.split_last() else {
            return Err("must have 1 to 100 states");
        };
        if stages.len() > MAX_STATES {
            return Err("must have 1 to 100 states");
        }
        if all_but_last.iter().any(|stage| stage.r#for.is_none()) {
            return Err("every state but the last must say `for` how long it lasts");
        }
        Ok(Self(stages))
    }
}
