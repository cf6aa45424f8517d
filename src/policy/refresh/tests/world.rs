//! A made-up company: jobs with builds, and tools that poll them. The truth of it is known, so answers can be judged. One second of
//! it is one second of virtual time.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp, LogNormal, Zipf};

use crate::policy::job::JobId;

/// Standard deviation of the logarithm of a build's length.
const SPREAD: f64 = 0.8;
/// Builds last 15 s to 20 min, and 5 s at least are between two.
const LENGTHS: (f64, f64) = (15.0, 1_200.0);
const BREATH: f64 = 5.0;
/// A job that has not built yet says that it last did so two hours before the beginning, however hot it is.
const BEFORE: f64 = -7_200.0;
/// Exponent of the popularity of jobs.
const POPULARITY: f64 = 0.8;

/// How the company is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) seed: u64,
    pub(super) jobs: usize,
    pub(super) pollers: usize,
    /// Jobs that each poller watches.
    pub(super) watch: usize,
    /// Seconds between a poller's rounds.
    pub(super) period: f64,
    /// Upstream calls in a minute.
    pub(super) quota: u32,
    /// Per cent of the jobs that are hot, and warm; the others are cold.
    pub(super) mix: [u32; 2],
    /// Mean seconds between builds of hot, warm and cold jobs.
    pub(super) gaps: [f64; 3],
    /// Median seconds of a build.
    pub(super) build: f64,
    /// Half-way, every poller watches other jobs.
    pub(super) shift: bool,
    /// Seconds before answers are judged, and for which they are.
    pub(super) warm_up: f64,
    pub(super) judged: f64,
}

/// One job: its builds as start and end, ascending, and the true rate.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) rate: f64,
    builds: Vec<(f64, f64)>,
}

/// What a job is at a moment: its build's number (0: none yet), and whether that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) build: usize,
    pub(super) running: bool,
}

/// The jobs, and which poller watches which: in the first half and in the second.
#[derive(Debug)]
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) jobs: Vec<Job>,
    pub(super) watched: [Vec<Vec<usize>>; 2],
}

// === impl Setup ===

impl Setup {
    /// 400 jobs, 40 pollers with 20 jobs each, every 10 s, 50 calls a minute.
    pub(super) const DEFAULT: Self = Self {
        name: "default",
        seed: 1,
        jobs: 400,
        pollers: 40,
        watch: 20,
        period: 10.0,
        quota: 50,
        mix: [5, 25],
        gaps: [240.0, 1_800.0, 28_800.0],
        build: 90.0,
        shift: false,
        warm_up: 600.0,
        judged: 1_800.0,
    };

    pub(super) fn end(&self) -> f64 {
        self.warm_up + self.judged
    }

    /// 0 in the first half of what is judged, 1 in the second.
    pub(super) fn half(&self, at: f64) -> usize {
        usize::from(at >= self.warm_up + self.judged / 2.0)
    }

    /// Mean seconds of a build.
    fn mean_build(&self) -> f64 {
        self.build * (SPREAD * SPREAD / 2.0).exp()
    }
}

// === impl Job ===

impl Job {
    pub(super) fn at(&self, at: f64) -> State {
        let build = self.builds.partition_point(|&(start, _)| start <= at);
        let last = build.checked_sub(1).map(|last| self.builds[last]);
        State {
            build,
            running: last.is_some_and(|(_, end)| at < end),
        }
    }

    /// When the last build of a state began.
    pub(super) fn began(&self, state: State) -> f64 {
        match state.build.checked_sub(1) {
            Some(last) => self.builds[last].0,
            None => BEFORE,
        }
    }
}

// === impl World ===

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut random = SmallRng::seed_from_u64(setup.seed);
        let horizon = setup.end() + 600.0;
        let jobs = (0..setup.jobs).map(|index| Job::new(index, &setup, horizon, &mut random));
        let jobs = jobs.collect();
        let early = draw(&setup, &mut random);
        let late = match setup.shift {
            true => draw(&setup, &mut random),
            false => early.clone(),
        };
        Self {
            setup,
            jobs,
            watched: [early, late],
        }
    }

    /// How many pollers watch each job.
    pub(super) fn weights(&self, half: usize) -> Vec<f64> {
        let mut weights = vec![0.0; self.jobs.len()];
        for &job in self.watched[half].iter().flatten() {
            weights[job] += 1.0;
        }
        weights
    }

    /// All asks in order of time: when, and for which job.
    pub(super) fn asks(&self) -> Vec<(f64, usize)> {
        let setup = &self.setup;
        let mut asks = Vec::new();
        for poller in 0..setup.pollers {
            let mut at = nth(poller) * setup.period / nth(setup.pollers);
            let step = setup.period / nth(setup.watch.min(setup.jobs));
            while at <= setup.end() {
                for &job in &self.watched[setup.half(at)][poller] {
                    asks.push((at, job));
                    at += step;
                }
            }
        }
        asks.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        asks
    }

    /// The share of wrong answers, in per cent, of a refresher that knows every job's rate and demand, and all states at the start. It
    /// spends each call on the largest index of Azar et al. for constant rates.
    pub(super) fn oracle(&self) -> f64 {
        let setup = &self.setup;
        let weights = [self.weights(0), self.weights(1)];
        let mut seen: Vec<State> = self.jobs.iter().map(|job| job.at(0.0)).collect();
        let mut looked = vec![-300.0; self.jobs.len()];
        let (mut wrong, mut total, mut now) = (0.0, 0.0, 0.0);
        while now < setup.end() {
            let weights = &weights[setup.half(now)];
            let watched = || (0..self.jobs.len()).filter(|&job| weights[job] > 0.0);
            if now >= setup.warm_up {
                total += weights.iter().sum::<f64>();
                let wrong_now = watched().filter(|&job| seen[job] != self.jobs[job].at(now));
                wrong += wrong_now.map(|job| weights[job]).sum::<f64>();
            }
            let index = |job: usize| {
                let rate = match seen[job].running {
                    true => setup.mean_build().recip(),
                    false => self.jobs[job].rate,
                };
                let x: f64 = rate * (now - looked[job]);
                weights[job] * (1.0 - (1.0 + x) * (-x).exp()) / rate
            };
            let best = watched().map(|job| (index(job), job));
            if let Some((_, job)) = best.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
                (seen[job], looked[job]) = (self.jobs[job].at(now), now);
            }
            now += 60.0 / f64::from(setup.quota);
        }
        100.0 * wrong / total
    }
}

impl Job {
    fn new(index: usize, setup: &Setup, horizon: f64, random: &mut SmallRng) -> Self {
        let [hot, warm] = setup.mix;
        let class = random.gen_range(0..100_u32);
        let gap = match class {
            _ if class < hot => setup.gaps[0],
            _ if class < hot + warm => setup.gaps[1],
            _ => setup.gaps[2],
        };
        let rate = 1.0 / gap;
        let pause = Exp::new(rate).unwrap();
        let length = LogNormal::new(setup.build.ln(), SPREAD).unwrap();
        let mut start = pause.sample(random);
        let mut builds = Vec::new();
        while start < horizon {
            let length: f64 = length.sample(random);
            let end = start + length.clamp(LENGTHS.0, LENGTHS.1);
            builds.push((start, end));
            start = end + BREATH + pause.sample(random);
        }
        let name = random.r#gen::<u128>() >> 32;
        let id = JobId::parse(&format!("{name:024x}{index:08x}")).unwrap();
        Self { id, rate, builds }
    }
}

fn draw(setup: &Setup, random: &mut SmallRng) -> Vec<Vec<usize>> {
    let popularity = Zipf::new(u64::try_from(setup.jobs).unwrap(), POPULARITY).unwrap();
    let mut watch = || {
        let mut jobs = BTreeSet::new();
        while jobs.len() < setup.watch.min(setup.jobs) {
            let rank: f64 = popularity.sample(random);
            jobs.extend((0..setup.jobs).find(|&job| nth(job) + 1.0 >= rank));
        }
        jobs.into_iter().collect()
    };
    (0..setup.pollers).map(|_| watch()).collect()
}

fn nth(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
