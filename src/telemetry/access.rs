//! The access log: one line for each request, written by the outermost layer.
//!
//! A line is composed straight into the calling thread's buffer of [`Lines`], without a map, a formatter or an
//! allocation. What a client or upstream chose (path, method, ids) is bounded in length and escaped down to printable
//! ASCII, so that no request can forge a line or steer a terminal. No header value other than the request ids is ever
//! in it, so no key and no credential.

use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::config::{AccessLog as Mode, LogFormat, LogSettings};
use crate::policy::cost::Cost;
use crate::policy::job::JobId;
use crate::policy::outcome::Outcome;

use super::lines::Lines;
use field::Fields;

mod escape;
mod field;

/// Longest part of a path in a line, in bytes: enough to see what was meant, short of what an attacker would pay for.
const MAX_PATH_BYTES: usize = 256;

/// Digits of a validator in a line: 32 bits, which two bodies of one job share by accident once in 10⁹ changes.
const TAG_BYTES: usize = 8;

/// Longest other text in a line, in bytes: our own ids and names are at most 64.
const MAX_TEXT_BYTES: usize = 128;

/// Writes access lines, or does not, as `log.access` says.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Lines,
    mode: Mode,
    format: LogFormat,
}

/// One exchange, borrowed from the layer that saw it end.
#[derive(Clone, Copy, Debug)]
pub struct AccessRecord<'a> {
    /// When it ended, wall time.
    pub at: SystemTime,
    /// Who asked, by name; `None` for nobody in particular.
    pub client: Option<&'a str>,
    /// The peer's address; its text is made once for a connection.
    pub peer: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// What was asked for.
    pub target: Target<'a>,
    /// The status sent; `None` if the client went away first.
    pub status: Option<u16>,
    /// How it was answered.
    pub outcome: Outcome,
    /// What its client paid for it.
    pub cost: Cost,
    /// The job that was told, with its body or as unchanged.
    pub told: Option<ToldJob>,
    /// The code in the error body.
    pub error_code: Option<&'a str>,
    /// From the request's head to the answer's.
    pub duration: Duration,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Our name for the exchange.
    pub request_id: &'a str,
    /// Upstream's answer, if this exchange led to a call.
    pub upstream: Option<UpstreamAnswer<'a>>,
}

/// What a request asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A job.
    Job(&'a JobId),
    /// Anything else: its path, without the query.
    Path(&'a str),
}

/// What is said of a job that was told: enough to see from the log alone how often it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldJob {
    etag: [u8; TAG_BYTES],
    running: bool,
}

/// What upstream said of a forwarded request, for asking the vendor's support.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamAnswer<'a> {
    /// Upstream's status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Upstream's `X-Request-Id`.
    pub request_id: Option<&'a str>,
}

// === impl AccessLog ===

impl AccessLog {
    /// The log that `settings` asks for, on the stream that the other lines go to.
    #[must_use]
    pub fn new(settings: &LogSettings, lines: Lines) -> Self {
        Self {
            lines,
            mode: settings.access,
            format: settings.format,
        }
    }

    /// Whether an exchange with this status gets a line, so that a caller need not gather one in vain.
    #[must_use]
    pub fn wants(&self, status: Option<u16>) -> bool {
        match self.mode {
            Mode::All => true,
            Mode::Errors => status.is_some_and(|status| status >= 400),
            Mode::Off => false,
        }
    }

    /// Writes the line of an exchange, if it gets one.
    pub fn write(&self, record: &AccessRecord<'_>) {
        if self.wants(record.status) {
            self.lines.append(record.at, |out, stamp| {
                record.compose(Fields::begin(out, self.format, stamp));
            });
        }
    }
}

// === impl ToldJob ===

impl ToldJob {
    /// A job with this validator; `running`: its body does not say that it is finished.
    #[must_use]
    pub fn new(etag: &HeaderValue, running: bool) -> Self {
        let quoted = etag.as_bytes();
        let digits = quoted.get(1..).and_then(<[u8]>::first_chunk);
        Self {
            etag: digits.copied().unwrap_or(*b"--------"), // a validator of ours has 32
            running,
        }
    }

    fn etag(&self) -> &str {
        std::str::from_utf8(&self.etag).unwrap_or_default() // hexadecimal digits
    }
}

// === impl AccessRecord ===

impl AccessRecord<'_> {
    fn compose(&self, mut fields: Fields<'_>) {
        fields.text("client", self.client.unwrap_or("-"), MAX_TEXT_BYTES);
        fields.text("peer", self.peer, MAX_TEXT_BYTES);
        fields.text("method", self.method, MAX_TEXT_BYTES);
        match self.target {
            Target::Job(id) => fields.word("job.id", id.as_str()),
            Target::Path(path) => fields.text("path", path, MAX_PATH_BYTES),
        }
        if let Some(status) = self.status {
            fields.number("status", status);
        }
        fields.word("outcome", self.outcome.kind().as_str());
        if let Some(why) = self.outcome.why() {
            fields.word("reason", why.token());
        }
        fields.millionths("cost", self.cost.millionths());
        if let Some(told) = self.told {
            fields.word("etag", told.etag());
            fields.flag("running", told.running);
        }
        if let Some(code) = self.error_code {
            fields.text("error.code", code, MAX_TEXT_BYTES);
        }
        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        fields.number("duration_us", micros);
        fields.number("bytes", self.bytes);
        fields.text("request.id", self.request_id, MAX_TEXT_BYTES);
        if let Some(upstream) = self.upstream {
            if let Some(status) = upstream.status {
                fields.number("upstream.status", status);
            }
            if let Some(id) = upstream.request_id {
                fields.text("upstream.request_id", id, MAX_TEXT_BYTES);
            }
        }
        fields.end();
    }
}

#[cfg(test)]
mod tests;
