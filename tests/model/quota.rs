//! What upstream's operator would hold against the gateway: calls that went out when none should have.
//!
//! Each rule is told as a bound on *when a call may be sent*, from the calls before it; nothing here knows how the gateway
//! keeps its books.

use std::iter;
use std::time::{Duration, Instant};

use crate::said::Said;
use crate::terms::Terms;

/// A start may spend half of its first window's calls, in so many even parts at most.
const START_PARTS: u32 = 25;
/// Calls in a row without an answer after which upstream is taken to be down.
const MISSES: u32 = 3;
/// A pause is at most a fifth shorter than told.
const SPREAD: (u32, u32) = (4, 5);
/// The longest pause while upstream is down, or after a failed look at a job.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A throttle's window is believed up to this without a look in between.
const LONGEST_BELIEVED: Duration = Duration::from_secs(300);
/// Pauses after refusals of the credential in a row, in seconds.
const REFUSED_PAUSES: [u64; 6] = [30, 60, 120, 300, 600, 900];
/// Upstream locks a key after more than five refusals within this time.
const LOCK_WINDOW: Duration = Duration::from_secs(300);

/// A call, as far as the quota goes.
#[derive(Clone, Copy, Debug)]
struct Counted {
    sent: Instant,
    /// The last moment at which upstream may have counted it; `None` while it is out.
    until: Option<Instant>,
}

/// So many calls in any such window, as long as it is not over.
#[derive(Clone, Copy, Debug)]
struct Limit {
    calls: usize,
    window: Duration,
    over: Option<Instant>,
}

/// What the calls so far mean for the next one.
pub(crate) struct Quota {
    terms: Terms,
    started: Instant,
    /// By the number of the call; `None` for one that was never sent.
    calls: Vec<Option<Counted>>,
    out: usize,
    last_spent: Option<Instant>,
    /// The least that a throttle lasts.
    throttled_until: Instant,
    /// The most.
    named_until: Instant,
    /// Whether an answer has shown that the credential is good, since the last refusal.
    proven: bool,
    refused_until: Instant,
    /// Refusals in a row.
    refusals: usize,
    /// Calls numbered below were sent before the last refusal that counts.
    refused_at: usize,
    refused: Vec<Instant>,
    misses: u32,
    /// Until when, at the least, nothing may be sent because upstream is down.
    down_until: Option<Instant>,
    /// When it was found to be there again.
    up_since: Option<Instant>,
    down_steps: u32,
    /// Calls numbered below were sent before the pause began.
    down_at: usize,
}

/// The least that a pause lasts: `first`, doubled with each step up to the longest, and a fifth less.
pub(crate) fn least_pause(step: u32) -> Duration {
    most_pause(step) * SPREAD.0 / SPREAD.1
}

/// The most that it lasts.
pub(crate) fn most_pause(step: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(step)).min(LONGEST_PAUSE)
}

// === impl Quota ===

impl Quota {
    pub(crate) fn new(terms: Terms, started: Instant) -> Self {
        Self {
            terms,
            started,
            calls: Vec::new(),
            out: 0,
            last_spent: None,
            throttled_until: started,
            named_until: started,
            proven: false,
            refused_until: started,
            refusals: 0,
            refused_at: 0,
            refused: Vec::new(),
            misses: 0,
            down_until: None,
            up_since: None,
            down_steps: 0,
            down_at: 0,
        }
    }

    /// Calls that are out.
    pub(crate) fn out(&self) -> usize {
        self.out
    }

    /// Whether upstream is taken to be down, or was within this time.
    pub(crate) fn was_down_within(&self, now: Instant, time: Duration) -> bool {
        self.down_until.is_some() || self.up_since.is_some_and(|at| now <= at + time)
    }

    /// Calls that upstream may count in a window that ends now.
    fn counted(&self, window: Duration, now: Instant) -> usize {
        let counts = |call: &&Counted| call.until.is_none_or(|until| until + window >= now);
        self.calls.iter().flatten().filter(counts).count()
    }

    /// The budget, and in its first window, or within `slack` of it, what a start may.
    fn limits(&self, now: Instant, slack: Duration) -> impl Iterator<Item = Limit> {
        let Terms {
            requests, window, ..
        } = self.terms;
        let budget = Limit {
            calls: requests as usize,
            window,
            over: None,
        };
        let parts = (requests / 2).clamp(1, START_PARTS);
        let over = self.started + window;
        let start = Limit {
            calls: (requests / (2 * parts)).max(1) as usize,
            window: window / parts,
            over: Some(over),
        };
        iter::once(budget).chain((over + slack >= now).then_some(start))
    }

    /// Calls that may still be sent.
    pub(crate) fn remaining(&self, now: Instant) -> usize {
        let limits = self.limits(now, Duration::ZERO);
        let left = limits.map(|of| of.calls.saturating_sub(self.counted(of.window, now)));
        left.min().unwrap_or_default()
    }

    /// Whether the budget was spent within this time.
    pub(crate) fn was_spent_within(&self, now: Instant, time: Duration) -> bool {
        let lately = self.last_spent.is_some_and(|at| now <= at + time);
        let mut limits = self.limits(now, time);
        lately || limits.any(|of| self.counted(of.window + time, now) >= of.calls)
    }

    /// For how long no call can go out at the least, as far as throttle and budget go and if nothing more is sent.
    pub(crate) fn closed_for(&self, now: Instant) -> Duration {
        let throttle = self.throttled_until.saturating_duration_since(now);
        if !throttle.is_zero() || self.remaining(now) > 0 {
            return throttle;
        }
        let calls = self.calls.iter().flatten();
        let latest = |call: &Counted| (call.sent + self.terms.timeout).max(now);
        let ends: Vec<_> = calls
            .map(|call| call.until.unwrap_or_else(|| latest(call)))
            .collect();
        let limits = self.limits(now, Duration::ZERO);
        let spent = limits.filter(|of| self.counted(of.window, now) >= of.calls);
        let waits = spent.map(|of| {
            let free = ends.iter().map(|end| *end + of.window);
            let first = free.filter(|at| *at >= now).min();
            first
                .min(of.over.or(first))
                .map_or(Duration::ZERO, |at| at - now)
        });
        waits.max().unwrap_or_default()
    }

    /// Whether a throttle's whole window may be on, or was within this time.
    pub(crate) fn may_be_throttled(&self, now: Instant, time: Duration) -> bool {
        now <= self.named_until + time
    }

    /// A call goes out: what is wrong with that.
    pub(crate) fn sent(&mut self, now: Instant) -> Vec<&'static str> {
        let refused_lately = self.refused_within_lock_window(now);
        let wrong = [
            (self.remaining(now) == 0, "a call above the budget"),
            (
                now < self.throttled_until,
                "a call while upstream throttles",
            ),
            (
                now < self.refused_until,
                "a call while the refused credential rests",
            ),
            (
                !self.proven && self.out > 0,
                "a second call with an unproven credential",
            ),
            (
                refused_lately + self.out >= 4,
                "so many calls that five could be refused in five minutes",
            ),
            (
                self.down_until.is_some() && self.out > 0,
                "a second call to an upstream that is down",
            ),
            (
                self.down_until.is_some_and(|until| now < until),
                "a call before the pause of an outage is over",
            ),
            (
                self.out >= self.terms.max_in_flight,
                "more calls at once than upstream.max_in_flight",
            ),
        ];
        self.calls.push(Some(Counted {
            sent: now,
            until: None,
        }));
        self.out += 1;
        wrong
            .iter()
            .filter(|(is_wrong, _)| *is_wrong)
            .map(|(_, text)| *text)
            .collect()
    }

    /// Call `number` has ended.
    pub(crate) fn ended(&mut self, number: usize, said: Said, is_job: bool, now: Instant) {
        if self.remaining(now) == 0 {
            self.last_spent = Some(now); // a call that turns out not to count leaves no other trace
        }
        self.out -= 1;
        let call = &mut self.calls[number];
        let latest = call.map_or(now, |call| (call.sent + self.terms.timeout).max(now));
        let until = if said.is_counted_until_timeout() {
            latest
        } else {
            now
        };
        *call = call.filter(|_| said.may_be_counted()).map(|call| Counted {
            until: Some(until),
            ..call
        });
        if let Some(window) = said.throttles_for(self.terms.window) {
            let least = now + window.min(LONGEST_BELIEVED);
            self.throttled_until = self.throttled_until.max(least);
            self.named_until = self.named_until.max(now + window);
        }
        if said.is_answer() {
            self.misses = 0;
            if self.down_until.take().is_some() {
                self.up_since = Some(now);
            }
            self.down_steps = 0;
        } else {
            self.missed(number, now);
        }
        if said == Said::Refused {
            self.refused(number, now);
        }
        if said.proves_credential(is_job) && number >= self.refused_at {
            self.proven = true;
            self.refusals = 0;
            self.refused_until = now;
        }
    }

    fn missed(&mut self, number: usize, now: Instant) {
        self.misses += 1;
        let is_news = self.down_until.is_none() || number >= self.down_at;
        if self.misses >= MISSES && is_news {
            self.down_until = Some(now + least_pause(self.down_steps));
            self.down_steps += 1;
            self.down_at = self.calls.len();
        }
    }

    /// A refusal of a call that was sent before the last one is no news.
    fn refused(&mut self, number: usize, now: Instant) {
        self.refused.push(now);
        if number < self.refused_at {
            return;
        }
        let last = REFUSED_PAUSES.len() - 1;
        let pause = REFUSED_PAUSES[self.refusals.min(last)];
        self.refused_until = now + Duration::from_secs(pause);
        self.refusals += 1;
        self.proven = false;
        self.refused_at = self.calls.len();
    }

    fn refused_within_lock_window(&self, now: Instant) -> usize {
        let lately = |at: &&Instant| **at + LOCK_WINDOW >= now;
        self.refused.iter().filter(lately).count()
    }
}
