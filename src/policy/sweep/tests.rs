mod comparing;
mod deciding;
mod fleet;
mod pacing;
mod reading;
mod walking;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::{Mode, Page, Report, Rules, Source, Step, Sweep, Sweeps, Tally};
use crate::clock::Clock;
use crate::policy::job::JobId;
use crate::policy::normalise::{CallerFields, normalise};

const SECOND: Duration = Duration::from_secs(1);

/// Wall clock of all tests, epoch milliseconds; builds begin before.
const WALL: u64 = 1_000_000;

fn job(number: usize) -> JobId {
    JobId::parse(&format!("{number:032}")).unwrap()
}

fn rules(mode: Mode) -> Rules {
    Rules {
        mode,
        projects: vec!["a".into(), "b".into()],
        requests: NonZeroU32::new(20).unwrap(),
        shared: false,
        window: 60 * SECOND,
    }
}

/// An item of a list, as the definition has it.
fn item(number: usize, began: u64, runs: bool) -> String {
    let status = if runs { "Running" } else { "Finished" };
    let id = job(number);
    format!(
        r#"{{"id":"{id}","job_name":"job{number}","is_finished":{},"last_job_running_status":"{status}","last_build_status":"success",
        "last_build_time":{began},"build_time":62000,"health_score":74,"disabled":false,"favorite":false,"source_code":"test"}}"#,
        !runs
    )
}

/// What is stored of the same job.
fn body(number: usize, began: u64, runs: bool) -> Vec<u8> {
    let status = if runs { "Running" } else { "Finished" };
    let id = job(number);
    let body = format!(
        r#"{{"result":{{"id":"{id}","job_name":"job{number}","build_time":"27.51","running_status":"{status}","last_build_status":"success",
        "last_build_time":{began},"health_score":74,"disabled":false,"favorite":false,"source_code":"test"}},"status":"success","error":null}}"#
    );
    normalise(body.as_bytes(), CallerFields::Keep)
        .unwrap()
        .body
        .to_vec()
}

fn page_of(items: &[String], total: usize) -> Page {
    let items = items.join(",");
    let body =
        format!(r#"{{"result":{{"job_list":[{items}],"total":{total}}},"status":"success"}}"#);
    Page::parse(body.as_bytes()).unwrap()
}

/// A page of idle jobs, numbered from `first`, whose last builds began at the times of `range`, the newest first.
fn idle(first: usize, range: std::ops::Range<u64>, total: usize) -> Page {
    let times = range.rev().enumerate();
    let items: Vec<String> = times
        .map(|(at, time)| item(first + at, time, false))
        .collect();
    page_of(&items, total)
}

/// Sweeps, and a clock that is moved by hand.
struct Stage {
    sweeps: Sweeps,
    now: Instant,
}

// === impl Stage ===

impl Stage {
    fn new(rules: Rules) -> Self {
        let now = Clock::system().now();
        let sweeps = Sweeps::new(rules);
        Self { sweeps, now }
    }

    /// Windows until the next sweep.
    fn wait(&self) -> f64 {
        let next = self.sweeps.next(true, self.now).unwrap();
        (next - self.now).div_duration_f64(60 * SECOND)
    }

    /// Lets the time of the next sweep come, and begins it.
    fn begin(&mut self, running: &[u64]) -> Sweep {
        self.now = self.sweeps.next(true, self.now).unwrap();
        let running = running.iter().copied();
        self.sweeps.begin(running, WALL, self.now).unwrap()
    }

    /// The next sweep, with these pages, which must be just enough.
    fn walk(&mut self, running: &[u64], pages: &[Page]) -> Report {
        let mut sweep = self.begin(running);
        finish(&mut sweep, pages, self.now)
    }

    /// The next sweep, which finds and confirms so many; the jobs that have vanished.
    fn round(&mut self, pages: &[Page], found: u32, confirmed: u32) -> Vec<JobId> {
        let report = self.walk(&[], pages);
        self.sweeps
            .ended(report, Tally { found, confirmed }, self.now)
    }

    fn is_off(&self) -> bool {
        let decisions = self.sweeps.state().decisions;
        decisions
            .iter()
            .all(|decision| decision.off_until.is_some())
    }
}

#[track_caller]
fn finish(sweep: &mut Sweep, pages: &[Page], now: Instant) -> Report {
    let (last, more) = pages.split_last().unwrap();
    for page in more {
        let step = sweep.take(page, now).unwrap();
        assert!(
            matches!(step, Step::More(next) if next == sweep.page_index()),
            "{step:?}"
        );
    }
    match sweep.take(last, now).unwrap() {
        Step::Done(report) => report,
        Step::More(next) => panic!("page {next} is wanted too"),
    }
}

#[test]
fn the_paths_are_the_documented_ones() {
    assert_eq!(
        Source::Recent.path_and_query(2),
        "/v1/job/list?page_index=2&page_size=100&sort_field=last_build_time&sort_order=DESC"
    );
    assert_eq!(
        Source::Project("0abc".into()).path_and_query(0),
        "/v1/job/0abc/list?page_index=0&page_size=100"
    );
}
