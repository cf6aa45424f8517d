//! One line of the access log: is it an ask for a job, and what does it tell of that job?
//!
//! Only the fields that are needed are read, and nothing is copied: none of them is ever escaped by who writes the log, so a line in which one is was not
//! written by this program.

use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::error::NO_SUCH_JOB;
use crate::policy::job::JobId;

/// No request lasts longer (`server.request_timeout` is an hour at most): a line that says so would be taken back to another day.
const LONGEST_MS: u64 = 60 * 60 * 1_000;

/// The log is for people.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("this log is in the format \"text\"; replay needs log.format = \"json\"")]
pub struct TextFormat;

/// What a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There.
    Job {
        /// The first digits of its validator.
        etag: u32,
        running: bool,
    },
    /// Not there.
    Denied,
}

/// What a line tells of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    State(State),
    /// The job is there; the line does not say how it stands.
    Exists,
    Nothing,
}

/// An ask for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// When it began, in milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) job: JobId,
    pub(super) client: &'a str,
    pub(super) tells: Tells,
    /// How long it took, in microseconds, if it made one call for itself.
    pub(super) call_us: Option<u64>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    timestamp: &'a str,
    target: &'a str,
    client: &'a str,
    #[serde(rename = "job.id")]
    job: &'a str,
    status: Option<u16>,
    outcome: &'a str,
    #[serde(default)]
    cost: u32,
    #[serde(rename = "error.code")]
    code: Option<&'a str>,
    #[serde(default)]
    duration_us: u64,
    etag: Option<&'a str>,
    #[serde(default)]
    running: bool,
}

// === impl Line ===

impl<'a> Line<'a> {
    /// `None`: the line is no ask for a job.
    pub(super) fn parse(line: &'a [u8]) -> Result<Option<Self>, TextFormat> {
        match serde_json::from_slice::<Raw<'_>>(line) {
            Ok(raw) => Ok(raw.ask()),
            Err(_) if is_text(line) => Err(TextFormat),
            Err(_) => Ok(None),
        }
    }
}

// === impl Raw ===

impl<'a> Raw<'a> {
    fn ask(&self) -> Option<Line<'a>> {
        // refused before the job was looked up, or answered without one
        let is_ask = self.target == "access" && !matches!(self.outcome, "refused" | "local");
        let job = JobId::parse(self.job).ok().filter(|_| is_ask)?;
        let ended: Timestamp = self.timestamp.parse().ok()?;
        let took_ms = (self.duration_us / 1_000).min(LONGEST_MS);
        let call = self.outcome == "miss" && self.cost == 1;
        Some(Line {
            at_ms: ended.as_millisecond().saturating_sub_unsigned(took_ms),
            job,
            client: self.client,
            tells: self.tells(),
            call_us: call.then_some(self.duration_us),
        })
    }

    fn tells(&self) -> Tells {
        let is_denial = self.code.is_some_and(|code| code.ends_with(NO_SUCH_JOB));
        match self.status {
            Some(200 | 304) => self.etag.and_then(digits).map_or(Tells::Exists, |etag| {
                let running = self.running;
                Tells::State(State::Job { etag, running })
            }),
            Some(404) if is_denial => Tells::State(State::Denied),
            _ => Tells::Nothing,
        }
    }
}

fn digits(etag: &str) -> Option<u32> {
    u32::from_str_radix(etag.get(..8)?, 16).ok()
}

/// `2026-05-28T20:26:40.123Z  INFO access: client=…`
fn is_text(line: &[u8]) -> bool {
    let head = line.get(..64).unwrap_or(line);
    let mark = b" INFO access: ";
    !head.starts_with(b"{") && head.windows(mark.len()).any(|part| part == mark)
}

#[cfg(test)]
mod tests {
    use super::{Line, State, Tells, TextFormat};

    const ID: &str = "901878212b1a49be9c1a1054c272762a";

    fn line(more: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-05-28T20:26:40.123Z","level":"INFO","target":"access","client":"wallboard","peer":"127.0.0.1:5","method":"GET","job.id":"{ID}",{more},"bytes":913,"request.id":"r-1"}}"#
        )
    }

    #[test]
    fn what_a_line_tells() {
        let job = |etag, running| Tells::State(State::Job { etag, running });
        for (more, tells) in [
            (r#""status":200,"outcome":"hit""#, Tells::Exists),
            (
                r#""status":200,"outcome":"hit","etag":"f1b3eb0f","running":true"#,
                job(0xf1b3_eb0f, true),
            ),
            (
                r#""status":304,"outcome":"hit","etag":"0000000a""#,
                job(10, false),
            ),
            (
                r#""status":200,"outcome":"hit","etag":"nonsense""#,
                Tells::Exists,
            ),
            (
                r#""status":404,"outcome":"failed","error.code":"DEV.CB.0531.00031006""#,
                Tells::State(State::Denied),
            ),
            (
                r#""status":404,"outcome":"failed","error.code":"CB.00060214""#,
                Tells::Nothing,
            ),
            (
                r#""status":429,"outcome":"held","error.code":"JG.4292""#,
                Tells::Nothing,
            ),
            (r#""outcome":"abandoned""#, Tells::Nothing),
        ] {
            let text = line(more);
            let line = Line::parse(text.as_bytes()).unwrap().expect(more);
            assert_eq!((line.tells, line.client), (tells, "wallboard"), "{more}");
        }
    }

    #[test]
    fn an_ask_begins_before_its_line_by_what_it_took() {
        for (took, at_ms) in [
            (0, 1_780_000_000_123),
            (1_999, 1_780_000_000_122),
            (250_000, 1_779_999_999_873),
            (u64::MAX, 1_779_996_400_123), // an hour
        ] {
            let text = line(&format!(
                r#""outcome":"miss","cost":1,"duration_us":{took}"#
            ));
            let line = Line::parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!((line.at_ms, line.call_us), (at_ms, Some(took)));
        }
    }

    #[test]
    fn what_is_no_ask_for_a_job_is_passed_over_and_a_text_log_is_refused() {
        let refused = line(r#""status":401,"outcome":"refused""#);
        let other = line(r#""status":200,"outcome":"hit""#).replace("access", "jobgate::app");
        let path = line(r#""status":404,"outcome":"refused""#).replace("job.id", "path");
        let undated = line(r#""outcome":"hit""#).replace("2026-", "26-");
        let cut = line(r#""outcome":"hit""#);
        let cut = cut.get(..100).unwrap();
        let diagnostic = r#"{"timestamp":"2026-05-28T20:26:40.123Z","level":"INFO","message":"serving","target":"jobgate"}"#;
        for text in [
            &refused, &other, &path, &undated, cut, diagnostic, "", "null", "\u{0}",
        ] {
            assert_eq!(Line::parse(text.as_bytes()), Ok(None), "{text}");
        }
        let text = format!("2026-05-28T20:26:40.123Z  INFO access: client=a job.id={ID}");
        assert_eq!(Line::parse(text.as_bytes()), Err(TextFormat));
    }
}
