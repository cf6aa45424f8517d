//! The README says what the program does: its tables are made from the program and compared here.
//!
//! `UPDATE_README=1 cargo test --test it readme::` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use httpmock::MockServer;

use crate::support::{DOCUMENTED, JOB, answering, in_front_of};

/// The tests of this file write to one file.
static README: Mutex<()> = Mutex::new(());

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(file(name)).expect("a file of the repository")
}

/// Compares what stands between `<!-- name -->` and `<!-- /name -->`, or writes it.
#[track_caller]
fn assert_block(name: &str, expected: &str) {
    let _alone = README.lock().unwrap_or_else(PoisonError::into_inner);
    let readme = read("README.md");
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = readme.split_once(&begin).expect("the block begins");
    let (written, after) = rest.split_once(&end).expect("the block ends");
    if std::env::var_os("UPDATE_README").is_some() {
        let updated = format!("{before}{begin}{expected}{end}{after}");
        fs::write(file("README.md"), updated).expect("written");
    } else {
        assert_eq!(written, expected, "the README's {name} are out of date");
    }
}

#[test]
fn its_errors_are_those_of_the_program() {
    assert_block("errors", &jobgate::policy::problem::readme_table());
}

#[test]
fn its_configuration_is_that_of_gateway_toml() {
    let mut table = String::from("| key | default | kind | meaning, bounds |\n|---|---|---|---|\n");
    let text = read("gateway.toml");
    let mut section = String::new();
    for line in text.lines() {
        let bare = line.trim_start_matches("# ");
        if bare.starts_with('[') {
            let (name, _) = bare.split_once(']').expect("a section");
            section = name.trim_start_matches('[').to_owned();
            continue;
        }
        let Some((key, rest)) = bare.split_once(" = ").filter(|(key, _)| !key.contains(' ')) else {
            continue;
        };
        let (value, meaning) = rest.split_once('#').unwrap_or((rest, ""));
        let (value, meaning) = (value.trim(), meaning.trim());
        let has_default = bare == line && !needs_a_value(&section, key);
        let default = if has_default {
            format!("`{value}`")
        } else {
            "–".to_owned()
        };
        let kind = kind(value);
        let _ = writeln!(
            table,
            "| `{section}.{key}` | {default} | {kind} | {meaning} |"
        ); // writing to a String cannot fail
    }
    assert_block("configuration", &table);
}

/// What the file sets although there is no default.
fn needs_a_value(section: &str, key: &str) -> bool {
    section == "upstream.credential" || (section == "upstream" && key == "region")
}

fn kind(value: &str) -> &'static str {
    let text = value.trim_matches('"');
    let is_quantity = text.starts_with(|c: char| c.is_ascii_digit());
    if value.starts_with('[') {
        "list of texts"
    } else if value == "true" || value == "false" {
        "true, false"
    } else if text == value {
        "number"
    } else if is_quantity && text.ends_with("iB") {
        "size"
    } else if is_quantity && text.ends_with(['s', 'm', 'h']) && !text.contains('/') {
        "duration"
    } else {
        "text"
    }
}

#[cfg(target_os = "linux")] // elsewhere the process' own metrics are left out
#[tokio::test]
async fn its_metrics_are_those_that_are_exposed() {
    let upstream = MockServer::start_async().await;
    answering(&upstream, 200, DOCUMENTED).await;
    let gateway = in_front_of(&upstream.base_url())
        .in_budget_mode(50, Duration::from_secs(60)) // in mode ttl some families are empty
        .start();
    let request =
        format!("GET /v1/job/{JOB}/info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    gateway.raw(request.as_bytes()).await;
    // some families are empty, and show no label, until a connection has ended
    let closed = "jobgate_connections_closed_total{reason=\"done\"}";
    gateway
        .until("the connection is counted", async || {
            gateway.metric(closed).await > 0.0
        })
        .await;
    let text = gateway.admin("/metrics").await.text();
    gateway.end().await;
    assert_block("metrics", &families(&text));
}

/// The families of an exposition as a Markdown table.
fn families(exposition: &str) -> String {
    let mut table = String::from("| metric | labels | meaning |\n|---|---|---|\n");
    let labels = labels(exposition);
    let mut help = "";
    for line in exposition.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        }
        let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let sample = match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        let labels: Vec<_> = labels
            .get(&sample)
            .into_iter()
            .flatten()
            .map(|label| format!("`{label}`"))
            .collect();
        let _ = writeln!(table, "| `{sample}` | {} | {help} |", labels.join(", ")); // writing to a String cannot fail
    }
    table
}

/// The labels of each family's samples.
fn labels(exposition: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels = BTreeMap::<_, BTreeSet<_>>::new();
    let samples = exposition.lines().filter(|line| !line.starts_with('#'));
    for (name, rest) in samples.filter_map(|line| line.split_once('{')) {
        let (inner, _) = rest.split_once('}').expect("labels end");
        let keys = inner.split(',').filter_map(|label| label.split_once('='));
        let keys = keys
            .map(|(key, _)| key.to_owned())
            .filter(|key| key != "le");
        labels
            .entry(name.trim_end_matches("_bucket").to_owned())
            .or_default()
            .extend(keys);
    }
    labels
}

#[test]
fn it_draws_the_stack_as_stack_rs_does() {
    let source = read("src/stack.rs");
    let doc: Vec<_> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .collect();
    let drawing = doc.iter().skip_while(|line| **line != " ```text").skip(1);
    let drawing: Vec<_> = drawing
        .map_while(|line| (*line != " ```").then(|| line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    assert!(drawing.len() > 10, "{drawing:?}");
    let _alone = README.lock().unwrap_or_else(PoisonError::into_inner); // another test may be writing it
    assert!(read("README.md").contains(&drawing.join("\n")));
}
