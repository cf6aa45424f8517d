//! What upstream answered, whole and within limits, or why not.
//!
//! No framing header of the answer goes further than this file: of the head only the status, the time, one cleaned field and
//! the numbers of some are kept. What the body says is judged elsewhere.

use std::fmt;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use super::failure;
use crate::error::Error;
use crate::policy::limit::Heard;
use crate::policy::request_id;

/// What upstream says of its four limits, if it was asked with [`MODE`](super::MODE): `remain:9,limit:10,time:10 second`.
const RATE_LIMITS: [&str; 4] = [
    "x-apig-ratelimit-api",
    "x-apig-ratelimit-user",
    "x-apig-ratelimit-app",
    "x-apig-ratelimit-ip",
];

/// A whole answer of upstream, of any final status.
#[derive(Clone)]
pub struct Answer {
    /// The status: 200 to 999.
    pub status: u16,
    /// `X-Request-Id`, if it is 1 to 64 of `[A-Za-z0-9._-]`: what the vendor's support asks for.
    pub request_id: Option<Box<str>>,
    /// The limits that its head names, which it was asked for or not.
    pub limits: Heard,
    /// The body, at most `upstream.max_body`.
    pub body: Bytes,
    /// When the request went out.
    pub sent: Instant,
    /// `Date`, if there is one and it is as RFC 9110 §5.6.7 has them written today: upstream's clock when it answered.
    pub date: Option<SystemTime>,
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(head: &Parts, body: Bytes, sent: Instant) -> Self {
        Self {
            status: head.status.as_u16(),
            request_id: request_id(&head.headers),
            limits: limits(&head.headers),
            body,
            sent,
            date: date(&head.headers),
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
pub(crate) fn check_head(head: &Parts) -> Result<(), Error> {
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
pub(crate) async fn read_body(body: Incoming, max_bytes: usize) -> Result<Bytes, Error> {
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

/// The two obsolete forms are not read: what upstream sends today has the one.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let mut values = headers.get_all(DATE).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let date = httpdate::parse_http_date(text).ok()?;
    (httpdate::fmt_http_date(date) == text).then_some(date)
}

/// Each name counts once: a second field of it is as good as unreadable, and so is one that is no text.
fn limits(headers: &HeaderMap) -> Heard {
    let mut heard = Heard::default();
    for name in RATE_LIMITS {
        let mut values = headers.get_all(name).iter();
        if let Some(value) = values.next() {
            let text = value.to_str().ok().filter(|_| values.next().is_none());
            heard.header(text.unwrap_or_default());
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderMap;
    use http::header::HeaderValue;

    use super::{date, limits, request_id};

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
    fn a_date_is_read_in_the_one_form_of_today_and_once() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, read) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(at)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:61 GMT", None),
            (
                "Thu, 01 Jan 1970 00:00:00 GMT",
                Some(SystemTime::UNIX_EPOCH),
            ),
            ("1994-11-06T08:49:37Z", None),
            ("0", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(date(&headers("date", text)), read, "{text}");
        }
        let mut two = headers("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        two.append(
            "date",
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"),
        );
        assert_eq!(date(&two), None);
        assert_eq!(date(&HeaderMap::new()), None);
    }

    #[test]
    fn limits_are_read_from_four_headers_and_what_cannot_be_meant_is_only_counted() {
        let mut head = HeaderMap::new();
        assert_eq!(limits(&head), Default::default());
        for (name, value) in [
            ("x-apig-ratelimit-api", "remain:99,limit:100,time:1 minute"),
            ("x-apig-ratelimit-user", "remain:9,limit:10,time:10 second"),
            ("x-apig-ratelimit-app", "remain:0,limit:0,time:1 minute"),
            ("x-apig-ratelimit-ip", "remain:1,limit:5,time:1 minute"),
            ("x-apig-ratelimit-ip", "remain:1,limit:5,time:1 minute"),
            ("x-apig-ratelimit-other", "remain:1,limit:1,time:1 minute"),
        ] {
            head.append(name, HeaderValue::from_static(value));
        }
        let heard = limits(&head);
        let told = heard.told.iter().map(ToString::to_string);
        let told: Vec<_> = told.collect();
        assert_eq!(told, ["100 calls in 60s", "10 calls in 10s"]);
        assert_eq!((heard.ignored, heard.passed), (2, None));
    }
}
