//! An upstream's jobs, and what its lists make of them.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::UNIX_EPOCH;

use http::Uri;
use jobgate::clock::Clock;

use crate::support::nth_job;
use crate::upstream::Said;

/// Items of a page, as asked for.
const PAGE: usize = 100;

const NO_SUCH_JOB: &str = include_str!("../../samples/error-422-not-found.json");

/// A job, as it is in truth.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    /// When the last build began, epoch milliseconds.
    pub(super) began: u64,
    pub(super) runs: bool,
    pub(super) score: u32,
}

/// What a list answers, given the jobs, the last built first, and the page.
type Listing = Box<dyn Fn(&[Job], usize) -> Said + Send>;

/// The jobs; clones are the same.
#[derive(Clone)]
pub(super) struct Fleet {
    clock: Clock,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    jobs: Vec<Job>,
    listing: Listing,
}

// === impl Fleet ===

impl Fleet {
    /// So many idle jobs; the last build of each began a minute before that of the one before it.
    pub(super) fn of(jobs: usize, clock: &Clock) -> Self {
        let now = wall_ms(clock);
        let idle = |n: usize| Job {
            id: nth_job(n),
            began: now - 60_000 * (n as u64 + 1),
            runs: false,
            score: 74,
        };
        let jobs = (0..jobs).map(idle).collect();
        let listing = Box::new(page);
        Self {
            clock: clock.clone(),
            inner: Arc::new(Mutex::new(Inner { jobs, listing })),
        }
    }

    /// A build of the job begins now.
    pub(super) fn starts(&self, n: usize) {
        let now = wall_ms(&self.clock);
        self.change(n, |job| (job.began, job.runs) = (now, true));
    }

    /// Its build is over.
    pub(super) fn finishes(&self, n: usize) {
        self.change(n, |job| job.runs = false);
    }

    /// Something about the job is another.
    pub(super) fn change(&self, n: usize, change: impl FnOnce(&mut Job)) {
        let id = nth_job(n);
        let mut inner = self.inner();
        change(inner.jobs.iter_mut().find(|job| job.id == id).expect("one"));
    }

    /// There is no such job any more.
    pub(super) fn deletes(&self, n: usize) {
        let id = nth_job(n);
        self.inner().jobs.retain(|job| job.id != id);
    }

    /// Lists answer so from now on.
    pub(super) fn list_by(&self, listing: impl Fn(&[Job], usize) -> Said + Send + 'static) {
        self.inner().listing = Box::new(listing);
    }

    /// Lists tell the truth again.
    pub(super) fn list_honestly(&self) {
        self.list_by(page);
    }

    /// The jobs as they are now.
    pub(super) fn jobs(&self) -> Vec<Job> {
        self.inner().jobs.clone()
    }

    /// What a call is answered.
    pub(super) fn answer(&self, target: &Uri) -> Said {
        let mut inner = self.inner();
        let path = target.path();
        if path == "/v1/job/list" {
            inner.jobs.sort_by_key(|job| Reverse(job.began));
            return (inner.listing)(&inner.jobs, page_index(target));
        }
        let id = path
            .strip_prefix("/v1/job/")
            .and_then(|path| path.strip_suffix("/info"));
        let job = inner.jobs.iter().find(|job| Some(job.id.as_str()) == id);
        job.map_or((422, NO_SUCH_JOB), Job::info)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }
}

// === impl Job ===

impl Job {
    fn info(&self) -> Said {
        let Self {
            id, began, score, ..
        } = self;
        let status = self.status();
        said(format!(
            r#"{{"result":{{"id":"{id}","job_name":"job","build_time":"27.51","charge_time":"3","running_status":"{status}",
            "last_build_status":"success","last_build_time":{began},"health_score":{score}}},"status":"success","error":null}}"#
        ))
    }

    fn item(&self) -> String {
        let Self {
            id,
            began,
            runs,
            score,
        } = self;
        let status = self.status();
        format!(
            r#"{{"id":"{id}","job_name":"job","is_finished":{},"last_job_running_status":"{status}","last_build_status":"success",
            "last_build_time":{began},"build_time":27510,"health_score":{score}}}"#,
            !runs
        )
    }

    fn status(&self) -> &'static str {
        if self.runs { "Running" } else { "Finished" }
    }
}

/// The page of an honest list.
pub(super) fn page(jobs: &[Job], page: usize) -> Said {
    page_of(jobs, page, Job::item)
}

/// The page of a list whose items are written so.
pub(super) fn page_of(jobs: &[Job], page: usize, item: impl Fn(&Job) -> String) -> Said {
    let items: Vec<_> = jobs.iter().skip(page * PAGE).take(PAGE).map(item).collect();
    let (items, total) = (items.join(","), jobs.len());
    said(format!(
        r#"{{"result":{{"job_list":[{items}],"total":{total}}},"status":"success"}}"#
    ))
}

fn said(body: String) -> Said {
    (200, body.leak()) // some hundred of them in the life of a test
}

fn page_index(target: &Uri) -> usize {
    let query = target.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let index = pairs
        .find(|(key, _)| *key == "page_index")
        .map(|(_, at)| at);
    index.and_then(|at| at.parse().ok()).expect("a page")
}

fn wall_ms(clock: &Clock) -> u64 {
    let since = clock.wall().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("in range")
}
