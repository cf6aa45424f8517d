//! The central credential: the one secret the gateway holds, and the last hand a request passes before the wire. Beside
//! it the token of the admin API and the secrets of clients, because secrets are read in this room alone.
//!
//! Invariant: nothing outside this room can see a secret. It leaves only as header values marked sensitive, put on a
//! request by [`Credential::authorise`]; faults name the variable or the file, never the value.
//!
//! Two kinds are given by an identity service and expire; a [`Keeper`] asks for the next one in time. All others come from
//! variables and files. Deliberately not here: what to do when upstream refuses the credential (that is a hold, see
//! [`policy`](crate::policy)), and when a service is asked ([`renewal`](crate::policy::renewal)).

mod admin_token;
mod clients;
mod echo;
mod fault;
mod file;
mod health;
mod held;
mod issue;
mod issuing;
mod keeper;
mod keys;
mod material;
#[cfg(test)]
mod never_shown;
mod open;
mod secret;
pub mod signing;
mod source;
mod verify;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

pub use self::admin_token::AdminToken;
pub use self::clients::{ClientSecretFault, ClientSecrets, SecretUse};
pub use self::fault::{CredentialFault, Flaw};
pub use self::health::{Health, Renewals, Renewed};
pub use self::issue::{IssueFault, KeysFlaw};
use self::issuing::Issuing;
pub use self::keeper::{Keeper, Resting};
use self::keys::{KeyPair, KeysFile, Signer};
use self::secret::Secret;
pub use self::source::Generation;
use self::source::Source;
use crate::error::Error;
use crate::policy::hold::CredentialKind;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// The statuses under which upstream refuses the credential; under 403 it says other things, too.
const REFUSALS: [u16; 2] = [UNAUTHORISED, 403];
/// The one that another token may mend.
const UNAUTHORISED: u16 = 401;

/// What an authorised request may carry; removed first, so that a request never goes out under two schemes.
const ALL_SCHEMES: [HeaderName; 5] = [
    AUTHORIZATION,
    X_AUTH_TOKEN,
    X_PROJECT_ID,
    X_SDK_DATE,
    X_SECURITY_TOKEN,
];

/// The credential that upstream knows the gateway by. It has no `Debug`, so it cannot be logged by accident.
pub struct Credential {
    scheme: Scheme,
    seen: Mutex<Seen>,
}

enum Scheme {
    AkSk(Box<KeyPair>),
    KeysFile(Box<KeysFile>),
    Token(Source),
    Issued(Arc<Issuing>),
}

/// What was seen of it.
#[derive(Default)]
struct Seen {
    /// The newest that upstream refused.
    refused: Option<Generation>,
    /// What is wrong with its file.
    fault: Option<Arc<str>>,
}

// === impl Credential ===

impl Credential {
    /// A signing credential from plain text, for a made-up upstream that needs no account.
    ///
    /// # Errors
    /// A key that [`open`](Self::open) would refuse too.
    pub fn from_keys(access_key: &str, secret_key: &str) -> Result<Self, CredentialFault> {
        let secret_key = Source::fixed(secret_key, "the given secret key")?;
        let (place, signer) = ("the given access key", Signer::new(None)?);
        let keys = KeyPair::new(access_key, place, secret_key, None, signer)?;
        Ok(Self::of(Scheme::AkSk(Box::new(keys))))
    }

    /// A token credential from plain text; see [`from_keys`](Self::from_keys).
    ///
    /// # Errors
    /// A token that [`open`](Self::open) would refuse too.
    pub fn from_token(token: &str) -> Result<Self, CredentialFault> {
        let token = Source::fixed(token, "the given token")?;
        Ok(Self::of(Scheme::Token(token)))
    }

    fn of(scheme: Scheme) -> Self {
        Self {
            scheme,
            seen: Mutex::default(),
        }
    }

    /// What failures do to it.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        match &self.scheme {
            Scheme::AkSk(_) | Scheme::KeysFile(_) => CredentialKind::Lockable,
            Scheme::Token(_) => CredentialKind::Renewable,
            Scheme::Issued(issuing) => issuing.kind(),
        }
    }

    /// Waits, boundedly, until an identity service was asked for the first time: the first requests after a start need not
    /// fail. Whether there is a credential then, [`authorise`](Self::authorise) tells.
    pub async fn ready(&self) {
        if let Scheme::Issued(issuing) = &self.scheme {
            issuing.ready().await;
        }
    }

    /// Puts the credential on a request to `host`, under exactly one scheme; `host` is what the `Host` header will say.
    /// Call it again for every attempt: a signature carries its time.
    ///
    /// # Errors
    /// [`Error::CredentialUnavailable`] when a secret's file cannot be read now, or when there is none, or none that has not
    /// expired; [`Error::Internal`] when the request cannot be signed.
    pub fn authorise(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        for name in ALL_SCHEMES {
            request.headers_mut().remove(name);
        }
        match &self.scheme {
            Scheme::AkSk(keys) => keys.sign(request, host, wall),
            Scheme::KeysFile(keys) => keys.sign(request, host, wall),
            Scheme::Token(token) => {
                let (token, generation) = token.current()?;
                material::put_token(&token, request)?;
                Ok(generation)
            }
            Scheme::Issued(issuing) => issuing.authorise(request, host, wall),
        }
    }

    /// Upstream answered a request that was authorised with `used`: did it refuse the credential, and is there another one
    /// now, so that one repeat makes sense? A new token may be asked for, which is waited for. A signing key has no such
    /// hope: each repeat brings it nearer to the lock-out.
    ///
    /// It is asked about a generation and not about "now", because many requests may be refused at once and only the
    /// first of them sees the credential change.
    pub async fn renew(&self, status: u16, used: Generation) -> bool {
        if !REFUSALS.contains(&status) {
            return false;
        }
        self.note_refused(used);
        match &self.scheme {
            _ if status != UNAUTHORISED => false, // the user may not do this: another token does not help
            Scheme::AkSk(_) | Scheme::KeysFile(_) => false,
            Scheme::Token(token) => token
                .read_again()
                .is_ok_and(|generation| generation != used),
            Scheme::Issued(issuing) => issuing.renew(used).await,
        }
    }

    /// Does an answer's body contain a secret, as it is or in any JSON escaping? Such an answer must not be passed on.
    #[must_use]
    pub fn echoed_in(&self, body: &[u8]) -> bool {
        echo::in_any_layer(body, |layer| self.is_in(layer))
    }

    fn is_in(&self, layer: &[u8]) -> bool {
        let is_in = |secret: &Secret| echo::contains(layer, secret.expose());
        let is_any_in = |source: &Source| source.known().any(|secret| is_in(&secret));
        match &self.scheme {
            Scheme::AkSk(keys) => keys.sources().any(is_any_in),
            Scheme::KeysFile(keys) => keys.known().any(|set| set.keys.secrets().any(is_in)),
            Scheme::Token(token) => is_any_in(token),
            Scheme::Issued(issuing) => {
                issuing.password().is_some_and(is_any_in)
                    || (issuing.held.known()).any(|given| given.material.secrets().any(is_in))
            }
        }
    }

    /// How it fares. Of what others renew only the wall clock tells how long it is good for.
    #[must_use]
    pub fn health(&self, wall: SystemTime) -> Health {
        let fault = self.seen().fault.as_ref().map(|fault| fault.to_string());
        let available = fault.is_none();
        let of_kind = |kind| Health {
            kind,
            available,
            ..Health::default()
        };
        let mut health = match &self.scheme {
            Scheme::AkSk(_) => of_kind("aksk"),
            Scheme::KeysFile(keys) => {
                let (end, is_over) = (keys.expires_at(), keys.are_over(wall));
                Health {
                    available: available && !is_over,
                    expires_at: end,
                    expires_in: end.map(|at| at.duration_since(wall).unwrap_or_default()),
                    expired_since: end.and_then(|at| wall.duration_since(at).ok()),
                    why: end.filter(|_| is_over && available).map(keys_are_over),
                    ..of_kind("keys_file")
                }
            }
            Scheme::Token(_) => of_kind("token"),
            Scheme::Issued(issuing) => issuing.health(),
        };
        health.why = match (health.why, fault) {
            (Some(why), Some(fault)) => Some(format!("{why}; {fault}")),
            (why, fault) => why.or(fault),
        };
        health
    }

    /// Why there is nothing to send, if so.
    #[must_use]
    pub fn unavailable(&self, wall: SystemTime) -> Option<Error> {
        let health = self.health(wall);
        let why = health.why.unwrap_or_else(|| "it has expired".to_owned());
        (!health.available).then(|| Error::CredentialUnavailable(why.into()))
    }

    /// Why an identity service gave nothing when it was last asked; `None` if it did give, or none is asked.
    #[must_use]
    pub fn issue_fault(&self) -> Option<IssueFault> {
        self.issuing()?.fault()
    }

    /// Whether there may ever be another value.
    fn may_change(&self) -> bool {
        match &self.scheme {
            Scheme::AkSk(keys) => keys.sources().any(Source::may_change),
            Scheme::Token(token) => token.may_change(),
            Scheme::KeysFile(_) | Scheme::Issued(_) => true,
        }
    }

    /// Which one there is, after a look at its files.
    fn generation(&self) -> Result<Option<Generation>, CredentialFault> {
        match &self.scheme {
            Scheme::AkSk(keys) => keys.generation().map(Some),
            Scheme::KeysFile(keys) => keys.generation().map(Some),
            Scheme::Token(token) => Ok(Some(token.current()?.1)),
            Scheme::Issued(issuing) => issuing.generation(),
        }
    }

    /// When keys expire that others renew.
    fn file_expires_at(&self) -> Option<SystemTime> {
        match &self.scheme {
            Scheme::KeysFile(keys) => keys.expires_at(),
            Scheme::AkSk(_) | Scheme::Token(_) | Scheme::Issued(_) => None,
        }
    }

    fn issuing(&self) -> Option<Arc<Issuing>> {
        match &self.scheme {
            Scheme::Issued(issuing) => Some(Arc::clone(issuing)),
            Scheme::AkSk(_) | Scheme::KeysFile(_) | Scheme::Token(_) => None,
        }
    }

    fn last_refused(&self) -> Option<Generation> {
        self.seen().refused
    }

    /// A late word of a former one does not count: it would pass for news of the one that was refused since.
    fn note_refused(&self, used: Generation) {
        let mut seen = self.seen();
        seen.refused = seen.refused.max(Some(used));
    }

    fn tell_fault(&self, fault: Option<Arc<str>>) {
        self.seen().fault = fault;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ended, and what helps: the gateway cannot renew them.
fn keys_are_over(end: SystemTime) -> String {
    let at = Timestamp::try_from(end).map_or_else(|_| String::new(), |at| format!(" at {at:.0}"));
    format!("the keys of the file expired{at}; calls go on when it is renewed")
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
