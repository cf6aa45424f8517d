//! Each way an answer can be bad or missing: the reason, and that the connection is not used again.

use std::time::Duration;

use super::script::{Reply, Script, Then};
use super::{GOOD, ask, assert_not_success, build, plain};
use crate::config::UpstreamSettings;
use crate::error::Error;

/// Every way to answer badly: the first call fails with the reason, the next one goes out on a new connection.
#[tokio::test]
async fn a_connection_that_misbehaved_is_never_used_again() {
    let head = |fields: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}");
    let too_long = "x".repeat(101);
    let many_fields = format!("{}Content-Length: 0", "A: b\r\n".repeat(100));
    let long_field = format!("A: {}\r\nContent-Length: 0", "b".repeat(256 * 1024));
    let huge_chunk = format!("65\r\n{too_long}\r\n0\r\n\r\n");
    for (reply, then, why) in [
        (
            head("Content-Length: 101", &too_long),
            Then::Keep,
            "over 100 bytes",
        ),
        (
            head("Content-Length: 99999999999", ""),
            Then::Hang,
            "over 100 bytes",
        ),
        (
            head("Transfer-Encoding: chunked", &huge_chunk),
            Then::Keep,
            "over 100 bytes",
        ),
        (
            head("Connection: close", &too_long),
            Then::Close,
            "over 100 bytes",
        ),
        (
            head("Content-Encoding: gzip\r\nContent-Length: 2", "{}"),
            Then::Keep,
            "encoded",
        ),
        (
            head(
                "Content-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 2",
                "{}",
            ),
            Then::Keep,
            "encoded",
        ),
        (
            head("Transfer-Encoding: gzip, chunked", "2\r\n{}\r\n0\r\n\r\n"),
            Then::Keep,
            "transfer coding",
        ),
        (
            format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{GOOD}"),
            Then::Keep,
            "interim",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            Then::Hang,
            "interim",
        ),
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(),
            Then::Hang,
            "protocol",
        ),
        (head("Content-Length: 10", "{}"), Then::Close, "cut off"),
        (head("Content-Length: 10", "{}"), Then::Reset, "cut off"),
        (
            head("Transfer-Encoding: chunked", "2\r\n{}\r\n"),
            Then::Close,
            "cut off",
        ),
        (
            head("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
            Then::Hang,
            "cut off",
        ),
        ("HTTP/1.1 200 O".to_owned(), Then::Close, "unreadable"),
        (head("Content-Length: one", "{}"), Then::Hang, "unreadable"),
        (head(&many_fields, ""), Then::Hang, "unreadable"),
        (head(&long_field, ""), Then::Hang, "unreadable"),
        ("SSH-2.0-server\r\n".to_owned(), Then::Hang, "unreadable"),
    ] {
        let bad = Reply::new(reply, then);
        let script = Script::start(vec![vec![bad], vec![Reply::new(GOOD, Then::Keep)]]).await;
        let upstream = build(&plain(&script));
        assert_not_success(ask(&upstream).await, why);
        assert_eq!(script.requests(), [1], "nothing is repeated: {why}");
        ask(&upstream).await.unwrap();
        assert_eq!(script.requests(), [1, 1], "{why}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit_and_the_connection_dropped() {
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        + &"1\r\nx\r\n".repeat(1000);
    let script = Script::start(vec![vec![Reply::new(endless, Then::Repeat)]]).await;
    let upstream = build(&plain(&script));
    assert_not_success(ask(&upstream).await, "over 100 bytes");
    script.saw_the_end_of(0).await;
    assert_eq!(script.requests(), [1]);
}

#[tokio::test]
async fn a_second_answer_nobody_asked_for_is_never_taken_for_the_next_one() {
    let two = format!("{GOOD}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
    let script = Script::start(vec![
        vec![Reply::new(two, Then::Keep)],
        vec![Reply::new(GOOD, Then::Keep)],
    ])
    .await;
    let upstream = build(&plain(&script));
    for _ in 0..2 {
        assert_eq!(&ask(&upstream).await.unwrap().body[..], b"{}");
    }
    assert_eq!(script.requests(), [1, 1]);
}

#[tokio::test]
async fn a_connection_lost_before_a_byte_is_told_apart_and_not_repeated() {
    for then in [Then::Close, Then::Reset] {
        let script = Script::start(vec![vec![Reply::new("", then)]]).await;
        let outcome = ask(&build(&plain(&script))).await;
        assert!(
            matches!(outcome, Err(Error::ConnectionLost(_))),
            "{outcome:?}"
        );
        assert_eq!(script.requests(), [1]);
    }
}

#[tokio::test]
async fn a_used_connection_lost_before_a_byte_is_told_apart_too() {
    for then in [Then::Close, Then::Reset] {
        let good = Reply::new(GOOD, Then::Keep);
        let script =
            Script::start(vec![vec![good.clone(), Reply::new("", then)], vec![good]]).await;
        let upstream = build(&plain(&script));
        ask(&upstream).await.unwrap();
        let outcome = ask(&upstream).await;
        assert!(
            matches!(outcome, Err(Error::ConnectionLost(_))),
            "{outcome:?}"
        );
        assert_eq!(
            script.requests(),
            [2],
            "no attempt is made that was not asked for"
        );
    }
}

#[tokio::test]
async fn silence_before_or_within_an_answer_times_out_and_takes_the_connection_with_it() {
    for silence in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
    ] {
        let script = Script::start(vec![vec![Reply::new(silence, Then::Hang)]]).await;
        let upstream = build(&UpstreamSettings {
            timeout: Duration::from_millis(150),
            ..plain(&script)
        });
        let outcome = ask(&upstream).await;
        assert!(matches!(outcome, Err(Error::TimedOut)), "{outcome:?}");
        script.saw_the_end_of(0).await;
        assert_eq!(script.requests(), [1]);
    }
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let script = Script::start(Vec::new()).await;
    let settings = plain(&script);
    drop(script);
    tokio::task::yield_now().await; // the listener closes with its task
    let outcome = ask(&build(&settings)).await;
    assert!(matches!(outcome, Err(Error::Unreachable(_))), "{outcome:?}");
}
