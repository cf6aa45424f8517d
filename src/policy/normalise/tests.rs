//! What is a success, and what is told about it beside the body.

mod properties;
mod types;

use super::{CallerFields, FailureSign, Normalised, NotSuccess, normalise};
use crate::policy::json::{Json, JsonFault};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/samples/", $name))
    };
}

/// The success with this `result`.
fn success(result: &str) -> String {
    format!(r#"{{"result":{{{result}}},"status":"success","error":null}}"#)
}

#[track_caller]
fn normalised(body: &[u8]) -> Normalised {
    let normalised = normalise(body, CallerFields::Keep).unwrap();
    let again = normalise(&normalised.body, CallerFields::Keep).unwrap();
    assert_eq!(again.body, normalised.body, "not idempotent");
    assert_eq!(again.nulled, [], "nulled again");
    normalised
}

#[test]
fn the_documented_success_becomes_the_one_that_all_sdks_read() {
    let found = normalised(sample!("success-documented.json"));
    let wanted = Json::parse(sample!("success-normalised.json")).unwrap();
    assert_eq!(found.body, serde_json::to_vec(&wanted).unwrap());
    assert_eq!(
        found.result_id.as_deref(),
        Some("f5af662119404ad187437cd272b5099b")
    );
    assert!(found.finished);
    assert_eq!(found.nulled, []);
}

#[test]
fn nulls_absent_fields_and_unknown_ones_stay_as_they_are() {
    for body in [
        sample!("success-normalised.json").as_slice(),
        sample!("success-nulls.json"),
        sample!("success-missing-and-unknown.json"),
    ] {
        let found = normalised(body);
        let received = Json::parse(body).unwrap();
        assert_eq!(found.body, serde_json::to_vec(&received).unwrap());
        assert_eq!(found.nulled, []);
    }
}

#[test]
fn what_is_no_success_is_refused_with_its_reason() {
    let sign = NotSuccess::Failure;
    for (body, reason) in [
        (
            sample!("fail-200-status-fail.json").as_slice(),
            sign(FailureSign::Status),
        ),
        (
            sample!("fail-200-nested-error.json"),
            sign(FailureSign::Status),
        ),
        (
            sample!("fail-200-error-code.json"),
            sign(FailureSign::ErrorCode),
        ),
        (sample!("fail-stringified.json"), NotSuccess::NotAnObject),
        (
            br#"{"result":{},"status":"success","error_code":"CB.1"}"#,
            sign(FailureSign::ErrorCode),
        ),
        (
            br#"{"result":{},"status":"success","error_code":null}"#,
            sign(FailureSign::ErrorCode),
        ),
        (
            br#"{"result":{},"status":"Success"}"#,
            sign(FailureSign::Status),
        ),
        (
            br#"{"result":{},"status":" success"}"#,
            sign(FailureSign::Status),
        ),
        (
            br#"{"result":{},"status":["success"]}"#,
            sign(FailureSign::Status),
        ),
        (br#"{"result":{}}"#, sign(FailureSign::Status)),
        (b"{}", sign(FailureSign::Status)),
        (br#"{"status":"success"}"#, sign(FailureSign::Result)),
        (
            br#"{"result":null,"status":"success"}"#,
            sign(FailureSign::Result),
        ),
        (
            br#"{"result":[],"status":"success"}"#,
            sign(FailureSign::Result),
        ),
        (
            br#"{"result":"{}","status":"success"}"#,
            sign(FailureSign::Result),
        ),
        (b"null", NotSuccess::NotAnObject),
        (b"[]", NotSuccess::NotAnObject),
        (
            br#"[{"result":{},"status":"success"}]"#,
            NotSuccess::NotAnObject,
        ),
        (br#""success""#, NotSuccess::NotAnObject),
    ] {
        let found = normalise(body, CallerFields::Keep).unwrap_err();
        assert_eq!(found, reason, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    let cut = &sample!("success-documented.json")[..400];
    let marked = [b"\xef\xbb\xbf".as_slice(), success("").as_bytes()].concat();
    let twice = success(r#""id":"a","id":"b""#);
    let deep = success(&format!(
        r#""x":{}{}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    ));
    let long = success(&format!(r#""create_time":{}"#, "1".repeat(400)));
    for (body, fault) in [
        (
            sample!("error-502-load-balancer.html").as_slice(),
            JsonFault::Syntax { line: 1, column: 1 },
        ),
        (b"", JsonFault::CutOff),
        (cut, JsonFault::CutOff),
        (
            b"{\"result\":{\"id\":\"\xff\"},\"status\":\"success\"}",
            JsonFault::NotUtf8,
        ),
        (&marked, JsonFault::ByteOrderMark),
        (twice.as_bytes(), JsonFault::DuplicateKey),
        (deep.as_bytes(), JsonFault::TooDeep),
        (long.as_bytes(), JsonFault::NumberTooLong),
        (&success("").repeat(2).into_bytes(), JsonFault::TrailingData),
    ] {
        assert_eq!(
            normalise(body, CallerFields::Keep),
            Err(NotSuccess::Unreadable(fault))
        );
    }
}

#[test]
fn only_the_exact_word_says_that_a_job_is_finished() {
    for (result, finished) in [
        (r#""running_status":"Finished""#, true),
        (r#""running_status":"finished""#, false),
        (r#""running_status":"Finished ""#, false),
        (r#""running_status":"Running""#, false),
        (r#""running_status":["Finished"]"#, false),
        (r#""running_status":null"#, false),
        (r#""x":{"running_status":"Finished"}"#, false),
        ("", false),
    ] {
        assert_eq!(
            normalised(success(result).as_bytes()).finished,
            finished,
            "{result}"
        );
    }
}

#[test]
fn the_id_told_is_the_one_that_is_sent() {
    for (result, id) in [
        (r#""id":"aB""#, Some("aB")),
        (r#""id":12e0"#, Some("12e0")),
        (r#""id":null"#, None),
        (r#""id":{"id":"a"}"#, None),
        (r#""x":{"id":"a"}"#, None),
        ("", None),
    ] {
        assert_eq!(
            normalised(success(result).as_bytes()).result_id.as_deref(),
            id,
            "{result}"
        );
    }
}

#[test]
fn what_is_about_the_caller_is_null_if_that_is_wanted_and_nothing_else_changes() {
    let members = [
        ("favorite", "true", true),
        ("is_copy", "\"true\"", true),
        ("is_delete", "0", true),
        ("is_execute", "null", true),
        ("is_forbidden", "[]", true), // what cannot be converted is not reported: nobody is told it
        ("is_manager", "true", true),
        ("is_modify", "true", true),
        ("is_view", "true", true),
        ("is_vip", "true", false), // not documented: nobody can say whom it is about
        ("disabled", "true", false),
        ("new_build", "true", false),
        ("project_permission_switch", "true", false),
        ("health_score", "74", false),
    ];
    let body = |hidden: bool| {
        let members = members.map(|(name, value, is_hidden)| {
            let value = if hidden && is_hidden { "null" } else { value };
            format!("\"{name}\":{value}")
        });
        success(&members.join(","))
    };
    let hidden = normalise(body(false).as_bytes(), CallerFields::Null).unwrap();
    assert_eq!(hidden.body, body(true));
    assert_eq!(hidden.nulled, []);
    let again = normalise(&hidden.body, CallerFields::Null).unwrap();
    assert_eq!(again.body, hidden.body, "not idempotent");
    let kept = normalise(body(false).as_bytes(), CallerFields::Keep).unwrap();
    assert_eq!(kept.nulled, [super::Field::IsForbidden]);

    let absent = success(r#""id":"x""#);
    let found = normalise(absent.as_bytes(), CallerFields::Null).unwrap();
    assert_eq!(found.body, absent, "absent stays absent");
}
