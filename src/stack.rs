//! WIRING. The request path, outermost first: reading it top to bottom is reading a request's life.
//!
//! ```text
//! observe       one name, one span, one line, one set of counts; sees the status the client gets
//! rescue        the one place where a reply, an error or a panic becomes a response
//! admit         draining? then refuse before anything is spent
//! conform       no body on a GET, a good Host: before everything, hits included
//! route         method and path: what is this? (the health probe is answered here: it needs no key)
//! authenticate  who asks
//! rate          is the client within its rate? else refuse: before anything is looked up, answered or paid
//! usage         what this client asked and paid: answered here, it needs a key and no job
//! projects      the made-up project that an SDK asks for when it is given a region alone: answered here
//! validate      job id → JobId, and may this client see it: refuse before anything is looked up
//! lookup        stored and fresh, or stale within its window: answer; else on, with the reason why
//! collapse      join the one fetch of this job, or start it as a task that the key owns. In budget mode a stale answer goes out
//!               here, and the schedule sees to the fetch. Below this line no client can cancel anything:
//!   keep        store what landed, until its planned next look; a denial takes its place, after any other failure the job
//!               is left alone for a while
//!   retry       few, jittered; and the one repeat after a renewed token
//!   slot        a first ask waits for its turn (budget mode), a look for a call of the budget that is free again shortly
//!   limit       at most `upstream.max_in_flight` at once; before anything is paid
//!   pay         one call of the budget each; holds live here
//!   judge       is it a success? normalise; else which failure
//!   authorise   the last hand before the wire; nothing above it can see the secret
//!   upstream    connect, send, read, within limits
//! ```
//!
//! In budget mode fetches also begin without a request: [`refresh`](crate::refresh) starts those that the schedule wants, in `collapse`
//! and below, so that they join and are joined, are paid and held like any other.
//!
//! Nothing above `collapse` waits: a hit is answered within one call, on the thread that read it. That is why the
//! longest wait of a client (`server.request_timeout`) and the number of those who wait are bounded in `collapse`, the
//! only place where anybody does.

use std::convert::Infallible;
use std::sync::Arc;

use http::Request;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

use crate::error::Error;
use crate::layers::admit::Admit;
use crate::layers::authenticate::Authenticate;
use crate::layers::collapse::{Collapse, Fetch};
use crate::layers::conform::Conform;
use crate::layers::fetch::around::around;
use crate::layers::fetch::authorise::Authorise;
use crate::layers::fetch::judge::Judge;
use crate::layers::fetch::keep::Keep;
use crate::layers::fetch::list::{JudgeList, List, PayList};
use crate::layers::fetch::pay::Pay;
use crate::layers::fetch::retry::Retry;
use crate::layers::fetch::slot::AwaitSlot;
use crate::layers::lookup::LookupLayer;
use crate::layers::projects::Projects;
use crate::layers::rate::Rate;
use crate::layers::rescue::RescueLayer;
use crate::layers::route::Route;
use crate::layers::usage::Usage;
use crate::layers::validate::Validate;
use crate::layers::{Exchange, Written, step};
use crate::upstream::{Answer, Upstream};

/// The parts of the request path above the fetch.
pub struct RequestParts {
    /// Refuses while draining.
    pub admit: Admit,
    /// Refuses what breaks HTTP.
    pub conform: Conform,
    /// Tells what is asked for.
    pub route: Route,
    /// Tells who asks.
    pub authenticate: Authenticate,
    /// Refuses what is above a client's rate.
    pub rate: Rate,
    /// Tells what a client asked and paid.
    pub usage: Usage,
    /// Refuses what is no job id, or not this client's.
    pub validate: Validate,
    /// Answers from the store.
    pub lookup: LookupLayer,
    /// One fetch per job.
    pub collapse: Collapse,
}

/// The parts of the fetch; a test may put another service in the place of the wire.
pub struct FetchParts<U = Upstream> {
    /// Keeps what landed.
    pub keep: Keep,
    /// Tries again.
    pub retry: Retry,
    /// Waits for a call of the budget.
    pub slot: AwaitSlot,
    /// `upstream.max_in_flight`.
    pub max_in_flight: usize,
    /// Budget and holds.
    pub pay: Pay,
    /// Success or failure.
    pub judge: Judge,
    /// The central credential.
    pub authorise: Authorise,
    /// The wire.
    pub upstream: U,
}

/// A request's life below [`observe`](crate::layers::observe), which is put on per connection.
pub fn requests(
    parts: RequestParts,
) -> impl Service<Arc<Exchange>, Response = Written, Error = Infallible, Future: Send + Unpin>
+ Clone
+ Send
+ Sync {
    ServiceBuilder::new()
        .layer(RescueLayer)
        .layer(step(parts.admit))
        .layer(step(parts.conform))
        .layer(step(parts.route))
        .layer(step(parts.authenticate))
        .layer(step(parts.rate))
        .layer(step(parts.usage))
        .layer(step(Projects))
        .layer(step(parts.validate))
        .layer(parts.lookup)
        .service(parts.collapse)
}

/// What a list call goes through: it pays, is judged and authorised as a fetch is, and is not tried again.
#[must_use]
pub fn list(pay: PayList, judge: JudgeList, authorise: Authorise, upstream: Upstream) -> List {
    let stack = ServiceBuilder::new()
        .layer(around(pay))
        .layer(around(judge))
        .layer(around(authorise))
        .service(upstream);
    BoxCloneSyncService::new(stack)
}

/// What a fetch goes through; boxed, because it is asked a few times a minute.
#[must_use]
pub fn fetch<U>(parts: FetchParts<U>) -> Fetch
where
    U: Service<Request<()>, Response = Answer, Error = Error, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let stack = ServiceBuilder::new()
        .layer(around(parts.keep))
        .layer(around(parts.retry))
        .layer(around(parts.slot)) // above the limit: who waits for the budget keeps nobody else from it
        .concurrency_limit(parts.max_in_flight)
        .layer(around(parts.pay))
        .layer(around(parts.judge))
        .layer(around(parts.authorise))
        .service(parts.upstream);
    BoxCloneSyncService::new(stack)
}
