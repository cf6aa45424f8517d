//! `GET /v3/projects?name=REGION`: which project has this region? Answered with [a made-up one](crate::policy::project), so that a
//! program which gives its SDK a region and no project needs no change. Stands below `authenticate` like everything that is not a
//! probe; upstream is never asked, and the client's account does not count it.

use std::ops::ControlFlow;

use super::step::{Step, Verdict};
use super::{Cloud, Failure, ForCloud, ForJob, Reply};
use crate::policy::outcome::Outcome;
use crate::policy::project;

/// Answers `/v3/projects`, and lets requests for a job pass.
#[derive(Clone, Copy, Debug)]
pub struct Projects;

impl Step<ForCloud> for Projects {
    type Out = ForJob;

    fn check(&self, request: ForCloud) -> Verdict<ForJob> {
        let ForCloud { exchange, asked } = request;
        match asked {
            Cloud::Job(segment) => ControlFlow::Continue(ForJob { exchange, segment }),
            Cloud::Projects => {
                let page = project::made_up(exchange.head.uri.query());
                ControlFlow::Break(page.map(Reply::Local).map_err(|error| Failure {
                    outcome: Outcome::Local, // not a word about any job
                    ..error.into()
                }))
            }
        }
    }
}
