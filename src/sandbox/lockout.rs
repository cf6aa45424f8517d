//! The lock-out of an access key: more than five failed signatures in a row, and it is refused for five minutes,
//! right signature or wrong. Pure: time is given.

use std::time::{Duration, Instant};

/// Failures in a row that are still forgiven ("more than five … lock the AK").
const FORGIVEN: u32 = 5;

/// How long a locked key stays locked. Calls meanwhile do not prolong it.
const LOCKED_FOR: Duration = Duration::from_mins(5);

/// What one access key has been guilty of.
#[derive(Debug, Default)]
pub(super) struct Lockout {
    failures: u32,
    locked_at: Option<Instant>,
}

/// What becomes of a signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The signature is right and the key not locked.
    Accepted,
    /// The signature is wrong; one more failure.
    Failed,
    /// The key is locked, whatever the signature.
    Locked,
}

// === impl Lockout ===

impl Lockout {
    /// Judges a request whose signature is right or not, and remembers it.
    pub(super) fn judge(&mut self, signature_is_right: bool, now: Instant) -> Verdict {
        if let Some(locked_at) = self.locked_at {
            if now.saturating_duration_since(locked_at) < LOCKED_FOR {
                return Verdict::Locked;
            }
            *self = Self::default();
        }
        if signature_is_right {
            self.failures = 0;
            return Verdict::Accepted;
        }
        self.failures += 1;
        if self.failures > FORGIVEN {
            self.locked_at = Some(now);
        }
        Verdict::Failed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LOCKED_FOR, Lockout, Verdict};
    use crate::clock::Clock;

    #[test]
    fn the_sixth_failure_in_a_row_locks_the_key_for_five_minutes() {
        let now = Clock::manual().now();
        let mut key = Lockout::default();
        for _ in 0..6 {
            assert_eq!(key.judge(false, now), Verdict::Failed);
        }
        let last = now + LOCKED_FOR.saturating_sub(Duration::from_nanos(1));
        assert_eq!(key.judge(true, now), Verdict::Locked);
        assert_eq!(
            key.judge(false, last),
            Verdict::Locked,
            "nor does this prolong it"
        );
        assert_eq!(key.judge(true, now + LOCKED_FOR), Verdict::Accepted);
    }

    #[test]
    fn a_right_signature_between_wrong_ones_clears_the_count() {
        let now = Clock::manual().now();
        let mut key = Lockout::default();
        for _ in 0..3 {
            for _ in 0..5 {
                assert_eq!(key.judge(false, now), Verdict::Failed);
            }
            assert_eq!(key.judge(true, now), Verdict::Accepted);
        }
    }

    #[test]
    fn after_a_lock_the_count_starts_anew() {
        let now = Clock::manual().now();
        let mut key = Lockout::default();
        for _ in 0..6 {
            key.judge(false, now);
        }
        let after = now + LOCKED_FOR;
        for _ in 0..5 {
            assert_eq!(key.judge(false, after), Verdict::Failed);
        }
        assert_eq!(key.judge(true, after), Verdict::Accepted);
    }
}
