//! Whatever happens, in whatever order.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};

use super::{LONG, SECOND, Stage, job};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::policy::refresh::{Next, Why};

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    Asked(usize, u32),
    AskFirst(usize),
    Looked(usize, bool, u64),
    Failed(usize, u32),
    Differs(usize),
    Forget(usize),
    Next(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let job = 0..6_usize;
    prop_oneof![
        (0..90_u32).prop_map(Step::Wait),
        (job.clone(), 0..50_u32).prop_map(|(job, asks)| Step::Asked(job, asks)),
        job.clone().prop_map(Step::AskFirst),
        (job.clone(), any::<bool>(), 0..4_u64)
            .prop_map(|(job, finished, build)| Step::Looked(job, finished, build)),
        (job.clone(), 0..90_u32).prop_map(|(job, wait)| Step::Failed(job, wait)),
        job.clone().prop_map(Step::Differs),
        job.prop_map(Step::Forget),
        (0..12_usize).prop_map(Step::Next),
        (40..50_usize).prop_map(Step::Next),
    ]
}

proptest! {
    #[test]
    fn no_job_is_looked_at_twice_at_once_or_within_its_floor(steps in proptest::collection::vec(step(), 0..200)) {
        let mut stage = Stage::new();
        let mut flying: HashSet<JobId> = HashSet::new();
        let mut opens: HashMap<JobId, Instant> = HashMap::new();
        let mut firsts: HashSet<JobId> = HashSet::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => stage.wait(seconds),
                Step::Asked(number, asks) => {
                    stage.schedule.asked(&job(number), asks, stage.now);
                }
                Step::AskFirst(number) => {
                    firsts.insert(job(number));
                    stage.schedule.ask_first(ClientId::ANONYMOUS, job(number), stage.now + LONG, stage.now);
                }
                Step::Looked(number, finished, build) => {
                    stage.look(number, finished, build, 3);
                    flying.remove(&job(number));
                    firsts.remove(&job(number));
                    let told = stage.schedule.explain(&job(number), stage.now).unwrap();
                    prop_assert!(told.age.is_zero());
                    // a second answer in the same instant changes nothing, so the shorter floor is all that is certain
                    opens.insert(job(number), stage.now + 5 * SECOND);
                }
                Step::Failed(number, wait) => {
                    stage.schedule.failed(&job(number), stage.now + wait * SECOND);
                    flying.remove(&job(number));
                    opens.insert(job(number), stage.now + wait * SECOND);
                }
                Step::Differs(number) => stage.schedule.differs(job(number)),
                Step::Forget(number) => {
                    stage.schedule.forget(&job(number));
                    flying.remove(&job(number));
                    opens.remove(&job(number));
                }
                Step::Next(remaining) => match stage.schedule.next(remaining, stage.now) {
                    Next::Look { job, why: Why::First(_) } => {
                        prop_assert!(firsts.remove(&job), "nobody waits for {job}");
                    }
                    Next::Look { job, why } => {
                        prop_assert!(flying.insert(job), "{job} is looked at already");
                        if let Some(opens) = opens.get(&job) && why != Why::Differs {
                            prop_assert!(*opens <= stage.now, "{job} too early: {why:?}");
                        }
                    }
                    Next::Wait { until, .. } => prop_assert!(until.is_none_or(|until| until > stage.now)),
                },
            }
            prop_assert!(stage.schedule.queue_is_sound());
        }
    }
}
