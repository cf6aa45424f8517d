//! Who is calling: which header names the client, and which client a key belongs to.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Longest client key that is hashed, in bytes. Ours have a few dozen; what is longer is somebody's real IAM token.
const MAX_KEY_BYTES: usize = 512;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const BEARER: &str = "Bearer ";

/// A client of the configuration, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(u16);

/// The clients and the SHA-256 of their keys; the keys themselves are not known to the gateway.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    names: Vec<String>,
    /// As long as `names`, or shorter: the rest has no bound of its own.
    max_stale: Vec<Option<Duration>>,
    by_digest: HashMap<[u8; 32], ClientId>,
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
            known.names.push(name.to_owned());
            known.by_name.insert(name.to_owned(), ClientId(index));
            known
                .by_digest
                .extend(digests.iter().map(|digest| (*digest, ClientId(index))));
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

    /// Finds the client by the first key header that is present, which decides alone: `X-Api-Key`, `X-Auth-Token`,
    /// `Authorization`. The look-up is by digest: nobody can choose a digest byte by byte, so how long it takes says
    /// nothing about a key.
    ///
    /// # Errors
    /// [`Error::MissingKey`], [`Error::UnknownKey`], [`Error::OversizedKey`]; [`Error::BadSignature`] for an
    /// `Authorization` that is a signature: an access key alone never authenticates.
    pub fn identify(&self, headers: &HeaderMap) -> Result<ClientId, Error> {
        let key = presented_key(headers)?;
        if key.len() > MAX_KEY_BYTES {
            return Err(Error::OversizedKey);
        }
        let digest: [u8; 32] = Sha256::digest(key).into();
        self.by_digest
            .get(&digest)
            .copied()
            .ok_or(Error::UnknownKey)
    }
}

fn presented_key(headers: &HeaderMap) -> Result<&[u8], Error> {
    if let Some(key) = only_value(headers, &X_API_KEY)? {
        return Ok(key.as_bytes());
    }
    if let Some(token) = only_value(headers, &X_AUTH_TOKEN)? {
        return Ok(token.as_bytes());
    }
    let authorization = only_value(headers, &AUTHORIZATION)?
        .ok_or(Error::MissingKey)?
        .as_bytes();
    match authorization.split_at_checked(BEARER.len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(BEARER.as_bytes()) => {
            Ok(key.trim_ascii())
        }
        _ if authorization.starts_with(b"SDK-HMAC-") => Err(Error::BadSignature),
        _ => Err(Error::UnknownKey),
    }
}

/// A key header that occurs twice names nobody: which of the two counted would be a guess.
fn only_value<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Error> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        Err(Error::UnknownKey)
    } else {
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use sha2::{Digest as _, Sha256};

    use super::{ClientId, Clients};
    use crate::error::Error;

    fn clients() -> Clients {
        let digest = |key: &str| -> [u8; 32] { Sha256::digest(key).into() };
        let wallboard = [digest("wall-old"), digest("wall-new")];
        let bot = [digest("bot")];
        Clients::new([("wallboard", &wallboard[..]), ("bot", &bot[..])])
    }

    fn name_for(headers: &[(&'static str, &str)]) -> Result<String, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let clients = clients();
        clients
            .identify(&map)
            .map(|client| clients.name(client).to_owned())
    }

    #[test]
    fn the_first_header_present_decides_alone() {
        for (headers, expected) in [
            (&[("x-api-key", "wall-old")][..], "wallboard"),
            (&[("x-api-key", "wall-new")], "wallboard"),
            (&[("x-auth-token", "bot")], "bot"),
            (&[("authorization", "Bearer bot")], "bot"),
            (&[("authorization", "bearer bot")], "bot"),
            (
                &[
                    ("x-api-key", "bot"),
                    ("x-auth-token", "wall-old"),
                    ("authorization", "nonsense"),
                ],
                "bot",
            ),
            (
                &[
                    ("x-auth-token", "bot"),
                    ("authorization", "Bearer wall-old"),
                ],
                "bot",
            ),
            (
                &[
                    ("x-api-key", "bot"),
                    (
                        "authorization",
                        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=0",
                    ),
                ],
                "bot",
            ),
        ] {
            assert_eq!(name_for(headers).unwrap(), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_wrong_first_header_is_not_rescued_by_a_right_second_one() {
        for headers in [
            &[("x-api-key", "no"), ("x-auth-token", "bot")][..],
            &[("x-api-key", ""), ("authorization", "Bearer bot")],
            &[("x-auth-token", "no"), ("authorization", "Bearer bot")],
            &[("x-api-key", "bot"), ("x-api-key", "bot")],
            &[("authorization", "Basic bot")],
            &[("authorization", "bot")],
        ] {
            assert!(
                matches!(name_for(headers), Err(Error::UnknownKey)),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        assert!(matches!(name_for(&[]), Err(Error::MissingKey)));
        let iam_token = "M".repeat(513);
        assert!(matches!(
            name_for(&[("x-auth-token", &iam_token)]),
            Err(Error::OversizedKey)
        ));
        assert!(matches!(
            name_for(&[("x-auth-token", &"M".repeat(512))]),
            Err(Error::UnknownKey)
        ));
        let signed = "SDK-HMAC-SHA256 Access=wallboard, SignedHeaders=host, Signature=00";
        assert!(matches!(
            name_for(&[("authorization", signed)]),
            Err(Error::BadSignature)
        ));
    }

    #[test]
    fn the_anonymous_client_has_a_dash_for_a_name() {
        assert_eq!(clients().name(ClientId::ANONYMOUS), "-");
        assert_eq!(ClientId::ANONYMOUS.index(), None);
    }
}
