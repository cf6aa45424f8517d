//! A double of CodeArts Build's `GET /v1/job/{job_id}/info` and of its two lists of jobs over a real socket, so that the
//! gateway can be tried, shown and tested with no account and no network.
//!
//! A call meets what it would meet at upstream, in this order: the API gateway's route, its check of the credential
//! (a signature, verified, or a token), its throttle; then the build service, which answers with
//!
//! * what a [`Scenario`] says, or an id that begins with `fault`: another answer, or a fault of the wire (`act`);
//! * one of the recorded bodies ([`catalogue()`]), for the ids that stand for them;
//! * "no such job", for ids that begin with [`MISSING_PREFIX`];
//! * a job that lives (`life`): queue, run, finish, rest, and again, a pure function of id and time;
//! * or a list (`list`) of the jobs that live: a known set (`population`) and those that have been asked for.
//!
//! The clock decides what is answered (lives, throttle, a scenario's times); how long a fault takes on the wire is real
//! time.
//!
//! On the same socket IAM and a cloud server's metadata service issue tokens and temporary keys (`identity`), which the
//! API gateway accepts besides the credential of the settings.
//!
//! It does not know any other operation of the service, it keeps nothing, and it is no measure of speed. Its reading
//! of the signature algorithm and of IAM's forms is deliberately its own, not the gateway's: the two check each other.

mod act;
mod answer;
mod api;
mod authenticate;
mod call;
mod calls;
mod catalogue;
mod guide;
mod identity;
mod life;
mod limits;
mod list;
mod lockout;
mod perform;
mod population;
mod quota;
mod refusal;
mod scenario;
mod serve;
mod settings;
mod standing;
mod verify;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use self::calls::Calls;
pub use self::catalogue::{Example, MISSING_PREFIX, catalogue};
pub use self::guide::guide;
use self::identity::Authority;
pub use self::identity::{Identity, IdentityStats, Metadata, Outage, SandboxAccount};
use self::limits::Quotas;
use self::lockout::Lockout;
pub use self::population::PROJECTS;
use self::scenario::Running;
pub use self::scenario::{Scenario, ScenarioFaults};
pub use self::settings::{SandboxCredential, SandboxSettings};
use crate::clock::Clock;
use crate::policy::job::JobId;

/// What a [`Sandbox`] has seen since it was made; looks at the guide are not among the requests, nor are calls for
/// an identity ([`IdentityStats`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Requests read, however they were answered.
    pub requests: u64,
    /// Of these, refused for their credential.
    pub unauthorised: u64,
    /// Of these, refused by the throttle.
    pub throttled: u64,
    /// Of these, let through to the build service: a job, a recorded answer, an error of its own, or what was done
    /// in place of them.
    pub answered: u64,
    /// Of those let through, the ones that a scenario or an id did something to.
    pub acts: u64,
    /// Of those let through, the lists.
    pub lists: u64,
    /// Of those throttled, the lists.
    pub lists_throttled: u64,
}

/// The double. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    settings: SandboxSettings, // its scenario is the one it began with
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    quotas: Quotas,
    lockout: Lockout,
    secret_key: SecretString,
    authority: Authority,
    stats: Stats,
    calls: Calls,
    scenario: Running,
}

// === impl Sandbox ===

impl Sandbox {
    /// A double that has seen nothing yet. Wall time of `clock` drives the jobs' lives, judges signatures and
    /// ends what was issued; monotonic time drives the throttle and the locks.
    #[must_use]
    pub fn new(settings: SandboxSettings, clock: Clock) -> Self {
        let state = Mutex::new(State {
            quotas: settings.quotas_under(&settings.scenario),
            lockout: Lockout::default(),
            secret_key: settings.credential.secret_key.clone(),
            authority: Authority::new(&settings.account),
            stats: Stats::default(),
            calls: Calls::default(),
            scenario: Running::begin(settings.scenario.clone(), &clock),
        });
        Self(Arc::new(Inner {
            settings,
            clock,
            state,
        }))
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.state().stats
    }

    /// How often a job was asked for, as far as the build service saw the calls. The first 100 000 jobs are counted.
    #[must_use]
    pub fn calls_of(&self, id: &JobId) -> u64 {
        self.state().calls.of(id)
    }

    /// Ends the scenario and begins another: its seconds and its counts start now. Faults under way go on.
    pub fn set_scenario(&self, scenario: Scenario) {
        let quotas = self.0.settings.quotas_under(&scenario);
        let mut state = self.state();
        state.quotas.change(&quotas);
        state.scenario = Running::begin(scenario, &self.0.clock);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("settings", &self.0.settings)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
