//! A scenario: what is done to which calls, and when. Read from a TOML file, checked whole before it is used.
//!
//! Rules are asked from the first to the last, and the first one that takes a call decides. Choosing is pure: which rule
//! takes the `n`-th call at a moment depends on the scenario, the id and the calls before it alone, `chance` included,
//! whose lots are drawn from the seed.

mod bounds;
mod calls;
mod draft;
mod faults;
mod rule;
mod table;

use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

pub(super) use self::calls::{Call, Names};
pub use self::faults::ScenarioFaults;
use self::rule::{Rule, Tally};
use super::act::Act;
use super::identity::Terms;
use super::population::DEMO_JOBS;
use crate::clock::Clock;
use crate::policy::job::JobId;

/// What a [`Sandbox`](super::Sandbox) does besides answering as the real service would. The default is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Calls in a window, in place of the sandbox's own number.
    pub(super) requests: Option<u32>,
    /// The window, in place of the sandbox's own.
    pub(super) window: Option<Duration>,
    /// List calls in a window, in place of the sandbox's own number.
    pub(super) list_requests: Option<u32>,
    /// Whether lists and calls for jobs are counted together, in place of the sandbox's own word.
    pub(super) shared: Option<bool>,
    /// Where IAM and the metadata service differ from the sandbox's settings.
    identity: Terms,
    /// Whether answers tell what is left of the quota, if they are asked to.
    rate_headers: bool,
    /// Jobs that are there before anybody asks.
    demo_jobs: u32,
    /// How many times as fast jobs live, 1 to 100.
    speed: u32,
    /// What the lots of `chance` are drawn from.
    seed: u64,
    rules: Vec<Rule>,
}

/// A scenario that is under way.
#[derive(Debug)]
pub(super) struct Running {
    scenario: Scenario,
    tallies: Vec<Tally>,
    started: Instant,
    started_wall: SystemTime,
}

/// What is to be done with one call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    /// `None`: no rule took it.
    pub(super) act: Option<Act>,
    /// The jobs that the rule is about.
    pub(super) names: Names,
    /// Since the rule began to apply; without a rule, since the scenario began.
    pub(super) elapsed: Duration,
    /// When that was, the same for all calls that the rule takes.
    pub(super) began: SystemTime,
}

// === impl Scenario ===

impl Default for Scenario {
    fn default() -> Self {
        Self {
            requests: None,
            window: None,
            list_requests: None,
            shared: None,
            identity: Terms::default(),
            rate_headers: false,
            demo_jobs: DEMO_JOBS,
            speed: 1,
            seed: 0,
            rules: Vec::new(),
        }
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Everything that is wrong with it at once; only a file that cannot be read or is not TOML is a fault alone.
    pub fn load(path: &Path) -> Result<Self, ScenarioFaults> {
        draft::load(path)
    }

    /// How many rules there are.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules.len()
    }
}

impl FromStr for Scenario {
    type Err = ScenarioFaults;

    /// Reads the text of a scenario file.
    fn from_str(text: &str) -> Result<Self, ScenarioFaults> {
        draft::read("scenario", text)
    }
}

// === impl Running ===

impl Running {
    /// Begins a scenario now.
    pub(super) fn begin(scenario: Scenario, clock: &Clock) -> Self {
        Self {
            tallies: vec![Tally::default(); scenario.rules.len()],
            scenario,
            started: clock.now(),
            started_wall: clock.wall(),
        }
    }

    /// How many times as fast jobs live.
    pub(super) fn speed(&self) -> u32 {
        self.scenario.speed
    }

    /// Where IAM and the metadata service differ from the sandbox's settings.
    pub(super) fn identity(&self) -> Terms {
        self.scenario.identity
    }

    /// Jobs that are there before anybody asks.
    pub(super) fn demo_jobs(&self) -> u32 {
        self.scenario.demo_jobs
    }

    /// Whether answers tell what is left of the quota, if they are asked to.
    pub(super) fn has_rate_headers(&self) -> bool {
        self.scenario.rate_headers
    }

    /// What the rules make of a job for every call, however often it is asked for: the first rule that takes all of
    /// them. Nothing is counted.
    pub(super) fn state_of(&self, id: &JobId, now: Instant) -> Choice {
        let elapsed = now.saturating_duration_since(self.started);
        let mut rules = self.scenario.rules.iter();
        let taken = rules.find(|rule| rule.is_lasting() && rule.fits(Call::Job(id), elapsed));
        self.choice(taken, elapsed)
    }

    /// Asks the rules, the first one first, and counts the call where it fits.
    pub(super) fn choose(&mut self, call: Call<'_>, now: Instant) -> Choice {
        let elapsed = now.saturating_duration_since(self.started);
        let seed = self.scenario.seed;
        let mut rules = (0..).zip(&self.scenario.rules).zip(&mut self.tallies);
        let taken = rules.find_map(|((nth, rule), tally)| {
            rule.takes(call, elapsed, tally, (seed, nth))
                .then_some(rule)
        });
        self.choice(taken, elapsed)
    }

    fn choice(&self, taken: Option<&Rule>, elapsed: Duration) -> Choice {
        let taken = taken.filter(|rule| rule.act != Act::Usual); // as if there were no rules
        let from = taken.map_or(Duration::ZERO, |rule| rule.from);
        Choice {
            act: taken.map(|rule| rule.act.clone()),
            names: taken.map(|rule| rule.names.clone()).unwrap_or_default(),
            elapsed: elapsed.saturating_sub(from),
            began: self.started_wall + from,
        }
    }
}

#[cfg(test)]
mod tests;
