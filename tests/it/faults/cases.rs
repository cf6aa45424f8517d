//! The faults, and what clients get: the rows of the table in docs/faults.md.

use std::time::Duration;

use jobgate::policy::{denial, setback};

/// One fault, and what follows from it.
pub(super) struct Case {
    /// What a rule says after `do = `.
    pub(super) fault: &'static str,
    /// What upstream does, in a few words.
    pub(super) about: &'static str,
    /// Every answer that clients get with nothing stored, in the order they meet them: `fresh`, or status and code.
    pub(super) cold: &'static [&'static str],
    /// The same with a stale answer stored: also `stale` and why.
    pub(super) stored: &'static [&'static str],
    /// Upstream calls that the seconds of asking cost, or with many jobs, the most that they may cost: with nothing stored, and
    /// with a stale answer stored.
    pub(super) calls: (u64, u64),
    /// What the longest wait is for.
    pub(super) waits: Waits,
    /// When the job is fresh again once the fault is over.
    pub(super) back: Back,
}

/// What the longest wait of a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing but upstream's own answer.
    AtOnce,
    /// The pauses between the tries.
    Retries,
    /// An answer that does not come.
    Timeout,
}

/// When a job is fresh again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// With the next look.
    NextLook,
    /// When the job's rest after a failed look is over.
    Rest,
    /// When the throttle's window is over.
    Window,
    /// When the rest of the credential is over.
    Credential,
    /// When the denial is no longer remembered.
    Denial,
}

// === impl Back ===

impl Back {
    /// At the latest after so long.
    pub(super) fn within(self) -> Duration {
        match self {
            Self::NextLook => Duration::ZERO,
            Self::Rest => setback::LONGEST,
            Self::Window => Duration::from_mins(1), // in the text of the cases below, or the budget's
            Self::Credential => Duration::from_mins(15), // the last of the pauses in policy/hold/credential.rs
            Self::Denial => denial::LONGEST,
        }
    }
}

/// The name of the act in `{ cut = "body" }`.
pub(super) fn act(fault: &str) -> &str {
    let name = fault.trim_start_matches(['{', '"', ' ']);
    let end = name.find(|c: char| c != '_' && !c.is_ascii_lowercase());
    &name[..end.unwrap_or(name.len())]
}

#[rustfmt::skip] // columns
const fn case(
    fault: &'static str, about: &'static str,
    cold: &'static [&'static str], stored: &'static [&'static str], calls: (u64, u64),
    waits: Waits, back: Back,
) -> Case {
    Case { fault, about, cold, stored, calls, waits, back }
}

const FRESH: &[&str] = &["fresh"];

use Back::{Credential, Denial, NextLook, Rest, Window};
use Waits::{AtOnce, Retries, Timeout};

/// Every act of the sandbox at least once, in its order.
#[rustfmt::skip] // a row a fault
pub(super) const CASES: &[Case] = &[
    case(r#""usual""#, "all is well", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#"{ state = "running" }"#, "the job runs for ever", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#"{ state = "never_built" }"#, "the job was never built", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#"{ states = [{ state = "queued", for = "20s" }, { state = "running" }] }"#, "the job is led through states", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#""missing""#, "no such job (422)", &["404 DEVCB.00031006"], &["404 DEVCB.00031006"], (1, 1), AtOnce, Denial),
    case(r#"{ vanish = "5s" }"#, "the job is deleted after a while", &["fresh", "404 DEVCB.00031006"], &["fresh", "404 DEVCB.00031006"], (1, 1), AtOnce, Denial),
    case(r#"{ recorded = "error400taskid" }"#, "the job id is refused (400)", &["400 CB.00060201"], &["stale refused"], (4, 4), AtOnce, Rest),
    case(r#"{ recorded = "error401signature" }"#, "the signature is refused (401)", &["502 JG.5022", "503 JG.5033"], &["stale credential"], (1, 1), AtOnce, Credential),
    case(r#"{ recorded = "error403apigw" }"#, "the central user is refused (403)", &["502 JG.5022", "503 JG.5033"], &["stale credential"], (1, 1), AtOnce, Credential),
    case(r#"{ recorded = "error403build" }"#, "the build service refuses the job (403)", &["403 CB.00031059"], &["stale refused"], (4, 4), AtOnce, Rest),
    case(r#"{ recorded = "error404apigw" }"#, "no such API (404)", &["502 JG.5025"], &["stale misconfigured"], (4, 4), AtOnce, Rest),
    case(r#"{ recorded = "error404build" }"#, "no such URL, says the build service (404)", &["404 CB.00060214"], &["stale refused"], (4, 4), AtOnce, Rest),
    case(r#"{ recorded = "error500toomany" }"#, "throttled under status 500, without a window", &["429 CB.00060211", "429 JG.4292"], &["stale throttled"], (1, 1), AtOnce, Window),
    case(r#"{ recorded = "fail200statusfail" }"#, "a failure under status 200", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case("{ status = 418 }", "a status that nobody expects", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case("{ status = 500 }", "an internal error (500)", &["500 CB.00060101"], &["stale failed"], (4, 4), AtOnce, Rest),
    case("{ status = 502 }", "no backend (502)", &["502 APIGW.0201"], &["stale failed"], (12, 12), Retries, Rest),
    case("{ status = 503 }", "not available (503)", &["503 APIGW.0613"], &["stale failed"], (12, 12), Retries, Rest),
    case("{ status = 504 }", "the backend is late (504)", &["504 APIGW.0201"], &["stale failed"], (12, 12), Retries, Rest),
    case(r#"{ throttle = { requests = 10, window = "1m" } }"#, "throttled (429), the text names a window", &["429 APIGW.0308", "429 JG.4292"], &["stale throttled"], (1, 1), AtOnce, Window),
    case(r#""wrong_id""#, "a success about another job", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#""not_json""#, "plain text under status 200", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#""redirect""#, "a redirect to another host", &["502 JG.5025"], &["stale misconfigured"], (4, 4), AtOnce, Rest),
    case(r#""encoded""#, "a body labelled as compressed", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#"{ delay = "50ms" }"#, "the answer is a little late", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#"{ delay = "1h" }"#, "the answer does not come in time", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ drip = { at = "start", pause = "50ms" } }"#, "the answer comes byte by byte", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ drip = { at = "head", pause = "50ms" } }"#, "the same from the middle of the head", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ drip = { at = "body", pause = "50ms" } }"#, "the same from the middle of the body", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ cut = "start" }"#, "the connection is closed instead of an answer", &["502 JG.5021"], &["stale unreachable"], (5, 5), AtOnce, Rest),
    case(r#"{ cut = "head" }"#, "the same in the middle of the head", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#"{ cut = "body" }"#, "the same in the middle of the body", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#"{ reset = "start" }"#, "the connection is reset instead of an answer", &["502 JG.5021"], &["stale unreachable"], (5, 5), AtOnce, Rest),
    case(r#"{ reset = "head" }"#, "the same in the middle of the head", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#"{ reset = "body" }"#, "the same in the middle of the body", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#"{ silence = "start" }"#, "silence on an open connection", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ silence = "head" }"#, "the same from the middle of the head", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ silence = "body" }"#, "the same from the middle of the body", &["504 JG.5042"], &["stale slow"], (4, 4), Timeout, Rest),
    case(r#"{ huge = "65MiB" }"#, "a body far too large", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#""interim""#, "a 103 before the answer", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
    case(r#""twice""#, "a second answer that nobody asked for", FRESH, FRESH, (1, 1), AtOnce, NextLook),
    case(r#""not_http""#, "another protocol", &["502 JG.5024"], &["stale not-success"], (4, 4), AtOnce, Rest),
];

/// The faults that concern more than the job that meets them, with fifty jobs at once. Calls are limited by
/// `upstream.max_in_flight` (16) until an answer begins a hold, or the third call without one.
#[rustfmt::skip] // a row a fault
pub(super) const MANY_JOBS: &[Case] = &[
    case(r#""missing""#, "all jobs are gone at once (422)", &["404 DEVCB.00031006"], &["404 DEVCB.00031006", "stale doubted"], (50, 52), AtOnce, Denial),
    case(r#"{ recorded = "error401signature" }"#, "the signature is refused (401)", &["502 JG.5022", "503 JG.5033"], &["stale credential"], (4, 4), AtOnce, Credential),
    case("{ status = 503 }", "not available (503)", &["503 APIGW.0613"], &["stale failed"], (150, 150), Retries, Rest),
    case(r#"{ throttle = { requests = 10, window = "1m" } }"#, "throttled (429)", &["429 APIGW.0308", "429 JG.4292"], &["stale throttled"], (16, 16), AtOnce, Window),
    case(r#"{ cut = "start" }"#, "connections are closed instead of an answer", &["502 JG.5021"], &["stale unreachable"], (18, 18), AtOnce, Rest),
    case(r#"{ silence = "start" }"#, "silence on open connections", &["504 JG.5042"], &["stale slow"], (18, 18), Timeout, Rest),
];
