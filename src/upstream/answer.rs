//! What upstream answered, whole and within limits, or why not.
//!
//! No framing header of the answer goes further than this file: of the head only the status and two cleaned fields are
//! kept. What the body says is judged elsewhere.

use std::fmt;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use jiff::fmt::rfc2822;

use super::failure::{self, not_success};
use crate::error::Error;

/// Longest request id that is kept, in characters: it goes into a header and the log. Real ones have 32 to 36.
const MAX_REQUEST_ID: usize = 64;

/// A whole answer of upstream, of any final status.
#[derive(Clone)]
pub struct Answer {
    /// The status: 200 to 999.
    pub status: u16,
    /// `X-Request-Id`, if it is 1 to 64 of `[A-Za-z0-9._-]`: what the vendor's support asks for.
    pub request_id: Option<Box<str>>,
    /// `Date`, if it can be read: it shows how far the clocks are apart.
    pub date: Option<SystemTime>,
    /// The body, at most `upstream.max_body`.
    pub body: Bytes,
    /// When the request went out.
    pub sent: Instant,
    /// When the last byte had arrived.
    pub arrived: Instant,
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(head: &Parts, body: Bytes, sent: Instant, arrived: Instant) -> Self {
        Self {
            status: head.status.as_u16(),
            request_id: request_id(&head.headers),
            date: date(&head.headers),
            body,
            sent,
            arrived,
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
        return Err(not_success(
            "the connection was switched to another protocol",
        ));
    }
    if !only(&head.headers, CONTENT_ENCODING, "identity") {
        return Err(not_success("an encoded body"));
    }
    if !only(&head.headers, TRANSFER_ENCODING, "chunked") {
        return Err(not_success("a transfer coding other than chunked"));
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
    Err(not_success(&format!("a body over {max_bytes} bytes")))
}

/// Is every field of this name, if there is any, exactly `coding`?
fn only(headers: &HeaderMap, name: HeaderName, coding: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.all(|value| value.as_bytes().eq_ignore_ascii_case(coding.as_bytes()))
}

fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let clean = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(allowed);
    clean.then(|| id.into())
}

/// RFC 9110 §5.6.7: the preferred form only, which is RFC 5322's with a fixed zone; its two obsolete forms are ignored.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    SystemTime::try_from(date).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderMap;
    use http::header::HeaderValue;

    use super::{date, request_id};

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

    #[test]
    fn the_date_is_read_in_its_preferred_form() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458);
        let good = headers("date", "Wed, 05 Jun 2024 08:00:58 GMT");
        assert_eq!(date(&good), Some(expected));
        for bad in ["", "yesterday", "Wednesday, 05-Jun-24 08:00:58 GMT"] {
            assert_eq!(date(&headers("date", bad)), None, "{bad}");
        }
    }
}
