//! What goes out, what comes in, and how many at a time.

use std::time::{Duration, SystemTime};

use http::Request;
use tower::Service as _;

use super::script::{Reply, Script, Then};
use super::{GOOD, PATH, ask, build, plain};
use crate::clock::Clock;
use crate::error::Error;
use crate::upstream::Upstream;

#[tokio::test]
async fn an_answer_is_taken_with_its_status_id_and_time() {
    let answer = "HTTP/1.1 422 Unprocessable\r\nX-Request-Id: 0a1b-2c\r\nDate: Wed, 05 Jun 2024 08:00:58 GMT\r\n\
                  Content-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    let script = Script::start(vec![vec![Reply::new(answer, Then::Keep)]]).await;
    let clock = Clock::manual();
    let upstream =
        Upstream::new(&plain(&script), clock.clone()).unwrap_or_else(|fault| panic!("{fault}"));
    let answer = ask(&upstream).await.unwrap();
    assert_eq!(answer.status, 422);
    assert_eq!(answer.request_id.as_deref(), Some("0a1b-2c"));
    assert_eq!(&answer.body[..], br#"{"a":1}"#);
    assert_eq!(answer.sent, clock.now());
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458);
    assert_eq!(answer.date, Some(date));
    assert!(
        !format!("{answer:?}").contains(r#""a""#),
        "the body is not for logs"
    );
}

#[tokio::test]
async fn a_request_is_built_from_nothing_and_goes_to_the_one_endpoint() {
    let script = Script::start(vec![vec![Reply::new(GOOD, Then::Keep)]]).await;
    let mut upstream = build(&plain(&script));
    let request = Request::get(format!("http://{}{PATH}", script.address()))
        .header("host", script.address().to_string())
        .header("accept-encoding", "gzip")
        .header("x-auth-token", "t")
        .body(())
        .unwrap();
    upstream.call(request).await.unwrap();
    let head = script.request(0, 0);
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let host = format!("host: {}", script.address());
    let agent = format!("user-agent: jobgate/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        &format!("GET {PATH} HTTP/1.1"),
        "accept-encoding: identity",
        "accept: application/json",
        &host,
        &agent,
        "x-auth-token: t",
    ];
    assert_eq!(lines, expected);
    assert_eq!(upstream.host(), script.address().to_string());
}

#[tokio::test]
async fn a_request_that_names_another_host_is_not_sent() {
    let script = Script::start(vec![vec![Reply::new(GOOD, Then::Keep)]]).await;
    let mut upstream = build(&plain(&script));
    let here = script.address().to_string();
    let request = |uri: &str| Request::get(uri).header("x-auth-token", "t");
    for request in [
        request(&format!("http://elsewhere.example{PATH}")),
        request(PATH).header("host", "elsewhere.example"),
        request(PATH)
            .header("host", &here)
            .header("host", "elsewhere.example"),
        request(PATH).header("host", ""),
    ] {
        let outcome = upstream.call(request.body(()).unwrap()).await;
        assert!(matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
    }
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn the_longest_documented_token_passes() {
    let script = Script::start(vec![vec![Reply::new(GOOD, Then::Keep)]]).await;
    let token = "t".repeat(100_000);
    let request = Request::get(PATH)
        .header("x-auth-token", &token)
        .body(())
        .unwrap();
    build(&plain(&script)).call(request).await.unwrap();
    assert!(script.request(0, 0).contains(&token));
}

#[tokio::test]
async fn a_connection_that_behaved_is_used_again() {
    let good = Reply::new(GOOD, Then::Keep);
    let script = Script::start(vec![vec![good.clone(), good.clone(), good]]).await;
    let upstream = build(&plain(&script));
    for _ in 0..3 {
        ask(&upstream).await.unwrap();
    }
    assert_eq!(script.requests(), [3]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let script = Script::start(vec![Vec::new(), Vec::new()]).await;
    let location = format!("http://{}/elsewhere", script.address());
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let first = Script::start(vec![vec![Reply::new(moved, Then::Keep)]]).await;
    let answer = ask(&build(&plain(&first))).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!((first.requests(), script.requests()), (vec![1], vec![]));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let body = "x".repeat(100);
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{body}");
    let script = Script::start(vec![vec![Reply::new(reply, Then::Keep)]]).await;
    let answer = ask(&build(&plain(&script))).await.unwrap();
    assert_eq!(answer.body.len(), 100);
}

#[tokio::test]
async fn a_call_given_up_closes_its_connection() {
    let good = Reply::new(GOOD, Then::Keep);
    let script = Script::start(vec![vec![Reply::new("", Then::Hang)], vec![good]]).await;
    let upstream = build(&plain(&script));
    let mut first = Box::pin(ask(&upstream));
    tokio::select! {
        outcome = &mut first => panic!("{outcome:?}"),
        () = script.saw(1) => {}
    }
    drop(first);
    ask(&upstream).await.unwrap();
    script.saw_the_end_of(0).await;
    assert_eq!(script.requests(), [1, 1]);
}
