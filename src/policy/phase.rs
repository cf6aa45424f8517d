//! How long a client's connection may stay as it is: its phase, and the limit of each.
//!
//! A connection waits for its first request, is idle, sends a head, or has requests in flight; beside that its reader
//! may be stalled. Each state has a limit of its own, because one timer for two of them cuts the wrong connections: a
//! kept-alive connection may be silent for 80 s, a half-sent head may not. The server reports what the I/O has shown
//! ([`Seen`]) and acts on the [`Verdict`].
//!
//! Over HTTP/2, bytes are no sign of a head: pings and window updates come at any time. Once the first request has
//! shown the protocol, only requests count.
//!
//! Not here: the TLS handshake, which ends before there is a phase. A body is never waited for: a request that announces
//! one is refused at its head; the connection then lingers, so that what is under way does not cost the client its answer.

use std::time::{Duration, Instant};

/// How long a connection that was asked to close may take to do so (HTTP/2: a ping and its answer, then the last
/// frames; HTTP/1: the rest of an answer). Above any sane round trip, well below the default `drain_timeout` of 30 s.
pub const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// In flight for this many `request_timeout`s without any request beginning or ending, and the connection is stuck:
/// by then every answer is overdue by a whole `request_timeout`.
const OVERDUE_FACTOR: u32 = 2;

/// Stands for "never" where a limit is too long to be added to a time: 100 years of 365 days.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The operator's limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `server.header_timeout`: from accept to the first request, and from a head's first byte to its last.
    pub header: Duration,
    /// `server.idle_timeout`: without a request in flight.
    pub idle: Duration,
    /// `server.request_timeout`: also the longest a reader may take nothing of what waits to be sent.
    pub request: Duration,
}

/// What a connection's I/O and requests have shown up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests begun.
    pub started: u64,
    /// Requests whose answer was handed over whole, or given up.
    pub finished: u64,
    /// Bytes came in while nothing was in flight, and no request has begun since.
    pub head: bool,
    /// The protocol is HTTP/2 (known from the first request on).
    pub multiplexed: bool,
    /// Bytes the socket took.
    pub written: u64,
    /// The socket had no room for the last write.
    pub blocked: bool,
    /// Our side is closed; what still comes of a body that was refused is discarded.
    pub lingering: bool,
}

/// The state of one connection, and since when.
#[derive(Debug)]
pub struct Timers {
    phase: Phase,
    since: Instant,
    blocked_since: Option<Instant>,
    closing: bool,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request yet.
    First,
    /// Nothing in flight, nothing begun.
    Idle,
    /// HTTP/1: a head has begun.
    Head,
    /// Requests in flight; `since` is when one last began or ended.
    Busy,
    /// Our side is closed, theirs not yet.
    Lingering,
}

/// What is to be done about a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing before `until`, unless something is seen.
    Wait {
        /// The next time the question must be asked.
        until: Instant,
    },
    /// Ask it to close, and say so with [`Timers::close`].
    Close(Overrun),
    /// Drop it.
    Cut(Overrun),
}

/// Which limit a connection has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// No whole first request within `header`.
    First,
    /// A head begun and not finished within `header`.
    Head,
    /// No request for `idle`.
    Idle,
    /// Requests in flight and no movement among them for twice `request`.
    Busy,
    /// The reader took nothing for `request`.
    Stalled,
    /// Lingered for [`CLOSE_GRACE`]: the good end of a connection whose client goes on sending.
    Lingering,
}

// === impl Seen ===

impl Seen {
    fn in_flight(&self) -> bool {
        self.started != self.finished
    }
}

// === impl Timers ===

impl Timers {
    /// A connection that may send its first request from now on.
    #[must_use]
    pub fn accepted(now: Instant) -> Self {
        Self {
            phase: Phase::First,
            since: now,
            blocked_since: None,
            closing: false,
            seen: Seen::default(),
        }
    }

    /// The connection was asked to close: from now on an idle one gets only [`CLOSE_GRACE`].
    pub fn close(&mut self, now: Instant) {
        self.closing = true;
        if self.phase == Phase::Idle {
            self.since = now;
        }
    }

    /// Takes in what has been seen.
    pub fn observe(&mut self, seen: Seen, now: Instant) {
        if seen == self.seen {
            return;
        }
        let unblocked = self.observe_writes(&seen, now);
        let moved = (seen.started, seen.finished) != (self.seen.started, self.seen.finished);
        let phase = phase_of(&seen);
        if phase != self.phase || moved || (unblocked && phase == Phase::Idle) {
            self.phase = phase;
            self.since = now;
        }
        self.seen = seen;
    }

    /// Notes since when the reader takes nothing; true if it has just caught up.
    fn observe_writes(&mut self, seen: &Seen, now: Instant) -> bool {
        let progress = seen.written != self.seen.written;
        let was = self.blocked_since;
        self.blocked_since = match was {
            _ if !seen.blocked => None,
            Some(since) if !progress => Some(since),
            Some(_) | None => Some(now),
        };
        was.is_some() && self.blocked_since.is_none()
    }

    /// What is to be done now.
    #[must_use]
    pub fn verdict(&self, limits: &Limits, now: Instant) -> Verdict {
        let phase = self.phase_deadline(limits);
        let stall = self
            .blocked_since
            .map(|since| (after(since, limits.request), Overrun::Stalled));
        let (until, overrun) = match (phase, stall) {
            // A reader that still has to take an answer is not idle, however slow.
            ((_, Overrun::Idle), Some(stall)) => stall,
            (phase, Some(stall)) if stall.0 < phase.0 => stall,
            (phase, Some(_) | None) => phase,
        };
        match overrun {
            _ if now < until => Verdict::Wait { until },
            Overrun::Idle if !self.closing => Verdict::Close(overrun),
            Overrun::First
            | Overrun::Head
            | Overrun::Idle
            | Overrun::Busy
            | Overrun::Stalled
            | Overrun::Lingering => Verdict::Cut(overrun),
        }
    }

    fn phase_deadline(&self, limits: &Limits) -> (Instant, Overrun) {
        let (limit, overrun) = match self.phase {
            Phase::First => (limits.header, Overrun::First),
            Phase::Head => (limits.header, Overrun::Head),
            Phase::Idle if self.closing => (CLOSE_GRACE, Overrun::Idle),
            Phase::Idle => (limits.idle, Overrun::Idle),
            Phase::Lingering => (CLOSE_GRACE, Overrun::Lingering),
            Phase::Busy => (limits.request.saturating_mul(OVERDUE_FACTOR), Overrun::Busy),
        };
        (after(self.since, limit), overrun)
    }
}

fn phase_of(seen: &Seen) -> Phase {
    if seen.lingering {
        Phase::Lingering
    } else if seen.in_flight() {
        Phase::Busy
    } else if seen.started == 0 {
        Phase::First
    } else if seen.head && !seen.multiplexed {
        Phase::Head
    } else {
        Phase::Idle
    }
}

fn after(since: Instant, limit: Duration) -> Instant {
    since.checked_add(limit).unwrap_or_else(|| since + FAR)
}

#[cfg(test)]
mod tests;
