//! Tokens that tell themselves what they are worth: claims and a keyed digest of them, as the real ones are signed. So
//! none that was issued need be kept, however many there are. Pure: time is given.
//!
//! A restart changes the key, and a token from before is then as good as a damaged one.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How the real ones begin: they are DER in Base64. The rest is hexadecimal here.
const PREFIX: &str = "MII";

/// Bytes of the digest.
const DIGEST: usize = 32;

/// Bytes of its key: a block of SHA-256.
const KEY: usize = 64;

/// Random bytes in a token of IAM. They make it as long as the real ones, a few KB.
const TOKEN_NOISE: usize = 600;

/// Random bytes in a session of the metadata service, which is short.
const SESSION_NOISE: usize = 16;

/// What a sealed token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum Grant {
    /// All that the user may do in the project.
    Project,
    /// What concerns the account as a whole; the build API is not part of it.
    Domain,
    /// A session of the metadata service.
    Session,
}

/// Why a token is good for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsealed {
    /// It was not issued here.
    Damaged,
    /// It has expired or was revoked.
    Dead,
}

/// Issues tokens and opens them.
pub(super) struct Seal {
    key: [u8; KEY],
    revocations: u64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    grant: Grant,
    revocations: u64, // at the time
    expires_at: SystemTime,
    noise: String, // two tokens of one moment differ
}

// === impl Seal ===

impl Seal {
    /// With a key of its own.
    pub(super) fn new() -> Self {
        let mut key = [0; KEY];
        let _ = getrandom::fill(&mut key); // without entropy it is zeros: nothing of value is behind it
        Self {
            key,
            revocations: 0,
        }
    }

    /// A new token.
    pub(super) fn issue(&self, grant: Grant, expires_at: SystemTime) -> String {
        let claims = Claims {
            grant,
            revocations: self.revocations,
            expires_at,
            noise: match grant {
                Grant::Project | Grant::Domain => noise::<TOKEN_NOISE>(),
                Grant::Session => noise::<SESSION_NOISE>(),
            },
        };
        let claims = serde_json::to_vec(&claims).unwrap_or_default(); // a time before 1970 has no form: a damaged token
        let digest = self.digest(&claims).finalize().into_bytes();
        format!("{PREFIX}{}{}", hex::encode(digest), hex::encode(claims))
    }

    /// What a token is good for at this moment.
    pub(super) fn open(&self, token: &[u8], now: SystemTime) -> Result<Grant, Unsealed> {
        let claims = self.claims(token).ok_or(Unsealed::Damaged)?;
        if claims.revocations < self.revocations || now >= claims.expires_at {
            return Err(Unsealed::Dead);
        }
        Ok(claims.grant)
    }

    /// Ends every token that was issued so far.
    pub(super) fn revoke(&mut self) {
        self.revocations += 1;
    }

    fn claims(&self, token: &[u8]) -> Option<Claims> {
        let bytes = hex::decode(token.strip_prefix(PREFIX.as_bytes())?).ok()?;
        let (digest, claims) = bytes.split_at_checked(DIGEST)?;
        self.digest(claims).verify_slice(digest).ok()?;
        serde_json::from_slice(claims).ok()
    }

    fn digest(&self, claims: &[u8]) -> Hmac<Sha256> {
        Hmac::new(&self.key.into()).chain_update(claims)
    }
}

/// Random hexadecimal digits, two for each byte.
pub(super) fn noise<const BYTES: usize>() -> String {
    let mut random = [0; BYTES];
    let _ = getrandom::fill(&mut random); // as for the key
    hex::encode(random)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Grant, Seal, Unsealed};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_token_is_good_for_what_it_was_issued_for_until_it_expires() {
        let seal = Seal::new();
        for grant in [Grant::Project, Grant::Domain, Grant::Session] {
            let token = seal.issue(grant, NOW + HOUR);
            for (later, opened) in [
                (Duration::ZERO, Ok(grant)),
                (HOUR.saturating_sub(Duration::from_nanos(1)), Ok(grant)),
                (HOUR, Err(Unsealed::Dead)),
            ] {
                assert_eq!(seal.open(token.as_bytes(), NOW + later), opened);
            }
        }
    }

    #[test]
    fn revoking_ends_what_was_issued_and_nothing_that_comes_after() {
        let mut seal = Seal::new();
        let before = seal.issue(Grant::Project, NOW + HOUR);
        seal.revoke();
        let after = seal.issue(Grant::Project, NOW + HOUR);
        assert_eq!(seal.open(before.as_bytes(), NOW), Err(Unsealed::Dead));
        assert_eq!(seal.open(after.as_bytes(), NOW), Ok(Grant::Project));
    }

    #[test]
    fn a_token_in_which_anything_is_changed_is_damaged() {
        let seal = Seal::new();
        let token = seal.issue(Grant::Project, NOW + HOUR);
        for at in [0, 2, 3, 66, 67, 100, token.len() - 1] {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(seal.open(&changed, NOW), Err(Unsealed::Damaged), "{at}");
        }
        let foreign = Seal::new().issue(Grant::Project, NOW + HOUR);
        for other in ["", "MII", "MII00", token.trim_end_matches("7d"), &foreign] {
            let opened = seal.open(other.as_bytes(), NOW);
            assert_eq!(opened, Err(Unsealed::Damaged), "{other}");
        }
    }

    #[test]
    fn tokens_of_iam_are_a_few_kilobytes_and_no_two_are_the_same() {
        let seal = Seal::new();
        let [one, other] = [(); 2].map(|()| seal.issue(Grant::Project, NOW + HOUR));
        assert_ne!(one, other);
        assert!((2_000..4_000).contains(&one.len()), "{}", one.len());
        assert!(seal.issue(Grant::Session, NOW + HOUR).len() < 500);
    }
}
