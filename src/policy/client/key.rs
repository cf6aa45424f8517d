//! A key as it may be spoken of: by a fingerprint, and when it was last used. The key itself is not here.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use super::ClientId;

/// The beginning of a key's SHA-256: enough to tell the keys of one configuration apart, too little to try keys against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 4]);

/// When a key was last used, in whole seconds since some beginning that its reader knows.
///
/// It is written by every request with that key, from all threads: so only when the second is another one.
#[derive(Debug, Default)]
pub struct LastUse(AtomicU64);

/// A key of which the gateway knows only the SHA-256.
#[derive(Debug)]
pub struct PlainKey {
    /// Whose it is.
    pub owner: ClientId,
    /// What it is called.
    pub fingerprint: Fingerprint,
    /// When it was last used.
    pub last_use: LastUse,
}

// === impl Fingerprint ===

impl Fingerprint {
    /// Of a key or a secret.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self::of_digest(&Sha256::digest(key).into())
    }

    /// Of a key whose SHA-256 is this.
    #[must_use]
    pub fn of_digest([a, b, c, d, ..]: &[u8; 32]) -> Self {
        Self([*a, *b, *c, *d])
    }
}

/// The first eight digits of what `key_sha256` holds.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

// === impl LastUse ===

impl LastUse {
    /// It is used in this second.
    pub fn note(&self, second: u64) {
        let noted = second.saturating_add(1); // 0 is never
        if self.0.load(Ordering::Relaxed) != noted {
            self.0.store(noted, Ordering::Relaxed);
        }
    }

    /// The second of its last use; `None`: not yet.
    #[must_use]
    pub fn second(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, LastUse};

    #[test]
    fn a_fingerprint_is_what_key_sha256_begins_with() {
        // SHA-256("abc"), FIPS 180-4
        assert_eq!(Fingerprint::of(b"abc").to_string(), "ba7816bf");
        assert_eq!(Fingerprint::of_digest(&[1; 32]).to_string(), "01010101");
    }

    #[test]
    fn a_last_use_is_a_second_and_the_first_one_is_a_use_too() {
        let last = LastUse::default();
        assert_eq!(last.second(), None);
        for second in [0, 0, 7, 7] {
            last.note(second);
            assert_eq!(last.second(), Some(second));
        }
    }
}
