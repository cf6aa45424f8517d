//! `jobgate explain`: why the last answer about a job was what it was, and what comes next.

use http::Method;
use jobgate::admin::operate::{Explanation, State, Summary, Told};

use super::admin::Gateway;
use super::sheet::{Sheet, seconds};
use super::terminal::{print, print_json};
use super::{ExplainArgs, Failed};

pub(super) fn explain(args: &ExplainArgs) -> Result<(), Failed> {
    let gateway = Gateway::find(&args.admin)?;
    let body = gateway.ask(&Method::GET, &format!("/api/entries/{}", args.job_id))?;
    if args.admin.json {
        print_json(&body)
    } else {
        print(&for_people(&gateway.read(&body)?))
    }
}

fn for_people(told: &Explanation) -> String {
    let summary = &told.summary;
    let mut sheet = Sheet::titled(&format!("{}: {}", summary.job_id, standing(summary)));
    sheet.tell("stored", stored(told));
    sheet.tell("last answer", told.last_answer.as_ref().map(event));
    sheet.tell("asked now", given(&told.if_asked_now));
    sheet.tell("rhythm", told.rhythm.clone());
    sheet.tell("next look", given(&told.next_look));
    let width = told.story.iter().map(|event| ago(event).len()).max();
    let width = width.unwrap_or_default();
    let story = told.story.iter();
    sheet.tell("story", story.map(|event| told_in_line(event, width)));
    sheet.into_text()
}

/// How things stand, in a sentence.
fn standing(summary: &Summary) -> String {
    let age = seconds(summary.age_seconds.unwrap_or_default());
    let ttl = seconds(summary.ttl_seconds.unwrap_or_default());
    match summary.state {
        State::Fresh => {
            format!("fresh. The stored answer is {age} old, and fresh for another {ttl}.")
        }
        State::Stale => {
            format!("stale. The stored answer is {age} old, and {ttl} past its lifetime.")
        }
        State::Denied => "denied. Upstream said that there is no such job.".to_owned(),
        State::Failing => "failing. Nothing is stored, and the last look failed.".to_owned(),
        State::Unknown => "unknown. Nothing is stored or remembered of it.".to_owned(),
    }
}

fn stored(told: &Explanation) -> Option<String> {
    let bytes = told.summary.bytes?;
    let finished = match told.summary.finished {
        Some(true) => " of a finished job",
        Some(false) => " of a job that is not finished",
        None => "",
    };
    let hits = told.summary.hits.map(|hits| format!(", hits: {hits}"));
    let etag = told.etag.as_ref().map(|etag| format!(", ETag {etag}"));
    Some(format!(
        "{bytes} bytes{finished}{}{}",
        hits.unwrap_or_default(),
        etag.unwrap_or_default()
    ))
}

fn given(sentence: &str) -> Option<String> {
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

fn event(told: &Told) -> String {
    format!("{} ago, {}: {}", ago(told), what(told), told.text)
}

fn told_in_line(told: &Told, width: usize) -> String {
    format!("{:>width$} ago  {}: {}", ago(told), what(told), told.text)
}

fn ago(told: &Told) -> String {
    seconds(told.seconds_ago)
}

fn what(told: &Told) -> String {
    if told.times > 1 {
        format!("{} ({} times)", told.what, told.times)
    } else {
        told.what.to_string()
    }
}
