//! The central credential: the one secret the gateway holds, and the last hand a request passes before the wire. Beside
//! it the token of the admin API, because secrets are read in this room alone.
//!
//! Invariant: nothing outside this room can see a secret. It leaves only as header values marked sensitive, put on a
//! request by [`Credential::authorise`]; faults name the variable or the file, never the value. Deliberately not here:
//! what to do when upstream refuses the credential (that is a hold, see [`policy`](crate::policy)).

mod admin_token;
mod echo;
mod fault;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "whoever renews the credential is to call it")
)]
mod issue;
mod keys;
mod secret;
pub mod signing;
mod source;

use std::sync::Arc;
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

pub use self::admin_token::AdminToken;
pub use self::fault::{CredentialFault, Flaw};
pub use self::issue::{IssueFault, KeysFlaw};
use self::keys::KeyPair;
use self::secret::Secret;
pub use self::source::Generation;
use self::source::Source;
use crate::config::{CredentialSettings, SecretSource};
use crate::error::Error;
use crate::policy::hold::CredentialKind;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// What an authorised request may carry; removed first, so that a request never goes out under two schemes.
const ALL_SCHEMES: [HeaderName; 5] = [
    AUTHORIZATION,
    X_AUTH_TOKEN,
    X_PROJECT_ID,
    X_SDK_DATE,
    X_SECURITY_TOKEN,
];

/// The credential that upstream knows the gateway by. It has no `Debug`, so it cannot be logged by accident.
pub struct Credential(Scheme);

enum Scheme {
    AkSk(Box<KeyPair>),
    Token(Source),
}

// === impl Credential ===

impl Credential {
    /// Reads every secret the settings name; `env` looks up an environment variable.
    ///
    /// # Errors
    /// All variables that are not set; else the first secret that is unreadable or unusable, by its place.
    pub fn open(
        settings: &CredentialSettings,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialFault> {
        let names = unset(settings, env);
        if !names.is_empty() {
            return Err(CredentialFault::Unset { names });
        }
        let scheme = match settings {
            CredentialSettings::AkSk {
                access_key_env,
                secret_key,
                security_token,
                project_id,
            } => {
                let access_key = env(access_key_env).unwrap_or_default(); // it is set
                let place = source::variable(access_key_env);
                let keys = KeyPair::new(&access_key, &place, Source::open(secret_key, env)?)?
                    .with_security_token(open_optional(security_token.as_ref(), env)?)
                    .with_project_id(project_id.as_deref())?;
                Scheme::AkSk(Box::new(keys))
            }
            CredentialSettings::Token(token) => Scheme::Token(Source::open(token, env)?),
            CredentialSettings::KeysFile { .. }
            | CredentialSettings::Password(_)
            | CredentialSettings::Metadata { .. } => {
                return Err(CredentialFault::flawed("this kind", Flaw::Empty));
            }
        };
        Ok(Self(scheme))
    }

    /// A signing credential from plain text, for a made-up upstream that needs no account.
    ///
    /// # Errors
    /// A key that [`open`](Self::open) would refuse too.
    pub fn from_keys(access_key: &str, secret_key: &str) -> Result<Self, CredentialFault> {
        let secret_key = Source::fixed(secret_key, "the given secret key")?;
        let keys = KeyPair::new(access_key, "the given access key", secret_key)?;
        Ok(Self(Scheme::AkSk(Box::new(keys))))
    }

    /// A token credential from plain text; see [`from_keys`](Self::from_keys).
    ///
    /// # Errors
    /// A token that [`open`](Self::open) would refuse too.
    pub fn from_token(token: &str) -> Result<Self, CredentialFault> {
        Ok(Self(Scheme::Token(Source::fixed(
            token,
            "the given token",
        )?)))
    }

    /// What failures do to it.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        match self.0 {
            Scheme::AkSk(_) => CredentialKind::Lockable,
            Scheme::Token(_) => CredentialKind::Renewable,
        }
    }

    /// Puts the credential on a request to `host`, under exactly one scheme; `host` is what the `Host` header will say.
    /// Call it again for every attempt: a signature carries its time.
    ///
    /// # Errors
    /// [`Error::CredentialUnavailable`] when a secret's file cannot be read now, [`Error::Internal`] when the request
    /// cannot be signed.
    pub fn authorise(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        for name in ALL_SCHEMES {
            request.headers_mut().remove(name);
        }
        match &self.0 {
            Scheme::AkSk(keys) => keys.sign(request, host, wall),
            Scheme::Token(token) => {
                let (token, generation) = token.current()?;
                let value = sensitive(token.expose())?;
                request.headers_mut().insert(X_AUTH_TOKEN, value);
                Ok(generation)
            }
        }
    }

    /// Upstream refused a request that was authorised with `refused`: is there another token now, so that one repeat
    /// makes sense? A signing key has no such hope: each repeat brings it nearer to the lock-out.
    ///
    /// It is asked about a generation and not about "now", because many requests may be refused at once and only the
    /// first of them sees the file change.
    #[must_use]
    pub fn renew(&self, refused: Generation) -> bool {
        match &self.0 {
            Scheme::AkSk(_) => false,
            Scheme::Token(token) => token
                .read_again()
                .is_ok_and(|generation| generation != refused),
        }
    }

    /// Does an answer's body contain a secret, as it is or in any JSON escaping? Such an answer must not be passed on.
    #[must_use]
    pub fn echoed_in(&self, body: &[u8]) -> bool {
        self.secrets()
            .any(|secret| echo::contains(body, secret.expose()))
    }

    fn secrets(&self) -> impl Iterator<Item = Arc<Secret>> {
        let (first, second) = match &self.0 {
            Scheme::AkSk(keys) => (keys.secret_key(), keys.security_token()),
            Scheme::Token(token) => (token, None),
        };
        std::iter::once(first).chain(second).flat_map(Source::known)
    }
}

/// The variables that the settings name and nobody set: somebody who starts from nothing is told of all at once.
fn unset(settings: &CredentialSettings, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let (access_key, secrets) = match settings {
        CredentialSettings::AkSk {
            access_key_env,
            secret_key,
            security_token,
            ..
        } => (
            Some(access_key_env),
            [Some(secret_key), security_token.as_ref()],
        ),
        CredentialSettings::Token(token) => (None, [Some(token), None]),
        CredentialSettings::Password(settings) => (None, [Some(&settings.password), None]),
        CredentialSettings::KeysFile { .. } | CredentialSettings::Metadata { .. } => {
            (None, [None, None])
        }
    };
    let secrets = secrets
        .into_iter()
        .flatten()
        .filter_map(|secret| match secret {
            SecretSource::Env(name) => Some(name),
            SecretSource::File(_) => None,
        });
    access_key
        .into_iter()
        .chain(secrets)
        .filter(|name| env(name).map(Zeroizing::new).is_none())
        .cloned()
        .collect()
}

fn open_optional(
    settings: Option<&SecretSource>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Source>, CredentialFault> {
    settings.map(|source| Source::open(source, env)).transpose()
}

/// A header value that is printed as `Sensitive`, by whomever.
fn sensitive(text: &str) -> Result<HeaderValue, Error> {
    let mut value = header_text(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Fails only for a host that is no header text: secrets were checked when read. The error does not show the text.
fn header_text(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|error| Error::Internal(format!("cannot authorise: {error}").into()))
}

#[cfg(test)]
mod tests;
