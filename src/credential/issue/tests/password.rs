//! What IAM is asked, and what its answers mean.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{
    DATE, DOMAIN, PASSWORD, TOKEN, USER, answer, assert_tells_no_secret, assert_unavailable, fault,
    fixed, granted, iam, login, service, token, upstream,
};
use crate::clock::Clock;
use crate::config::{SecretSource, UpstreamSettings};
use crate::credential::issue::{IssueFault, Issuer};
use crate::credential::source::Source;
use crate::upstream::tests::script::{Reply, Script, Then};
use crate::upstream::tests::tls::Authority;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// 2020-01-04T09:05:22.701Z, when the token of IAM's sample expires.
fn sample_expires_at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_578_128_722_701)
}

#[tokio::test]
async fn iam_is_asked_once_in_exactly_these_bytes() {
    let script = service(vec![granted()]).await;
    let issuer = iam(&script, &Clock::system());
    let (given, ..) = token(issuer.issue().await);
    assert_eq!(given, TOKEN);
    let sample = include_str!("../../../../tests/samples/iam-token-request.json");
    let mut body: serde_json::Value = serde_json::from_str(sample).unwrap();
    let user = &mut body["auth"]["identity"]["password"]["user"];
    user["name"] = USER.into();
    user["password"] = PASSWORD.into();
    user["domain"]["name"] = DOMAIN.into();
    let body = body.to_string();
    let expected = format!(
        "POST /v3/auth/tokens?nocatalog=true HTTP/1.1\r\n\
         content-type: application/json;charset=utf8\r\n\
         accept: application/json\r\n\
         host: {}\r\n\
         user-agent: jobgate/{}\r\n\
         accept-encoding: identity\r\n\
         connection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        script.address(),
        env!("CARGO_PKG_VERSION"),
        body.len(),
    );
    assert_eq!(script.request(0, 0), expected);
    assert_eq!(script.requests(), [1]);
    script.saw_the_end_of(0).await; // although the issuer lives on
}

#[tokio::test]
async fn a_token_lives_by_the_clock_of_iam() {
    let body = |expires_at: &str| {
        format!(r#"{{"token":{{"expires_at":"{expires_at}","project":{{"id":"p"}}}}}}"#)
    };
    let eight = SystemTime::UNIX_EPOCH + Duration::from_secs(1_578_125_122); // 08:05:22
    for (date, ours, expires_at, lifetime) in [
        (DATE, eight, "2020-01-04T09:05:22.000000Z", Some(HOUR)),
        (DATE, eight + 30 * HOUR, "2020-01-04T09:05:22Z", Some(HOUR)),
        (DATE, eight - 30 * HOUR, "2020-01-04T09:05:22Z", Some(HOUR)),
        ("", eight - HOUR, "2020-01-04T09:05:22Z", Some(2 * HOUR)),
        ("Date: noon\r\n", eight, "2020-01-04T09:05:22Z", Some(HOUR)),
        (DATE, eight, "2020-01-04T17:05:22+08:00", Some(HOUR)),
        (DATE, eight, "2020-01-05T08:05:22Z", Some(24 * HOUR)),
        (DATE, eight, "9999-01-01T00:00:00Z", Some(24 * HOUR)),
        (
            DATE,
            eight,
            "2020-01-04T08:05:22.000001Z",
            Some(Duration::from_micros(1)),
        ),
        (DATE, eight, "2020-01-04T08:05:22Z", None),
        (DATE, eight - HOUR, "2020-01-04T08:05:21Z", None),
        ("", eight, "2020-01-04T08:05:22Z", None),
        (DATE, eight, "0001-01-01T00:00:00Z", None),
    ] {
        let fields = format!("{date}X-Subject-Token: {TOKEN}\r\n");
        let script = service(vec![answer(201, &fields, &body(expires_at))]).await;
        let clock = Clock::manual();
        clock.set_wall(ours);
        let outcome = iam(&script, &clock).issue().await;
        match lifetime {
            Some(lifetime) => assert_eq!(token(outcome).1, lifetime, "{date:?} {expires_at}"),
            None => assert_unavailable(&fault(outcome), "expired", None),
        }
    }
    let script = service(vec![granted()]).await;
    let issued = token(iam(&script, &Clock::system()).issue().await);
    assert_eq!(issued.2, sample_expires_at());
}

#[tokio::test]
async fn the_longest_token_that_is_documented_is_read() {
    let long = "M".repeat(100_000);
    let script = service(vec![granted().replace(TOKEN, &long)]).await;
    let (given, ..) = token(iam(&script, &Clock::system()).issue().await);
    assert_eq!(given, long);
}

#[tokio::test]
async fn a_refusal_says_whether_the_same_words_may_ever_be_asked_again() {
    let said = r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#;
    let trace = "X-IAM-Trace-Id: token_cn-north-4_5b0e4b57c12b8e4d\r\n";
    let told =
        "401 The username or password is wrong. (X-IAM-Trace-Id token_cn-north-4_5b0e4b57c12b8e4d)";
    for (status, why) in [
        (400, "malformed domain, user or project: IAM answered 400: "),
        (401, "wrong domain, user or password: IAM answered 401: "),
        (
            404,
            "no such project, or not the address of IAM: IAM answered 404: ",
        ),
    ] {
        let script = service(vec![answer(status, trace, said)]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        assert_eq!(fault, IssueFault::Refused(format!("{why}{told}").into()));
        assert_eq!(script.requests(), [1], "{status}");
    }
    let script = service(vec![answer(403, trace, said)]).await;
    let fault = fault(iam(&script, &Clock::system()).issue().await);
    let why =
        "the user is locked, without rights, or without programmatic access: IAM answered 403: ";
    assert_eq!(fault, IssueFault::Forbidden(format!("{why}{told}").into()));
    assert_eq!(script.requests(), [1]);
}

#[tokio::test]
async fn any_other_status_means_later_and_nothing_more_is_asked() {
    let seconds = |s| Some(Duration::from_secs(s));
    let throttled = r#"{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 minute"}"#;
    let at = format!("{DATE}Retry-After: Sat, 04 Jan 2020 08:06:22 GMT\r\n");
    let past = format!("{DATE}Retry-After: Sat, 04 Jan 2020 08:00:00 GMT\r\n");
    let elsewhere = "Location: /v3/auth/tokens\r\n";
    for (status, fields, body, retry_after) in [
        (429, "Retry-After: 7\r\n", throttled, seconds(7)),
        (429, "", throttled, seconds(60)),
        (429, "Retry-After: soon\r\n", "", None),
        (429, "Retry-After: -1\r\n", "", None),
        (503, &at, "", seconds(60)),
        (503, &past, "", None),
        (500, "", "<html>busy</html>", None),
        (502, "", "", None),
        (599, "", "", None),
        (200, "X-Subject-Token: MIIEIgYJKoZIhvcNAQcC\r\n", "{}", None),
        (301, elsewhere, "", None),
        (302, elsewhere, "", None),
        (307, elsewhere, "", None),
        (308, elsewhere, "", None),
        (405, "", "", None),
        (407, "Proxy-Authenticate: Basic\r\n", "", None),
        (413, "", "", None),
        (418, "", "", None),
    ] {
        let script = service(vec![answer(status, fields, body), granted()]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        let text = format!("IAM answered {status}");
        assert_unavailable(&fault, &text, retry_after);
        assert_eq!(script.requests(), [1], "{status}");
    }
}

#[tokio::test]
async fn a_201_without_a_usable_token_is_no_token() {
    let body = r#"{"token":{"expires_at":"2020-01-04T09:05:22.701000Z","project":{"id":"p"}}}"#;
    let good = format!("{DATE}X-Subject-Token: {TOKEN}\r\n");
    let no_time = r#"{"token":{"project":{"id":"p"}}}"#;
    let odd_time = r#"{"token":{"expires_at":"ci-reader","project":{"id":"p"}}}"#;
    let local_time = r#"{"token":{"expires_at":"2020-01-04T09:05:22","project":{"id":"p"}}}"#;
    let number = r#"{"token":{"expires_at":1578128722701,"project":{"id":"p"}}}"#;
    let twice = format!("{good}X-Subject-Token: {TOKEN}2\r\n");
    for (fields, body, why) in [
        (DATE, body, "one usable X-Subject-Token"),
        (&twice, body, "one usable X-Subject-Token"),
        ("X-Subject-Token: \r\n", body, "one usable X-Subject-Token"),
        (
            "X-Subject-Token: too-short\r\n",
            body,
            "one usable X-Subject-Token",
        ),
        (
            "X-Subject-Token: a token with blanks in it\r\n",
            body,
            "one usable X-Subject-Token",
        ),
        (
            "X-Subject-Token: tökentökentökentöken\r\n",
            body,
            "one usable X-Subject-Token",
        ),
        (&good, no_time, "readable expires_at"),
        (&good, odd_time, "readable expires_at"),
        (&good, local_time, "readable expires_at"),
        (&good, number, "readable body"),
        (&good, "", "readable body"),
        (&good, "{}", "readable body"),
        (&good, "[]", "readable body"),
        (&good, r#"{"token":null}"#, "readable body"),
        (
            &good,
            body.split_once("project").unwrap().0,
            "readable body",
        ),
        (
            &good,
            "<html>Welcome to the network of ci-reader</html>",
            "readable body",
        ),
    ] {
        let script = service(vec![answer(201, fields, body), granted()]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        assert_unavailable(&fault, why, None);
        assert_eq!(script.requests(), [1], "{why}");
    }
}

#[tokio::test]
async fn a_token_of_the_whole_domain_is_refused_here_and_not_by_every_job() {
    for scope in [r#""domain":{"id":"d","name":"n"}"#, r#""project":null"#] {
        let body = format!(r#"{{"token":{{"expires_at":"2020-01-04T09:05:22Z",{scope}}}}}"#);
        let fields = format!("{DATE}X-Subject-Token: {TOKEN}\r\n");
        let script = service(vec![answer(201, &fields, &body)]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        let expected = IssueFault::Refused("the token has no project scope".into());
        assert_eq!(fault, expected);
    }
}

fn in_escapes(text: &str) -> String {
    let units = text.encode_utf16();
    units.map(|unit| format!("\\u{unit:04X}")).collect()
}

#[tokio::test]
async fn words_that_quote_what_is_private_are_left_out_and_the_rest_is_kept() {
    let trace = "X-IAM-Trace-Id: 5b0e4b57c12b8e4d\r\n";
    let json =
        |text: &str| serde_json::json!({"error": {"code": 401, "message": text}}).to_string();
    let nested = serde_json::to_string(&json(PASSWORD)).unwrap();
    for body in [
        json("User ci-reader is unknown"),
        json("User CI-Reader is unknown"),
        json(&format!("No domain {DOMAIN}!")),
        json(&format!("{PASSWORD} is wrong")),
        json("User ci-reader is unknown").replace("ci-reader", "ci\\u002dreader"),
        nested,
        json(&format!("unreadable: {}", json(PASSWORD))),
        json(&format!("unreadable: {}", json(DOMAIN))),
        json("?").replace('?', &in_escapes(&PASSWORD.to_uppercase())),
        json("?").replace('?', &in_escapes(DOMAIN)),
        r#"{"error_code":"ci-reader","error_msg":"unknown"}"#.to_owned(),
    ] {
        let script = service(vec![answer(401, trace, &body)]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        assert_tells_no_secret(&fault);
        assert_eq!(
            fault.to_string(),
            "wrong domain, user or password: IAM answered 401, in words that quote what is private \
             (X-IAM-Trace-Id 5b0e4b57c12b8e4d)",
        );
    }
    for odd in [
        "X-IAM-Trace-Id: two words\r\n",
        "X-IAM-Trace-Id: of-CI-reader\r\n",
        "X-IAM-Trace-Id: \r\n",
        "",
    ] {
        let script = service(vec![answer(401, odd, "<p>No.</p>")]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        let expected = "wrong domain, user or password: IAM answered 401";
        assert_eq!(fault.to_string(), expected);
    }
}

#[tokio::test]
async fn a_rewritten_password_counts_from_the_next_question_on() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "the-first-password\n").unwrap();
    let source = SecretSource::File(path.clone());
    let source = Source::open(&source, &|_| None).unwrap_or_else(|fault| panic!("{fault}"));
    let script = service(vec![granted(), granted()]).await;
    let login = login(&format!("http://{}", script.address()));
    let issuer = Issuer::password(&login, &upstream(), Arc::new(source), &Clock::system()).unwrap();
    let first = issuer.generation();
    token(issuer.issue().await);

    std::fs::remove_file(&path).unwrap();
    let gone = fault(issuer.issue().await);
    assert_unavailable(&gone, &format!("cannot read file {}", path.display()), None);
    assert_eq!(script.requests(), [1], "nothing is sent without a password");
    assert_eq!(issuer.generation(), first, "no other words yet");

    std::fs::write(&path, "the-second-password-of-all\n").unwrap();
    assert_ne!(issuer.generation(), first);
    token(issuer.issue().await);
    assert!(script.request(0, 0).contains(r#""the-first-password""#));
    assert!(
        script
            .request(1, 0)
            .contains(r#""the-second-password-of-all""#)
    );
}

#[tokio::test]
async fn iam_is_believed_by_its_certificate_alone() {
    let authority = Authority::new();
    let reply = vec![vec![Reply::new(granted(), Then::Keep)]];
    let script = Script::start_tls(reply, authority.acceptor.clone()).await;
    let login = login(&format!("https://{}", script.address()));
    let issuer = |authority: &Authority| {
        let upstream = UpstreamSettings {
            ca_file: Some(authority.ca_file()),
            ..upstream()
        };
        Issuer::password(&login, &upstream, fixed(), &Clock::system()).unwrap()
    };
    token(issuer(&authority).issue().await);
    let refused = fault(issuer(&Authority::new()).issue().await);
    assert_unavailable(&refused, "IAM: no connection", None);
    assert_eq!(script.requests(), [1], "a stranger gets no password");
}
