//! Path segment → [`JobId`]: refuse what is no job id before looking anything up. Nothing invalid reaches upstream,
//! because below this layer only a `JobId` is passed on.

use std::ops::ControlFlow;

use super::step::{Step, Verdict, refuse};
use super::{Ask, ForJob};
use crate::policy::job::JobId;

/// Parses the job id, or refuses with 400.
#[derive(Clone, Copy, Debug)]
pub struct Validate;

impl Step<ForJob> for Validate {
    type Out = Ask;

    fn check(&self, request: ForJob) -> Verdict<Ask> {
        match JobId::parse(request.segment()) {
            Ok(job) => {
                request.exchange.name_job(job);
                ControlFlow::Continue(Ask {
                    exchange: request.exchange,
                    job,
                })
            }
            Err(error) => refuse(error),
        }
    }
}
