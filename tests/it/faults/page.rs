//! The tables of docs/faults.md, made from the cases that the test holds against the program.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::cases::{Back, CASES, Case, MANY_JOBS, Waits};

/// Compares what stands between `<!-- name -->` and `<!-- /name -->`, or writes it.
#[track_caller]
pub(super) fn assert_block(name: &str, expected: &str) {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let page = fs::read_to_string(&file).expect("a file of the repository");
    let (before, rest) = page.split_once(&begin).expect("the table begins");
    let (written, after) = rest.split_once(&end).expect("the table ends");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = format!("{before}{begin}{expected}{end}{after}");
        fs::write(file, updated).expect("written");
    } else {
        assert_eq!(written, expected, "docs/faults.md is out of date");
    }
}

/// A row a fault, with one job.
pub(super) fn one_job() -> String {
    let mut table = String::from(
        "| upstream | `do =` | nothing stored | something stored | calls | longest wait | fresh again |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for case in CASES {
        let Case { about, fault, .. } = case;
        let (cold, stored) = (answers(case.cold), answers(case.stored));
        let (calls, wait, back) = (calls(case.calls), wait(case.waits), back(case.back));
        let _ = writeln!(
            table,
            "| {about} | `{fault}` | {cold} | {stored} | {calls} | {wait} | {back} |"
        ); // writing to a String cannot fail
    }
    table
}

/// A row a fault, with many jobs.
pub(super) fn many_jobs() -> String {
    let mut table = String::from(
        "| upstream | nothing stored | something stored | calls, at most | longest wait |\n\
         |---|---|---|---|---|\n",
    );
    for case in MANY_JOBS {
        let about = case.about;
        let (cold, stored) = (answers(case.cold), answers(case.stored));
        let (calls, wait) = (calls(case.calls), wait(case.waits));
        let _ = writeln!(table, "| {about} | {cold} | {stored} | {calls} | {wait} |"); // writing to a String cannot fail
    }
    table
}

fn answers(told: &[&str]) -> String {
    let told: Vec<_> = told.iter().map(|told| answer(told)).collect();
    told.join(", then ")
}

fn answer(told: &str) -> String {
    match told.split_once(' ') {
        Some(("stale", why)) => format!("200 `detail={why}`"),
        Some((status, code)) => format!("{status} `{code}`"),
        None => "200, fresh".to_owned(),
    }
}

fn calls((cold, stored): (u64, u64)) -> String {
    if cold == stored {
        cold.to_string()
    } else {
        format!("{cold}; stored: {stored}")
    }
}

fn wait(waits: Waits) -> &'static str {
    match waits {
        Waits::AtOnce => "at once",
        Waits::Retries => "two pauses",
        Waits::Timeout => "`upstream.timeout`",
    }
}

fn back(back: Back) -> &'static str {
    match back {
        Back::NextLook => "–",
        Back::Rest => "30 s",
        Back::Window => "the window",
        Back::Credential => "15 min",
        Back::Denial => "1 h",
    }
}
