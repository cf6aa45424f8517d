//! How a job stands by what was chosen for it: gone, never built, in a state of a script. A call for the job and the
//! lists that have it ask here, so that they say the same of it.

use std::time::Duration;

use super::act::{Act, Script, State};
use super::life::{Seen, staged};
use super::scenario::Choice;
use crate::policy::job::JobId;

/// How a job stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// There is no such job.
    Gone,
    /// There has been no build.
    NeverBuilt,
    /// In the middle of its life.
    Seen(Seen),
}

// === impl Choice ===

impl Choice {
    /// How a job stood so long ago, if the act decides it; else it lives as it would without a scenario.
    pub(super) fn standing(&self, id: JobId, ago: Duration) -> Option<Standing> {
        let elapsed = self.elapsed.saturating_sub(ago);
        match self.act.as_ref()? {
            Act::Missing => Some(Standing::Gone),
            Act::Vanish(life) => (elapsed >= life.0).then_some(Standing::Gone),
            Act::State(state) => Some(self.in_script(id, &(*state).into(), elapsed)),
            Act::States(script) => Some(self.in_script(id, script, elapsed)),
            _ => None,
        }
    }

    /// A job where its script has come to.
    fn in_script(&self, id: JobId, script: &Script, elapsed: Duration) -> Standing {
        let entered = script.entered(elapsed);
        if let Some((State::NeverBuilt, _)) = entered.last() {
            return Standing::NeverBuilt;
        }
        let phases = entered
            .into_iter()
            .filter_map(|(state, after)| Some((state.phase()?, self.began + after)));
        Standing::Seen(staged(id, self.began, phases))
    }
}
