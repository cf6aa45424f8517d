//! What a request presents to say whose it is: the first of three headers that is there decides, alone.
//!
//! Nothing is judged here. There is no `Debug`: what is presented may be a good key.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const BEARER: &str = "Bearer ";

/// How the names of the vendor's signature algorithms begin, whether this gateway takes them or not.
const SIGNATURES: [&[u8]; 2] = [b"SDK-", b"V11-"];

/// What a request presents, and where.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The header's name, for the log.
    pub header: &'static str,
    /// What stands in it.
    pub proof: Proof<'a>,
}

/// By what a request says whose it is.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A key, as it is.
    Key(&'a [u8]),
    /// A signature: this is the whole value of `Authorization`.
    Signature(&'a HeaderValue),
    /// A scheme that nobody here knows.
    Foreign,
    /// A header that is there twice: which of the two counted would be a guess.
    Doubled,
}

/// What the request presents; `None`: nothing.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<Presented<'_>> {
    find(headers, &X_API_KEY, "X-Api-Key", key)
        .or_else(|| find(headers, &X_AUTH_TOKEN, "X-Auth-Token", key))
        .or_else(|| find(headers, &AUTHORIZATION, "Authorization", authorization))
}

fn find<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    header: &'static str,
    read: impl FnOnce(&'a HeaderValue) -> Proof<'a>,
) -> Option<Presented<'a>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let proof = match values.next() {
        None => read(first),
        Some(_) => Proof::Doubled,
    };
    Some(Presented { header, proof })
}

fn key(value: &HeaderValue) -> Proof<'_> {
    Proof::Key(value.as_bytes())
}

fn authorization(value: &HeaderValue) -> Proof<'_> {
    let bytes = value.as_bytes();
    match bytes.split_at_checked(BEARER.len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(BEARER.as_bytes()) => {
            Proof::Key(key.trim_ascii())
        }
        _ if SIGNATURES.iter().any(|name| bytes.starts_with(name)) => Proof::Signature(value),
        _ => Proof::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Proof, presented};

    /// The header that decides, and what stands in it.
    fn told(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        presented(&map).map(|presented| {
            let proof = match presented.proof {
                Proof::Key(key) => format!("key {}", text(key)),
                Proof::Signature(value) => format!("signature {}", text(value.as_bytes())),
                Proof::Foreign => "foreign".to_owned(),
                Proof::Doubled => "doubled".to_owned(),
            };
            format!("{}: {proof}", presented.header)
        })
    }

    #[test]
    fn the_first_header_present_decides_alone() {
        let (signed, other) = ("SDK-HMAC-SHA256 Access=a", "V11-HMAC-SHA256 Credential=a");
        for (headers, expected) in [
            (&[][..], None),
            (&[("cookie", "a")], None),
            (&[("x-api-key", "a")], Some("X-Api-Key: key a")),
            (&[("x-api-key", "")], Some("X-Api-Key: key ")),
            (&[("x-auth-token", "a")], Some("X-Auth-Token: key a")),
            (
                &[("authorization", "Bearer a")],
                Some("Authorization: key a"),
            ),
            (
                &[("authorization", "bearer  a ")],
                Some("Authorization: key a"),
            ),
            (
                &[("authorization", "Basic a")],
                Some("Authorization: foreign"),
            ),
            (&[("authorization", "a")], Some("Authorization: foreign")),
            (
                &[("authorization", signed)],
                Some("Authorization: signature SDK-HMAC-SHA256 Access=a"),
            ),
            (
                &[("authorization", other)],
                Some("Authorization: signature V11-HMAC-SHA256 Credential=a"),
            ),
            (
                &[
                    ("authorization", signed),
                    ("x-auth-token", "b"),
                    ("x-api-key", "a"),
                ],
                Some("X-Api-Key: key a"),
            ),
            (
                &[("authorization", "Bearer a"), ("x-auth-token", "b")],
                Some("X-Auth-Token: key b"),
            ),
            (
                &[("authorization", signed), ("x-api-key", "")],
                Some("X-Api-Key: key "),
            ),
            (
                &[("x-api-key", "a"), ("x-api-key", "a")],
                Some("X-Api-Key: doubled"),
            ),
            (
                &[("authorization", signed), ("authorization", signed)],
                Some("Authorization: doubled"),
            ),
        ] {
            assert_eq!(told(headers).as_deref(), expected, "{headers:?}");
        }
    }
}
