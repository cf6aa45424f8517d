//! Temporary keys as the metadata service hands them out: everybody who asks gets the same set, and some time before it
//! expires the next one. Meanwhile both are valid. Pure: time is given.

use std::time::{Duration, SystemTime};

use super::seal::noise;
use crate::sandbox::lockout::Lockout;

/// The part of its life that a set has left when the next one takes its place: ten minutes of an hour.
const LEAD: u32 = 6;

/// How security tokens begin, in the documents too.
const PREFIX: &str = "gQpjbi1ub3J0aC00";

/// The sets that are alive: the one that is handed out, and the one before it. There can be a third only for a while
/// after the lifetime was made shorter.
#[derive(Default)]
pub(in crate::sandbox) struct Keys {
    sets: Vec<KeySet>, // oldest first
    made: u64,
}

/// A key pair that ends.
pub(in crate::sandbox) struct KeySet {
    /// AK.
    pub(in crate::sandbox) access_key: String,
    /// SK.
    pub(in crate::sandbox) secret_key: String,
    /// What must be sent and signed besides.
    pub(in crate::sandbox) security_token: String,
    /// What the access key has been guilty of.
    pub(in crate::sandbox) lockout: Lockout,
    /// When it ends.
    pub(super) expires_at: SystemTime,
    renewed_at: SystemTime,
}

// === impl Keys ===

impl Keys {
    /// The set that is handed out now.
    pub(super) fn current(&mut self, lifetime: Duration, now: SystemTime) -> &KeySet {
        self.sets.retain(|set| now < set.expires_at);
        let current = self.sets.pop_if(|set| now < set.renewed_at);
        let next = current.unwrap_or_else(|| {
            self.made += 1;
            KeySet::new(lifetime, now)
        });
        self.sets.push_mut(next)
    }

    /// Sets that were ever made.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// The living set with this access key.
    pub(in crate::sandbox) fn find(
        &mut self,
        access_key: &str,
        now: SystemTime,
    ) -> Option<&mut KeySet> {
        let mut living = self.sets.iter_mut().filter(|set| now < set.expires_at);
        living.find(|set| set.access_key == access_key)
    }

    /// Ends every set.
    pub(super) fn revoke(&mut self) {
        self.sets.clear();
    }
}

// === impl KeySet ===

impl KeySet {
    fn new(lifetime: Duration, now: SystemTime) -> Self {
        Self {
            access_key: noise::<10>().to_uppercase(),
            secret_key: noise::<20>(),
            security_token: format!("{PREFIX}{}", noise::<400>()),
            lockout: Lockout::default(),
            expires_at: now + lifetime,
            renewed_at: now + lifetime.saturating_sub(lifetime / LEAD),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Keys;

    const START: SystemTime = SystemTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    fn handed_out(keys: &mut Keys, minutes: u64) -> String {
        let now = START + Duration::from_mins(minutes);
        keys.current(HOUR, now).access_key.clone()
    }

    #[test]
    fn a_set_is_handed_out_for_fifty_minutes_and_valid_for_an_hour() {
        let mut keys = Keys::default();
        let first = handed_out(&mut keys, 0);
        assert_eq!(handed_out(&mut keys, 49), first);
        let second = handed_out(&mut keys, 50);
        assert_ne!(second, first);
        for (minute, first_lives, second_lives) in [
            (50, true, true),
            (59, true, true),
            (60, false, true),
            (109, false, true),
            (110, false, false),
        ] {
            let now = START + Duration::from_mins(minute);
            assert_eq!(keys.find(&first, now).is_some(), first_lives, "{minute}");
            assert_eq!(keys.find(&second, now).is_some(), second_lives, "{minute}");
        }
    }

    #[test]
    fn asking_for_a_year_keeps_two_sets_at_most() {
        let mut keys = Keys::default();
        for minute in (0..365 * 24 * 60).step_by(7) {
            handed_out(&mut keys, minute);
            assert!(keys.sets.len() <= 2);
        }
        assert!(keys.made() > 365 * 24, "{}", keys.made());
    }

    #[test]
    fn revoked_sets_are_dead_and_the_next_one_is_new() {
        let mut keys = Keys::default();
        let revoked = handed_out(&mut keys, 0);
        keys.revoke();
        assert!(keys.find(&revoked, START).is_none());
        assert_ne!(handed_out(&mut keys, 0), revoked);
        assert_eq!(keys.made(), 2);
    }
}
