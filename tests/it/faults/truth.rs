//! What the sandbox truly said of the job and when, and whether an answer of the gateway is true to that.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::stage::LIFETIME;
use crate::support::Answer;

/// What the sandbox said, by job and the second in which it did.
#[derive(Default)]
pub(super) struct Truth(BTreeMap<(String, u64), Bytes>);

// === impl Truth ===

impl Truth {
    /// The sandbox says this of a job in that second.
    pub(super) fn learn(&mut self, job: &str, second: u64, body: Bytes) {
        self.0.insert((job.to_owned(), second), body);
    }

    /// What an answer about a job, given in that second, tells: `fresh`, `stale` and why, or status and code. Or in what it is wrong.
    pub(super) fn told(&self, job: &str, answer: &Answer, second: u64) -> Result<String, String> {
        let wrong = |what: &str| format!("{what}: {} {:?}", answer.status, answer.headers);
        if answer.status == 200 {
            self.job(job, answer, second).map_err(wrong)
        } else {
            problem(answer).map_err(wrong)
        }
    }

    /// A job: what the sandbox said as long ago as `Age` says, with a label that fits.
    fn job(&self, job: &str, answer: &Answer, second: u64) -> Result<String, &'static str> {
        let age: u64 = answer.header("age").parse().ok().ok_or("no age")?;
        let sent = second.checked_sub(age).ok_or("older than everything")?;
        if self.0.get(&(job.to_owned(), sent)) != Some(&answer.body) {
            return Err("the sandbox did not say this then");
        }
        if answer.header("cache-control") != format!("private, max-age={}", LIFETIME.as_secs()) {
            return Err("another lifetime");
        }
        let label = answer.header("cache-status");
        let mut parts = label.split("; ");
        if parts.next() != Some("jobgate") {
            return Err("not labelled");
        }
        let how = parts.next().unwrap_or_default();
        let value = |name: &str| label.split("; ").find_map(|part| part.strip_prefix(name));
        let ttl: i64 = value("ttl=")
            .ok_or("no ttl")?
            .parse()
            .ok()
            .ok_or("a bad ttl")?;
        if ttl != LIFETIME.as_secs().cast_signed() - age.cast_signed() {
            return Err("a ttl that does not go with the age");
        }
        match (value("detail="), how) {
            (None, "hit" | "fwd=uri-miss" | "fwd=stale") if ttl > 0 => Ok("fresh".to_owned()),
            (Some(why), "hit" | "fwd=stale") if ttl < 0 => Ok(format!("stale {why}")),
            _ => Err("a label that does not go with the age"),
        }
    }
}

/// An error: in the one shape, not to be stored by anybody, and with a time to come back where one is known.
fn problem(answer: &Answer) -> Result<String, &'static str> {
    let body: BTreeMap<String, Value> = serde_json::from_slice(&answer.body)
        .ok()
        .ok_or("no object")?;
    let names: Vec<_> = body.keys().map(String::as_str).collect();
    if names != ["error_code", "error_msg", "request_id", "source"] {
        return Err("other members");
    }
    if !body
        .values()
        .all(|it| it.as_str().is_some_and(|text| !text.is_empty()))
    {
        return Err("an empty member");
    }
    let is_from_memory = answer.header("cache-status").starts_with("jobgate; hit");
    let has_age = !answer.header("age").is_empty();
    if answer.header("cache-control") != "no-store" || has_age != is_from_memory {
        return Err("an error with an age that is not from memory, or the other way round");
    }
    if !answer.header("cache-status").starts_with("jobgate; ") {
        return Err("not labelled");
    }
    let code = answer.code();
    let is_timed = answer.status == 429 || code == "JG.5033";
    let retry_after = answer.header("retry-after").parse::<u64>().ok();
    if retry_after.is_some_and(|seconds| seconds > 0) != is_timed {
        return Err("Retry-After");
    }
    Ok(format!("{} {code}", answer.status.as_u16()))
}

/// Whole seconds.
pub(super) fn seconds(time: Duration) -> u64 {
    assert_eq!(
        time.subsec_nanos(),
        0,
        "the clock is moved by whole seconds"
    );
    time.as_secs()
}
