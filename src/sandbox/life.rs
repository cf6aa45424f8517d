//! The life of a job: build after build, each queues, runs and finishes, then the job rests until the next.
//!
//! Pure: what a job looks like is a function of its id and the time alone, so it is the same in every process and
//! after a restart, and nothing is kept. What changes when, in the body:
//!
//! | moment | changes |
//! |---|---|
//! | a build is queued | `running_status` `InQueue` |
//! | it starts | `running_status` `Running`, `last_build_time` |
//! | it finishes | `running_status` `Finished`, `last_build_status`, `build_time`, `charge_time`, `health_score` |
//!
//! A scenario can hold a job in one phase, or lead it through phases of its own ([`staged`]).
//!
//! It does not say what the real service sends while a build runs (nobody has published that), nor what a build does.

mod info;
mod item;

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};

#[cfg(test)]
pub(super) use self::info::seconds;
pub(super) use self::item::{ITEM_FIELDS, Item, project_of};
use crate::policy::job::JobId;

/// From one build of a job to its next, in milliseconds: the liveliest jobs change every few seconds.
const PERIOD_MS: RangeInclusive<u64> = 20_000..=300_000;

/// Share of the period that a build waits, in percent.
const QUEUE_PERCENT: RangeInclusive<u64> = 5..=15;

/// Share of the period that a build runs, in percent; what is left is rest.
const RUN_PERCENT: RangeInclusive<u64> = 20..=50;

/// Finished builds that `health_score` looks back on, each worth an equal part of 100.
const REMEMBERED_BUILDS: u64 = 10;

/// The rhythm of one job.
#[derive(Clone, Copy, Debug)]
struct Life {
    id: JobId,
    period_ms: u64,
    offset_ms: u64,
    queue_ms: u64,
}

/// Where in its newest build a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A build waits.
    Queued,
    /// A build runs.
    Running,
    /// The newest build has finished.
    Resting,
}

/// What the time decides of a job.
#[derive(Clone, Copy, Debug)]
struct Moment {
    phase: Phase,
    /// The newest build that has finished.
    finished: u64,
    /// When the newest build that has run began to, in epoch milliseconds.
    started_at_ms: u64,
}

/// A job at a moment of its life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    life: Life,
    moment: Moment,
}

/// A job at a moment; its builds follow each other `speed` times as fast as usual.
pub(super) fn living(id: JobId, now: SystemTime, speed: u32) -> Seen {
    let life = Life::of(id, speed);
    let moment = life.moment(epoch_ms(now));
    Seen { life, moment }
}

/// A job that a scenario leads: the phases it has entered since `began`, each with when that was. From running to
/// resting it has finished a build.
pub(super) fn staged(
    id: JobId,
    began: SystemTime,
    entered: impl IntoIterator<Item = (Phase, SystemTime)>,
) -> Seen {
    let life = Life::of(id, 1);
    let (newest, _) = life.at(epoch_ms(began));
    let before = newest.saturating_sub(1);
    let mut moment = Moment {
        phase: Phase::Resting,
        finished: before,
        started_at_ms: life.started_at_ms(before),
    };
    for (phase, at) in entered {
        match phase {
            Phase::Queued => {}
            Phase::Running => moment.started_at_ms = epoch_ms(at),
            Phase::Resting if moment.phase == Phase::Running => moment.finished += 1,
            Phase::Resting => {}
        }
        moment.phase = phase;
    }
    Seen { life, moment }
}

// === impl Seen ===

impl Seen {
    /// What it answers when it is asked for.
    pub(super) fn body(&self) -> Bytes {
        self.life.body(self.moment)
    }

    /// The same job, said to have been built so much later.
    pub(super) fn ahead(mut self, by: Duration) -> Self {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.moment.started_at_ms = self.moment.started_at_ms.saturating_add(by_ms);
        self
    }

    /// When its newest build that has run began to, in epoch milliseconds.
    pub(super) fn last_build_time(&self) -> u64 {
        self.moment.started_at_ms
    }
}

// === impl Life ===

impl Life {
    fn of(id: JobId, speed: u32) -> Self {
        let period_ms = within(PERIOD_MS, draw(id, "period", 0)) / u64::from(speed.max(1));
        Self {
            id,
            period_ms,
            offset_ms: draw(id, "offset", 0) % period_ms,
            queue_ms: period_ms * within(QUEUE_PERCENT, draw(id, "queue", 0)) / 100,
        }
    }

    /// The newest build, and where it is.
    fn at(&self, now_ms: u64) -> (u64, Phase) {
        let along = now_ms.saturating_add(self.offset_ms);
        let (build, into) = (along / self.period_ms, along % self.period_ms);
        let phase = if into < self.queue_ms {
            Phase::Queued
        } else if into < self.queue_ms + self.run_ms(build) {
            Phase::Running
        } else {
            Phase::Resting
        };
        (build, phase)
    }

    fn queued_at_ms(&self, build: u64) -> u64 {
        build
            .saturating_mul(self.period_ms)
            .saturating_sub(self.offset_ms)
    }

    fn started_at_ms(&self, build: u64) -> u64 {
        self.queued_at_ms(build).saturating_add(self.queue_ms)
    }

    fn run_ms(&self, build: u64) -> u64 {
        self.period_ms * within(RUN_PERCENT, draw(self.id, "run", build)) / 100
    }

    fn ended(&self, build: u64) -> &'static str {
        match draw(self.id, "end", build) % 10 {
            0 => "aborted",
            1 | 2 => "failure",
            _ => "success",
        }
    }

    fn health(&self, last: u64) -> u64 {
        let good: u64 = (0..REMEMBERED_BUILDS)
            .filter(|back| self.ended(last.saturating_sub(*back)) == "success")
            .map(|_| 1)
            .sum();
        good * 100 / REMEMBERED_BUILDS
    }

    fn moment(&self, now_ms: u64) -> Moment {
        let (build, phase) = self.at(now_ms);
        let before = build.saturating_sub(1);
        let (last_started, finished) = match phase {
            Phase::Queued => (before, before),
            Phase::Running => (build, before),
            Phase::Resting => (build, build),
        };
        Moment {
            phase,
            finished,
            started_at_ms: self.started_at_ms(last_started),
        }
    }
}

// === impl Phase ===

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "InQueue",
            Self::Running => "Running",
            Self::Resting => "Finished",
        }
    }
}

/// A number that is the same for the same question, and independent of all others: the lots a job has drawn.
fn draw(id: JobId, question: &str, build: u64) -> u64 {
    let digest = Sha256::new()
        .chain_update(id.as_str())
        .chain_update(question)
        .chain_update(build.to_be_bytes())
        .finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn within(range: RangeInclusive<u64>, lot: u64) -> u64 {
    range.start() + lot % (range.end() - range.start() + 1)
}

/// Before the epoch it is the epoch; `u64` holds half a thousand million years.
fn epoch_ms(now: SystemTime) -> u64 {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
