//! The hand of [`policy::phase`](crate::policy::phase): after each poll of a connection it says what is next.
//!
//! There is one timer per connection, and it is set again only when it rang or would ring too late. A request that is
//! answered at once therefore costs a look at the clock and some comparisons: its deadlines move on, the timer stays
//! where it is, rings once per `idle_timeout` at most, and is set for what is then left.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::activity::Activity;
use super::drain::Drain;
use super::metrics::CloseReason;
use crate::clock::Clock;
use crate::policy::phase::{Limits, Timers, Verdict};

/// Watches over one connection.
pub(super) struct Watch {
    clock: Clock,
    limits: Limits,
    activity: Arc<Activity>,
    timers: Timers,
    alarm: Alarm,
    drain: Drain,
    drain_begun: Pin<Box<WaitForCancellationFutureOwned>>,
    closing: Option<CloseReason>,
    /// Whom the alarm and the drain wake. A task's waker stays the same, so that both need polling only once.
    waker: Option<Waker>,
}

/// What the connection's task does next.
pub(super) enum Next {
    /// Wait to be woken.
    Wait,
    /// Ask the connection to close, and poll it again.
    Close,
    /// Give the connection up.
    Cut(CloseReason),
}

/// A timer that rings at `at`; not before it was set.
struct Alarm {
    at: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

// === impl Watch ===

impl Watch {
    pub(super) fn new(clock: Clock, limits: Limits, activity: Arc<Activity>, drain: Drain) -> Self {
        let now = clock.now();
        Self {
            timers: Timers::accepted(now),
            alarm: Alarm {
                at: None,
                sleep: Box::pin(sleep(Duration::ZERO)),
            },
            drain_begun: Box::pin(drain.begun()),
            clock,
            limits,
            activity,
            drain,
            closing: None,
            waker: None,
        }
    }

    /// Why the connection is being closed by us, if it is. In a drain its last answer may end it before we ask.
    pub(super) fn closing(&self) -> Option<CloseReason> {
        let draining = self.drain.has_begun().then_some(CloseReason::Drain);
        self.closing.or(draining)
    }

    /// To be asked after each poll of the connection that left it pending.
    pub(super) fn next(&mut self, cx: &mut Context<'_>) -> Next {
        let moved = self.follow(cx);
        let now = self.clock.now();
        self.timers.observe(self.activity.seen(), now);
        if self.closing.is_none() && self.drain.has_begun() {
            self.close(CloseReason::Drain, now);
            return Next::Close;
        }
        match self.timers.verdict(&self.limits, now) {
            Verdict::Wait { until } => {
                self.alarm.ring_by(until, now, moved, cx);
                Next::Wait
            }
            Verdict::Close(overrun) => {
                self.close(overrun.into(), now);
                Next::Close
            }
            Verdict::Cut(overrun) => Next::Cut(overrun.into()),
        }
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        self.closing = Some(reason);
        self.timers.close(now);
    }

    /// Makes sure that the drain wakes this task; true if the task's waker is a new one.
    fn follow(&mut self, cx: &mut Context<'_>) -> bool {
        let known = self.waker.as_ref();
        if known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            return false;
        }
        self.waker = Some(cx.waker().clone());
        // Ready or not is of no interest here: `Drain::has_begun` is asked at each poll.
        let _ = self.drain_begun.as_mut().poll(cx);
        true
    }
}

// === impl Alarm ===

impl Alarm {
    /// Wakes the task at `until` or earlier; `moved` says that it has a new waker.
    fn ring_by(&mut self, until: Instant, now: Instant, moved: bool, cx: &mut Context<'_>) {
        let set = self.at.is_none_or(|at| until < at) || self.sleep.is_elapsed();
        if set {
            self.at = Some(until);
            self.sleep.set(sleep(until.saturating_duration_since(now)));
        }
        if (set || moved) && self.sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref(); // it rang in this very moment: ask again
        }
    }
}
