//! A small company with a known truth, swept as a driver would: are starts and finishes both found, and how soon?
//!
//! Some 20 builds a minute and a thousand jobs, 20 list calls a minute, half a second for each call. Jobs are looked at when a sweep says so,
//! and never else.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp, LogNormal};

use super::{Mode, Page, body, item, job, page_of, rules};
use crate::clock::Clock;
use crate::policy::sweep::{Rules, Source, Step, Sweeps, Tally, Times, Verdict};

const CALL_SECONDS: f64 = 0.5;
const MINUTES: f64 = 8.0;

/// Each job's builds, start and end in seconds, ascending.
struct Fleet(Vec<Vec<(f64, f64)>>);

/// What a job is doing: the number of its last build, and whether that runs.
type Doing = (usize, bool);

// === impl Fleet ===

impl Fleet {
    fn new(jobs: usize) -> Self {
        let mut random = SmallRng::seed_from_u64(1);
        let length = LogNormal::new(90_f64.ln(), 0.8).unwrap();
        let jobs = (0..jobs).map(|_| {
            let mean = match random.gen_range(0..100) {
                0..5 => 240.0,
                5..30 => 1_800.0,
                _ => 28_800.0,
            };
            let pause = Exp::new(1.0 / mean).unwrap();
            let before = -random.gen_range(0.0..7_200.0);
            let (mut at, mut builds) = (pause.sample(&mut random), vec![(before, before)]);
            while at < MINUTES * 60.0 {
                let end = at + f64::clamp(length.sample(&mut random), 15.0, 1_200.0);
                builds.push((at, end));
                at = end + 5.0 + pause.sample(&mut random);
            }
            builds
        });
        Self(jobs.collect())
    }

    fn doing(&self, number: usize, at: f64) -> Doing {
        let builds = &self.0[number];
        let last = builds.partition_point(|build| build.0 <= at) - 1;
        (last, at < builds[last].1)
    }

    fn began_ms(&self, number: usize, build: usize) -> u64 {
        ms(self.0[number][build].0)
    }

    /// What a look shows.
    fn look(&self, number: usize, at: f64) -> Stored {
        let doing = self.doing(number, at);
        let body = body(number, self.began_ms(number, doing.0), doing.1);
        Stored {
            doing,
            body,
            looked: at,
        }
    }

    fn page(&self, source: &Source, index: u32, at: f64) -> Page {
        let mut numbers: Vec<usize> = match source {
            Source::Recent => (0..self.0.len()).collect(),
            Source::Project(id) => {
                let first: usize = id.parse().unwrap();
                (first..first + 100).collect()
            }
        };
        let began = |number: usize| self.began_ms(number, self.doing(number, at).0);
        if *source == Source::Recent {
            numbers.sort_by_key(|number| std::cmp::Reverse(began(*number)));
        }
        let total = numbers.len();
        let some = numbers.into_iter().skip(100 * index as usize).take(100);
        let items: Vec<String> = some
            .map(|number| item(number, began(number), self.doing(number, at).1))
            .collect();
        page_of(&items, total)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of ten minutes"
)]
fn ms(seconds: f64) -> u64 {
    ((10_000.0 + seconds) * 1_000.0) as u64
}

/// What is stored of a job.
struct Stored {
    doing: Doing,
    body: Vec<u8>,
    looked: f64,
}

/// Sweeps and looks, until the time is over.
struct Play {
    fleet: Fleet,
    epoch: Instant,
    at: f64,
    stored: HashMap<usize, Stored>,
    /// Seconds from each change to the look that showed it.
    noticed: Vec<f64>,
    starts: usize,
    longest_sweep: u32,
    calls: Vec<f64>,
    sweeps: Sweeps,
}

// === impl Play ===

impl Play {
    fn new(jobs: usize, rules: Rules) -> Self {
        let fleet = Fleet::new(jobs);
        let stored = (0..jobs)
            .map(|number| (number, fleet.look(number, 0.0)))
            .collect();
        Self {
            fleet,
            epoch: Clock::system().now(),
            at: 0.0,
            stored,
            noticed: Vec::new(),
            starts: 0,
            longest_sweep: 0,
            calls: Vec::new(),
            sweeps: Sweeps::new(rules),
        }
    }

    fn instant(&self, at: f64) -> Instant {
        self.epoch + Duration::from_secs_f64(at)
    }

    fn run(&mut self) {
        while let Some(next) = self.sweeps.next(true, self.instant(self.at)) {
            self.at = self.at.max((next - self.epoch).as_secs_f64());
            if self.at > MINUTES * 60.0 {
                break;
            }
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let running = self.stored.iter().filter(|(_, stored)| stored.doing.1);
        let running: Vec<u64> = running
            .map(|(number, stored)| self.fleet.began_ms(*number, stored.doing.0))
            .collect();
        let mut sweep = self
            .sweeps
            .begin(running, ms(self.at), self.instant(self.at))
            .unwrap();
        let mut tally = Tally::default();
        loop {
            let sent = self.at;
            self.calls.push(sent);
            let page = self.fleet.page(
                sweep.source(),
                sweep.page_index(),
                sent + CALL_SECONDS / 2.0,
            );
            self.at += CALL_SECONDS;
            let step = sweep.take(&page, self.instant(sent)).unwrap();
            self.compare(&page, sent, &mut tally);
            if let Step::Done(report) = step {
                let vanished = self.sweeps.ended(report, tally, self.instant(self.at));
                assert!(vanished.is_empty(), "{vanished:?}");
                self.longest_sweep = self.longest_sweep.max(sweep.page_index());
                break;
            }
        }
    }

    fn compare(&mut self, page: &Page, sent: f64, tally: &mut Tally) {
        for listed in &page.items {
            let number: usize = listed.id.as_str().parse().unwrap();
            assert_eq!(listed.id, job(number));
            let stored = &self.stored[&number];
            let looked = self.instant(stored.looked);
            let times = Times {
                looked,
                confirmed: looked,
                listed: self.instant(sent),
            };
            match self.sweeps.compare(listed, &stored.body, times) {
                Verdict::Differs(difference) => {
                    tally.found += 1;
                    let changed = self.look(number);
                    assert!(
                        !self
                            .sweeps
                            .settled(difference, changed, self.instant(self.at))
                    );
                }
                Verdict::Equal => tally.confirmed += 1,
                Verdict::Older => {}
                Verdict::FullLookDue | Verdict::Unknown(_) => panic!("not in this world"),
            }
        }
    }

    /// Looks at a job, half a second from now; whether that brings news.
    fn look(&mut self, number: usize) -> bool {
        let at = self.at + CALL_SECONDS;
        let now = self.fleet.look(number, at);
        let (before, after) = (self.stored[&number].doing, now.doing);
        let builds = &self.fleet.0[number];
        let changed = match before {
            (last, true) => builds[last].1,
            (last, false) => builds.get(last + 1).map_or(at, |build| build.0),
        };
        self.noticed.push(at - changed);
        self.starts += usize::from(!before.1);
        self.stored.insert(number, now);
        before != after
    }

    /// Jobs that had changed a minute before the end, and nobody noticed.
    fn missed(&self) -> usize {
        let known = |number: usize| {
            let was = |back: i32| self.fleet.doing(number, self.at - f64::from(back));
            (0..=60).any(|back| was(back) == self.stored[&number].doing)
        };
        (0..self.fleet.0.len())
            .filter(|number| !known(*number))
            .count()
    }

    fn percentile(&mut self, share: usize) -> f64 {
        self.noticed.sort_by(f64::total_cmp);
        self.noticed[self.noticed.len() * share / 100]
    }

    fn busiest_minute(&self) -> usize {
        let within = |from: f64| {
            self.calls
                .iter()
                .filter(|at| **at >= from && **at < from + 60.0)
                .count()
        };
        self.calls.iter().map(|from| within(*from)).max().unwrap()
    }
}

#[test]
fn starts_and_finishes_are_both_found_and_soon() {
    let projects = ["0", "100", "200", "300"].map(Into::into).to_vec();
    let projects = Rules {
        projects,
        ..rules(Mode::Projects)
    };
    for (jobs, rules, most_pages) in [(1_000, rules(Mode::Auto), 2..5), (400, projects, 1..2)] {
        let mode = rules.mode;
        let mut play = Play::new(jobs, rules);
        play.run();
        let (half, most) = (play.percentile(50), play.percentile(95));
        let (starts, all) = (play.starts, play.noticed.len());
        let told = format!("{mode:?}: {starts} starts of {all} changes, {half:.1} s, {most:.1} s");
        assert!(starts > 30 && all - starts > 30, "{told}");
        assert_eq!(play.missed(), 0, "{told}");
        assert!(half <= 10.0 && most <= 20.0, "{told}");
        let (calls, pages) = (play.busiest_minute(), play.longest_sweep);
        assert!(most_pages.contains(&pages), "{told}, up to {pages} pages");
        assert!(calls <= 20, "{told}, {calls} calls in a minute");
    }
}
