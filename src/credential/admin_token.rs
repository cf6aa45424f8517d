//! The token of the admin API: compared with what somebody presents, and presented by the gateway's own commands.
//!
//! It lives in this room because a secret is read here and nowhere else; it has nothing to do with upstream.

use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::CredentialFault;
use super::source::Source;
use crate::config::SecretSource;

/// A token that opens the admin API. It has no `Debug`, so it cannot be logged by accident.
pub struct AdminToken(Source);

// === impl AdminToken ===

impl AdminToken {
    /// Reads it; `env` looks up an environment variable.
    ///
    /// # Errors
    /// A variable that is not set, a file that cannot be read, a value that is shorter than 16 bytes or no visible ASCII.
    pub fn open(
        settings: &SecretSource,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialFault> {
        Source::open(settings, env).map(Self)
    }

    /// Whether `presented` is the token as it is now. Digests are compared, in constant time: neither the place of the
    /// first wrong byte nor the length can be learned from how long it takes.
    ///
    /// # Errors
    /// The file is gone or holds no usable token any more: then nothing opens.
    pub fn is(&self, presented: &[u8]) -> Result<bool, CredentialFault> {
        let (token, _) = self.0.current()?;
        let (token, presented) = (Sha256::digest(token.expose()), Sha256::digest(presented));
        Ok(token.as_slice().ct_eq(presented.as_slice()).into())
    }

    /// The value of `Authorization` that presents it, marked sensitive.
    ///
    /// # Errors
    /// As for [`is`](Self::is).
    pub fn authorization(&self) -> Result<HeaderValue, CredentialFault> {
        let (token, _) = self.0.current()?;
        let text = Zeroizing::new(format!("Bearer {}", token.expose()));
        let mut value =
            HeaderValue::try_from(text.as_str()).expect("a secret is visible ASCII by its parsing");
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::AdminToken;
    use crate::config::SecretSource;

    const TOKEN: &str = "an-admin-token-0123456789";

    #[test]
    fn only_the_very_token_is_the_token() {
        let token = AdminToken::open(&SecretSource::Env("T".into()), &|_| Some(TOKEN.into()));
        let token = token.ok().unwrap();
        for (presented, expected) in [
            (TOKEN, true),
            ("", false),
            ("an-admin-token-012345678", false),
            ("an-admin-token-01234567890", false),
            ("An-admin-token-0123456789", false),
        ] {
            assert_eq!(token.is(presented.as_bytes()).unwrap(), expected);
        }
        let sent = token.authorization().unwrap();
        assert_eq!(sent.as_bytes(), format!("Bearer {TOKEN}").as_bytes());
        assert_eq!(format!("{sent:?}"), "Sensitive");
    }

    #[test]
    fn a_file_is_read_again_and_opens_nothing_once_it_is_gone() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, TOKEN).unwrap();
        let token = AdminToken::open(&SecretSource::File(path.clone()), &|_| None);
        let token = token.ok().unwrap();
        assert!(token.is(TOKEN.as_bytes()).unwrap());
        let next = "another-token-of-another-length";
        fs::write(&path, format!("{next}\n")).unwrap();
        assert!(token.is(next.as_bytes()).unwrap() && !token.is(TOKEN.as_bytes()).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(token.is(next.as_bytes()).is_err());
    }

    #[test]
    fn a_short_token_or_none_is_refused_by_the_name_of_its_place() {
        for (value, told) in [
            (None, "environment variable ADMIN is not set"),
            (Some("fifteen-bytes-x"), "too short: at least 16 bytes"),
        ] {
            let source = SecretSource::Env("ADMIN".into());
            let fault = AdminToken::open(&source, &|_| value.map(str::to_owned)).err();
            assert!(fault.unwrap().to_string().contains(told));
        }
    }
}
