//! Asking an identity service for a credential: IAM for a token, a cloud server's metadata service for temporary keys.
//!
//! Each [`Issuer::issue`] asks once and is done: no repeats, no pauses, nothing remembered but the metadata service's session. IAM
//! locks a user after a few wrong passwords, so what an answer means for the next question is told apart with care
//! ([`IssueFault`]), and a refusal counts even if its body cannot be read.
//!
//! Deliberately not here: when to ask (again), and what becomes of what was given.
//!
//! Of secrets, what we hold ourselves is wiped when dropped: the password, the body that carries it, what was issued.
//! Not wiped is what passed through the libraries' own buffers (HTTP heads and bodies that were read, TLS records before
//! they are encrypted and after they are decrypted); they are freed with the connection, which lives for one exchange.

mod keys;
mod login;
mod metadata;
mod password;
mod refusal;
mod wire;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Uri;

pub use self::keys::KeysFlaw;
pub(super) use self::keys::read_keys;
#[cfg(test)]
pub(super) use self::login::Login;
use self::metadata::Metadata;
use self::password::Password;
use self::wire::Answer;
use super::secret::Secret;
use super::source::{Generation, Source};
use crate::clock::Clock;
use crate::config::{PasswordSettings, UpstreamSettings};
use crate::upstream::TrustFault;

/// The longest life of anything issued: tokens live 24 hours, temporary keys at most as long. Dates that say more are wrong.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What an identity service gave. It has no `Debug`, so it cannot be logged by accident.
pub(super) struct Issued {
    pub(super) material: Material,
    /// From now on, by the service's own clock: `expires_at` less its `Date`, or less our time if it sent none. Above 0
    /// and at most [`MAX_LIFETIME`].
    pub(super) lifetime: Duration,
    /// As the service says it.
    pub(super) expires_at: SystemTime,
}

/// A credential, as it was given.
pub(super) enum Material {
    /// For `X-Auth-Token`.
    Token(Secret),
    /// For signatures.
    Keys {
        access_key: String,
        secret_key: Secret,
        /// With temporary keys.
        security_token: Option<Secret>,
    },
}

/// Why an identity service gave nothing. The texts are for the operator: one line of some hundred characters, without a
/// secret, the user or the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueFault {
    /// It said, conclusively, that these words will never do: not repeated until they change.
    #[error("{0}")]
    Refused(Arc<str>),
    /// IAM's 403: the user is locked, without rights or without programmatic access. It may heal, but is seldom asked.
    #[error("{0}")]
    Forbidden(Arc<str>),
    /// No answer, an unreadable one, or a service that fails or throttles: later.
    #[error("{why}")]
    Unavailable {
        /// What happened.
        why: Arc<str>,
        /// How long the service wants to be left alone, if it says so. Not bounded.
        retry_after: Option<Duration>,
    },
}

/// One identity service, and what it is asked with.
pub(super) struct Issuer(Kind);

enum Kind {
    Password(Password),
    Metadata(Metadata),
}

// === impl Issuer ===

impl Issuer {
    /// Tokens of IAM, which is trusted and waited for as upstream is.
    ///
    /// # Errors
    /// No certificate to trust.
    pub(super) fn password(
        settings: &PasswordSettings,
        upstream: &UpstreamSettings,
        password: Arc<Source>,
        clock: &Clock,
    ) -> Result<Self, TrustFault> {
        Password::new(settings, upstream, password, clock).map(|it| Self(Kind::Password(it)))
    }

    /// Temporary keys of a cloud server's metadata service, asked in the clear: it is on this very machine's link.
    pub(super) fn metadata(endpoint: &Uri, clock: &Clock) -> Self {
        Self(Kind::Metadata(Metadata::new(endpoint, clock)))
    }

    /// Asks once. Dropped before its end, it leaves nothing behind and takes its connection with it.
    pub(super) async fn issue(&self) -> Result<Issued, IssueFault> {
        match &self.0 {
            Kind::Password(password) => password.issue().await,
            Kind::Metadata(metadata) => metadata.issue().await,
        }
    }

    /// Of the words that the service is asked with; whoever was refused may ask again with those of another generation.
    pub(super) fn generation(&self) -> Generation {
        match &self.0 {
            Kind::Password(password) => password.generation(),
            Kind::Metadata(_) => Generation::default(), // it is asked with nothing
        }
    }
}

// === impl Issued ===

impl Issued {
    /// `None` if it has expired by the service's own clock. `wall` is our time when the answer came.
    fn new(
        material: Material,
        expires_at: SystemTime,
        answer: &Answer,
        wall: SystemTime,
    ) -> Option<Self> {
        let now = answer.date().unwrap_or(wall);
        let left = expires_at.duration_since(now).unwrap_or_default();
        (!left.is_zero()).then(|| Self {
            material,
            lifetime: left.min(MAX_LIFETIME),
            expires_at,
        })
    }
}

// === impl IssueFault ===

impl IssueFault {
    /// Something that may be over at any moment, of which the service has not said when.
    fn unavailable(why: impl Into<Arc<str>>) -> Self {
        Self::Unavailable {
            why: why.into(),
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests;
