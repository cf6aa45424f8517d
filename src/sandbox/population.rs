//! Which jobs lists tell of: the demo jobs, and each job that has been asked for. Ids that stand for something else
//! (recorded answers, faults, no job) are in no list.

use std::collections::BTreeSet;

use super::Sandbox;
use super::act::is_act_id;
use super::catalogue::{MISSING_PREFIX, find};
use super::scenario::Choice;
use crate::policy::job::JobId;

/// The CodeArts projects; each job belongs to one of them.
pub const PROJECTS: [&str; 3] = [
    "project1000000000000000000000000",
    "project2000000000000000000000000",
    "project3000000000000000000000000",
];

/// Demo jobs, unless a scenario says otherwise: more than fit on a page of 100.
pub(super) const DEMO_JOBS: u32 = 150;

/// Every job there is, and what the scenario says that it is.
pub(super) struct Population {
    /// In the order of their ids.
    pub(super) jobs: Vec<(JobId, Choice)>,
    /// How many times as fast they live.
    pub(super) speed: u32,
}

impl Sandbox {
    /// Every job there is now.
    pub(super) fn population(&self) -> Population {
        let now = self.0.clock.now();
        let state = self.state();
        let demo = (1..=state.scenario.demo_jobs()).filter_map(demo_job);
        let asked = state.calls.jobs().filter(is_listed);
        let ids: BTreeSet<JobId> = demo.chain(asked).collect();
        let jobs = ids.into_iter();
        let jobs = jobs.map(|id| (id, state.scenario.state_of(&id, now)));
        Population {
            jobs: jobs.collect(),
            speed: state.scenario.speed(),
        }
    }
}

/// `demo0000000000000000000000000001`
fn demo_job(number: u32) -> Option<JobId> {
    JobId::parse(&format!("demo{number:028}")).ok()
}

fn is_listed(id: &JobId) -> bool {
    !is_act_id(id) && !id.as_str().starts_with(MISSING_PREFIX) && find(id.as_str()).is_none()
}
