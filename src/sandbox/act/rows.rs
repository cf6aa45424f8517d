//! The acts as a user reads of them: by job id, by scenario, in a few words.

/// One act, with parameters to begin with.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Row {
    /// The job id without the zeros at its end; empty: there is none.
    pub(in crate::sandbox) id: &'static str,
    /// What a rule says after `do = `.
    pub(in crate::sandbox) scenario: &'static str,
    /// What happens.
    pub(in crate::sandbox) about: &'static str,
}

// === impl Row ===

impl Row {
    /// The row of the act that a value of `do` names, however wrong its parameters are.
    pub(in crate::sandbox) fn named_in(value: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name() == name_in(value))
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

const fn row(id: &'static str, scenario: &'static str, about: &'static str) -> Row {
    Row {
        id,
        scenario,
        about,
    }
}

/// Every act.
#[rustfmt::skip] // a row a line
pub(in crate::sandbox) const ROWS: &[Row] = &[
    row("", r#""usual""#, "what the id stands for; for jobs that a later rule shall spare"),
    row("faultstaterunning", r#"{ state = "running" }"#, "a job that is always `queued`, `running`, `finished` or `never_built` (id: `neverbuilt`)"),
    row("", r#"{ states = [{ state = "queued", for = "5s" }, { state = "running", for = "20s" }, { state = "finished" }] }"#, "a job led through states from the moment the rule begins; the last one stays; at most 100"),
    row("faultmissing", r#""missing""#, "422, no such job"),
    row("faultvanish30s", r#"{ vanish = "30s" }"#, "a job as usual for so long after the start (in a rule: after it begins), then no such job"),
    row("", r#"{ recorded = "error401tokenexpired" }"#, "a recorded answer, by its id in the table above; zeros at its end may be left out"),
    row("faultstatus503", "{ status = 503 }", "the first recorded answer with this status, 200 to 599, or an empty one if none is recorded"),
    row("faultthrottle10per1m", r#"{ throttle = { requests = 10, window = "1m" } }"#, "429 although the quota is not spent; the text names this limit"),
    row("faultwrongid", r#""wrong_id""#, "a success about another job"),
    row("faultnotjson", r#""not_json""#, "200 with a line of plain text, labelled as JSON"),
    row("faultredirect", r#""redirect""#, "302 to a host that does not exist"),
    row("faultencoded", r#""encoded""#, "labelled `Content-Encoding: gzip`, which nobody asked for; the body is plain"),
    row("faultdelay2s", r#"{ delay = "2s" }"#, "the right answer, so much later"),
    row("faultdripbody10ms", r#"{ drip = { at = "body", pause = "10ms" } }"#, "from the `start`, or the middle of `head` or `body`, byte by byte with this pause before each"),
    row("faultcutbody", r#"{ cut = "body" }"#, "the connection is closed at the `start`, or in the middle of `head` or `body`"),
    row("faultresetbody", r#"{ reset = "body" }"#, "as `cut`, but the connection is reset (TCP RST)"),
    row("faultsilencestart", r#"{ silence = "start" }"#, "as `cut`, but the connection stays open and silent until the client closes it"),
    row("faulthuge65mib", r#"{ huge = "65MiB" }"#, "the right answer after so many spaces that the body has this size, at most 1GiB"),
    row("faultinterim", r#""interim""#, "a 103, then the right answer"),
    row("faulttwice", r#""twice""#, "the right answer, at once followed by one about another job; then silence"),
    row("faultnothttp", r#""not_http""#, "a line of another protocol, then the connection is closed"),
];
