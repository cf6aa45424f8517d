//! Budget mode: which job is looked at next, and why.
//!
//! Upstream allows a few calls a minute; clients ask for far more jobs than that. A call is best spent where it prevents the most
//! wrong answers. In this order:
//!
//! 1. **First-ever asks**: nothing is stored, somebody waits. Clients take turns by their shares (`turns`).
//! 2. **Proven differences**: a sweep has shown that the stored answer is wrong.
//! 3. **Overdue answers**, at most every other call of what is left: so old that the operator does not want them served without a try.
//! 4. **The highest expected loss**: how often the job is asked for, times the chance that its stored answer is wrong, over the time
//!    that a look would cut short.
//!
//! # The policy
//!
//! The last is the index policy of Azar, Horvitz, Lubetzky, Peres and Shahaf (2018, "Tractable near-optimal policies for crawling"),
//! who solve the problem of Cho and Garcia-Molina (2003, "Effective page refresh policies for Web crawlers") for a given budget. A
//! look at a job that is asked for `w` times a window is worth `w·(∫₀ᵗ S − t·S(t))` at time `t` after the last one, S being the
//! chance that the answer still holds (`curve`). Theirs takes change rates as known. Here they are learned, so S is
//! what is believed of this job: a gamma distribution of its rate, begun at what jobs here are like (`fleet`) and moved by what looks
//! have shown (`rhythm`). Looks reveal a change, not its number or time (the partial observability of Kolobov, Peres, Lu and
//! Horvitz 2019), except that bodies say when the last build began. A running build is no Poisson process: it
//! ends after about as long as builds of this job take.
//!
//! Nothing is looked at merely to learn. A look shows what has happened since the one before, whenever it is made, so waiting costs little
//! knowledge; bonuses for the unknown, of either sign, gained nothing in the simulation.
//!
//! **Assumed**: jobs are independent; builds of a job start at a rate that changes slowly; an answer once wrong stays wrong until the next
//! look (each build has its own number and time); all calls cost the same.
//!
//! **Cost**: a decision takes O(log n): the job whose planned look comes first, planned for the *level*, the worth at which the
//! budget is just spent. The level follows the worth of the looks that are made. Plans made for another level or demand
//! are renewed when their turn comes and by a hand that goes round a few jobs with each decision. 1.0 µs with 400 jobs, 1.7 µs with
//! 20 000 (`cargo bench --bench costs -- refresh`), and some 250 bytes a job.
//!
//! All times are in windows of the budget, so a budget of 50 a minute and one of 50 in three seconds behave alike. No clock, no lock, no
//! I/O: who owns a [`Schedule`] tells it what happened and when, and asks [`Schedule::next`] when a call is free.
//!
//! # How good it is
//!
//! In a simulated company with a known truth (the tests' `world`: 400 jobs, 40 pollers, 50 calls a minute, judged for 30 minutes after ten of warm-up), per
//! cent of answers that were wrong. The oracle uses the same index, but knows every job's rate and demand, and all states at the start.
//! `cargo test --lib refresh::tests::figures -- --ignored --nocapture`:
//!
//! | world (5 seeds each, the default 20) | fixed lifetime, 6 min | policy | oracle | policy ÷ oracle | worst seed |
//! |---|---|---|---|---|---|
//! | default | 6.7 | 3.4 | 2.7 | 1.25 | 1.42 |
//! | more hot jobs (20 %, 30 % warm) | 17.6 | 10.2 | 8.9 | 1.15 | 1.17 |
//! | fewer (1 %, 10 %) | 2.5 | 1.5 | 1.1 | 1.30 | 1.56 |
//! | three to four times as many builds | 12.9 | 8.4 | 7.4 | 1.13 | 1.24 |
//! | two to four times fewer | 2.8 | 1.5 | 1.0 | 1.54 | 1.83 |
//! | builds of 30 s · of 5 min | 5.8 · 7.0 | 3.3 · 3.6 | 2.6 · 2.8 | 1.27 · 1.26 | 1.46 · 1.43 |
//! | all pollers watch other jobs half-way | 6.8 | 3.5 | 2.8 | 1.25 | 1.36 |
//! | 1 000 jobs, 80 pollers | 10.1 | 7.0 | 5.1 | 1.39 | 1.53 |
//! | 40 jobs that build most of the time | 75.2 | 23.9 | 21.9 | 1.09 | 1.16 |
//! | 200 calls a minute | 6.3 | 1.0 | 0.7 | 1.39 | 1.46 |
//! | 10 calls a minute, after an hour | 15.2 | 11.4 | 11.5 | 0.99 | 1.09 |
//! | default, after eight hours | 6.2 | 2.8 | 2.5 | 1.13 | 1.20 |
//!
//! What stands between it and the oracle is time: within 40 minutes a job that builds twice an hour and one that builds thrice a day mostly look
//! alike, until the first build. Hours later the rates are known. One seed says little: a change of a rounding moves its ratio by a tenth either way.
//! If bodies do not say when the last build began, 0.1 per cent more are wrong.

mod curve;
mod demand;
mod fleet;
mod rhythm;
mod schedule;
mod told;
mod track;
mod turns;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

pub use schedule::{Next, Plan, Schedule, Wait, Why};
pub use told::{Outlook, Standing, Told};

use super::freshness::Lifetimes;

/// No planned look is further away than this many windows.
const FURTHEST: f64 = 1e6;

/// What the operator has set.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `budget.requests`: upstream calls in a window.
    pub requests: NonZeroU32,
    /// `budget.window`: the unit of all times here.
    pub window: Duration,
    /// `cache.ttl` and `cache.ttl_running`: a job is not looked at again before, save by force or proof.
    pub floors: Lifetimes,
    /// `cache.stale_while_revalidate`: the longest lifetime of an answer, and the silence after which a job is forgotten. Who asks
    /// less often is answered after a look, so one in between would be wasted.
    pub longest: Duration,
}

/// What an answer of upstream, or an item of a list, says of a job.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When the call was sent.
    pub sent: Instant,
    /// No build runs.
    pub finished: bool,
    /// The body is another than the stored one. Only read when a body does not say which build was the last.
    pub changed: bool,
    /// The last build, if the body tells of it.
    pub build: Option<Build>,
}

/// The last build of a job.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Equal for the same build and different for another; its `last_build_time` is one. Zero stands for not known.
    pub stamp: u64,
    /// How long before the look it began. Upstream's clock against ours: an error of a few seconds does no harm.
    pub age: Duration,
}

// === impl Rules ===

impl Rules {
    fn windows(&self, time: Duration) -> f64 {
        time.div_duration_f64(self.window)
    }

    fn duration(&self, windows: f64) -> Duration {
        self.window.mul_f64(windows.clamp(0.0, FURTHEST))
    }

    /// One call's share of the window.
    fn pace(&self) -> Duration {
        self.window / self.requests.get()
    }
}

/// Statistics are stored with seven digits, which is more than they are good for.
#[expect(
    clippy::cast_possible_truncation,
    reason = "precision is given up on purpose"
)]
fn small(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
