//! What upstream answered, whole and within limits, or why not.
//!
//! No framing header of the answer goes further than this file: of the head only the status and one cleaned field are
//! kept. What the body says is judged elsewhere.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use super::failure;
use crate::error::Error;
use crate::policy::request_id;

/// A whole answer of upstream, of any final status.
#[derive(Clone)]
pub struct Answer {
    /// The status: 200 to 999.
    pub status: u16,
    /// `X-Request-Id`, if it is 1 to 64 of `[A-Za-z0-9._-]`: what the vendor's support asks for.
    pub request_id: Option<Box<str>>,
    /// The body, at most `upstream.max_body`.
    pub body: Bytes,
    /// When the request went out.
    pub sent: Instant,
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(head: &Parts, body: Bytes, sent: Instant) -> Self {
        Self {
            status: head.status.as_u16(),
            request_id: request_id(&head.headers),
            body,
            sent,
        }
    }
}

/// Without the body: it may hold what no log should.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Refuses a head whose body must not be read. `identity` was asked for, so a coding is a fault, and what is never
/// decoded cannot be a decompression bomb.
pub(super) fn check_head(head: &Parts) -> Result<(), Error> {
    if head.status.is_informational() {
        return Err(Error::not_success(
            "the connection was switched to another protocol",
        ));
    }
    if !only(&head.headers, CONTENT_ENCODING, "identity") {
        return Err(Error::not_success("an encoded body"));
    }
    if !only(&head.headers, TRANSFER_ENCODING, "chunked") {
        return Err(Error::not_success("a transfer coding other than chunked"));
    }
    Ok(())
}

/// Reads the body to its end, or to the limit and not a frame further.
pub(super) async fn read_body(body: Incoming, max_bytes: usize) -> Result<Bytes, Error> {
    let announced = usize::try_from(body.size_hint().lower());
    if announced.is_ok_and(|bytes| bytes <= max_bytes) {
        match Limited::new(body, max_bytes).collect().await {
            Ok(whole) => return Ok(whole.to_bytes()),
            Err(error) if !error.is::<LengthLimitError>() => {
                return Err(failure::of_body(&*error));
            }
            Err(_too_long) => {}
        }
    }
    Err(Error::not_success(format!("a body over {max_bytes} bytes")))
}

/// Is every field of this name, if there is any, exactly `coding`?
fn only(headers: &HeaderMap, name: HeaderName, coding: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.all(|value| value.as_bytes().eq_ignore_ascii_case(coding.as_bytes()))
}

fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    request_id::is_modest(id).then(|| id.into())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::HeaderValue;

    use super::request_id;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(name, value);
        headers
    }

    #[test]
    fn a_request_id_is_kept_only_if_it_can_stand_in_a_header_and_a_log() {
        let longest = "a".repeat(64);
        let longer = "a".repeat(65);
        for (text, kept) in [
            ("5b0e4b57c12b8e4d", true),
            ("A-z_0.9", true),
            (longest.as_str(), true),
            (longer.as_str(), false),
            ("", false),
            ("two words", false),
            ("a\"b", false),
            ("é", false),
        ] {
            let expected = kept.then_some(text);
            let id = request_id(&headers("x-request-id", text));
            assert_eq!(id.as_deref(), expected, "{text}");
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
    }
}
