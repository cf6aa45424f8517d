//! The secrets of clients: what verifies a virtual AK/SK, whose access key is the client's name.
//!
//! A file is looked at again when a request comes in another second than the last look: a client's requests are not upstream
//! calls, there may be a hundred thousand a second. Of a file that is gone or unusable no secret is left: that is how an operator
//! takes it away.
//!
//! Nobody learns from an answer, or from the time it takes, whether there is a client of a name: every claim is tried against
//! as many secrets as a client can have, made-up ones if it has fewer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use http::request::Parts;

use super::fault::CredentialFault;
use super::secret::Secret;
use super::source::{Generation, Source};
use super::verify::{self, Claim, NO_MATCH};
use crate::config::{ClientSettings, SecretSource};
use crate::error::Error;
use crate::policy::client::{ClientId, Fingerprint, LastUse};

/// Secrets that a client can have: `secret_env` and `secret_file`.
const SECRETS: usize = 2;

/// Tried where there is none; whatever it fits, it opens nothing.
const NOBODYS: &str = "the-secret-of-no-client-at-all";

/// The secrets of all clients. There is no `Debug`, so they cannot be logged by accident.
pub struct ClientSecrets {
    by_name: HashMap<String, (ClientId, Vec<Held>)>,
    nobodys: Secret,
}

/// A secret that a client cannot be known by.
#[derive(Debug, thiserror::Error)]
#[error("client {client}, {key}")]
pub struct ClientSecretFault {
    /// The client's name.
    pub client: String,
    /// `secret_env` or `secret_file`.
    pub key: String,
    /// What is wrong.
    #[source]
    pub fault: CredentialFault,
}

/// A secret as it may be spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Whose it is.
    pub owner: ClientId,
    /// What it is called.
    pub fingerprint: Fingerprint,
    /// The second of its last use; `None`: not yet.
    pub last_use: Option<u64>,
}

/// One secret of a client, and how to look for a newer one.
struct Held {
    client: String,
    key: String,
    source: Source,
    /// The second of the last look.
    looked: AtomicU64,
    reading: ArcSwapOption<Reading>,
}

/// A secret that was read, and what has become of it.
struct Reading {
    secret: Arc<Secret>,
    generation: Generation,
    fingerprint: Fingerprint,
    last_use: LastUse,
}

// === impl ClientSecrets ===

impl ClientSecrets {
    /// Reads the secrets of all clients, which are numbered in this order; `env` looks up an environment variable.
    ///
    /// # Errors
    /// The first secret that cannot be used.
    pub fn open(
        clients: &[ClientSettings],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ClientSecretFault> {
        let mut by_name = HashMap::new();
        for (index, client) in clients.iter().enumerate() {
            let held: Result<Vec<_>, _> = client
                .secrets
                .iter()
                .map(|source| Held::open(client, source, env))
                .collect();
            by_name.insert(client.name.clone(), (ClientId::at(index), held?));
        }
        Ok(Self {
            by_name,
            ..Self::default()
        })
    }

    /// Whose signature `authorization` is. `wall` is when the request came; `second` the same in the seconds of
    /// [`uses`](Self::uses).
    ///
    /// # Errors
    /// [`Error::BadSignature`], [`Error::ClientClock`].
    pub fn identify(
        &self,
        authorization: &HeaderValue,
        head: &Parts,
        has_body: bool,
        (wall, second): (SystemTime, u64),
    ) -> Result<ClientId, Error> {
        let claim = Claim::read(authorization, head, has_body, wall)?;
        let known = self.by_name.get(claim.access_key);
        let held = known.map_or(&[][..], |(_, held)| held);
        let mut fitting = None;
        for place in 0..SECRETS {
            let reading = held.get(place).and_then(|held| held.look(second));
            let secret = reading
                .as_deref()
                .map_or(&self.nobodys, |read| &read.secret);
            if claim.fits(secret) {
                fitting = fitting.or(reading);
            }
        }
        let (owner, _) = known.ok_or(NO_MATCH)?;
        fitting.ok_or(NO_MATCH)?.last_use.note(second);
        Ok(*owner)
    }

    /// Whether a signature was refused because it did not fit: nobody is called so, or the secret is another.
    #[must_use]
    pub fn is_no_match(error: &Error) -> bool {
        verify::is_no_match(error)
    }

    /// The access key that an `Authorization` names, whether or not it is a client's.
    #[must_use]
    pub fn access_key(authorization: &HeaderValue) -> Option<&str> {
        verify::access_key(authorization)
    }

    /// Every secret that is good in this second, in no particular order of clients.
    pub fn uses(&self, second: u64) -> impl Iterator<Item = SecretUse> {
        self.by_name.values().flat_map(move |(owner, held)| {
            held.iter().filter_map(move |held| {
                let reading = held.look(second)?;
                Some(SecretUse {
                    owner: *owner,
                    fingerprint: reading.fingerprint,
                    last_use: reading.last_use.second(),
                })
            })
        })
    }
}

/// No client has a secret.
impl Default for ClientSecrets {
    fn default() -> Self {
        let nobodys = Secret::parse(NOBODYS);
        Self {
            by_name: HashMap::new(),
            nobodys: nobodys.expect("a constant of visible ASCII, long enough"),
        }
    }
}

// === impl Held ===

impl Held {
    fn open(
        client: &ClientSettings,
        source: &SecretSource,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ClientSecretFault> {
        let (name, key) = (&client.name, source.key("secret"));
        let opened = Source::open(source, env).and_then(|source| {
            let (secret, generation) = source.current()?;
            Ok((source, Reading::new(secret, generation)))
        });
        match opened {
            Ok((source, reading)) => Ok(Self {
                client: name.clone(),
                key,
                source,
                looked: AtomicU64::new(u64::MAX),
                reading: ArcSwapOption::from_pointee(reading),
            }),
            Err(fault) => Err(ClientSecretFault {
                client: name.clone(),
                key,
                fault,
            }),
        }
    }

    /// The secret as it is in this second.
    fn look(&self, second: u64) -> Option<Arc<Reading>> {
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = looked != second
            && (self.looked)
                .compare_exchange(looked, second, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok(); // who lost has one that is a second old at most
        if is_due {
            self.read_again();
        }
        self.reading.load_full()
    }

    fn read_again(&self) {
        let (client, key) = (&self.client, &self.key);
        match self.source.current() {
            Ok((secret, generation)) => {
                let before = self.reading.load();
                if before
                    .as_ref()
                    .is_none_or(|read| read.generation != generation)
                {
                    let reading = Reading::new(secret, generation);
                    let fingerprint = tracing::field::display(reading.fingerprint);
                    tracing::info!(
                        client,
                        key,
                        fingerprint,
                        "a client's secret is another one now"
                    );
                    self.reading.store(Some(Arc::new(reading)));
                }
            }
            Err(fault) => {
                if self.reading.swap(None).is_some() {
                    let error = fault.with_cause();
                    tracing::warn!(
                        client,
                        key,
                        error,
                        "a client's secret is gone: its signatures are refused"
                    );
                }
            }
        }
    }
}

// === impl Reading ===

impl Reading {
    fn new(secret: Arc<Secret>, generation: Generation) -> Self {
        Self {
            fingerprint: Fingerprint::of(secret.expose().as_bytes()),
            secret,
            generation,
            last_use: LastUse::default(),
        }
    }
}

#[cfg(test)]
mod tests;
