//! Row by row: every recorded error, every code of the API gateway, every detail of a refusal.

use std::fs;
use std::path::Path;

use jiff::SignedDuration;

use super::{Advice, Finding, Heard, Held, NotIssued, find};
use crate::error::ClockOff;
use crate::policy::failure::{code_of, text_of};

const ALL_HELD: [Held; 5] = [
    Held::Keys,
    Held::TemporaryKeys,
    Held::Metadata,
    Held::Token,
    Held::Password,
];

/// As it comes from the wire, through the cleaner.
fn found_by(status: u16, body: &[u8], held: Held, clock: Option<ClockOff>) -> Finding {
    let (code, text) = (code_of(body), text_of(body));
    let heard = Heard {
        status,
        code: code.as_deref(),
        text: text.as_deref(),
    };
    find(&heard, held, clock)
}

fn found(status: u16, body: &[u8]) -> Finding {
    found_by(status, body, Held::Keys, None)
}

fn told(code: &str, text: &str) -> String {
    serde_json::json!({ "error_code": code, "error_msg": text }).to_string()
}

#[test]
fn every_recorded_error_is_found() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut rows: Vec<(&str, u16, Finding)> = vec![
        ("error-400-dev-cb.json", 400, Finding::JobRefused),
        ("error-400-task-id.json", 400, Finding::JobRefused),
        ("error-401-ak-locked.json", 401, Finding::KeyLocked),
        ("error-401-ak-unknown.json", 401, Finding::UnknownKey),
        ("error-401-iam.json", 401, Finding::Refused),
        ("error-401-signature.json", 401, Finding::BadSignature),
        ("error-401-token-expired.json", 401, Finding::TokenDead),
        (
            "error-401-token-undecryptable.json",
            401,
            Finding::TokenUnreadable,
        ),
        ("error-403-apigw.json", 403, Finding::UserNotAllowed),
        ("error-403-build.json", 403, Finding::JobRefused),
        (
            "error-403-encoded-authorization.json",
            403,
            Finding::UserNotAllowed,
        ),
        ("error-404-apigw.json", 404, Finding::NoSuchApi),
        ("error-404-build.json", 404, Finding::NoSuchApi),
        ("error-422-not-found.json", 422, Finding::NoSuchJob),
        ("error-429-api.json", 429, Finding::Throttled),
        ("error-429-user.json", 429, Finding::Throttled),
        ("error-500-backend.json", 500, Finding::UpstreamFails),
        ("error-500-busy.json", 500, Finding::UpstreamFails),
        ("error-500-internal.json", 500, Finding::UpstreamFails),
        ("error-500-too-many.json", 500, Finding::Throttled),
        ("error-502-apigw.json", 502, Finding::UpstreamFails),
        ("error-502-load-balancer.html", 502, Finding::UpstreamFails),
        ("error-503-apigw.json", 503, Finding::IamDown),
        ("error-504-apigw.json", 504, Finding::UpstreamFails),
        // under 200, as recorded or documented, or in a body form that no status goes with
        ("error-camel-case.json", 400, Finding::JobRefused),
        ("error-code-message.json", 400, Finding::JobRefused),
        ("error-stringly-fail.json", 200, Finding::NotUpstream),
        ("fail-200-error-code.json", 200, Finding::JobRefused),
        ("fail-stringified.json", 200, Finding::JobRefused),
    ];
    for (file, status, finding) in &rows {
        let body = fs::read(samples.join(file)).unwrap();
        assert_eq!(found(*status, &body), *finding, "{file}");
    }
    let files = fs::read_dir(&samples).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut errors: Vec<_> = names.filter(|name| name.starts_with("error-")).collect();
    errors.sort_unstable();
    rows.retain(|(file, ..)| file.starts_with("error-"));
    let mut known: Vec<_> = rows.iter().map(|(file, ..)| *file).collect();
    known.sort_unstable();
    assert_eq!(errors, known, "a new sample has no row here");
}

#[test]
fn every_code_of_the_api_gateway_is_found_under_both_prefixes() {
    for (status, number, finding) in [
        (404, "0101", Finding::NoSuchApi),
        (404, "0103", Finding::UpstreamFails),
        (500, "0103", Finding::UpstreamFails),
        (400, "0104", Finding::UpstreamFails),
        (500, "0104", Finding::UpstreamFails),
        (400, "0105", Finding::UpstreamFails),
        (400, "0106", Finding::UpstreamFails),
        (400, "0201", Finding::RequestRefused),
        (413, "0201", Finding::RequestRefused),
        (414, "0201", Finding::RequestRefused),
        (494, "0201", Finding::RequestRefused),
        (502, "0201", Finding::UpstreamFails),
        (504, "0201", Finding::UpstreamFails),
        (401, "0301", Finding::Refused),
        (403, "0302", Finding::UserNotAllowed),
        (401, "0303", Finding::NotAnApp),
        (403, "0304", Finding::NotAnApp),
        (401, "0305", Finding::Refused),
        (403, "0306", Finding::UserNotAllowed),
        (401, "0307", Finding::TokenDead),
        (429, "0308", Finding::Throttled),
        (403, "0310", Finding::ProjectUnavailable),
        (401, "0311", Finding::Refused),
        (403, "0401", Finding::AddressNotLetIn),
        (403, "0402", Finding::AddressNotLetIn),
        (403, "0404", Finding::UpstreamFails),
        (405, "0501", Finding::QuotaUsedUp),
        (405, "0502", Finding::Frozen),
        (500, "0601", Finding::UpstreamFails),
        (400, "0602", Finding::RequestRefused),
        (500, "0605", Finding::UpstreamFails),
        (400, "0607", Finding::WrongProtocol),
        (502, "0610", Finding::UpstreamFails),
        (503, "0613", Finding::IamDown),
        (500, "0705", Finding::UpstreamFails),
        (403, "0801", Finding::ServiceNotInRegion),
        (403, "0802", Finding::UserNotInRegion),
    ] {
        for prefix in ["APIGW.", "APIG."] {
            let code = format!("{prefix}{number}");
            let body = told(&code, "some text");
            assert_eq!(found(status, body.as_bytes()), finding, "{status} {code}");
        }
    }
}

#[test]
fn every_detail_of_a_refused_iam_user_is_found() {
    for (detail, finding) in [
        ("verify aksk signature fail", Finding::BadSignature),
        ("ak AKEXAMPLE0000000TEST not exist", Finding::UnknownKey),
        (
            "Get secretKey failed,ak:AKEXAMPLE0000000TEST,err:ak not exist",
            Finding::UnknownKey,
        ),
        (
            "AK access failed to reach the limit,forbidden.",
            Finding::KeyLocked,
        ),
        ("decrypt token fail", Finding::TokenUnreadable),
        ("get token error", Finding::TokenUnreadable),
        ("Unauthorized", Finding::Refused),
        ("something that nobody has seen yet", Finding::Refused),
    ] {
        let text = format!("Incorrect IAM authentication information: {detail}");
        let body = told("APIGW.0301", &text);
        assert_eq!(found(401, body.as_bytes()), finding, "{detail}");
    }
}

#[test]
fn who_is_not_upstream_is_not_taken_for_it() {
    for (status, body, finding) in [
        (200, "<html>Log in</html>", Finding::NotUpstream),
        (200, "{}", Finding::NotUpstream),
        (204, "", Finding::NotUpstream),
        (302, "", Finding::Redirected),
        (400, "<html>", Finding::NotUpstream),
        (403, "<html>", Finding::NotUpstream),
        (404, "not found", Finding::NotUpstream),
        (405, "", Finding::NotUpstream),
        (407, "<html>", Finding::NotUpstream),
        (418, "", Finding::NotUpstream),
        (422, "", Finding::NotUpstream),
        (999, "", Finding::NotUpstream),
        (401, "<html>", Finding::Refused),
        (429, "", Finding::Throttled),
        (503, "<html>", Finding::UpstreamFails),
    ] {
        assert_eq!(found(status, body.as_bytes()), finding, "{status} {body}");
    }
}

#[test]
fn a_refused_signature_is_the_clocks_from_where_that_explains_it() {
    let bad = told(
        "APIGW.0301",
        "Incorrect IAM authentication information: verify aksk signature fail",
    );
    let minutes = |n: i64| Some(ClockOff(SignedDuration::from_mins(n)));
    for (status, held, off, is_clock) in [
        (401, Held::Keys, minutes(20), true),
        (401, Held::Keys, minutes(-20), true),
        (401, Held::Metadata, minutes(15), true),
        (
            401,
            Held::TemporaryKeys,
            Some(ClockOff(SignedDuration::from_secs(14 * 60 + 1))),
            true,
        ),
        (401, Held::Keys, minutes(14), false),
        (401, Held::Keys, None, false),
        (401, Held::Keys, Some(ClockOff(SignedDuration::MIN)), true),
        (401, Held::Token, minutes(20), false),
        (401, Held::Password, minutes(20), false),
        (403, Held::Keys, minutes(20), false),
    ] {
        let finding = found_by(status, bad.as_bytes(), held, off);
        let is = matches!(finding, Finding::ClockOff(found) if Some(found) == off);
        assert_eq!(is, is_clock, "{status} {held:?} {off:?}: {finding:?}");
    }
}

#[test]
fn only_the_build_services_refusals_show_that_the_credential_was_taken() {
    for (status, code, taken) in [
        (422, "DEVCB.00031006", true),
        (422, "CB.00031006", true),
        (403, "CB.00031059", true),
        (400, "DEV.CB.032011", true),
        (422, "DEVCB.00030000", true),
        (500, "CB.00060211", false),
        (500, "CB.00060101", false),
        (403, "APIGW.0302", false),
        (422, "OTHER.00000001", false),
    ] {
        let finding = found(status, told(code, "text").as_bytes());
        assert_eq!(finding.credential_taken(), taken, "{code}: {finding:?}");
    }
}

#[track_caller]
fn assert_are_sentences(Advice { wrong, action }: &Advice) {
    for text in [wrong, action] {
        let first = text.chars().next().unwrap();
        let begins = first.is_uppercase() || text.starts_with("kind = ");
        assert!(begins && text.ends_with(['.', ')']), "{text}");
        assert!(!text.contains("  "), "{text}");
    }
}

#[test]
fn each_finding_has_two_sentences_for_each_kind_of_credential() {
    use Finding::*;
    let off = super::ClockOff(SignedDuration::from_mins(20));
    for finding in [
        ClockOff(off),
        BadSignature,
        UnknownKey,
        KeyLocked,
        TokenDead,
        TokenUnreadable,
        NotAnApp,
        Refused,
        UserNotAllowed,
        ProjectUnavailable,
        QuotaUsedUp,
        Frozen,
        ServiceNotInRegion,
        UserNotInRegion,
        AddressNotLetIn,
        NoSuchApi,
        WrongProtocol,
        RequestRefused,
        Throttled,
        IamDown,
        UpstreamFails,
        Redirected,
        NotUpstream,
        NoSuchJob,
        JobRefused,
    ] {
        for held in ALL_HELD {
            assert_are_sentences(&finding.advice(held));
        }
    }
    for trouble in [
        NotIssued::Refused,
        NotIssued::Forbidden,
        NotIssued::Unavailable,
    ] {
        assert_are_sentences(&trouble.advice(Held::Password));
        assert_are_sentences(&trouble.advice(Held::Metadata));
    }
}

#[test]
fn what_costs_most_to_get_wrong_is_said() {
    for (advice, words) in [
        (
            Finding::BadSignature.advice(Held::Keys),
            "more than five wrong signatures in a row lock the key",
        ),
        (Finding::KeyLocked.advice(Held::Keys), "for five minutes"),
        (
            NotIssued::Refused.advice(Held::Password),
            "a few wrong passwords lock the user",
        ),
        (Finding::UserNotAllowed.advice(Held::Token), "domain scope"),
        (Finding::Refused.advice(Held::Token), "domain scope"),
        (Finding::TokenDead.advice(Held::Token), "arrears"),
        (Finding::ProjectUnavailable.advice(Held::Keys), "arrears"),
        (Finding::Throttled.advice(Held::Keys), "budget.requests"),
        (NotIssued::Refused.advice(Held::Metadata), "no agency"),
    ] {
        let both = format!("{} {}", advice.wrong, advice.action);
        assert!(both.contains(words), "{words}: {both}");
    }
}
