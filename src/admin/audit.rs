//! The audit log: one line for every act of an operator, and for every attempt at one.
//!
//! Lines go where the others go, under the target [`AUDIT`], whatever `log.level` says.
//! Fields: `act`, `job.id`, `peer` (the address that connected), `outcome` (`done`, `nothing_to_do`, `failed`, `refused`,
//! `left`), `error.code`. Nothing of the request but the job id is in them, so no token.

use std::net::SocketAddr;

use crate::error::Error;
use crate::policy::problem::Problem;
use crate::telemetry::logging::AUDIT;

use super::operate::Act;

/// The line of an act that is under way. It is written when this is dropped, so that none goes without.
#[derive(Debug)]
pub(super) struct Line {
    act: Act,
    peer: SocketAddr,
    outcome: Outcome,
    code: Option<String>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It changed something.
    Done,
    /// Things were so already.
    NothingToDo,
    /// It was carried out, and did not succeed.
    Failed,
    /// It was not carried out.
    Refused,
    /// Whoever asked was gone before it ended; it went on by itself.
    Left,
}

// === impl Line ===

impl Line {
    pub(super) fn begin(act: Act, peer: SocketAddr) -> Self {
        Self {
            act,
            peer,
            outcome: Outcome::Left,
            code: None,
        }
    }

    /// The act ended so.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// The act ended with what a client would be told so.
    pub(super) fn end_with_code(mut self, outcome: Outcome, code: Option<String>) {
        self.outcome = outcome;
        self.code = code;
    }

    /// The act ended with an error.
    pub(super) fn end_with(self, outcome: Outcome, error: &Error) {
        let code = Problem::from_error(error).code.to_string();
        self.end_with_code(outcome, Some(code));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.outcome == Outcome::Left && std::thread::panicking() {
            self.outcome = Outcome::Failed; // whoever asked is told of a fault of ours
        }
        tracing::info!(
            target: AUDIT,
            act = self.act.as_str(),
            job.id = self.act.job().map(tracing::field::display),
            peer = %self.peer,
            outcome = self.outcome.as_str(),
            error.code = self.code,
            "operator's act"
        );
    }
}

// === impl Outcome ===

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing_to_do",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Left => "left",
        }
    }
}
