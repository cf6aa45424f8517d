//! The one user who may have tokens, and the lock of that user's password. Pure: time is given.
//!
//! An account's login policy sets the numbers (3 to 10 failures within 15 to 60 minutes, locked for 15 to 1440). Here
//! they are 5, 15 and 15.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use secrecy::SecretString;

/// Wrong passwords within [`WITHIN`] that lock the user.
const FAILURES: usize = 5;

/// How long a wrong password is remembered.
const WITHIN: Duration = Duration::from_mins(15);

/// How long a user stays locked. Calls meanwhile do not prolong it.
const LOCKED_FOR: Duration = Duration::from_mins(15);

/// The user of a [`Sandbox`](crate::sandbox::Sandbox), and what tokens are for.
#[derive(Clone, Debug)]
pub struct SandboxAccount {
    /// The account's name.
    pub domain: String,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: SecretString,
    /// The project's name, which is that of a region.
    pub project: String,
    /// The project's id.
    pub project_id: String,
}

/// What a user has been guilty of.
#[derive(Debug, Default)]
pub(super) struct PasswordLock {
    failures: VecDeque<Instant>, // fewer than FAILURES, oldest first
    locked_at: Option<Instant>,
}

/// What becomes of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is right and the user is not locked.
    Accepted,
    /// It is wrong; one more failure.
    Wrong,
    /// The user is locked, whatever the password.
    Locked,
}

// === impl SandboxAccount ===

impl Default for SandboxAccount {
    /// The made-up user that docs/sandbox.md names, in a project of the region that the documents have.
    fn default() -> Self {
        Self {
            domain: "jobgate-sandbox".to_owned(),
            user: "sandbox-user".to_owned(),
            password: "jobgate-sandbox-password".into(),
            project: "cn-north-4".to_owned(),
            project_id: "jobgatesandboxproject00000000000".to_owned(),
        }
    }
}

// === impl PasswordLock ===

impl PasswordLock {
    /// Judges a password that is right or not, and remembers it.
    pub(super) fn judge(&mut self, is_right: bool, now: Instant) -> Verdict {
        if let Some(locked_at) = self.locked_at {
            if now.saturating_duration_since(locked_at) < LOCKED_FOR {
                return Verdict::Locked;
            }
            self.locked_at = None;
        }
        if is_right {
            self.failures.clear();
            return Verdict::Accepted;
        }
        self.failures
            .retain(|failure| now.saturating_duration_since(*failure) < WITHIN);
        self.failures.push_back(now);
        if self.failures.len() >= FAILURES {
            self.failures.clear();
            self.locked_at = Some(now);
        }
        Verdict::Wrong
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LOCKED_FOR, PasswordLock, Verdict, WITHIN};
    use crate::clock::Clock;

    const INSTANT: Duration = Duration::from_nanos(1);

    /// A lock that has seen so many wrong passwords, one each `pause`; the moment of the last of them is the clock's.
    fn after_wrong(times: u32, pause: Duration) -> (PasswordLock, Clock) {
        let (mut lock, clock) = (PasswordLock::default(), Clock::manual());
        for nth in 0..times {
            clock.advance(if nth > 0 { pause } else { Duration::ZERO });
            assert_eq!(lock.judge(false, clock.now()), Verdict::Wrong, "{nth}");
        }
        (lock, clock)
    }

    #[test]
    fn the_fifth_wrong_password_within_fifteen_minutes_locks_and_no_other() {
        for (times, pause, next) in [
            (4, Duration::ZERO, Verdict::Accepted),
            (5, Duration::ZERO, Verdict::Locked),
            (5, WITHIN.saturating_sub(INSTANT) / 4, Verdict::Locked),
            (5, WITHIN / 4, Verdict::Accepted),
            (50, WITHIN / 4, Verdict::Accepted),
        ] {
            let (mut lock, clock) = after_wrong(times, pause);
            assert_eq!(lock.judge(true, clock.now()), next, "{times}, {pause:?}");
        }
    }

    #[test]
    fn a_lock_ends_after_fifteen_minutes_and_is_not_prolonged() {
        for (later, verdict) in [
            (Duration::ZERO, Verdict::Locked),
            (LOCKED_FOR.saturating_sub(INSTANT), Verdict::Locked),
            (LOCKED_FOR, Verdict::Accepted),
        ] {
            let (mut lock, clock) = after_wrong(5, Duration::ZERO);
            let half = clock.now() + later / 2;
            let early = lock.judge(false, half);
            assert_eq!(early, Verdict::Locked, "half of {later:?}");
            assert_eq!(lock.judge(true, clock.now() + later), verdict, "{later:?}");
        }
    }

    #[test]
    fn a_right_password_and_the_end_of_a_lock_clear_the_count() {
        let (mut lock, clock) = after_wrong(4, Duration::ZERO);
        assert_eq!(lock.judge(true, clock.now()), Verdict::Accepted);
        let then = clock.now();
        for _ in 0..5 {
            assert_eq!(lock.judge(false, then), Verdict::Wrong);
        }
        assert_eq!(lock.judge(false, then), Verdict::Locked);
        for _ in 0..4 {
            assert_eq!(lock.judge(false, then + LOCKED_FOR), Verdict::Wrong);
        }
        assert_eq!(lock.judge(true, then + LOCKED_FOR), Verdict::Accepted);
    }
}
