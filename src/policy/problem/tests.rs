//! The contract of errors: each failure's status, headers and exact bytes.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use proptest::prelude::{any, prop_assert, proptest};

use super::{Problem, Quotes, Source, TABLE, readme_table};
use crate::error::{ClockFault, ClockOff, Error, FailedStatus, PassedStatus, Refusal};
use crate::policy::failure::classify;

const REQUEST_ID: &str = "r-1";
const WAIT: Duration = Duration::from_millis(41_001);

/// One error of each kind, in the order of the table; those of upstream with and without a code.
fn every_error() -> Vec<Error> {
    let failed = |status, coded: bool| Error::UpstreamFailed {
        status,
        code: coded.then(|| "CB.00060101".into()),
        message: coded.then(|| "Internal error.".into()),
    };
    let answered = |status, body: &str| classify(status, body.as_bytes(), WAIT);
    vec![
        Error::InvalidJobId,
        Error::UnreadableRequest("two Host headers"),
        Error::UnexpectedBody,
        Error::MissingKey,
        Error::UnknownKey,
        Error::OversizedKey,
        Error::BadSignature("It is only a test."),
        Error::ClientClock {
            behind: true,
            off: Duration::from_secs(901),
        },
        Error::AdminToken,
        Error::ForeignOrigin,
        Error::JobForbidden,
        Error::NoRoute,
        Error::MethodNotAllowed,
        Error::UriTooLong,
        Error::Misdirected,
        Error::AboveRate { retry_after: WAIT },
        Error::BudgetSpent { retry_after: WAIT },
        Error::ThrottleHold { retry_after: WAIT },
        answered(
            400,
            r#"{"error_code":"CB.00060201","error_msg":"Invalid task ID."}"#,
        ),
        answered(400, ""),
        answered(
            403,
            r#"{"error_code":"CB.00031059","error_msg":"任务尚未构建"}"#,
        ),
        answered(404, r#"{"error_code":"CB.00060214"}"#),
        answered(
            422,
            r#"{"error_code":"DEVCB.00031006","error_msg":"no \"job\""}"#,
        ),
        answered(
            422,
            r#"{"error_code":"DEVCB.00030000","error_msg":"failed"}"#,
        ),
        answered(422, "<html>"),
        answered(
            429,
            r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:1 minute"}"#,
        ),
        answered(429, ""),
        Error::CredentialRefused("verify aksk signature fail".into()),
        Error::CredentialHold {
            retry_after: WAIT,
            clock: None,
        },
        Error::CredentialUnavailable("/etc/key: no such file".into()),
        Error::Misconfigured {
            status: 404,
            code: Some("APIGW.0101".into()),
        },
        failed(FailedStatus::Internal, true),
        failed(FailedStatus::Internal, false),
        failed(FailedStatus::BadGateway, false),
        failed(FailedStatus::Unavailable, false),
        failed(FailedStatus::GatewayTimeout, false),
        answered(
            200,
            r#"{"error_code":"DEV.CB.032000","error_msg":"参数错误"}"#,
        ),
        answered(200, r#"{"result":null,"error":"x","status":"fail"}"#),
        Error::Unreachable("dns error for build.example".into()),
        Error::ConnectionLost("reset by 192.0.2.1".into()),
        Error::TimedOut,
        Error::NotStored,
        Error::Paused,
        Error::Overloaded,
        Error::Draining,
        Error::Internal("panicked at src/lib.rs".into()),
    ]
}

#[test]
fn every_failure_has_these_exact_bytes() {
    let mut told = String::new();
    for error in every_error() {
        let problem = Problem::from_error(&error);
        let body = problem.body(REQUEST_ID);
        let _ = writeln!(
            told,
            "{} retry_after={:?} allow={} close={}\n{}\n",
            problem.status.as_u16(),
            problem.retry_after,
            problem.allow,
            problem.close,
            std::str::from_utf8(&body).unwrap(),
        );
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_row_is_reached_and_no_answer_is_without_one() {
    let problems: Vec<Problem> = every_error().iter().map(Problem::from_error).collect();
    for row in TABLE {
        let reached = problems.iter().any(|problem| {
            let ours = row.quotes != Quotes::Always && *problem.message == *row.text;
            let amended = row.code == "JG.4002" && problem.message.contains("two Host headers")
                || problem.message.starts_with(row.text);
            let quoted = row.quotes == Quotes::Always && problem.source == Source::Upstream;
            problem.status == row.status && (ours || amended || quoted)
        });
        assert!(reached, "{}", row.cause);
    }
    for problem in problems {
        let row = TABLE.iter().find(|row| {
            row.status == problem.status
                && row.retry_after == problem.retry_after.is_some()
                && row.allow == problem.allow
                && row.close == problem.close
                && match problem.source {
                    Source::Gateway => *row.code == *problem.code,
                    Source::Upstream => row.quotes != Quotes::Never,
                }
        });
        assert!(row.is_some(), "{problem:?}");
    }
}

#[test]
fn the_body_is_compact_escaped_and_in_order() {
    let problem = Problem {
        status: StatusCode::NOT_FOUND,
        code: "DEVCB.00031006".into(),
        message: "no \"job\" \u{1}\\ 任务".into(),
        source: Source::Upstream,
        retry_after: None,
        allow: false,
        close: false,
    };
    assert_eq!(
        problem.body("a-1"),
        "{\"error_code\":\"DEVCB.00031006\",\"error_msg\":\"no \\\"job\\\" \\u0001\\\\ 任务\",\
         \"request_id\":\"a-1\",\"source\":\"upstream\"}"
    );
}

#[test]
fn what_an_error_carries_for_the_log_stays_there() {
    for error in every_error() {
        let body = Problem::from_error(&error).body(REQUEST_ID);
        let body = std::str::from_utf8(&body).unwrap();
        for private in [
            "/etc",
            "build.example",
            "192.0.2.1",
            "src/",
            "panicked",
            " bytes, code",
        ] {
            assert!(!body.contains(private), "{body}");
        }
    }
}

#[test]
fn a_fault_of_the_gateway_never_reads_like_one_of_the_client() {
    for error in [
        Error::CredentialRefused("verify aksk signature fail".into()),
        Error::CredentialHold {
            retry_after: WAIT,
            clock: None,
        },
        Error::CredentialUnavailable("gone".into()),
        Error::Misconfigured {
            status: 404,
            code: None,
        },
    ] {
        let problem = Problem::from_error(&error);
        assert!(problem.status.is_server_error(), "{problem:?}");
        assert!(problem.message.contains("not at fault"), "{problem:?}");
        assert_eq!(problem.source, Source::Gateway);
    }
}

#[test]
fn a_wrong_clock_is_named_where_it_is_why() {
    let clock = |corrected| {
        Some(ClockFault {
            off: ClockOff(SignedDuration::from_mins(-20)),
            corrected,
        })
    };
    let refused = |clock| {
        let refusal = Refusal::from("APIGW.0303 signature expired");
        Error::CredentialRefused(refusal.because_of(clock))
    };
    let held = |clock| Error::CredentialHold {
        retry_after: WAIT,
        clock,
    };
    let text = |error: &Error| Problem::from_error(error).message.to_string();
    for (with, without) in [
        (refused(clock(false)), refused(None)),
        (held(clock(false)), held(None)),
    ] {
        let (with, without) = (text(&with), text(&without));
        let expected = format!(
            "{without} The cause: the gateway's clock was 20 minutes behind that of the upstream service."
        );
        assert_eq!(with, expected);
    }
    let corrected = text(&refused(clock(true)));
    assert!(
        corrected.ends_with("service, which is allowed for from the next call on."),
        "{corrected}"
    );
    let log = refused(clock(true)).to_string();
    assert!(
        log.contains("APIGW.0303") && log.contains("20 minutes behind"),
        "{log}"
    );
    assert!(
        !corrected.contains("APIGW"),
        "what upstream said of the central user is for the log"
    );
}

#[test]
fn the_three_ways_to_lack_a_key_share_a_code_and_no_text() {
    let problems = [Error::MissingKey, Error::UnknownKey, Error::OversizedKey]
        .map(|error| Problem::from_error(&error));
    for (index, problem) in problems.iter().enumerate() {
        assert_eq!(&*problem.code, "JG.4011");
        let others = problems.iter().skip(index + 1);
        assert!(
            others
                .into_iter()
                .all(|other| other.message != problem.message)
        );
    }
}

#[test]
fn retry_after_is_rounded_up_and_stays_between_a_second_and_a_day() {
    for (wait, secs) in [
        (Duration::ZERO, 1),
        (Duration::from_nanos(1), 1),
        (Duration::from_secs(1), 1),
        (Duration::from_nanos(1_000_000_001), 2),
        (Duration::from_secs(86_400), 86_400),
        (Duration::from_secs(86_401), 86_400),
        (Duration::MAX, 86_400),
    ] {
        let problem = Problem::from_error(&Error::BudgetSpent { retry_after: wait });
        assert_eq!(problem.retry_after, Some(secs), "{wait:?}");
    }
}

#[test]
fn a_code_like_ours_is_never_passed_off_as_upstreams() {
    let problem = Problem::from_error(&Error::Passed {
        status: PassedStatus::BadRequest,
        code: "JG.5024".into(),
        message: "whatever".into(),
    });
    assert_eq!(problem.source, Source::Gateway);
    assert_ne!(&*problem.message, "whatever");
}

#[test]
fn the_readme_table_has_a_line_for_each_row_and_five_cells_in_each() {
    let table = readme_table();
    assert_eq!(table.lines().count(), TABLE.len() + 2);
    assert!(
        table.lines().all(|line| line.matches('|').count() == 6),
        "{table}"
    );
    assert!(table.contains("| no such route | 404 | `JG.4041` |  |"));
    assert!(table.contains("| wrong method | 405 | `JG.4051` | `Allow` |"));
    assert!(table.contains("| upstream 503 | 503 | upstream's, else `JG.5023` |  |"));
}

proptest! {
    #[test]
    fn any_failure_of_upstream_is_four_non_empty_strings(status in 100..1000_u16, body in any::<Vec<u8>>()) {
        let problem = Problem::from_error(&classify(status, &body, WAIT));
        prop_assert!(problem.status.is_client_error() || problem.status.is_server_error());
        let told: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&problem.body(REQUEST_ID)).unwrap();
        let members: Vec<&str> = told.keys().map(String::as_str).collect();
        prop_assert!(members == ["error_code", "error_msg", "request_id", "source"]);
        prop_assert!(told.values().all(|value| value.as_str().is_some_and(|text| !text.is_empty())));
    }
}
