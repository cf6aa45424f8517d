//! What a client may send and what it gets: the job route, its forms and its headers. Framing is in `framing.rs`.

use http::Request;
use http_body_util::Empty;
use jobgate::clock::Clock;

use crate::raw::{Reply, Script, Wire, field};
use crate::support::{DOCUMENTED, Http2, JOB, in_front_of};

/// What every client gets for [`JOB`].
const NORMALISED: &str = include_str!("../samples/success-normalised.json");

async fn upstream() -> Script {
    Script::answering([Reply::of(200, DOCUMENTED)]).await
}

fn compact(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
    value.to_string()
}

#[tokio::test]
async fn a_job_has_exactly_these_headers_and_nothing_of_upstreams() {
    let fields = "Set-Cookie: a=b\r\nServer: nginx\r\nConnection: keep-alive, X-Foo\r\nX-Foo: bar\r\n\
                  X-Request-Id: 5b0e4b57c12b8e4d\r\nETag: \"theirs\"\r\nCache-Control: public\r\nAge: 99\r\n\
                  Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (head, length) = (format!("HTTP/1.1 200 Fine\r\n{fields}"), DOCUMENTED.len());
    let chunked = format!("{head}{length:x}\r\n{DOCUMENTED}\r\n0\r\nX-Trailer: t\r\n\r\n");
    let script = Script::answering([Reply::new(chunked, crate::raw::Then::Keep)]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();

    for (cache_status, upstream_id) in [
        (
            "jobgate; fwd=uri-miss; stored; ttl=30",
            Some("5b0e4b57c12b8e4d"),
        ),
        ("jobgate; hit; ttl=30", None),
    ] {
        let answer = gateway
            .get(
                &format!("/v1/job/{JOB}/info"),
                &[("x-request-id", "mine-1")],
            )
            .await;
        let mut names: Vec<&str> = answer
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        names.sort_unstable();
        let mut expected = vec![
            "age",
            "cache-control",
            "cache-status",
            "content-length",
            "content-type",
            "date",
            "etag",
            "x-request-id",
        ];
        expected.extend(upstream_id.map(|_| "x-upstream-request-id"));
        assert_eq!(names, expected);
        assert_eq!(answer.status, 200);
        for (name, value) in [
            ("age", "0"),
            ("cache-control", "private, max-age=30"),
            ("cache-status", cache_status),
            ("content-length", &answer.body.len().to_string()),
            ("content-type", "application/json;charset=UTF-8"),
            ("x-request-id", "mine-1"),
            ("x-upstream-request-id", upstream_id.unwrap_or_default()),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
        assert_eq!(answer.text(), compact(NORMALISED));
    }
    assert_eq!(script.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn upstream_is_sent_our_headers_and_nothing_of_the_clients() {
    let script = upstream().await;
    let gateway = in_front_of(&script.url()).start();
    let path = format!("/v1/job/{JOB}/info?token=abc&X-Auth-Token=def");
    let headers = [
        ("cookie", "session=1"),
        ("x-auth-token", "client-token"),
        ("authorization", "Bearer client-key"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-api-key", "client-key"),
        ("x-request-id", "client-name"),
        ("x-sdk-date", "20200101T000000Z"),
        ("x-project-id", "p"),
        ("if-none-match", "\"x\""),
        ("accept", "text/html"),
        ("accept-encoding", "gzip"),
        ("user-agent", "evil"),
        ("via", "1.1 x"),
    ];
    assert_eq!(gateway.get(&path, &headers).await.status, 200);
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    let head = &asked[0].head;
    let mut lines = head.lines();
    assert_eq!(
        lines.next(),
        Some(format!("GET /v1/job/{JOB}/info HTTP/1.1").as_str())
    );
    let mut names: Vec<&str> = lines
        .map(|line| line.split(':').next().expect("a name"))
        .collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "host",
        "user-agent",
        "x-sdk-date",
    ];
    assert_eq!(names, expected);
    let version = concat!("jobgate/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("host", script.url().trim_start_matches("http://")),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("user-agent", version),
    ] {
        assert_eq!(field(head, name), Some(value));
    }
    let signature = field(head, "authorization").expect("a signature");
    let scheme =
        "SDK-HMAC-SHA256 Access=AKTESTTESTTESTTEST00, SignedHeaders=host;x-sdk-date, Signature=";
    assert!(signature.starts_with(scheme), "{signature}");
    gateway.end().await;
}

#[tokio::test]
async fn head_is_get_without_the_body_in_both_protocols() {
    let script = upstream().await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    let paths = [
        format!("/v1/job/{JOB}/info"),
        "/-/healthz".into(),
        "/v1/job/bad/info".into(),
    ];
    gateway.job(JOB).await;
    let (mut wire, mut http2) = (
        Wire::open(gateway.addr).await,
        Http2::open(gateway.addr).await,
    );
    for path in paths {
        let request = |method| {
            format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: r-1\r\n\r\n")
        };
        wire.write(request("HEAD")).await;
        let head = wire.head().await;
        wire.write(request("GET")).await;
        let get = wire.answer().await; // whatever followed the first head would stand before this one
        assert_eq!(head, get.head, "{path}");

        let mut told = Vec::new();
        for method in ["HEAD", "GET"] {
            let request = Request::builder()
                .method(method)
                .uri(format!("http://a.example{path}"));
            told.push(
                http2
                    .send(request.body(Empty::new()).expect("a request"))
                    .await,
            );
        }
        let (head, get) = (&told[0], &told[1]);
        assert_eq!(head.body, "");
        assert_eq!(head.status, get.status);
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        for name in get.headers.keys().filter(|name| *name != "x-request-id") {
            assert_eq!(
                head.headers.get(name),
                get.headers.get(name),
                "{path} {name}"
            );
        }
        assert_eq!(head.headers.len(), get.headers.len());
    }
    drop(http2);
    gateway.end().await;
}

#[tokio::test]
async fn a_request_id_is_the_clients_if_it_is_modest_and_ours_if_not() {
    let script = upstream().await;
    let gateway = in_front_of(&script.url())
        .with(|settings| settings.log.level = tracing::Level::INFO)
        .start();
    let mut ours = std::collections::HashSet::new();
    let longest = "x".repeat(64);
    for good in ["a", "build-7.retry_2", &longest] {
        assert_eq!(
            gateway
                .get("/-/healthz", &[("x-request-id", good)])
                .await
                .header("x-request-id"),
            good
        );
    }
    for bad in ["", "a b", "a\"b", "<script>", &"x".repeat(65)] {
        let id = gateway.get("/-/healthz", &[("x-request-id", bad)]).await;
        let id = id.header("x-request-id").to_owned();
        assert_eq!(
            (id.len(), hex::decode(&id).is_ok()),
            (32, true),
            "{bad:?}: {id}"
        );
        assert!(ours.insert(id), "every exchange has a name of its own");
    }
    let log = gateway.end().await;
    assert!(log.contains("build-7.retry_2") && ours.iter().all(|id| log.contains(id.as_str())));
    assert!(!log.contains("<script>"));
}

#[tokio::test]
async fn age_counts_from_the_call_and_its_lifetime_follows_the_job() {
    let running = DOCUMENTED.replace("\"Finished\"", "\"Running\"");
    let script = Script::answering([Reply::of(200, &running)]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    let clock: Clock = gateway.clock.clone();
    assert_eq!(
        gateway.job(JOB).await.header("cache-control"),
        "private, max-age=5"
    );
    clock.advance(std::time::Duration::from_secs(4));
    let hit = gateway.job(JOB).await;
    assert_eq!(
        (hit.header("age"), hit.header("cache-status")),
        ("4", "jobgate; hit; ttl=1")
    );
    gateway.end().await;
}
