//! Is a request signed with a secret? The side of [`signing`] that believes nothing.
//!
//! The official SDKs sign different sets of headers, so the list in the request is followed and nothing else; the date must be on it.
//! A request is judged as it came over the wire. Whether it carries a body decides too: a signature covers the body, which is
//! not read here, so only one of an empty body is taken. All that can be refused without a secret is refused before one is
//! asked for, in words that say what to change; a secret that does not fit is refused in the same words whatever is wrong.
//! Whose secret it is, is not known here.
//!
//! A signature can be sent again by whoever saw it, for as long as its date is near enough: nothing is remembered of those
//! that were taken. What it opens is to read one job's info, and TLS keeps it from strangers.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::keys::SDK_DATE;
use super::secret::Secret;
use super::signing::{self, ALGORITHM, CONTENT_HASH_HEADER, DATE_HEADER, Signable};
use crate::error::Error;

/// Longest `Authorization` that is read, in bytes. The SDKs' have about 250.
const MAX_BYTES: usize = 4 * 1024;
/// Most headers that may be signed. The SDKs sign three to six.
const MAX_SIGNED_HEADERS: usize = 64;
/// How far the date may be from the gateway's clock, either way: as far as upstream's own gateway takes it.
const MAX_SKEW: Duration = Duration::from_mins(15);
/// SHA-256 of nothing.
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const NOT_TAKEN: Error = Error::BadSignature(
    "Only the algorithm SDK-HMAC-SHA256 is taken, which is the default of the SDKs.",
);
const MALFORMED: Error = Error::BadSignature(
    "Authorization must be of the form: SDK-HMAC-SHA256 Access=NAME, SignedHeaders=LIST, Signature=HEX.",
);
const BAD_LIST: Error = Error::BadSignature(
    "SignedHeaders must be at most 64 names in lower case, each once, and x-sdk-date among them.",
);
const BAD_HEADER: Error =
    Error::BadSignature("Each signed header must be in the request exactly once.");
const BAD_DATE: Error =
    Error::BadSignature("X-Sdk-Date must be a time in UTC of the form 20240605T080058Z.");
const WITH_BODY: Error = Error::BadSignature("A signed request must not have a body.");
const OF_A_BODY: Error = Error::BadSignature(
    "X-Sdk-Content-Sha256 must be left out, or be the hash of an empty body; UNSIGNED-PAYLOAD is not taken.",
);
const TWO_HOSTS: Error =
    Error::BadSignature("The Host header and the request's target name different hosts.");
/// What is said of any signature that does not fit, also if nobody is called so.
pub(super) const NO_MATCH: Error = Error::BadSignature(MUST_MATCH);
const MUST_MATCH: &str = "The access key must be your client's name at this gateway and the secret key the one that you were given with it, and nothing on the way may change the request.";

/// What a request claims by its signature: that whoever made it knows the secret of `access_key`.
pub(super) struct Claim<'a> {
    pub(super) access_key: &'a str,
    message: Vec<u8>,
    signature: [u8; 32],
}

/// An `Authorization` taken apart.
struct Form<'a> {
    access_key: &'a str,
    signed: Vec<&'a str>,
    signature: [u8; 32],
}

// === impl Claim ===

impl<'a> Claim<'a> {
    /// Reads the claim that `authorization` makes for a request which came at `wall`.
    ///
    /// # Errors
    /// [`Error::BadSignature`], [`Error::ClientClock`]; neither depends on whether there is such an access key.
    pub(super) fn read(
        authorization: &'a HeaderValue,
        head: &Parts,
        has_body: bool,
        wall: SystemTime,
    ) -> Result<Self, Error> {
        let form = Form::read(authorization)?;
        if has_body {
            return Err(WITH_BODY);
        }
        check_content_hash(&head.headers)?;
        check_date(&head.headers, wall)?;
        let headers = with_host(head)?;
        let message = signing::message(&Signable {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            signed: &form.signed,
            body: b"",
        });
        Ok(Self {
            access_key: form.access_key,
            message: message.or(Err(BAD_HEADER))?,
            signature: form.signature,
        })
    }

    /// Whether it is true of this secret. It takes the same time wherever the signature is wrong.
    pub(super) fn fits(&self, secret: &Secret) -> bool {
        signing::is_signature(&self.signature, &self.message, secret.expose())
    }
}

/// Whether a signature was refused because it did not fit, and not for its form.
pub(super) fn is_no_match(error: &Error) -> bool {
    matches!(error, Error::BadSignature(text) if *text == MUST_MATCH)
}

/// The access key that an `Authorization` names, whether or not the rest of it is good.
pub(super) fn access_key(authorization: &HeaderValue) -> Option<&str> {
    Form::read(authorization).ok().map(|form| form.access_key)
}

// === impl Form ===

impl<'a> Form<'a> {
    fn read(authorization: &'a HeaderValue) -> Result<Self, Error> {
        let text = authorization.to_str().ok();
        let text = text.filter(|text| text.len() <= MAX_BYTES);
        let (algorithm, rest) = text
            .and_then(|text| text.split_once(' '))
            .ok_or(MALFORMED)?;
        if algorithm != ALGORITHM {
            return Err(NOT_TAKEN);
        }
        let (access_key, signed, signature) = parts(rest).ok_or(MALFORMED)?;
        let signed = list(signed).ok_or(BAD_LIST)?;
        Ok(Self {
            access_key,
            signed,
            signature,
        })
    }
}

fn parts(text: &str) -> Option<(&str, &str, [u8; 32])> {
    let (access_key, rest) = text.strip_prefix("Access=")?.split_once(", ")?;
    let (signed, rest) = rest.strip_prefix("SignedHeaders=")?.split_once(", ")?;
    let digits = rest.strip_prefix("Signature=")?;
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).ok()?;
    let is_lower = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
    is_lower.then_some((access_key, signed, signature))
}

/// Names of header fields in lower case, none of them twice, the date's among them.
fn list(text: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = text.split(';').take(MAX_SIGNED_HEADERS + 1).collect();
    let is_name = |name: &str| {
        !name.is_empty()
            && !name
                .bytes()
                .any(|byte| byte.is_ascii_uppercase() || byte == b' ')
    };
    let is_twice = |(place, name): (usize, &&str)| names.iter().take(place).any(|one| one == name);
    let is_good = names.len() <= MAX_SIGNED_HEADERS
        && names.contains(&DATE_HEADER)
        && names.iter().all(|name| is_name(name))
        && !names.iter().enumerate().any(is_twice);
    is_good.then_some(names)
}

/// The header stands in for the body's hash, signed or not: another value than that of no body would be somebody's word.
fn check_content_hash(headers: &HeaderMap) -> Result<(), Error> {
    let mut values = headers.get_all(CONTENT_HASH_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(hash), None) if hash == EMPTY_HASH => Ok(()),
        (Some(_), _) => Err(OF_A_BODY),
    }
}

fn check_date(headers: &HeaderMap, wall: SystemTime) -> Result<(), Error> {
    let mut values = headers.get_all(DATE_HEADER).iter();
    let (Some(date), None) = (values.next(), values.next()) else {
        return Err(BAD_HEADER);
    };
    let signed_at = read_date(date).ok_or(BAD_DATE)?;
    let (behind, off) = match wall.duration_since(signed_at) {
        Ok(off) => (true, off),
        Err(ahead) => (false, ahead.duration()),
    };
    if off > MAX_SKEW {
        return Err(Error::ClientClock { behind, off });
    }
    Ok(())
}

/// The parser takes other spellings too, so what it read is written down again and compared.
fn read_date(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?;
    let date = DateTime::strptime(SDK_DATE, text).ok()?;
    if date.strftime(SDK_DATE).to_string() != text {
        return None;
    }
    Offset::UTC.to_timestamp(date).ok()?.try_into().ok()
}

/// The headers, `Host` among them: in HTTP/2 the target's authority takes its place (RFC 9113 §8.3.1), in the spelling that the
/// client sent. Where both are there they must agree, since the target is what counts (RFC 9112 §3.2.2).
fn with_host(head: &Parts) -> Result<Cow<'_, HeaderMap>, Error> {
    let headers = &head.headers;
    let Some(authority) = head.uri.authority().map(http::uri::Authority::as_str) else {
        return Ok(Cow::Borrowed(headers));
    };
    match headers.get(HOST) {
        Some(host) if host == authority => Ok(Cow::Borrowed(headers)),
        Some(_) => Err(TWO_HOSTS),
        None => {
            let mut headers = headers.clone();
            let host = HeaderValue::from_str(authority).or(Err(TWO_HOSTS))?;
            headers.insert(HOST, host);
            Ok(Cow::Owned(headers))
        }
    }
}

#[cfg(test)]
mod tests;
