//! An answer as a client reads it.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, RETRY_AFTER};
use http_body_util::BodyExt as _;
use serde::Deserialize;

use jobgate::layers::Written;

/// What a client sees.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
    /// `error_code`, of an error.
    pub code: Option<String>,
    pub age: Option<i64>,
    pub max_age: Option<i64>,
    pub retry_after: Option<u64>,
    pub label: Option<Label>,
}

/// `Cache-Status` (RFC 9211): one member, its parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Label {
    pub hit: bool,
    pub fwd: Option<String>,
    pub fwd_status: Option<u16>,
    pub collapsed: bool,
    pub stored: bool,
    pub ttl: Option<i64>,
    pub detail: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    error_code: String,
}

// === impl Answer ===

impl Answer {
    pub(crate) fn read(written: Written) -> Self {
        let (head, body) = written.response.into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let headers = &head.headers;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status: head.status.as_u16(),
            code: serde_json::from_slice::<Problem>(&body)
                .ok()
                .map(|problem| problem.error_code),
            body,
            age: text(AGE.as_str()).and_then(|age| age.parse().ok()),
            max_age: max_age(headers),
            retry_after: text(RETRY_AFTER.as_str()).and_then(|after| after.parse().ok()),
            label: text("cache-status").map(Label::read),
        }
    }

    /// How it was come by: the code of an error, or what the label says of a job.
    pub(crate) fn kind(&self) -> String {
        let label = self.label.clone().unwrap_or_default();
        let how = label.fwd.as_deref().unwrap_or("hit");
        let what = match (&self.code, &label.detail, label.collapsed) {
            (Some(code), ..) => return code.clone(),
            (None, Some(detail), _) => detail,
            (None, None, true) => "collapsed",
            (None, None, false) => "good",
        };
        format!("{how} {what}")
    }
}

fn max_age(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    text.strip_prefix("private, max-age=")?.parse().ok()
}

// === impl Label ===

impl Label {
    /// Anything that is not as it should be is missing afterwards, which no promise forgives.
    fn read(text: &str) -> Self {
        let mut label = Self::default();
        let mut members = text.split("; ");
        if members.next() != Some("jobgate") {
            return label;
        }
        for member in members {
            match member.split_once('=') {
                None if member == "hit" => label.hit = true,
                None if member == "collapsed" => label.collapsed = true,
                None if member == "stored" => label.stored = true,
                Some(("fwd", reason)) => label.fwd = Some(reason.to_owned()),
                Some(("fwd-status", status)) => label.fwd_status = status.parse().ok(),
                Some(("ttl", ttl)) => label.ttl = ttl.parse().ok(),
                Some(("detail", detail)) => label.detail = Some(detail.to_owned()),
                _ => return Self::default(),
            }
        }
        label
    }
}
