//! `GET /api/stats`: how the gateway fares, as one document.
//!
//! It counts nothing: every number is read (in `gather`) from the counters behind `/metrics`, or from the same
//! [`Snapshot`](crate::telemetry::metrics::Snapshot). Counts are since the start. Its names are a contract: members are
//! added, never renamed; a reader must bear further ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::policy::cost::Cost;
pub use crate::telemetry::metrics::requests::Usage;

pub use super::operate::Key;

mod gather;
mod sweep;

pub use sweep::{Last, Source, Sweep};

/// The body of `/api/stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The program's version.
    pub version: String,
    /// Since the gateway began to serve.
    pub uptime_seconds: f64,
    /// It is about to end and takes nothing new.
    pub draining: bool,
    /// What the gateway saves, and who pays for the rest.
    pub savings: Savings,
    /// What clients asked.
    pub requests: Requests,
    /// The same by client, in the order of the configuration; `-` is nobody in particular.
    pub clients: Vec<Client>,
    /// How long answers took inside the gateway, by outcome (the words of `requests.by_outcome`); without those that did
    /// not occur.
    pub latency: BTreeMap<String, Latency>,
    /// What upstream was asked.
    pub upstream: Upstream,
    /// How the central credential fares.
    pub credential: Credential,
    /// What may be asked of upstream.
    pub budget: Budget,
    /// What lists of jobs do for it; `null` in mode `ttl`.
    pub sweep: Option<Sweep>,
    /// What is stored.
    pub cache: Cache,
}

/// What the gateway saves, and who pays for the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Savings {
    /// Of what was asked, the part that cost no upstream call, 0 to 1: `requests.calls_saved` ÷ `asked`; `null` before the
    /// first request. Every call counts against it, those of the gateway's own looks too.
    pub share: Option<f64>,
    /// What all clients asked and paid.
    #[serde(flatten)]
    pub usage: Usage,
    /// Upstream calls for looks that no client waited for.
    pub gateway_paid: Cost,
}

/// What clients asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Requests answered, or given up by their clients.
    pub total: u64,
    /// The same by how they were answered: the label `outcome` of `jobgate_requests_total`.
    pub by_outcome: BTreeMap<String, u64>,
    /// The same by the class of the status sent: the label `class`.
    pub by_class: BTreeMap<String, u64>,
    /// Requests that wait for upstream right now.
    pub waiting: u64,
    /// Of the requests for a job (all but `local` and `refused`), the part that was answered from memory, 0 to 1; `null`
    /// before the first.
    pub hit_ratio: Option<f64>,
    /// Upstream calls that clients would have made without the gateway and that were not made: one for each request that was told
    /// something of its job, less all calls that were made.
    pub calls_saved: u64,
}

/// What one client asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its requests.
    pub total: u64,
    /// What it asked and paid.
    #[serde(flatten)]
    pub usage: Usage,
    /// The same by how they were answered.
    pub by_outcome: BTreeMap<String, u64>,
    /// Its keys, and when each was last used; none for `-`.
    #[serde(default)]
    pub keys: Vec<Key>,
}

/// How long answers took, as far as a histogram can tell: its buckets have bounds, so a quantile is known as «at most».
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many answers.
    pub count: u64,
    /// Their mean.
    pub mean_seconds: f64,
    /// Half of them took at most this; `null`: more than the largest bound, 30 s.
    pub p50_at_most_seconds: Option<f64>,
    /// 95 of 100 took at most this.
    pub p95_at_most_seconds: Option<f64>,
    /// 99 of 100 took at most this.
    pub p99_at_most_seconds: Option<f64>,
}

/// What upstream was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Calls that ended, retries included.
    pub calls: u64,
    /// The same by how they ended: the label `result` of `jobgate_upstream_calls_total`.
    pub by_result: BTreeMap<String, u64>,
    /// Of them, those that repeated a failed one.
    pub retries: u64,
    /// Calls under way right now.
    pub in_flight: u64,
    /// The operator lets no call out.
    pub paused: bool,
    /// What is left of a hold because upstream throttles; 0 without one.
    pub throttled_seconds: f64,
    /// It gives no answer at all: one call at a time probes it.
    pub down: bool,
    /// What is left of the pause until the next probe; 0 without one, and once a call may probe, or does.
    pub down_seconds: f64,
    /// It denies so many jobs that were there that it is not believed.
    pub denial_wave: bool,
    /// Local time minus its time; `null` before an answer has told it. From a minute on, and up to a day, requests are signed by
    /// its time.
    pub clock_skew_seconds: Option<f64>,
    /// Answers refused because they contained the central credential.
    pub secret_echoes: u64,
}

/// How the central credential fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Upstream has accepted it since the start or the last refusal.
    pub proven: bool,
    /// What is left of a hold because upstream refused it; 0 without one.
    pub held_seconds: f64,
    /// What upstream last said against it, until it accepts it; `null` if it said nothing.
    #[serde(default)]
    pub refusal: Option<String>,
    /// `aksk`, `keys_file`, `token`, `password` or `metadata`.
    pub kind: String,
    /// There is one to send.
    pub available: bool,
    /// How long it is good for; `null` if nobody says.
    pub expires_in_seconds: Option<f64>,
    /// How long ago it expired; `null` if it has not.
    #[serde(default)]
    pub expired_seconds_ago: Option<f64>,
    /// What is wrong with it, besides that upstream refuses it.
    pub why: Option<String>,
    /// Questions to the identity service: the label `result` of `jobgate_credential_renewals_total`.
    pub renewals: BTreeMap<String, u64>,
}

/// What may be asked of upstream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Calls that one window may see.
    pub requests: u32,
    /// The window.
    pub window_seconds: f64,
    /// Calls that may go out right now; those in flight are taken off.
    pub remaining: u32,
    /// The same and more of each API that upstream counts by itself.
    pub apis: Vec<ApiLimits>,
    /// What lies before the schedule of budget mode; `null` in mode `ttl`, where there is none.
    pub outlook: Option<Outlook>,
}

/// What lies before the schedule, and whether the budget will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// Calls in `window_seconds` that are planned with: `requests`, or fewer if upstream lets out fewer.
    pub requests: u32,
    /// Stored jobs that clients ask for and whose next looks are planned.
    pub jobs: u64,
    /// Jobs in line for their first call.
    pub first_asks: u64,
    /// Calls in `window_seconds` that first asks need, as they came lately.
    pub demand_first: f64,
    /// Calls in `window_seconds` that it would take to look at all other jobs as often as `ttl` and `ttl_running` allow.
    pub demand_floors: f64,
    /// The same in a sentence, and whether the budget covers it.
    pub forecast: String,
}

/// What may be asked of one API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiLimits {
    /// `job` or `list`; lists that are counted with the jobs have no limits of their own.
    pub api: String,
    /// The limit that is configured.
    pub configured: Limit,
    /// The strictest that is in force: the same, or one that was learned.
    pub in_force: Limit,
    /// Calls that may go out right now; those in flight are taken off.
    pub remaining: u64,
    /// Limits that upstream named and that were adopted.
    pub adopted: u64,
    /// Times that one more call was tried.
    pub raised: u64,
    /// Times that this was too many.
    pub fell_back: u64,
    /// Learned limits that were not needed any more.
    pub lifted: u64,
    /// Throttles for a limit that this gateway had not used up.
    pub foreign_throttles: u64,
    /// The last of them, if the last throttle hold was for one: somebody else spends the same quota.
    pub foreign: Option<Foreign>,
}

/// So many calls in any window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Calls.
    pub requests: u32,
    /// The window.
    pub window_seconds: f64,
}

/// A throttle that cannot be the gateway's own doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreign {
    /// The limit that upstream named.
    pub limit: Limit,
    /// Of these calls the gateway had made at most so many.
    pub own: u64,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// Stored answers.
    pub entries: u64,
    /// What they cost, keys and bookkeeping included.
    pub bytes: u64,
    /// The most they may cost: `cache.max_memory`.
    pub max_bytes: u64,
    /// Answers that went to make room.
    pub evictions: u64,
    /// Jobs that are remembered without an answer: denied, or failing.
    pub absent_jobs: u64,
}
