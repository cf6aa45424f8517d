//! Upstream's failures, as recorded and as feared.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{NO_TEXT, classify, read};
use crate::error::Error;
use crate::policy::problem::Problem;

const BUDGET_WINDOW: Duration = Duration::from_secs(77);

/// An error in a word or three: which kind, which status, which code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others never come from classify"
)]
fn brief(error: &Error) -> String {
    match error {
        Error::CredentialRefused(_) => "credential refused".to_owned(),
        Error::Misconfigured { status, .. } => format!("misconfigured {status}"),
        Error::Passed { status, code, .. } => format!("passed {status:?} {code}"),
        Error::Throttled {
            code, retry_after, ..
        } => format!("throttled {code} {}s", retry_after.as_secs()),
        Error::UpstreamFailed { status, code, .. } => {
            format!("failed {status:?} {}", code.as_deref().unwrap_or("-"))
        }
        Error::NotSuccess { code, .. } => {
            format!("no success {}", code.as_deref().unwrap_or("-"))
        }
        other => panic!("not a failure of upstream: {other:?}"),
    }
}

fn coded(status: u16, code: &str) -> String {
    let body = json!({"error_code": code, "error_msg": "text"}).to_string();
    brief(&classify(status, body.as_bytes(), BUDGET_WINDOW))
}

fn samples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples"))
}

#[test]
fn every_recorded_failure_is_classified() {
    let expected = [
        ("fail-200-status-fail.json", "no success -"),
        ("fail-200-nested-error.json", "no success DEV.CH.10001"),
        ("fail-200-error-code.json", "no success DEV.CB.032000"),
        ("fail-stringified.json", "no success DEV.CB.032302"),
        ("error-400-task-id.json", "passed BadRequest CB.00060201"),
        ("error-400-dev-cb.json", "passed BadRequest DEV.CB.032011"),
        ("error-401-signature.json", "credential refused"),
        ("error-401-ak-unknown.json", "credential refused"),
        ("error-401-ak-locked.json", "credential refused"),
        ("error-401-token-expired.json", "credential refused"),
        ("error-401-token-undecryptable.json", "credential refused"),
        ("error-401-iam.json", "credential refused"),
        ("error-403-apigw.json", "credential refused"),
        ("error-403-build.json", "passed Forbidden CB.00031059"),
        (
            "error-403-encoded-authorization.json",
            "no success PAP5.0001",
        ),
        ("error-404-apigw.json", "misconfigured 404"),
        ("error-404-build.json", "passed NotFound CB.00060214"),
        ("error-422-not-found.json", "passed NotFound DEVCB.00031006"),
        ("error-429-user.json", "throttled APIGW.0308 60s"),
        ("error-429-api.json", "throttled APIGW.0308 60s"),
        ("error-500-internal.json", "failed Internal CB.00060101"),
        ("error-500-busy.json", "failed Internal CB.00060100"),
        ("error-500-too-many.json", "throttled CB.00060211 77s"),
        ("error-500-backend.json", "failed Internal CB.00030004"),
        ("error-502-apigw.json", "failed BadGateway APIGW.0201"),
        ("error-503-apigw.json", "failed Unavailable APIGW.0613"),
        ("error-504-apigw.json", "failed GatewayTimeout APIGW.0201"),
        ("error-502-load-balancer.html", "failed BadGateway -"),
        ("error-camel-case.json", "passed BadRequest DEV.CB.032011"),
        ("error-code-message.json", "passed BadRequest DEV.CB.032011"),
        ("error-stringly-fail.json", "passed BadRequest JG.5024"),
    ];
    let index: Value =
        serde_json::from_slice(&std::fs::read(samples().join("index.json")).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for sample in index["samples"].as_array().unwrap() {
        let Some(file) = sample["file"].as_str() else {
            continue; // the empty body, which the next test has
        };
        if file.starts_with("success") {
            continue;
        }
        let (_, kind) = expected
            .iter()
            .find(|(name, _)| *name == file)
            .unwrap_or_else(|| panic!("{file} has no expectation"));
        let status = u16::try_from(sample["http_status"].as_u64().unwrap()).unwrap();
        let body = std::fs::read(samples().join(file)).unwrap();
        assert_eq!(
            brief(&classify(status, &body, BUDGET_WINDOW)),
            *kind,
            "{file}"
        );
        seen.insert(file);
    }
    assert_eq!(seen.len(), expected.len(), "an expectation has no sample");
}

#[test]
fn status_and_code_say_whose_fault_it_is() {
    for (status, code, kind) in [
        (401, "CB.00060201", "credential refused"),
        (401, "APIGW.0101", "credential refused"),
        (403, "APIGW.0302", "credential refused"),
        (403, "APIG.0304", "credential refused"),
        (403, "APIGW.0310", "credential refused"),
        (403, "APIGW.0801", "credential refused"),
        (403, "APIG.0802", "credential refused"),
        (403, "APIGW.0306", "no success APIGW.0306"),
        (403, "APIGW.080", "no success APIGW.080"),
        (403, "APIGW.08011", "no success APIGW.08011"),
        (400, "APIGW.0302", "passed BadRequest APIGW.0302"),
        (403, "APIGW.0401", "misconfigured 403"),
        (403, "APIG.0404", "misconfigured 403"),
        (404, "APIGW.0101", "misconfigured 404"),
        (404, "APIG.0101", "misconfigured 404"),
        (500, "APIG.0103", "misconfigured 500"),
        (404, "APIGW.0103", "misconfigured 404"),
        (404, "APIGW.0201", "no success APIGW.0201"),
        (404, "PAP5.0001", "no success PAP5.0001"),
        (405, "APIGW.0501", "misconfigured 405"),
        (413, "APIGW.0201", "misconfigured 413"),
        (414, "APIGW.0201", "misconfigured 414"),
        (494, "APIGW.0201", "misconfigured 494"),
        (302, "", "misconfigured 302"),
        (304, "CB.00031059", "misconfigured 304"),
        (403, "DEVCB.00031059", "passed Forbidden DEVCB.00031059"),
        (403, "DEV.CB.031059", "passed Forbidden DEV.CB.031059"),
        (404, "DEV.CB.031059", "passed NotFound DEV.CB.031059"),
        (422, "CB.00031006", "passed NotFound CB.00031006"),
        (422, "DEVCB.00030000", "passed Unprocessable DEVCB.00030000"),
        (404, "APIGW.0308", "no success APIGW.0308"),
        (429, "CB.00031006", "throttled CB.00031006 77s"),
        (500, "DEVCB.00060211", "throttled DEVCB.00060211 77s"),
        (503, "CB.00060211", "failed Unavailable CB.00060211"),
        (500, "APIGW.0302", "failed Internal APIGW.0302"),
        (501, "CB.00060101", "no success CB.00060101"),
        (409, "CB.00060101", "no success CB.00060101"),
        (200, "APIGW.0101", "no success APIGW.0101"),
        (200, "CB.00060211", "no success CB.00060211"),
        (200, "DEVCB.00031006", "no success DEVCB.00031006"),
        (204, "", "no success -"),
        (100, "", "no success -"),
    ] {
        assert_eq!(coded(status, code), kind, "{status} {code}");
    }
}

#[test]
fn an_answer_without_a_code_is_never_a_missing_job() {
    for (status, kind) in [
        (200, "no success -"),
        (400, "passed BadRequest JG.5024"),
        (401, "credential refused"),
        (403, "no success -"),
        (404, "no success -"),
        (422, "passed Unprocessable JG.5024"),
        (429, "throttled JG.4292 77s"),
        (500, "failed Internal -"),
        (502, "failed BadGateway -"),
        (503, "failed Unavailable -"),
        (504, "failed GatewayTimeout -"),
        (599, "no success -"),
    ] {
        for body in [
            "",
            "<html>no</html>",
            "no",
            "{\"error_code\":\"DEVCB.00031006\"",
            "[]",
            "null",
        ] {
            let error = classify(status, body.as_bytes(), BUDGET_WINDOW);
            assert_eq!(brief(&error), kind, "{status} {body}");
        }
    }
}

#[test]
fn a_throttle_without_a_code_still_believes_the_window_in_its_text() {
    let body = br#"{"message":"limit:10,time:2 minute"}"#;
    assert_eq!(
        brief(&classify(429, body, BUDGET_WINDOW)),
        "throttled JG.4292 120s"
    );
}

#[test]
fn a_code_without_a_text_gets_one() {
    let error = classify(
        500,
        br#"{"error_code":"CB.1","error_msg":" \n"}"#,
        BUDGET_WINDOW,
    );
    let Error::UpstreamFailed { message, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(message.as_deref(), Some(NO_TEXT));
}

#[test]
fn the_log_learns_why_a_success_was_none() {
    let error = classify(200, br#"{"status":"fail","error":"boom"}"#, BUDGET_WINDOW);
    assert_eq!(
        error.to_string(),
        "not a success: status 200, 32 bytes, code none, text \"boom\""
    );
}

/// Bodies from noise to well-formed errors with private parts in any member.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~]{0,20}[A-Z0-9]{20}[ -~]{0,20}",
        "\\PC{0,9}[a-z0-9.-]{0,9}\\.myhuaweicloud\\.com\\PC{0,9}",
        "[a-z ]{0,9}https?://[ -~]{0,40}",
        "(CB|APIGW|JG)\\.[0-9]{4}",
    ];
    let member = prop_oneof![
        Just("error_code"),
        Just("error_msg"),
        Just("error"),
        Just("message"),
        Just("encoded_authorization_message"),
    ];
    prop_oneof![
        any::<Vec<u8>>(),
        proptest::collection::vec((member, text), 0..4).prop_map(|members| {
            let object: serde_json::Map<String, Value> = members
                .into_iter()
                .map(|(name, text)| (name.to_owned(), Value::String(text)))
                .collect();
            Value::Object(object).to_string().into_bytes()
        }),
    ]
}

proptest! {
    #[test]
    fn nothing_private_gets_through_whatever_is_sent(status in any::<u16>(), body in bodies()) {
        let error = classify(status, &body, BUDGET_WINDOW);
        let answer = Problem::from_error(&error).body("r");
        let answer = std::str::from_utf8(&answer).unwrap();
        for public in [answer, error.to_string().as_str()] {
            prop_assert!(!public.to_ascii_lowercase().contains("huaweicloud"), "{public}");
            prop_assert!(!public.contains("://"), "{public}");
            let longest_key = public
                .split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit())
                .map(str::len)
                .max();
            prop_assert!(longest_key < Some(16), "{public}");
        }
    }

    #[test]
    fn what_is_read_keeps_its_bounds(body in bodies()) {
        let told = read(&body);
        if let Some(code) = told.code {
            prop_assert!((1..=64).contains(&code.len()));
            prop_assert!(!code.starts_with("JG."));
        }
        if let Some(text) = told.message {
            prop_assert!((1..=512).contains(&text.chars().count()));
            prop_assert!(!text.contains(char::is_control));
            prop_assert_eq!(text.trim(), &*text);
        }
    }
}
