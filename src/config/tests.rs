//! What is refused and how it is said, what overrides what, and that `gateway.toml` and its schema say what the code does.

mod admin_alone;
mod budget;
mod clients;
mod documented;
mod identities;
mod layers;
mod manual;
mod refusals;
mod rules;
mod schema;

use std::ffi::OsString;

use super::document::File;
use super::{Checked, Faults, UpstreamFrom, check};

/// What has no default, on six lines.
const REQUIRED: &str = r#"
upstream.region = "cn-north-4"
upstream.credential.kind = "aksk"
upstream.credential.access_key_env = "AK"
upstream.credential.secret_key_env = "SK"
auth.mode = "open"
"#;

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    let pair = |&(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    pairs.iter().map(pair).collect()
}

fn checked(text: &str, environment: &[(&str, &str)]) -> Result<Checked, Faults> {
    check(
        Some(&file(text)),
        UpstreamFrom::Configuration,
        variables(environment),
    )
}

fn file(text: &str) -> File {
    File {
        name: "gateway.toml".to_owned(),
        text: text.to_owned(),
    }
}

/// The text after [`REQUIRED`], so that its first line is line 7.
fn with_required(text: &str) -> Result<Checked, Faults> {
    checked(&format!("{REQUIRED}{text}"), &[])
}

#[track_caller]
fn faults(result: Result<Checked, Faults>) -> Vec<String> {
    result
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}
