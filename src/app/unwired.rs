//! Stands where the parts that an operator asks will be wired: it knows of nothing and does nothing.

use std::future::Future;
use std::pin::Pin;

use crate::admin::operate::{Explanation, Operate, Page, Query, Refreshed, State, Summary};
use crate::policy::job::JobId;

#[derive(Debug)]
pub(super) struct Unwired;

// === impl Unwired ===

impl Operate for Unwired {
    fn entries(&self, _query: &Query) -> Page {
        Page {
            entries: Vec::new(),
            next: None,
        }
    }

    fn explain(&self, job: JobId) -> Explanation {
        Explanation {
            summary: Summary {
                job_id: job.to_string(),
                state: State::Unknown,
                age_seconds: None,
                ttl_seconds: None,
                finished: None,
                bytes: None,
                answers: None,
            },
            etag: None,
            last_answer: None,
            if_asked_now: String::new(),
            next_look: String::new(),
            story: Vec::new(),
        }
    }

    fn invalidate(&self, _job: JobId) -> bool {
        false
    }

    fn invalidate_all(&self) -> u64 {
        0
    }

    fn refresh(&self, _job: JobId) -> Pin<Box<dyn Future<Output = Refreshed> + Send>> {
        Box::pin(std::future::ready(Refreshed {
            stored: false,
            changed: None,
            error_code: None,
            error_msg: None,
            calls: 0,
        }))
    }

    fn pause(&self, _paused: bool) -> bool {
        false
    }
}
