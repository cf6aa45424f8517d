//! SDK-HMAC-SHA256, the vendor's request signature: pure functions, for signing and for checking alike.
//!
//! They follow the list of signed headers they are given and nothing else, because the official SDKs sign different sets.
//! Deliberately not here: which headers must be signed, how old a date may be, whether an unsigned payload is allowed.
//! Those are rules of whoever checks.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

/// The algorithm's name, as it stands in `Authorization` and in the string to sign.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The header whose value is the time in the string to sign.
pub(super) const DATE_HEADER: &str = "x-sdk-date";

/// The header that, if it is there, stands in for the hash of the body.
pub(super) const CONTENT_HASH_HEADER: &str = "x-sdk-content-sha256";

/// Everything but the unreserved characters of RFC 3986 §2.3 is encoded, with upper-case hex.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// In a path, slashes stay too. The official signers decode the whole path before they split it, so that `a%2Fb` is signed
/// as `a/b`; so do we.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// A request as far as its signature goes.
#[derive(Clone, Copy)]
pub struct Signable<'a> {
    /// In any case; signed in upper case.
    pub method: &'a str,
    /// As on the wire: absolute, percent-encoded, without the query.
    pub path: &'a str,
    /// As on the wire, without the question mark; empty when there is none.
    pub query: &'a str,
    /// All headers, `Host` among them if it is signed.
    pub headers: &'a HeaderMap,
    /// Which of them are signed: lower case, in the order of the `SignedHeaders` list.
    pub signed: &'a [&'a str],
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request has no signature of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// A header of the list is not there.
    #[error("signed header {0} is missing")]
    Missing(String),
    /// A header of the list is there twice: which one was meant cannot be told.
    #[error("signed header {0} occurs more than once")]
    Repeated(String),
}

/// The request in its one canonical spelling.
///
/// # Errors
/// A signed header that does not occur exactly once.
pub fn canonical_request(request: &Signable<'_>) -> Result<Vec<u8>, SigningFault> {
    let mut out = Vec::with_capacity(512);
    for line in [
        request.method.to_ascii_uppercase(),
        canonical_path(request.path),
        canonical_query(request.query),
    ] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    for name in request.signed {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(the_one_value(request.headers, name)?.trim_ascii());
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(request.signed.join(";").as_bytes());
    out.push(b'\n');
    match request.headers.get(CONTENT_HASH_HEADER) {
        Some(hash) => out.extend_from_slice(hash.as_bytes()),
        None => out.extend_from_slice(hash(request.body).as_bytes()),
    }
    Ok(out)
}

/// What the secret key signs: `date` is the value of `X-Sdk-Date`.
#[must_use]
pub fn string_to_sign(date: &[u8], canonical_request: &[u8]) -> Vec<u8> {
    let hash = hash(canonical_request);
    [ALGORITHM.as_bytes(), date, hash.as_bytes()].join(&b'\n')
}

/// The same, of a whole request.
///
/// # Errors
/// `X-Sdk-Date`, or a signed header, that does not occur exactly once.
pub fn message(request: &Signable<'_>) -> Result<Vec<u8>, SigningFault> {
    let date = the_one_value(request.headers, DATE_HEADER)?;
    Ok(string_to_sign(date, &canonical_request(request)?))
}

/// The signature: 64 lower-case hex digits. The secret key is the HMAC key itself, none is derived.
///
/// # Errors
/// See [`message`].
pub fn signature(request: &Signable<'_>, secret_key: &str) -> Result<String, SigningFault> {
    let mac = mac(&message(request)?, secret_key);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

/// Whether these bytes are the signature of a [`message`]. It takes the same time wherever they differ.
#[must_use]
pub fn is_signature(signature: &[u8; 32], message: &[u8], secret_key: &str) -> bool {
    mac(message, secret_key).verify_slice(signature).is_ok()
}

fn mac(message: &[u8], secret_key: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

/// The value of `Authorization`.
///
/// # Errors
/// See [`signature`].
pub fn authorization(
    request: &Signable<'_>,
    access_key: &str,
    secret_key: &str,
) -> Result<String, SigningFault> {
    let signature = signature(request, secret_key)?;
    let signed = request.signed.join(";");
    Ok(format!(
        "{ALGORITHM} Access={access_key}, SignedHeaders={signed}, Signature={signature}"
    ))
}

/// The wire path need not end in a slash, the canonical one does.
fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let mut canonical = percent_encode(&decoded, PATH).to_string();
    if !canonical.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                percent_decode_str(name).collect(),
                percent_decode_str(value).collect(),
            )
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            format!(
                "{}={}",
                percent_encode(name, QUERY),
                percent_encode(value, QUERY)
            )
        })
        .collect();
    pairs.join("&")
}

fn the_one_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], SigningFault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (None, _) => Err(SigningFault::Missing(name.to_owned())),
        (Some(_), Some(_)) => Err(SigningFault::Repeated(name.to_owned())),
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
