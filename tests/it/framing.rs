//! The rules of HTTP that the gateway insists on: no bodies, and an answer to each request in order. Hosts are in
//! `hosts.rs`.

use crate::raw::{Reply, Script, Wire};
use crate::support::{DOCUMENTED, JOB, Running, in_front_of, nth_job};

/// A gateway that has [`JOB`] stored, so that what must be refused would be a hit.
pub(crate) async fn with_the_job_stored(allowed_hosts: &[&str]) -> (Script, Running) {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let hosts = allowed_hosts
        .iter()
        .map(|host| (*host).to_owned())
        .collect();
    let gateway = in_front_of(&script.url())
        .with(|settings| settings.server.allowed_hosts = hosts)
        .start();
    let mut wire = Wire::open(gateway.addr).await;
    let host = allowed_hosts.first().unwrap_or(&"a.example");
    wire.write(get(&format!("Host: {host}\r\n"))).await;
    assert_eq!(wire.answer().await.status(), 200);
    (script, gateway)
}

pub(crate) fn get(fields: &str) -> String {
    format!("GET /v1/job/{JOB}/info HTTP/1.1\r\n{fields}\r\n")
}

#[tokio::test]
async fn a_get_that_announces_a_body_is_refused_and_its_bytes_are_never_a_request() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    let smuggled = format!(
        "GET /v1/job/{}/info HTTP/1.1\r\nHost: a.example\r\n\r\n",
        nth_job(9)
    );
    let length = smuggled.len();
    let chunked = format!("{length:x}\r\n{smuggled}\r\n0\r\n\r\n");
    for (method, fields, body) in [
        (
            "GET",
            format!("Content-Length: {length}\r\n"),
            smuggled.clone(),
        ),
        (
            "GET",
            "Content-Length: 5\r\n".into(),
            format!("hello{smuggled}"),
        ),
        ("GET", "Content-Length: 5\r\n".into(), String::new()),
        (
            "GET",
            "Transfer-Encoding: chunked\r\n".into(),
            chunked.clone(),
        ),
        (
            "GET",
            "Transfer-Encoding: chunked\r\n".into(),
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "HEAD",
            format!("Content-Length: {length}\r\n"),
            smuggled.clone(),
        ),
    ] {
        let mut wire = Wire::open(gateway.addr).await;
        wire.write(format!(
            "{method} /v1/job/{JOB}/info HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n{body}"
        ))
        .await;
        let head = wire.head().await;
        assert!(
            head.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{method} {fields}: {head}"
        );
        assert_eq!(crate::raw::field(&head, "connection"), Some("close"));
        assert!(
            !wire.rest().await.contains("HTTP/1.1"),
            "{method} {fields}: one answer and the end"
        );
    }
    for (fields, then) in [
        ("Content-Length: 0\r\n", 200),
        ("Content-Length: 00\r\n", 400),
    ] {
        let mut wire = Wire::open(gateway.addr).await;
        wire.write(get(&format!("Host: a.example\r\n{fields}")))
            .await;
        assert_eq!(wire.answer().await.status(), then, "{fields}");
    }
    assert_eq!(
        script.calls(),
        1,
        "nothing that stood in a body was looked up"
    );
    gateway.end().await;
}

#[tokio::test]
async fn the_refusal_of_a_long_body_reaches_a_client_that_is_still_sending() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    for length in [100_000, 10_000_000] {
        let mut wire = Wire::open(gateway.addr).await;
        let head = get(&format!("Host: a.example\r\nContent-Length: {length}\r\n"));
        wire.write([head.into_bytes(), vec![b'x'; 50_000]].concat())
            .await;
        let answer = wire.answer().await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.field("connection"), Some("close"));
        for _ in 0..5 {
            wire.write(vec![b'x'; 10_000]).await; // taken, not answered with a reset
        }
        assert_eq!(wire.rest().await, "");
    }
    assert_eq!(script.calls(), 1);
    gateway.end().await;
}

/// Both framings at once, two lengths, a coding that is not chunked: the classic smuggling requests. Who answers (the
/// parser or the gateway) does not matter; that it is a refusal, the only answer and the end of the connection does.
#[tokio::test]
async fn a_request_with_two_framings_gets_one_refusal_and_the_end() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    let smuggled = format!(
        "GET /v1/job/{}/info HTTP/1.1\r\nHost: a.example\r\n\r\n",
        nth_job(9)
    );
    for fields in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 0\r\n",
        "Content-Length: 0, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        let mut wire = Wire::open(gateway.addr).await;
        wire.write(get(&format!("Host: a.example\r\n{fields}")) + "0\r\n\r\n" + &smuggled)
            .await;
        let told = wire.rest().await;
        assert!(
            told.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{fields}: {told}"
        );
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{fields}: {told}");
    }
    assert_eq!(
        script.calls(),
        1,
        "nothing that stood in a body was looked up"
    );
    gateway.end().await;
}

#[tokio::test]
async fn ten_pipelined_requests_are_answered_in_order_on_one_connection() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    let mut wire = Wire::open(gateway.addr).await;
    let requests: String = (0..10)
        .map(|n| get(&format!("Host: a.example\r\nX-Request-Id: n-{n}\r\n")))
        .collect();
    wire.write(requests).await;
    for n in 0..10 {
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status(), answer.field("x-request-id")),
            (200, Some(format!("n-{n}").as_str()))
        );
        assert_eq!(answer.field("connection"), None, "it stays open");
    }
    wire.write(get("Host: a.example\r\nConnection: close\r\n"))
        .await;
    assert_eq!(wire.answer().await.field("connection"), Some("close"));
    assert_eq!(wire.rest().await, "");
    assert_eq!(script.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn an_answer_is_not_lost_because_bytes_follow_the_last_request() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    let last = get("Host: a.example\r\nConnection: close\r\n");
    let more = get("Host: a.example\r\n");
    for (before, after, answers) in [
        ("", "\r\n", 1),
        ("", more.as_str(), 1),
        (&more, "\r\n", 2),
        ("", "\0", 1),
    ] {
        let told = gateway
            .raw(format!("{before}{last}{after}").as_bytes())
            .await;
        let told = String::from_utf8(told).expect("UTF-8");
        assert_eq!(
            told.matches("HTTP/1.1 200 OK\r\n").count(),
            answers,
            "{after:?}: {told}"
        );
        assert_eq!(
            told.matches("HTTP/1.1 ").count(),
            answers,
            "{after:?}: {told}"
        );
    }
    assert_eq!(script.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn http_1_0_is_served_if_it_names_a_host_and_the_connection_ends() {
    let (_script, gateway) = with_the_job_stored(&[]).await;
    for (fields, status) in [("Host: a.example\r\n", "200 OK"), ("", "400 Bad Request")] {
        let request = format!("GET /v1/job/{JOB}/info HTTP/1.0\r\n{fields}\r\n");
        let told = gateway.raw(request.as_bytes()).await;
        let told = String::from_utf8(told).expect("UTF-8");
        assert!(
            told.starts_with(&format!("HTTP/1.0 {status}\r\n")),
            "{told}"
        );
        assert!(told.contains("\r\ncontent-length: "), "{told}");
    }
    gateway.end().await;
}

#[tokio::test]
async fn whatever_is_not_the_job_route_is_404_and_whatever_does_not_read_is_405() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    for path in [
        "/",
        "/v1/job/list",
        "/v1/job",
        "/v2/job/x/info",
        "/-/",
        "/-/jobs",
        "/metrics",
        "/healthz",
        "/favicon.ico",
    ] {
        let answer = gateway.get(path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "JG.4041".into()),
            "{path}"
        );
        let answer = gateway.ask("POST", path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "JG.4041".into()),
            "POST {path}"
        );
    }
    for path in [
        format!("/v1/job/{JOB}/info"),
        "/v1/job/bad/info".into(),
        "/-/healthz".into(),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let answer = gateway.ask(method, &path, &[]).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (405, "JG.4051".into()),
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    let mut wire = Wire::open(gateway.addr).await;
    wire.write("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.status(), 404, "no tunnel");
    assert_eq!(script.calls(), 1);
    drop(wire);
    gateway.end().await;
}
