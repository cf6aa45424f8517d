//! MECHANISM. The layers of the request path, one file each; none imports another.
//!
//! What travels between them is declared here. Down goes an [`Exchange`], which is [`Routed`] and becomes a request [`ForCloud`] and
//! [`ForJob`], an [`Ask`] and a [`Forward`] as more is known; up comes a [`Reply`] or a [`Failure`], and at last a [`Written`] answer. What a
//! fetch is given and gives back is declared in [`fetch`], a stack of its own below [`collapse`]. Above
//! [`collapse`] no layer waits for anything, so a hit is answered within one call; the layers that only look and pass
//! on or refuse are [`Step`]s.

pub mod admit;
pub mod authenticate;
pub mod collapse;
pub mod conform;
pub mod fetch;
pub mod lookup;
pub mod observe;
pub mod projects;
pub mod rate;
pub mod rescue;
pub mod route;
mod step;
pub mod usage;
pub mod validate;

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::Full;

use crate::error::Error;
use crate::policy::client::ClientId;
use crate::policy::cost::Cost;
use crate::policy::freshness::Freshness;
use crate::policy::job::JobId;
use crate::policy::outcome::{ForwardReason, Outcome};
use crate::policy::outcome::{Forwarding, Why};
use crate::policy::rate::Standing;
use crate::policy::request_id::RequestId;
use crate::store::{Entry, Stored};
use crate::telemetry::access::ToldJob;
use fetch::Story;

pub use step::{Step, StepLayer, StepService, Verdict, step};

/// One request on its way down, shared with [`observe`], which tells its story afterwards.
pub struct Exchange {
    /// Names the exchange in every log line and in `X-Request-Id`.
    pub id: RequestId,
    /// The request without its body; bodies are never read.
    pub head: Parts,
    /// True if the request announced a body (`Content-Length` above 0 or any `Transfer-Encoding`).
    pub announces_body: bool,
    /// When the head had been read.
    pub started: Instant,
    /// The client that the connection's certificate stands for.
    pub certified: Option<ClientId>,
    /// The other end of the connection, as text; `None` only where there is no connection.
    pub peer: Option<Arc<str>>,
    client: OnceLock<ClientId>,
    standing: OnceLock<Standing>,
    job: OnceLock<JobId>,
    upstream: OnceLock<Story>,
    cost: OnceLock<Cost>,
}

/// A request whose route is known.
pub struct Routed {
    /// The request.
    pub exchange: Arc<Exchange>,
    aim: Aim,
}

/// What a request that must name its client is for.
enum Aim {
    /// A route of the gateway's own: the client's usage.
    Usage,
    /// A route that the cloud has as well.
    Cloud(Cloud),
}

/// A request for what the cloud itself answers elsewhere.
pub struct ForCloud {
    /// The request.
    pub exchange: Arc<Exchange>,
    asked: Cloud,
}

/// What it asks of the cloud.
enum Cloud {
    /// A job, whose id is this part of the path.
    Job(Range<usize>),
    /// Which project has a region.
    Projects,
}

/// A request for a job, its id not yet looked at.
pub struct ForJob {
    /// The request.
    pub exchange: Arc<Exchange>,
    segment: Range<usize>,
}

/// A request that may be answered: who asks, and for which job.
pub struct Ask {
    /// The request.
    pub exchange: Arc<Exchange>,
    /// The job.
    pub job: JobId,
}

/// A request that is not done with what is stored, and why.
pub struct Forward {
    /// The request.
    pub ask: Ask,
    /// Why it goes on.
    pub reason: ForwardReason,
    /// Whether it waits for what upstream says.
    pub wait: Wait,
    /// What it is answered with, or may be if upstream does not answer.
    pub stored: Option<Stored>,
    /// For how much longer that may be served.
    pub servable_for: Duration,
}

/// Whether a request waits for what upstream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// No: what is stored is its answer. The look is made behind it.
    Behind,
    /// Yes.
    Yes,
    /// Yes, and the look costs the client one of those it may force.
    Forced,
}

/// An answer on its way up; [`rescue`] writes it down.
#[derive(Debug)]
pub enum Reply {
    /// A job.
    Job {
        /// What is stored of it.
        entry: Arc<Entry>,
        /// How it was come by.
        outcome: Outcome,
        /// Since upstream was asked.
        age: Duration,
    },
    /// The gateway lives.
    Health,
    /// What the gateway knows by itself, as JSON: nothing about a job, and not to be kept.
    Local(Bytes),
}

/// A failure on its way up.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// How far the request got.
    pub outcome: Outcome,
    /// Since upstream said so, if it is told from memory.
    pub age_seconds: Option<u32>,
}

/// A response, and how it came about.
pub struct Written {
    /// What the client gets.
    pub response: Response<Full<Bytes>>,
    /// How it was come by.
    pub outcome: Outcome,
    /// The error code in it, if it is one.
    pub code: Option<Arc<str>>,
    /// Which job it tells of, if it does.
    pub told: Option<ToldJob>,
}

// === impl Exchange ===

impl Exchange {
    /// A request that has just been read.
    #[must_use]
    pub fn new(id: RequestId, head: Parts, announces_body: bool, started: Instant) -> Self {
        Self {
            id,
            head,
            announces_body,
            started,
            certified: None,
            peer: None,
            client: OnceLock::new(),
            standing: OnceLock::new(),
            job: OnceLock::new(),
            upstream: OnceLock::new(),
            cost: OnceLock::new(),
        }
    }

    /// The same, on a connection whose certificate stands for this client.
    #[must_use]
    pub fn certified(self, client: Option<ClientId>) -> Self {
        let certified = client;
        Self { certified, ..self }
    }

    /// The same, from this end of a connection.
    #[must_use]
    pub fn from_peer(self, peer: Arc<str>) -> Self {
        let peer = Some(peer);
        Self { peer, ..self }
    }

    /// Who asks, once [`authenticate`] knows.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        self.client.get().copied()
    }

    /// How its client stands with its rate, if it has one and [`rate`] has counted.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.standing.get().copied()
    }

    /// The job asked for, once [`validate`] knows.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        self.job.get().copied()
    }

    /// What was done upstream for it, once [`collapse`] knows.
    #[must_use]
    pub fn upstream(&self) -> Option<&Story> {
        self.upstream.get()
    }

    /// What its client paid for it.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost.get().copied().unwrap_or_default()
    }

    fn charge(&self, cost: Cost) {
        let _ = self.cost.set(cost); // set once, by the one layer that knows
    }

    fn identify(&self, client: ClientId) {
        let _ = self.client.set(client); // set once, by the one layer that knows
    }

    fn stand(&self, standing: Standing) {
        let _ = self.standing.set(standing); // set once, by the one layer that knows
    }

    fn tell_upstream(&self, story: Story) {
        let _ = self.upstream.set(story); // set once, by the one layer that knows
    }

    fn name_job(&self, job: JobId) {
        let _ = self.job.set(job); // set once, by the one layer that knows
    }
}

// === impl ForJob ===

impl ForJob {
    /// The raw path segment in the place of the job id.
    #[must_use]
    pub fn segment(&self) -> &str {
        self.exchange
            .head
            .uri
            .path()
            .get(self.segment.clone())
            .unwrap_or_default()
    }
}

/// Answers with what is stored although it is stale, or older than the client wants.
fn reply_stored(
    stored: Stored,
    why: Why,
    forward: Option<Forwarding>,
    now: Instant,
) -> Result<Reply, Failure> {
    let freshness = stored.judge(now);
    let outcome = Outcome::Stored {
        freshness,
        why,
        forward,
    };
    reply(stored, freshness, outcome)
}

/// Answers with what is stored and fresh.
fn reply_hit(stored: Stored, now: Instant) -> Result<Reply, Failure> {
    let by_list = match &stored {
        Stored::Job(entry) => {
            entry.count_hit(now);
            entry.is_confirmed()
        }
        Stored::Denied(_) => false,
    };
    let freshness = stored.judge(now);
    let ttl = freshness.ttl();
    reply(stored, freshness, Outcome::Hit { ttl, by_list })
}

fn reply(stored: Stored, freshness: Freshness, outcome: Outcome) -> Result<Reply, Failure> {
    let age = freshness.age();
    match stored {
        Stored::Job(entry) => Ok(Reply::Job {
            entry,
            outcome,
            age,
        }),
        Stored::Denied(denial) => Err(Failure {
            error: denial.error,
            outcome,
            age_seconds: u32::try_from(age.as_secs()).ok(),
        }),
    }
}

// === impl Failure ===

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let outcome = Outcome::of_error(&error);
        Self {
            error,
            outcome,
            age_seconds: None,
        }
    }
}
