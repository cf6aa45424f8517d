//! jobgate: a caching reverse-proxy gateway for CodeArts Build's `GET /v1/job/{job_id}/info`. It holds the one cloud
//! credential, answers from memory whenever it may, says how old an answer is, and spends the few upstream calls that its
//! budget allows where they prevent the most wrong answers.
//!
//! # A request's life
//!
//! 1. A worker of the [`server`] accepts the connection and reads the head; the body, if any, is never read.
//! 2. [`layers::observe`] names the request; whatever happens below, it counts and logs the end.
//! 3. [`layers::rescue`] is the one place where a reply, a failure or a panic becomes a response.
//! 4. Refused before anything is looked up: while draining ([`layers::admit`]), for broken HTTP ([`layers::conform`]),
//!    for what is no job ([`layers::route`]), without a client ([`layers::authenticate`]), above the client's rate
//!    ([`layers::rate`]), with a bad id or for a job that the client may not see ([`layers::validate`]). What the gateway
//!    answers itself goes out in between ([`layers::usage`], [`layers::projects`]).
//! 5. [`layers::lookup`] answers from the [`store`] if what is there is fresh, on the thread that read it: a hit ends here.
//!    How far something stale may take its place is [`policy::ladder`]'s to say. In budget mode the [`planner`] notes what
//!    is asked for.
//! 6. [`layers::collapse`] joins the one fetch of this job, or starts it as a task that no client can cancel. In budget
//!    mode what is stale is served here at once, and [`refresh`] starts the fetch when [`policy::refresh`] says that it is
//!    worth a call.
//! 7. The fetch ([`layers::fetch`]) waits for its turn, if it is a first one in budget mode ([`layers::fetch::slot`]), and
//!    asks the [gate](layers::fetch::gate) whether a call may go out: no hold, and budget left.
//! 8. The [`credential`] is put on as the last hand before the wire; the call goes out through [`upstream`].
//! 9. The answer is judged: a success is [normalised](policy::normalise) and stored, anything else is one of the closed
//!    list of [`error`]s, after which [`layers::fetch::keep`] leaves the job alone for a while.
//! 10. All who waited get that one ending, or what is stored in its place; [`policy::problem`] says how a failure looks to
//!     them.
//!
//! # The map of rooms
//!
//! A file is a room's door, the folder of that name the rest of it. Arrows point downward: a room imports only from rooms below it.
//!
//! | room | kind | what it does |
//! |---|---|---|
//! | [`app`] | wiring | builds every part once; owns the order of start and drain |
//! | [`stack`] | wiring | the request path in one function, outermost first: the place to start reading |
//! | [`refresh`] | mechanism | budget mode's hands: the one task that makes the looks that are planned |
//! | [`layers`] | mechanism | one file a layer; none imports another |
//! | [`planner`] | mechanism | budget mode's books: what is asked for, who waits for a first answer, which look is next |
//! | [`live`] | mechanism | proves step by step that upstream can be used as configured, for `check --live` |
//! | [`server`] | mechanism | the clients' port: accept, TLS, timers, drain |
//! | [`admin`] | mechanism | the operator's port: health, metrics, the admin API |
//! | [`telemetry`] | mechanism | metrics, access log, diagnostics |
//! | [`credential`] | mechanism | the secret, the services that give it, and the signature; nothing else sees it |
//! | [`upstream`] | mechanism | calls to the cloud, within limits |
//! | [`store`] | mechanism | stored answers and their memory |
//! | [`limiter`] | mechanism | how often somebody may do something |
//! | [`sandbox`] | mechanism | a double of the cloud, for trying and testing |
//! | [`process`] | mechanism | what the process settles with the system at start |
//! | [`config`] | values | the configuration, checked whole |
//! | [`policy`] | pure | decisions: no I/O, no clock, no lock, no log |
//! | [`error`] | values | the closed list of ways a request can fail |
//! | [`clock`] | mechanism | the only place that reads time |
//!
//! What is *not* there: nothing above [`layers::fetch::authorise`] can see the secret, nothing below [`layers::collapse`] can be
//! cancelled by a client, nothing above it waits, and [`policy`] never reads the clock.

pub mod admin;
pub mod app;
pub mod clock;
pub mod config;
pub mod credential;
pub mod error;
pub mod layers;
pub mod limiter;
pub mod live;
pub mod planner;
pub mod policy;
pub mod process;
pub mod refresh;
pub mod sandbox;
pub mod server;
pub mod stack;
pub mod store;
pub mod telemetry;
pub mod upstream;
