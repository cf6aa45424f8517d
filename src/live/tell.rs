//! What is told of each step, and whether the next one makes sense.

use crate::policy::diagnosis::Advice;

/// One step, ended or announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub what: What,
    /// What was found, on one line; may quote upstream.
    pub said: String,
    /// What that means.
    pub verdict: Verdict,
}

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The name has addresses.
    Dns,
    /// One of them takes a connection.
    Connect,
    /// The server is whom its name says.
    Tls,
    /// The credential is here.
    Credential,
    /// A call is about to be made.
    Call,
    /// Our clock agrees with upstream's.
    Clock,
    /// The credential may read jobs.
    Job,
    /// … and sees some, and may list them.
    Jobs,
}

/// What a step means for the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is about to be done, and costs something.
    Announced,
    /// As it should be.
    Good,
    /// The gateway will serve, but somebody should know.
    Doubtful(Advice),
    /// The gateway cannot get answers.
    Failed(Advice),
}

/// A step failed, and has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("upstream cannot be used as configured: the last step above says why")]
pub struct Halted;

/// What was found in a step, and what it means.
pub(super) type Told = (String, Verdict);

/// Tells steps.
pub(super) struct Teller<'a>(&'a mut dyn FnMut(Step));

// === impl What ===

impl What {
    /// The word at the beginning of its line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Credential => "credential",
            Self::Call => "call",
            Self::Clock => "clock",
            Self::Job => "job",
            Self::Jobs => "jobs",
        }
    }
}

// === impl Teller ===

impl<'a> Teller<'a> {
    pub(super) fn new(tell: &'a mut dyn FnMut(Step)) -> Self {
        Self(tell)
    }

    pub(super) fn announce(&mut self, said: String) {
        self.tell(What::Call, said, Verdict::Announced);
    }

    /// The step that was the last.
    pub(super) fn failed(&mut self, what: What, (said, verdict): Told) -> Halted {
        self.tell(what, said, verdict);
        Halted
    }

    /// A step whose verdict says whether it goes on.
    pub(super) fn told(&mut self, what: What, (said, verdict): Told) -> Result<(), Halted> {
        let is_failed = matches!(verdict, Verdict::Failed(_));
        self.tell(what, said, verdict);
        if is_failed { Err(Halted) } else { Ok(()) }
    }

    fn tell(&mut self, what: What, said: String, verdict: Verdict) {
        (self.0)(Step {
            what,
            said,
            verdict,
        });
    }
}
