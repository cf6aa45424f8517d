//! Each way an answer can be bad or missing.

use std::time::Duration;

use super::{
    DATE, TOKEN, answer, assert_unavailable, fault, fixed, granted, iam, login, token, upstream,
};
use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::credential::issue::{IssueFault, Issuer};
use crate::upstream::tests::script::{Reply, Script, Then};

const MAX_BODY: usize = 256 * 1024;

fn head(status: u16, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} As Told\r\n{DATE}X-Subject-Token: {TOKEN}\r\n{fields}\r\n\r\n{body}")
}

/// Bodies that cannot be read, under any status.
fn unreadable_bodies(status: u16) -> Vec<(String, Then, &'static str)> {
    let too_long = "x".repeat(MAX_BODY + 1);
    let chunk = format!("{:x}\r\n{too_long}\r\n0\r\n\r\n", MAX_BODY + 1);
    let length = format!("Content-Length: {}", MAX_BODY + 1);
    vec![
        (
            head(status, &length, &too_long),
            Then::Keep,
            "over 262144 bytes",
        ),
        (
            head(status, "Content-Length: 99999999999", ""),
            Then::Hang,
            "over 262144 bytes",
        ),
        (
            head(status, "Transfer-Encoding: chunked", &chunk),
            Then::Keep,
            "over 262144 bytes",
        ),
        (
            head(status, "Content-Length: 10", "{}"),
            Then::Close,
            "cut off",
        ),
        (
            head(status, "Content-Length: 10", "{}"),
            Then::Reset,
            "cut off",
        ),
        (
            head(status, "Transfer-Encoding: chunked", "2\r\n{}\r\n"),
            Then::Close,
            "cut off",
        ),
        (
            head(status, "Transfer-Encoding: chunked", "zz\r\n{}"),
            Then::Hang,
            "cut off",
        ),
        (
            head(status, "Content-Encoding: gzip\r\nContent-Length: 2", "{}"),
            Then::Keep,
            "encoded",
        ),
    ]
}

#[tokio::test]
async fn an_answer_comes_whole_or_not_at_all_and_is_not_asked_for_again() {
    let long_field = format!("A: {}\r\nContent-Length: 0", "b".repeat(512 * 1024));
    let heads = vec![
        (String::new(), Then::Close, "no readable answer"),
        (String::new(), Then::Reset, "no readable answer"),
        ("HTTP/1.1 20".to_owned(), Then::Close, "no readable answer"),
        (
            "SSH-2.0-server\r\n".to_owned(),
            Then::Hang,
            "no readable answer",
        ),
        (
            head(201, "Content-Length: one", "{}"),
            Then::Hang,
            "no readable answer",
        ),
        (head(201, &long_field, ""), Then::Hang, "no readable answer"),
    ];
    for (reply, then, why) in heads.into_iter().chain(unreadable_bodies(201)) {
        let good = Reply::new(granted(), Then::Keep);
        let script = Script::start(vec![vec![Reply::new(reply, then)], vec![good]]).await;
        let issuer = iam(&script, &Clock::system());
        assert_unavailable(&fault(issuer.issue().await), why, None);
        assert_eq!(script.requests(), [1], "nothing is repeated: {why}");
        token(issuer.issue().await);
        assert_eq!(script.requests(), [1, 1], "{why}");
    }
}

#[tokio::test]
async fn the_longest_body_is_read() {
    let body = include_str!("../../../../tests/samples/iam-token-response.json");
    let body = format!("{body}{}", " ".repeat(MAX_BODY - body.len()));
    let fields = format!("{DATE}X-Subject-Token: {TOKEN}\r\n");
    let reply = Reply::new(answer(201, &fields, &body), Then::Keep);
    let script = Script::start(vec![vec![reply]]).await;
    token(iam(&script, &Clock::system()).issue().await);
}

/// To take it for a passing trouble would be to try a wrong password again and again, until the user is locked.
#[tokio::test]
async fn a_refusal_stays_one_if_its_body_cannot_be_read() {
    for (reply, then, why) in unreadable_bodies(401) {
        let script = Script::start(vec![vec![Reply::new(reply, then)]]).await;
        let fault = fault(iam(&script, &Clock::system()).issue().await);
        let expected = "wrong domain, user or password: IAM answered 401";
        assert_eq!(fault, IssueFault::Refused(expected.into()), "{why}");
        assert_eq!(script.requests(), [1], "{why}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_in_time_takes_its_connection_with_it() {
    for (status, silence) in [
        (0, String::new()),
        (0, "HTTP/1.1 201 Created\r\n".to_owned()),
        (201, head(201, "Content-Length: 2", "{")),
        (503, head(503, "Content-Length: 2", "{")),
        (401, head(401, "Content-Length: 2", "{")),
    ] {
        let script = Script::start(vec![vec![Reply::new(silence, Then::Hang)]]).await;
        let upstream = UpstreamSettings {
            timeout: Duration::from_millis(150),
            ..upstream()
        };
        let login = login(&format!("http://{}", script.address()));
        let issuer = Issuer::password(&login, &upstream, fixed(), &Clock::system()).unwrap();
        let fault = fault(issuer.issue().await);
        if status == 401 {
            assert!(matches!(fault, IssueFault::Refused(_)), "{fault:?}");
        } else {
            assert_unavailable(&fault, "IAM: no whole answer within 150ms", None);
        }
        script.saw_the_end_of(0).await;
        assert_eq!(script.requests(), [1]);
    }
}

#[tokio::test]
async fn whoever_stops_waiting_closes_the_connection() {
    let script = Script::start(vec![vec![Reply::new("", Then::Hang)]]).await;
    let issuer = iam(&script, &Clock::system());
    tokio::select! {
        _ = issuer.issue() => panic!("there is no answer"),
        () = script.saw(1) => {}
    }
    script.saw_the_end_of(0).await;
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_asked_later() {
    let script = Script::start(Vec::new()).await;
    let issuer = iam(&script, &Clock::system());
    drop(script);
    tokio::task::yield_now().await; // the listener closes with its task
    assert_unavailable(&fault(issuer.issue().await), "IAM: no connection", None);
}

#[tokio::test]
async fn interim_answers_are_no_answers() {
    let interim = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{}",
        granted()
    );
    let script = Script::start(vec![vec![Reply::new(interim, Then::Keep)]]).await;
    token(iam(&script, &Clock::system()).issue().await);
    let switched = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let script = Script::start(vec![vec![Reply::new(switched, Then::Hang)]]).await;
    let outcome = iam(&script, &Clock::system()).issue().await;
    assert_unavailable(&fault(outcome), "another protocol", None);
}
