//! One host, well-formed and served here: in the field, in the target, in HTTP/2.

use http::Request;
use http_body_util::Empty;

use crate::framing::{get, with_the_job_stored};
use crate::raw::Wire;
use crate::support::{Http2, JOB};

#[tokio::test]
async fn one_well_formed_host_is_required() {
    let (script, gateway) = with_the_job_stored(&[]).await;
    let mut wire = Wire::open(gateway.addr).await;
    for (fields, why) in [
        ("", "the Host header is missing"),
        (
            "Host: a.example\r\nHost: a.example\r\n",
            "the Host header occurs twice",
        ),
        (
            "Host: a.example\r\nhOST: b.example\r\n",
            "the Host header occurs twice",
        ),
        ("Host: \r\n", "the Host header is malformed"),
        ("Host: a b\r\n", "the Host header is malformed"),
        ("Host: user@a.example\r\n", "the Host header is malformed"),
        ("Host: a.example/path\r\n", "the Host header is malformed"),
        ("Host: :80\r\n", "the Host header is malformed"),
        ("Host: a.example:port\r\n", "the Host header is malformed"),
        (
            "Host: a.example, b.example\r\n",
            "the Host header is malformed",
        ),
    ] {
        wire.write(get(&format!("{fields}X-Request-Id: r-1\r\n")))
            .await;
        let answer = wire.answer().await;
        let body = format!(
            "{{\"error_code\":\"JG.4002\",\"error_msg\":\"The request cannot be understood: {why}.\",\
             \"request_id\":\"r-1\",\"source\":\"gateway\"}}"
        );
        assert_eq!((answer.status(), answer.body), (400, body), "{fields:?}");
    }
    for host in [
        "a.example",
        "A.Example:80",
        "127.0.0.1:8080",
        "[::1]:1",
        "localhost",
    ] {
        wire.write(get(&format!("Host: {host}\r\n"))).await;
        assert_eq!(wire.answer().await.status(), 200, "{host}");
    }
    assert_eq!(script.calls(), 1);
    drop(wire);
    gateway.end().await;
}

#[tokio::test]
async fn a_host_that_is_not_served_is_sent_away_also_on_a_hit() {
    let (script, gateway) = with_the_job_stored(&["gateway.example", "other.example:8443"]).await;
    let mut wire = Wire::open(gateway.addr).await;
    let target = |authority: &str, host: &str| {
        format!("GET http://{authority}/v1/job/{JOB}/info HTTP/1.1\r\nHost: {host}\r\n\r\n")
    };
    for (request, status) in [
        (get("Host: gateway.example\r\n"), 200),
        (get("Host: GATEWAY.example:9\r\n"), 200),
        (get("Host: other.example:8443\r\n"), 200),
        (get("Host: other.example\r\n"), 421),
        (get("Host: other.example:8444\r\n"), 421),
        (get("Host: evil.example\r\n"), 421),
        (get("Host: gateway.example.evil.example\r\n"), 421),
        (
            get("Host: evil.example\r\nX-Forwarded-Host: gateway.example\r\n"),
            421,
        ),
        (target("gateway.example", "gateway.example"), 200),
        (target("gateway.example", "evil.example"), 200), // the target decides (RFC 9112 §3.2.2)
        (target("evil.example", "gateway.example"), 421),
        (target("gateway.example", "a\r\nHost: b"), 400), // and does not excuse a bad field
        (target("evil@gateway.example", "gateway.example"), 400), // nor is it excused itself
        (target("gateway.example:65536", "gateway.example"), 400),
    ] {
        wire.write(&request).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.body.contains("JG.4211"), status == 421, "{request}");
    }
    let mut http2 = Http2::open(gateway.addr).await;
    for (authority, host, status) in [
        ("gateway.example", None, 200),
        ("evil.example", None, 421),
        ("evil.example", Some("gateway.example"), 421),
        ("evil@gateway.example", None, 400),
    ] {
        let request = Request::get(format!("http://{authority}/v1/job/{JOB}/info"));
        let request = host
            .into_iter()
            .fold(request, |request, host| request.header("host", host));
        let answer = http2
            .send(request.body(Empty::new()).expect("a request"))
            .await;
        assert_eq!(answer.status, status, "{authority} {host:?}");
    }
    assert_eq!(script.calls(), 1);
    drop((wire, http2));
    gateway.end().await;
}
