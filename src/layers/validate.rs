//! Path segment → [`JobId`], and may this client see it? Refuse before looking anything up. Nothing invalid reaches upstream,
//! because below this layer only a `JobId` is passed on; and nothing of a job that is not on the client's list
//! (`clients.jobs`) is told: a 403 says the same whether it is stored, exists, or never did.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::step::{Step, Verdict, refuse};
use super::{Ask, ForJob};
use crate::error::Error;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::policy::permit::Permits;

/// Parses the job id, or refuses with 400; with 403 if it is not the client's.
#[derive(Clone, Debug)]
pub struct Validate {
    permits: Arc<Permits>,
}

// === impl Validate ===

impl Validate {
    /// Lets each client see what it is permitted.
    #[must_use]
    pub fn new(permits: Permits) -> Self {
        Self {
            permits: Arc::new(permits),
        }
    }
}

impl Step<ForJob> for Validate {
    type Out = Ask;

    fn check(&self, request: ForJob) -> Verdict<Ask> {
        let job = match JobId::parse(request.segment()) {
            Ok(job) => job,
            Err(error) => return refuse(error),
        };
        let exchange = request.exchange;
        let client = exchange.client().unwrap_or(ClientId::ANONYMOUS);
        if !self.permits.may_see(client, &job) {
            return refuse(Error::JobForbidden); // the job is not named: a stranger is no part of its story
        }
        exchange.name_job(job);
        ControlFlow::Continue(Ask { exchange, job })
    }
}
