//! The acts as a user reads of them: by job id, by scenario, in a few words.

/// One act, with parameters to begin with.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Row {
    /// The job id without the zeros at its end; empty: there is none.
    pub(in crate::sandbox) id: &'static str,
    /// What a rule says after `do = `.
    pub(in crate::sandbox) scenario: &'static str,
    /// What happens to a call for a job; empty: only lists meet it.
    pub(in crate::sandbox) about: &'static str,
    /// What happens to a list; empty: only a call for a job meets it.
    pub(in crate::sandbox) lists: &'static str,
}

/// What happens to a list where it is no different.
pub(in crate::sandbox) const SAME: &str = "the same";

// === impl Row ===

impl Row {
    /// The row of the act that a value of `do` names, however wrong its parameters are.
    pub(in crate::sandbox) fn named_in(value: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name() == name_in(value))
    }

    /// True if a list meets it in a way of its own.
    pub(in crate::sandbox) fn is_special_to_lists(&self) -> bool {
        !self.lists.is_empty() && self.lists != SAME
    }

    /// What a rule calls the act.
    pub(in crate::sandbox) fn name(&self) -> &'static str {
        name_in(self.scenario)
    }
}

/// `cut` in `{ cut = "body" }`.
pub(in crate::sandbox) fn name_in(value: &str) -> &str {
    let value = value.trim_start_matches(['{', '"', '\'', ' ']);
    let end = value.find(|c: char| c != '_' && !c.is_ascii_lowercase());
    value.get(..end.unwrap_or(value.len())).unwrap_or_default()
}

/// Done to any call.
const fn any(id: &'static str, scenario: &'static str, about: &'static str) -> Row {
    Row {
        id,
        scenario,
        about,
        lists: SAME,
    }
}

/// Done to a call for a job.
const fn job(id: &'static str, scenario: &'static str, about: &'static str) -> Row {
    Row {
        lists: "",
        ..any(id, scenario, about)
    }
}

/// Done to a list.
const fn list(scenario: &'static str, lists: &'static str) -> Row {
    Row {
        lists,
        ..job("", scenario, "")
    }
}

/// Every act.
#[rustfmt::skip] // a row a line
pub(in crate::sandbox) const ROWS: &[Row] = &[
    any("", r#""usual""#, "what the id stands for; for jobs that a later rule shall spare"),
    Row { lists: "a list says so of the job, whatever the job itself says", ..any("faultstaterunning", r#"{ state = "running" }"#, "a job that is always `queued`, `running`, `finished` or `never_built` (id: `neverbuilt`)") },
    Row { lists: "a list leads the job through these states", ..any("", r#"{ states = [{ state = "queued", for = "5s" }, { state = "running", for = "20s" }, { state = "finished" }] }"#, "a job led through states from the moment the rule begins; the last one stays; at most 100") },
    Row { lists: "the job is in no list", ..any("faultmissing", r#""missing""#, "422, no such job") },
    Row { lists: "the job is in lists for so long after the rule begins, then no more", ..any("faultvanish30s", r#"{ vanish = "30s" }"#, "a job as usual for so long after the start (in a rule: after it begins), then no such job") },
    any("", r#"{ recorded = "error401tokenexpired" }"#, "a recorded answer, by its id in the table above; zeros at its end may be left out"),
    any("faultstatus503", "{ status = 503 }", "the first recorded answer with this status, 200 to 599, or an empty one if none is recorded"),
    any("faultthrottle10per1m", r#"{ throttle = { requests = 10, window = "1m" } }"#, "429 although the quota is not spent; the text names this limit"),
    job("faultwrongid", r#""wrong_id""#, "a success about another job"),
    any("faultnotjson", r#""not_json""#, "200 with a line of plain text, labelled as JSON"),
    any("faultredirect", r#""redirect""#, "302 to a host that does not exist"),
    any("faultencoded", r#""encoded""#, "labelled `Content-Encoding: gzip`, which nobody asked for; the body is plain"),
    list(r#"{ old = "30s" }"#, "its jobs as they were so long ago, at most `1h`"),
    list(r#"{ ahead = "90s" }"#, "its jobs with a `last_build_time` so much later than it is, at most `1h`"),
    list(r#"{ without = "last_build_time" }"#, "its jobs without this field"),
    list(r#""unsorted""#, "in the order of the ids, whatever order was asked for"),
    list(r#""short_page""#, "every second job of each page is left out, and is on no other page; `total` counts it"),
    list("{ total = 3 }", "`total` is this number"),
    list(r#""other_form""#, "`/v1/job/list` answers in the form of a project's list, and that one in the form of `/v1/job/list`"),
    any("faultdelay2s", r#"{ delay = "2s" }"#, "the right answer, so much later"),
    any("faultdripbody10ms", r#"{ drip = { at = "body", pause = "10ms" } }"#, "from the `start`, or the middle of `head` or `body`, byte by byte with this pause before each"),
    any("faultcutbody", r#"{ cut = "body" }"#, "the connection is closed at the `start`, or in the middle of `head` or `body`"),
    any("faultresetbody", r#"{ reset = "body" }"#, "as `cut`, but the connection is reset (TCP RST)"),
    any("faultsilencestart", r#"{ silence = "start" }"#, "as `cut`, but the connection stays open and silent until the client closes it"),
    any("faulthuge65mib", r#"{ huge = "65MiB" }"#, "the right answer after so many spaces that the body has this size, at most 1GiB"),
    any("faultinterim", r#""interim""#, "a 103, then the right answer"),
    job("faulttwice", r#""twice""#, "the right answer, at once followed by one about another job; then silence"),
    any("faultnothttp", r#""not_http""#, "a line of another protocol, then the connection is closed"),
];
