//! What a request is authorised with, whoever gave it: a token, or keys that sign.

use std::time::SystemTime;

use super::issue::Material;
use super::keys::{Keys, Signer};
use super::secret::Secret;
use super::{X_AUTH_TOKEN, sensitive};
use crate::error::Error;

// === impl Material ===

impl Material {
    /// Puts it on a request; keys sign it for `host` and `wall`, with what belongs to `signer`.
    pub(super) fn put_on(
        &self,
        request: &mut http::Request<()>,
        signer: &Signer,
        host: &str,
        wall: SystemTime,
    ) -> Result<(), Error> {
        match self {
            Self::Token(token) => put_token(token, request),
            Self::Keys {
                access_key,
                secret_key,
                security_token,
            } => {
                let keys = Keys {
                    access_key,
                    secret_key,
                    security_token: security_token.as_ref(),
                };
                signer.sign(&keys, request, host, wall)
            }
        }
    }

    /// Each of its secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (first, second) = match self {
            Self::Token(token) => (token, None),
            Self::Keys {
                secret_key,
                security_token,
                ..
            } => (secret_key, security_token.as_ref()),
        };
        std::iter::once(first).chain(second)
    }

    /// Whether the other is the same. Who compares knows both, so the time it takes tells nobody anything.
    pub(super) fn is(&self, other: &Self) -> bool {
        let access_key = |material: &Self| match material {
            Self::Token(_) => None,
            Self::Keys { access_key, .. } => Some(access_key.clone()),
        };
        let texts = self.secrets().map(Secret::expose);
        access_key(self) == access_key(other) && texts.eq(other.secrets().map(Secret::expose))
    }
}

/// Puts a token on a request.
pub(super) fn put_token(token: &Secret, request: &mut http::Request<()>) -> Result<(), Error> {
    let value = sensitive(token.expose())?;
    request.headers_mut().insert(X_AUTH_TOKEN, value);
    Ok(())
}
