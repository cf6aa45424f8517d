//! SDK-HMAC-SHA256 as the vendor describes it, seen from the side that verifies.
//!
//! Which headers are signed differs by SDK, so the list in the request is followed and nothing else; only `x-sdk-date`
//! must be on it. A signed header that is absent, or there twice, fails. Whether the date is near enough is not asked
//! here. One known quirk is left out: the Python signer decodes `%2F` before it splits the path, the text does not.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{HeaderMap, Uri};
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, percent_encode,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The algorithm, as it is written in `Authorization` and in the string to sign.
const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The header with the time of the signature.
pub(super) const DATE: &str = "x-sdk-date";

/// The header that stands in for the hash of the body.
const CONTENT_HASH: &str = "x-sdk-content-sha256";

/// All but `A-Z a-z 0-9 - _ . ~` is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// An `Authorization` header taken apart; nothing in it is believed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    /// AK.
    pub(super) access_key: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

// === impl Claim ===

impl<'a> Claim<'a> {
    /// Reads `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`; `None` for anything else.
    pub(super) fn parse(authorization: &'a str) -> Option<Self> {
        let mut parts = authorization
            .strip_prefix(ALGORITHM)?
            .strip_prefix(' ')?
            .split(", ");
        let claim = Self {
            access_key: parts.next()?.strip_prefix("Access=")?,
            signed_headers: parts.next()?.strip_prefix("SignedHeaders=")?,
            signature: parts.next()?.strip_prefix("Signature=")?,
        };
        parts.next().is_none().then_some(claim)
    }

    /// Whether a header, in lower case, is among the signed ones.
    pub(super) fn covers(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|name| name == header)
    }

    /// Whether whoever made this request knew `secret`.
    pub(super) fn holds(&self, head: &Parts, body: &[u8], secret: &str) -> bool {
        signature(head, body, self.signed_headers, secret)
            .is_some_and(|right| right.as_bytes().ct_eq(self.signature.as_bytes()).into())
    }
}

/// The signature this request should have; `None` when it cannot have one.
pub(super) fn signature(
    head: &Parts,
    body: &[u8],
    signed_headers: &str,
    secret: &str,
) -> Option<String> {
    if !signed_headers.split(';').any(|name| name == DATE) {
        return None;
    }
    let date = the_only(&head.headers, DATE)?;
    let request = hex::encode(Sha256::digest(canonical_request(
        head,
        body,
        signed_headers,
    )?));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    for part in [ALGORITHM.as_bytes(), b"\n", date, b"\n", request.as_bytes()] {
        mac.update(part);
    }
    Some(hex::encode(mac.finalize().into_bytes()))
}

/// Bytes, not text: header values need not be UTF-8.
fn canonical_request(head: &Parts, body: &[u8], signed_headers: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    for line in [
        head.method.as_str(),
        &canonical_path(&head.uri),
        &canonical_query(&head.uri),
    ] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    for name in signed_headers.split(';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(the_only(&head.headers, name)?);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    match the_only(&head.headers, CONTENT_HASH) {
        Some(hash) => out.extend_from_slice(hash),
        None => out.extend_from_slice(hex::encode(Sha256::digest(body)).as_bytes()),
    }
    Some(out)
}

/// Each segment decoded and encoded anew; a slash at the end, which the wire does not have.
fn canonical_path(uri: &Uri) -> String {
    let mut path = uri
        .path()
        .split('/')
        .map(|segment| encode(&decode(segment)).to_string())
        .collect::<Vec<_>>()
        .join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Pairs in the order of their decoded names, then values; a name without a value gets an empty one.
fn canonical_query(uri: &Uri) -> String {
    let mut pairs: Vec<[Cow<'_, [u8]>; 2]> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| [decode(name), decode(value)])
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|[name, value]| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn decode(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

fn encode(bytes: &[u8]) -> PercentEncode<'_> {
    percent_encode(bytes, ENCODED)
}

/// The value of a header that is there once, trimmed at both ends.
fn the_only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests;
