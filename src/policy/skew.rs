//! How far the local clock is off upstream's, and which of the two a request is signed by.
//!
//! A signature carries its time, and upstream refuses one that is 15 minutes off (and locks the key after a few). Each answer's
//! `Date` shows the difference, to half a second and half the round trip. A difference of a minute or more is corrected once two
//! answers in a row agree on it, or one that refuses a signature tells it: a single `Date` may be a broken cache's. The same
//! two ways lead back. Corrected time is upstream's, carried on by the monotonic clock.
//!
//! Deliberately not here: what a refusal does to the calls (see [`hold`](super::hold)), and when a clock is read.

use std::time::{Duration, Instant, SystemTime};

use jiff::SignedDuration;

use crate::error::{ClockFault, ClockOff};

/// From this difference on the local clock is not used. Far below upstream's 15 minutes, far above what time servers leave.
pub const TOO_MUCH: Duration = Duration::from_secs(60);

/// Below this one a clock that was corrected is used again; less than [`TOO_MUCH`], or it would change with every answer.
const REGAINED: Duration = Duration::from_secs(30);

/// Differences that are no further apart are the same. Two answers are hardly ever wrong by more, however slow.
const AGREEING: Duration = Duration::from_secs(30);

/// The slowest answer that tells the time: half of it may be on either way.
const SLOWEST: Duration = Duration::from_secs(30);

/// A `Date` has whole seconds; the true time is on average half a second later (RFC 9110 §5.6.7).
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Beyond this difference something else is wrong than a clock: it is told, and nothing is signed with it.
const FURTHEST: Duration = Duration::from_hours(24);

/// A refused signature that was further off was refused for that: upstream allows 15 minutes, and the estimate may be wrong by
/// less than one.
pub(super) const EXPLAINS_REFUSAL: Duration = Duration::from_mins(14);

/// What answers have shown of the local clock.
#[derive(Clone, Debug, Default)]
pub struct Skew {
    known: Option<Known>,
    /// The last answer's difference, if it is not believed yet.
    doubtful: Option<SignedDuration>,
}

/// The time to sign a request with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningTime {
    /// That time.
    pub at: SystemTime,
    /// It is not the local clock's.
    pub corrected: bool,
}

/// An answer that names a time.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Its `Date`.
    pub date: SystemTime,
    /// When it was read.
    pub at: Instant,
    /// The same by the local clock.
    pub local: SystemTime,
    /// Since its request went out.
    pub round_trip: Duration,
    /// What the request was signed with.
    pub signed: SigningTime,
    /// It refuses the signature.
    pub refused: bool,
}

/// How things stand with the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Local minus upstream's, as the last answer that was believed showed it.
    pub difference: SignedDuration,
    /// What is done about it.
    pub verdict: Verdict,
}

/// What is done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: requests are signed by the local clock.
    Good,
    /// Requests are signed by upstream's.
    Corrected,
    /// Nothing, although it is more than a day: requests are signed by the local clock.
    TooFar,
}

/// What an answer has brought to light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How things stand, if that is news for the operator.
    pub news: Option<Standing>,
    /// Why the signature was refused, if that was for its time.
    pub refusal: Option<ClockFault>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Instant,
    local: SystemTime,
    upstream: SystemTime,
}

/// The last moment that was believed.
#[derive(Clone, Copy, Debug)]
struct Known {
    moment: Moment,
    standing: Standing,
}

// === impl Skew ===

impl Skew {
    /// The time to sign a request with that goes out now.
    #[must_use]
    pub fn time(&self, now: Instant, local: SystemTime) -> SigningTime {
        let upstream = self.known.and_then(|known| known.upstream(now, local));
        SigningTime {
            at: upstream.unwrap_or(local),
            corrected: upstream.is_some(),
        }
    }

    /// Takes note of an answer.
    pub fn read(&mut self, reading: &Reading) -> Findings {
        let Some(moment) = Moment::read(reading) else {
            return Findings::default();
        };
        let before = self.time(reading.at, reading.local);
        let news = self.see(moment, reading.refused);
        let refusal = if reading.refused {
            let after = self.time(reading.at, reading.local);
            explain(moment, reading, before, after)
        } else {
            None
        };
        Findings { news, refusal }
    }

    /// How things stand; `None` before the first answer that is believed.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.known.map(|known| known.standing)
    }

    /// Believes it, or waits for a second one.
    fn see(&mut self, moment: Moment, refused: bool) -> Option<Standing> {
        let difference = moment.difference();
        let before = self.standing().unwrap_or(Standing::UNKNOWN);
        let agrees = |other| agree(difference, other);
        if !refused && !agrees(before.difference) && !self.doubtful.is_some_and(agrees) {
            self.doubtful = Some(difference);
            return None;
        }
        let verdict = Verdict::of(difference, before.verdict);
        let standing = Standing {
            difference,
            verdict,
        };
        self.doubtful = None;
        self.known = Some(Known { moment, standing });
        let is_news = verdict != before.verdict
            || (verdict != Verdict::Good && !agree(difference, before.difference));
        is_news.then_some(standing)
    }
}

// === impl Standing ===

impl Standing {
    const UNKNOWN: Self = Self {
        difference: SignedDuration::ZERO,
        verdict: Verdict::Good,
    };
}

// === impl Verdict ===

impl Verdict {
    fn of(difference: SignedDuration, before: Self) -> Self {
        let difference = difference.unsigned_abs();
        let enough = if before == Self::Corrected {
            REGAINED
        } else {
            TOO_MUCH
        };
        if difference > FURTHEST {
            Self::TooFar
        } else if difference >= enough {
            Self::Corrected
        } else {
            Self::Good
        }
    }
}

// === impl Moment ===

impl Moment {
    /// `None` if the answer was too slow to tell the time, or tells one out of range.
    fn read(reading: &Reading) -> Option<Self> {
        Some(Self {
            at: reading.at,
            local: reading.local,
            upstream: upstream_time(reading.date, reading.round_trip)?,
        })
    }

    fn difference(&self) -> SignedDuration {
        between(self.local, self.upstream)
    }
}

// === impl Known ===

impl Known {
    /// Upstream's time, if the local one is not to be used.
    fn upstream(&self, now: Instant, local: SystemTime) -> Option<SystemTime> {
        if self.standing.verdict != Verdict::Corrected {
            return None;
        }
        let since = now.saturating_duration_since(self.moment.at);
        let upstream = self.moment.upstream.checked_add(since)?;
        let difference = between(local, upstream);
        if difference.unsigned_abs() < REGAINED {
            return None; // it was set right meanwhile
        }
        let leapt = difference.saturating_sub(self.standing.difference);
        if leapt.is_positive() && leapt.unsigned_abs() > AGREEING {
            // The local clock went on and the monotonic one did not: the machine has slept. Or somebody has set it, to
            // another wrong time: the next answer tells.
            let off = self.standing.difference;
            return if off.is_negative() {
                local.checked_add(off.unsigned_abs())
            } else {
                local.checked_sub(off.unsigned_abs())
            };
        }
        Some(upstream)
    }
}

/// Was the signature refused for its time? `before` and `after` are what the next one would have been made with, and what it
/// will be made with: a late refusal of an old signature must not end the pause that a newer one began.
fn explain(
    moment: Moment,
    reading: &Reading,
    before: SigningTime,
    after: SigningTime,
) -> Option<ClockFault> {
    let is_off = |off: SignedDuration| off.unsigned_abs() > EXPLAINS_REFUSAL;
    let is_wrong_now = |time: SigningTime| is_off(between(time.at, moment.upstream));
    let sent = moment.upstream.checked_sub(reading.round_trip)?;
    let off = between(reading.signed.at, sent);
    is_off(off).then_some(ClockFault {
        off: ClockOff(off),
        corrected: !reading.signed.corrected && is_wrong_now(before) && !is_wrong_now(after),
    })
}

/// How far the local clock is off, by a single answer that named `date` and was read at `local`; `None` if the answer was too slow
/// to tell.
#[must_use]
pub fn off(local: SystemTime, date: SystemTime, round_trip: Duration) -> Option<ClockOff> {
    let upstream = upstream_time(date, round_trip)?;
    Some(ClockOff(between(local, upstream)))
}

/// Upstream's time when an answer was read.
fn upstream_time(date: SystemTime, round_trip: Duration) -> Option<SystemTime> {
    if round_trip > SLOWEST {
        return None;
    }
    date.checked_add(HALF_A_SECOND + round_trip / 2)
}

/// `one` minus `other`, or what comes nearest to it.
fn between(one: SystemTime, other: SystemTime) -> SignedDuration {
    let out_of_range = if one < other {
        SignedDuration::MIN
    } else {
        SignedDuration::MAX
    };
    SignedDuration::system_until(other, one).unwrap_or(out_of_range)
}

fn agree(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).unsigned_abs() <= AGREEING
}

#[cfg(test)]
mod tests;
