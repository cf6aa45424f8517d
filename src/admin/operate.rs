//! What an operator may ask of the gateway, and do to it: the words of `/api`, and the trait behind them.
//!
//! The app implements [`Operate`] over the parts it wired, as it does [`Facts`](crate::telemetry::metrics::Facts) for
//! `/metrics`. Everything here is serialised as it stands, so the names are the contract of the admin API; the gateway's
//! own commands read them back. A reader must bear further members.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::policy::job::JobId;

/// Looks into the stored answers, and acts on them.
///
/// Every method but [`refresh`](Self::refresh) is called on a thread that may block, so that a walk over a million entries
/// does not hold up the calls that run.
pub trait Operate: Send + Sync + 'static {
    /// Some of the stored answers, in the order of their ids. Walks over all of them.
    fn entries(&self, query: &Query) -> Page;

    /// How things stand with a job, and how they came to that; of a job that nobody asked for, that nothing is known.
    fn explain(&self, job: JobId) -> Explanation;

    /// Forgets what is stored of a job, denials included. Whether there was anything.
    fn invalidate(&self, job: JobId) -> bool;

    /// Forgets all that is stored. How much it was.
    fn invalidate_all(&self) -> u64;

    /// Looks at a job now, within budget and holds, or joins the look that runs. It goes on if the future is dropped.
    fn refresh(&self, job: JobId) -> Pin<Box<dyn Future<Output = Refreshed> + Send>>;

    /// Lets no upstream call out, or lets them out again. Whether that changed anything.
    fn pause(&self, paused: bool) -> bool;

    /// The keys that open the gateway, by the names of their clients.
    fn keys(&self) -> BTreeMap<String, Vec<Key>>;
}

/// A key of a client, as it may be spoken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `key`, or `secret`: that of a virtual AK/SK.
    pub kind: String,
    /// The first eight digits of its SHA-256: what its `key_sha256` begins with.
    pub fingerprint: String,
    /// When it was last used, to the second; `null`: not since the start.
    pub last_used: Option<String>,
}

/// An act of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Forget what is stored of a job.
    Invalidate(JobId),
    /// Forget all that is stored.
    InvalidateAll,
    /// Look at a job now.
    Refresh(JobId),
    /// Let no upstream call out.
    Pause,
    /// Let them out again.
    Resume,
}

/// Which entries are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What the job id begins with; empty: any.
    pub prefix: String,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only ids after this one: the `next` of the page before.
    pub after: Option<JobId>,
    /// At most so many, 1 to 1 000.
    pub limit: usize,
}

/// How things stand with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// An answer is stored, within its lifetime.
    Fresh,
    /// An answer is stored, past its lifetime.
    Stale,
    /// Upstream said that there is no such job.
    Denied,
    /// Nothing is stored, and the last look failed.
    Failing,
    /// Nothing is known.
    Unknown,
}

/// Some entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// In the order of their ids.
    pub entries: Vec<Summary>,
    /// Where the next page begins (`after=`); `null` on the last.
    pub next: Option<String>,
}

/// A job in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The job.
    pub job_id: String,
    /// How things stand.
    pub state: State,
    /// Since the stored answer was asked for.
    pub age_seconds: Option<f64>,
    /// What is left of its freshness lifetime; negative when it is over.
    pub ttl_seconds: Option<f64>,
    /// Whether the job is finished, as the stored answer says.
    pub finished: Option<bool>,
    /// Size of the stored body.
    pub bytes: Option<usize>,
    /// Answers given from what is stored while it was fresh, since the job was first stored.
    pub hits: Option<u64>,
    /// Until its next look, as it is planned now: 0 if it is under way or waits only for a free call; `null` if none is planned, and
    /// always in mode `ttl`.
    pub next_look_seconds: Option<f64>,
}

/// Everything that can be told of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// How things stand.
    #[serde(flatten)]
    pub summary: Summary,
    /// Validator of the stored body.
    pub etag: Option<String>,
    /// The last answer about it, whoever got it.
    pub last_answer: Option<Told>,
    /// What somebody who asks for it now, without conditions, would get, and why.
    pub if_asked_now: String,
    /// How often it is built and asked for, and how likely its stored answer is wrong; `null` if the schedule does not know it, and
    /// always in mode `ttl`.
    pub rhythm: Option<String>,
    /// When upstream is asked about it next, and why then.
    pub next_look: String,
    /// What the schedule knows of it, in figures; `null` if it does not know it, and always in mode `ttl`.
    pub plan: Option<Plan>,
    /// What happened to it, the newest first.
    pub story: Vec<Told>,
}

/// What the schedule of budget mode knows of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Where it stands.
    pub standing: Standing,
    /// Calls that go before its own: `in-line` those granted earlier, `planned` and `floor` the looks planned earlier, `differs` those at
    /// jobs that were shown to differ earlier; `null` otherwise.
    pub place: Option<usize>,
    /// What is known of it; `null` if nothing is stored of it.
    pub rhythm: Option<Rhythm>,
}

/// Where a job stands in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Somebody waits for its first answer, or was told when to come back for it.
    InLine,
    /// A look is under way.
    UnderWay,
    /// A list has shown that the stored answer is wrong.
    Differs,
    /// The last look brought nothing.
    Resting,
    /// It would be worth a look sooner than `ttl` or `ttl_running` allows.
    Floor,
    /// Its next look is planned for when it is worth as much as others.
    Planned,
}

/// What is known of a job's builds, and what that means for its stored answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rhythm {
    /// Its own builds that this is learned from, at most 16. Older ones fade, so it is no whole number; below one, what jobs here are like
    /// says more.
    pub builds: f64,
    /// Mean time from the end of a build to the start of the next.
    pub pause_seconds: f64,
    /// Median length of its builds.
    pub length_seconds: f64,
    /// How often it is asked for in `budget.window`.
    pub asks_per_window: f64,
    /// The chance that the stored answer is wrong, 0 to 1.
    pub wrong: f64,
    /// Wrong answers that are expected in the next `budget.window` if there is no look.
    pub loss_per_window: f64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When, wall time, RFC 3339 in UTC.
    pub at: String,
    /// How long ago that is.
    pub seconds_ago: f64,
    /// What, as a closed word: `hit`, `stale`, `miss`, `look`, `denied`, `invalidated`, …
    pub what: Cow<'static, str>,
    /// The same as a sentence, with the reason.
    pub text: String,
    /// How often, this being the last time; with at most two other things in turn.
    pub times: u64,
}

/// How a look ended that the operator asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// Upstream answered with the job, and it is stored.
    pub stored: bool,
    /// Whether the body differs from the one before; `null` if nothing was stored before or is stored now.
    pub changed: Option<bool>,
    /// The error that a client would get, if it failed.
    pub error_code: Option<String>,
    /// Its text.
    pub error_msg: Option<String>,
    /// Upstream calls it took.
    pub calls: u32,
}

/// What became of a wish to forget a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidated {
    /// The job.
    pub job_id: String,
    /// Whether there was anything to forget.
    pub found: bool,
}

/// What became of a wish to forget everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidatedAll {
    /// How many entries were forgotten.
    pub entries: u64,
}

/// Whether upstream calls are paused by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// How it is now.
    pub paused: bool,
    /// Whether it was otherwise before.
    pub changed: bool,
}

// === impl Act ===

impl Act {
    /// The word in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalidate(_) => "invalidate",
            Self::InvalidateAll => "invalidate_all",
            Self::Refresh(_) => "refresh",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// The job it is about.
    pub fn job(self) -> Option<JobId> {
        match self {
            Self::Invalidate(job) | Self::Refresh(job) => Some(job),
            Self::InvalidateAll | Self::Pause | Self::Resume => None,
        }
    }
}
