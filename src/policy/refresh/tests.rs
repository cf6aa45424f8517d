mod choice;
mod figures;
mod learning;
mod play;
mod promises;
mod proof;
mod sequences;
mod sharing;
mod world;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::{Build, Look, Next, Plan, Rules, Schedule, Why};
use crate::clock::Clock;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Longer than any test waits.
pub(super) const LONG: Duration = Duration::from_secs(1_000_000);

pub(super) fn job(number: usize) -> JobId {
    JobId::parse(&format!("{number:032}")).unwrap()
}

pub(super) fn rules() -> Rules {
    Rules {
        requests: NonZeroU32::new(50).unwrap(),
        window: 60 * SECOND,
        floors: Lifetimes {
            finished: 30 * SECOND,
            running: 5 * SECOND,
        },
        longest: 600 * SECOND,
    }
}

/// A schedule and a clock that is moved by hand.
pub(super) struct Stage {
    pub(super) schedule: Schedule,
    pub(super) now: Instant,
}

impl Stage {
    pub(super) fn new() -> Self {
        let now = Clock::system().now();
        let schedule = Schedule::new(rules(), [], now);
        let mut stage = Self { schedule, now };
        stage.wait(3_600); // long enough for the reserve of a start to be given back
        stage
    }

    pub(super) fn wait(&mut self, seconds: u32) {
        self.now += seconds * SECOND;
    }

    /// The job is asked for each second, for so long.
    pub(super) fn poll(&mut self, number: usize, seconds: u32) {
        for _ in 0..seconds {
            self.wait(1);
            self.schedule.asked(&job(number), 1, self.now);
        }
    }

    /// A look now shows that no build runs and the last began so many seconds ago.
    pub(super) fn idle(&mut self, number: usize, build: u64, began: u64) -> Plan {
        self.look(number, true, build, began)
    }

    /// A look now shows that a build runs, for so many seconds.
    pub(super) fn running(&mut self, number: usize, build: u64, began: u64) -> Plan {
        self.look(number, false, build, began)
    }

    fn look(&mut self, number: usize, finished: bool, stamp: u64, began: u64) -> Plan {
        let look = Look {
            sent: self.now,
            finished,
            changed: false,
            build: Some(Build {
                stamp,
                age: Duration::from_secs(began),
            }),
        };
        self.schedule.looked(job(number), &look, self.now)
    }

    /// So many jobs that never change, asked for as often as each other, and a look each two seconds, long enough for the plan to
    /// settle; the looks in their order.
    pub(super) fn busy(&mut self, jobs: usize) -> Vec<JobId> {
        for number in 0..jobs {
            self.idle(number, 1, 600);
        }
        self.wait(60);
        let mut looks = Vec::new();
        for _ in 0..5 * jobs {
            self.wait(2);
            for number in 0..jobs {
                self.schedule.asked(&job(number), 1, self.now);
            }
            let (next, _) = self.next().unwrap();
            let look = Look {
                sent: self.now,
                finished: true,
                changed: false,
                build: None,
            };
            self.schedule.looked(next, &look, self.now);
            looks.push(next);
        }
        self.wait(2);
        looks
    }

    /// Which job is next, and why.
    pub(super) fn next(&mut self) -> Option<(JobId, Why)> {
        match self.schedule.next(50, self.now) {
            Next::Look { job, why } => Some((job, why)),
            Next::Wait { .. } => None,
        }
    }
}
