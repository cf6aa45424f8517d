//! What does budget mode cost with so many jobs? A decision is the choice of the next look and the plan after it; an ask is what each
//! answer from memory adds, told for one job at a time. Beside one job being found in a map, without which none can do.

use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use jobgate::clock::Clock;
use jobgate::policy::freshness::Lifetimes;
use jobgate::policy::job::JobId;
use jobgate::policy::refresh::{Build, Look, Next, Rules, Schedule};

const JOBS: [u32; 3] = [400, 20_000, 100_000];
/// Time from one call to the next, with 50 in a minute.
const PACE: Duration = Duration::from_millis(1_200);

struct Fleet {
    schedule: Schedule,
    jobs: Vec<JobId>,
    places: HashMap<JobId, usize>,
    now: Instant,
    turn: u32,
}

pub(crate) fn ask(c: &mut Criterion) {
    let mut group = c.benchmark_group("refresh");
    for jobs in JOBS {
        let mut fleet = Fleet::new(jobs);
        group.bench_function(BenchmarkId::new("decision: choose and plan", jobs), |b| {
            b.iter(|| fleet.decide());
        });
        group.bench_function(BenchmarkId::new("an ask is counted", jobs), |b| {
            b.iter(|| fleet.count());
        });
        group.bench_function(BenchmarkId::new("baseline: a job is found", jobs), |b| {
            b.iter(|| fleet.find());
        });
    }
    group.finish();
}

// === impl Fleet ===

impl Fleet {
    /// Jobs that were all looked at and are asked for by turns, after as many decisions as there are jobs.
    fn new(count: u32) -> Self {
        let now = Clock::system().now();
        let rules = Rules {
            requests: NonZeroU32::new(50).unwrap(),
            window: 50 * PACE,
            floors: Lifetimes {
                finished: 25 * PACE,
                running: 4 * PACE,
            },
            longest: Duration::from_secs(1 << 40), // so that none is forgotten while it is timed
        };
        let jobs = (0..count).map(|job| JobId::parse(&format!("{job:032}")).unwrap());
        let jobs: Vec<JobId> = jobs.collect();
        let mut fleet = Self {
            schedule: Schedule::new(rules, [], now),
            places: jobs.iter().copied().zip(0..).collect(),
            jobs,
            now,
            turn: 0,
        };
        for number in 0..count {
            fleet.look(fleet.job(number));
            fleet.now += Duration::from_millis(1);
        }
        for _ in 0..count {
            fleet.decide();
            fleet.count();
        }
        fleet
    }

    fn decide(&mut self) {
        self.now += PACE;
        if let Next::Look { job, .. } = self.schedule.next(50, self.now) {
            self.look(job);
        }
    }

    /// One job in eight runs, and each other look finds another build.
    fn look(&mut self, job: JobId) {
        self.turn = self.turn.wrapping_add(1);
        let look = Look {
            sent: self.now,
            finished: !self.turn.is_multiple_of(8),
            changed: self.turn.is_multiple_of(2),
            build: Some(Build {
                stamp: u64::from(self.turn / 2),
                age: PACE * (self.turn % 1_000),
            }),
        };
        black_box(self.schedule.looked(job, &look, self.now));
    }

    fn count(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        let job = self.job(self.turn.wrapping_mul(2_654_435_761)); // all over the place
        self.schedule.asked(&job, 1 + self.turn % 7, self.now);
    }

    fn find(&mut self) -> Option<usize> {
        self.turn = self.turn.wrapping_add(1);
        self.places.get(&self.job(self.turn)).copied()
    }

    fn job(&self, number: u32) -> JobId {
        let count = u32::try_from(self.jobs.len()).unwrap();
        self.jobs[usize::try_from(number % count).unwrap()]
    }
}
