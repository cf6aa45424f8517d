//! Who is calling: what a request presents ([`presented()`]), and which client a key belongs to.
//!
//! Which client a *signature* belongs to is not known here: that takes secrets, which one room alone sees
//! ([`credential`](crate::credential)).

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::Error;

mod key;
mod presented;

pub use key::{Fingerprint, LastUse, PlainKey};
pub use presented::{Presented, Proof, presented};

/// Longest client key that is hashed, in bytes. Ours have a few dozen; what is longer is somebody's real IAM token.
pub const MAX_KEY_BYTES: usize = 512;

/// A client of the configuration, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(u16);

/// The clients and the SHA-256 of their keys; the keys themselves are not known to the gateway.
#[derive(Debug, Default)]
pub struct Clients {
    names: Vec<String>,
    /// As long as `names`, or shorter: the rest has no bound of its own.
    max_stale: Vec<Option<Duration>>,
    keys: Vec<PlainKey>,
    /// Places in `keys`.
    by_digest: HashMap<[u8; 32], usize>,
    by_name: HashMap<String, ClientId>,
}

// === impl ClientId ===

impl ClientId {
    /// Whoever asks in open mode.
    pub const ANONYMOUS: Self = Self(u16::MAX);

    /// The client at a place of the configuration; [`ANONYMOUS`](Self::ANONYMOUS) beyond those that are kept.
    #[must_use]
    pub fn at(index: usize) -> Self {
        u16::try_from(index).map_or(Self::ANONYMOUS, Self)
    }

    /// The client's place in the configuration; `None` for [`ANONYMOUS`](Self::ANONYMOUS).
    #[must_use]
    pub fn index(self) -> Option<usize> {
        (self != Self::ANONYMOUS).then_some(usize::from(self.0))
    }
}

// === impl Clients ===

impl Clients {
    /// Takes name and key digests of each client, in the configuration's order; at most 65 534 are kept.
    #[must_use]
    pub fn new<'a>(clients: impl IntoIterator<Item = (&'a str, &'a [[u8; 32]])>) -> Self {
        let mut known = Self::default();
        for (index, (name, digests)) in (0..u16::MAX - 1).zip(clients) {
            let owner = ClientId(index);
            known.names.push(name.to_owned());
            known.by_name.insert(name.to_owned(), owner);
            for digest in digests {
                known.by_digest.insert(*digest, known.keys.len());
                known.keys.push(PlainKey {
                    owner,
                    fingerprint: Fingerprint::of_digest(digest),
                    last_use: LastUse::default(),
                });
            }
        }
        known
    }

    /// Bounds how long past its lifetime an answer may be, for each client in the same order.
    #[must_use]
    pub fn taking_stale(self, bounds: impl IntoIterator<Item = Option<Duration>>) -> Self {
        let max_stale = bounds.into_iter().collect();
        Self { max_stale, ..self }
    }

    /// How long past its lifetime an answer may be for this client; `None`: it has no bound of its own.
    #[must_use]
    pub fn max_stale(&self, client: ClientId) -> Option<Duration> {
        client.index().and_then(|index| *self.max_stale.get(index)?)
    }

    /// Every client, in the order of the configuration.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        (0..u16::MAX - 1)
            .zip(&self.names)
            .map(|(index, _)| ClientId(index))
    }

    /// Every client's name, in the order of [`ClientId::index`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The client of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<ClientId> {
        self.by_name.get(name).copied()
    }

    /// The client's name; `-` for [`ClientId::ANONYMOUS`].
    #[must_use]
    pub fn name(&self, client: ClientId) -> &str {
        client
            .index()
            .and_then(|index| self.names.get(index))
            .map_or("-", String::as_str)
    }

    /// The key that is presented. The look-up is by digest: nobody can choose a digest byte by byte, so how long it takes
    /// says nothing about a key. Nothing is no key, whatever hash the configuration holds.
    ///
    /// # Errors
    /// [`Error::UnknownKey`]; [`Error::OversizedKey`], which is not even hashed.
    pub fn key(&self, presented: &[u8]) -> Result<&PlainKey, Error> {
        if presented.len() > MAX_KEY_BYTES {
            return Err(Error::OversizedKey);
        }
        if presented.is_empty() {
            return Err(Error::UnknownKey);
        }
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let place = self.by_digest.get(&digest);
        place
            .and_then(|place| self.keys.get(*place))
            .ok_or(Error::UnknownKey)
    }

    /// Every key, client by client.
    #[must_use]
    pub fn keys(&self) -> &[PlainKey] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{ClientId, Clients, MAX_KEY_BYTES};
    use crate::error::Error;

    fn clients() -> Clients {
        let digest = |key: &str| -> [u8; 32] { Sha256::digest(key).into() };
        let wallboard = [digest("wall-old"), digest("wall-new")];
        let bot = [digest("bot")];
        Clients::new([("wallboard", &wallboard[..]), ("bot", &bot[..])])
    }

    #[test]
    fn each_key_is_its_clients() {
        let clients = clients();
        for (key, name) in [
            ("wall-old", "wallboard"),
            ("wall-new", "wallboard"),
            ("bot", "bot"),
        ] {
            let known = clients.key(key.as_bytes()).unwrap();
            assert_eq!(clients.name(known.owner), name);
            assert_eq!(clients.named(name), Some(known.owner));
            let digest = hex::encode(Sha256::digest(key));
            assert!(digest.starts_with(&known.fingerprint.to_string()));
        }
        assert_eq!(clients.keys().len(), 3);
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let refusal = |key: &str| {
            clients()
                .key(key.as_bytes())
                .map(|key| key.owner)
                .unwrap_err()
        };
        for unknown in ["", "no", "Bot", "bot ", &"M".repeat(MAX_KEY_BYTES)] {
            assert!(matches!(refusal(unknown), Error::UnknownKey), "{unknown}");
        }
        let iam_token = "M".repeat(MAX_KEY_BYTES + 1);
        assert!(matches!(refusal(&iam_token), Error::OversizedKey));
    }

    #[test]
    fn the_anonymous_client_has_a_dash_for_a_name() {
        assert_eq!(clients().name(ClientId::ANONYMOUS), "-");
        assert_eq!(ClientId::ANONYMOUS.index(), None);
    }
}
