//! Every key that opens the gateway, in one place: those known by their SHA-256 and those that verify signatures. Which of them
//! were used, and when, is read here by the admin side.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::clock::Clock;
use crate::credential::ClientSecrets;
use crate::error::Error;
use crate::layers::Exchange;
use crate::policy::client::{ClientId, Clients, Fingerprint, Proof, presented};

/// The clients' keys. Last uses are counted in seconds since it was made.
pub struct Keyring {
    clients: Arc<Clients>,
    secrets: ClientSecrets,
    clock: Clock,
    made: Instant,
}

/// A key as it may be spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Whose it is.
    pub owner: ClientId,
    /// `key`, or `secret` if it verifies signatures.
    pub kind: &'static str,
    /// What it is called.
    pub fingerprint: Fingerprint,
    /// When it was last used, to the second; `None`: not since the start.
    pub last_used: Option<SystemTime>,
}

// === impl Keyring ===

impl Keyring {
    /// All that these clients have.
    #[must_use]
    pub fn new(clients: Arc<Clients>, secrets: ClientSecrets, clock: Clock) -> Self {
        Self {
            clients,
            secrets,
            made: clock.now(),
            clock,
        }
    }

    /// Whose request this is.
    pub(super) fn identify(&self, exchange: &Exchange) -> Result<ClientId, Error> {
        let head = &exchange.head;
        let second = self.second(exchange.started);
        match presented(&head.headers).map(|presented| presented.proof) {
            None => exchange.certified.ok_or(Error::MissingKey),
            Some(Proof::Key(key)) => {
                let key = self.clients.key(key)?;
                key.last_use.note(second);
                Ok(key.owner)
            }
            Some(Proof::Signature(authorization)) => {
                let at = (self.clock.wall(), second);
                let has_body = exchange.announces_body;
                (self.secrets).identify(authorization, head, has_body, at)
            }
            Some(Proof::Foreign | Proof::Doubled) => Err(Error::UnknownKey),
        }
    }

    /// The client that a signature says it is of, if there is one of that name.
    pub(super) fn named(&self, access_key: &str) -> Option<&str> {
        let client = self.clients.named(access_key)?;
        Some(self.clients.name(client))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Every key that is good now, those of a client in the order of the configuration, its secrets last.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyUse> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let at = |second| {
            let used = self.made.checked_add(Duration::from_secs(second))?;
            wall.checked_sub(now.saturating_duration_since(used))
        };
        let plain = self.clients.keys().iter().map(|key| KeyUse {
            owner: key.owner,
            kind: "key",
            fingerprint: key.fingerprint,
            last_used: key.last_use.second().and_then(at),
        });
        let secrets = self.secrets.uses(self.second(now)).map(|secret| KeyUse {
            owner: secret.owner,
            kind: "secret",
            fingerprint: secret.fingerprint,
            last_used: secret.last_use.and_then(at),
        });
        plain.chain(secrets).collect()
    }

    fn second(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.made).as_secs()
    }
}
