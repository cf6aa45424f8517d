//! Who would be somebody else: what was captured of a good request, and everything around it that could be bent.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request};
use http_body_util::Empty;
use jobgate::config::SecretSource;
use jobgate::policy::allowance::Allowance;
use jobgate::policy::job::JobId;
use tempfile::TempDir;

use crate::clients::{KEY, OTHER_KEY};
use crate::raw::{Reply, Script};
use crate::signatures::{self, DATE, PATH, SECRET, at_the_date};
use crate::support::{DOCUMENTED, Http2, JOB, Running, in_front_of};

struct House {
    gateway: Running,
    script: Script,
    _folder: TempDir,
}

impl House {
    async fn new() -> Self {
        let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, SECRET).unwrap();
        let clock = at_the_date();
        let gateway = in_front_of(&script.url())
            .with_clock(&clock)
            .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
            .with(|settings| {
                settings.auth.clients[0].secrets = vec![SecretSource::File(file)];
                settings.auth.clients[1].jobs = Some(vec![JobId::parse(JOB).unwrap()]);
                settings.server.base_path = "/builds".to_owned();
            })
            .start();
        Self {
            gateway,
            script,
            _folder: folder,
        }
    }

    /// The status of a request, byte by byte.
    async fn say(&self, line: &str, fields: &str) -> u16 {
        let request = format!("{line}\r\n{fields}Connection: close\r\n\r\n");
        let answer = self.gateway.raw(request.as_bytes()).await;
        let answer = String::from_utf8(answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// `Authorization` of `GET target` with these signed fields, as wallboard signs.
fn sign(target: &str, fields: &[(&str, &str)]) -> String {
    signatures::sign(target, fields, ("wallboard", SECRET))
}

#[tokio::test]
async fn a_captured_signature_opens_the_very_request_that_it_was_made_for() {
    let house = House::new().await;
    let good = sign(PATH, &[("host", "gw"), ("x-sdk-date", DATE)]);
    let line = format!("GET {PATH} HTTP/1.1");
    let with = |authorization: &str, more: &str| {
        format!("Host: gw\r\nX-Sdk-Date: {DATE}\r\nAuthorization: {authorization}\r\n{more}")
    };
    let other = PATH.replacen("90", "91", 1);
    let other = other.as_str();
    for target in [
        format!("GET /{PATH}"),
        format!("GET /builds{PATH}"),
        format!("GET /builds/{PATH}"),
        format!("GET {other}"),
        format!("GET {PATH}?x"),
        format!("GET {PATH}?x=%00&&"),
        format!("GET http://other{PATH}"),
        format!("HEAD {PATH}"),
        "GET /-/usage".to_owned(),
        "GET /builds/-/usage".to_owned(),
        "GET /v3/projects?name=cn-north-4".to_owned(),
    ] {
        let status = house
            .say(&format!("{target} HTTP/1.1"), &with(&good, ""))
            .await;
        assert_eq!(status, 401, "{target}");
    }
    let split = good.replace(", Signature", ",\tSignature");
    let upper = good.replace("Access=wallboard", "Access=Wallboard");
    let folded = good.replace(", Signed", ",\r\n Signed");
    for (authorization, more, status) in [
        (&*good, format!("X-Sdk-Date: {DATE}\r\n"), 401),
        (
            &good,
            "x_sdk_date: 20240605T080059Z\r\nx_host: gw\r\n".into(),
            200,
        ), // other names, not signed
        (&good, "Host: gw\r\n".into(), 400),
        (&good, format!("Authorization: {good}\r\n"), 401),
        (&good, "Authorization: Bearer x\r\n".into(), 401),
        (&good, "X-Api-Key:\r\n".into(), 401),
        (
            &good,
            format!("X-Auth-Token: {OTHER_KEY} \r\nX-Api-Key: x\r\n"),
            401,
        ),
        (
            &good,
            "X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD\r\n".into(),
            401,
        ),
        (&good, "Content-Length: 1\r\n".into(), 400),
        (&good, "Transfer-Encoding: chunked\r\n".into(), 400),
        (&good, "X-Sdk-Date : 1\r\n".into(), 400),
        (&split, String::new(), 401),
        (&upper, String::new(), 401),
        (&folded, String::new(), 400),
        (&good, String::new(), 200),
    ] {
        let found = house.say(&line, &with(authorization, &more)).await;
        assert_eq!(found, status, "{authorization} {more}");
    }
    assert_eq!(house.script.calls(), 1);
    house.gateway.end().await;
}

#[tokio::test]
async fn what_is_not_signed_names_nobody_and_what_is_signed_is_read_as_it_was_signed() {
    let house = House::new().await;
    let date = ("x-sdk-date", DATE);
    for (target, fields, more, status) in [
        (PATH, &[date][..], "Host: any\r\n", 200),
        (
            PATH,
            &[date, ("x-a", "1  2")],
            "Host: any\r\nX-A:  1  2 \r\n",
            200,
        ),
        (
            PATH,
            &[date, ("x-a", "1 2")],
            "Host: any\r\nX-A: 1  2\r\n",
            401,
        ),
        (
            PATH,
            &[date, ("x-a", "1")],
            "Host: any\r\nX-A: 1\r\nX-A: 2\r\n",
            401,
        ),
        (PATH, &[date, ("x-a", "1")], "Host: any\r\n", 401),
        (PATH, &[date, ("x-a", "")], "Host: any\r\nX-A:\r\n", 200),
        (
            "/v3/projects?name=cn-north-4",
            &[date],
            "Host: any\r\n",
            401,
        ), // signed for another path
    ] {
        let authorization = sign(target, fields);
        let fields = format!("{more}X-Sdk-Date: {DATE}\r\nAuthorization: {authorization}\r\n");
        let line = format!("GET {PATH} HTTP/1.1");
        assert_eq!(house.say(&line, &fields).await, status, "{fields}");
    }
    for authorization in [
        "SDK-HMAC-SHA256 Access=wallboard, SignedHeaders=, Signature=".to_owned(),
        format!(
            "SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature={}",
            "0".repeat(64)
        ),
        format!("SDK-HMAC-SHA256 {}", "A".repeat(5_000)),
        format!(
            "SDK-HMAC-SHA256 Access=w, SignedHeaders={}, Signature=",
            ";".repeat(3_000)
        ),
        sign(PATH, &[date]).replace("SignedHeaders=x", "SignedHeaders=X"),
        sign(PATH, &[date]).replace("Access", "access"),
    ] {
        let fields = format!("Host: a\r\nX-Sdk-Date: {DATE}\r\nAuthorization: {authorization}\r\n");
        let line = format!("GET {PATH} HTTP/1.1");
        assert_eq!(house.say(&line, &fields).await, 401, "{authorization}");
    }
    house.gateway.end().await;
}

#[tokio::test]
async fn in_http2_a_host_beside_the_authority_is_nobodys_way_in() {
    let house = House::new().await;
    let authorization = sign(PATH, &[("host", "gw"), ("x-sdk-date", DATE)]);
    let mut http2 = Http2::open(house.gateway.addr).await;
    for (authority, hosts, status) in [
        ("gw", &[][..], 200),
        ("gw", &["gw"], 200),
        ("other", &["gw"], 401),
        ("GW", &[], 401),
        ("gw:80", &[], 401),
        ("gw", &["other"], 401),
        ("gw", &["gw", "gw"], 400),
    ] {
        let mut request = Request::get(format!("http://{authority}{PATH}"))
            .header("x-sdk-date", DATE)
            .header("authorization", &authorization)
            .body(Empty::<Bytes>::new())
            .unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append(HOST, HeaderValue::from_static(host));
        }
        let answer = http2.send(request).await;
        assert_eq!(answer.status, status, "{authority} {hosts:?}");
    }
    drop(http2);
    house.gateway.end().await;
}

#[tokio::test]
async fn no_spelling_of_a_job_gets_round_a_clients_list() {
    let house = House::new().await;
    assert_eq!(
        house.gateway.get(PATH, &[("x-api-key", KEY)]).await.status,
        200
    );
    let shouted = JOB.to_uppercase();
    let other = format!("91{}", &JOB[2..]);
    assert_eq!(
        house
            .gateway
            .get(&format!("/v1/job/{other}/info"), &[("x-api-key", KEY)])
            .await
            .status,
        200
    );
    for (segment, status) in [
        (JOB.to_owned(), 200),
        (JOB.replacen('9', "%39", 1), 200),
        (JOB.replacen('9', "%2539", 1), 400),
        (shouted, 403),
        (other.clone(), 403),
        (other.replacen('9', "%39", 1), 403),
        (format!("{JOB}/../{other}"), 400),
        (format!("{JOB};{other}"), 400),
        (format!("{JOB}%00"), 400),
        (format!("{JOB}/info?/v1/job/{other}"), 200), // the query is ignored
    ] {
        for base in ["", "/builds", "/"] {
            let line = format!("GET {base}/v1/job/{segment}/info HTTP/1.1");
            for more in [
                "",
                "Cache-Control: only-if-cached\r\n",
                "If-None-Match: *\r\n",
            ] {
                let fields = format!("Host: a\r\nX-Api-Key: {OTHER_KEY}\r\n{more}");
                let found = house.say(&line, &fields).await;
                let is_good = found == status || (status == 200 && found == 304);
                assert!(is_good, "{line} {more}: {found}");
            }
        }
    }
    assert_eq!(house.script.calls(), 2);
    house.gateway.end().await;
}

#[tokio::test]
async fn a_client_has_one_rate_however_it_comes() {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url())
        .with_manual_clock()
        .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
        .with(|settings| {
            let clients = &mut settings.auth.clients;
            let second = clients[1].key_sha256.remove(0);
            clients[0].key_sha256.push(second);
            clients.truncate(1);
            clients[0].rate = Some(Allowance {
                times: 8,
                per: Duration::from_secs(60),
            });
        })
        .start();
    let mut http2 = Http2::open(gateway.addr).await;
    let mut let_in = 0;
    for turn in 0..8 {
        let key = if turn % 2 == 0 { KEY } else { OTHER_KEY };
        let bearer = format!("bearer {key}");
        for (method, path) in [
            ("GET", PATH),
            ("HEAD", PATH),
            ("GET", "/-/usage"),
            ("GET", "/v3/projects?name=cn-north-4"),
        ] {
            let first = gateway
                .ask(method, path, &[("authorization", &bearer)])
                .await;
            let request = Request::builder()
                .method(method)
                .uri(format!("http://gw{path}"))
                .header("x-auth-token", key);
            let second = http2.send(request.body(Empty::new()).unwrap()).await;
            for answer in [first, second] {
                assert!(matches!(answer.status.as_u16(), 200 | 429));
                assert!(answer.headers.contains_key("ratelimit"));
                let_in += usize::from(answer.status == 200);
            }
        }
    }
    assert_eq!(let_in, 8);
    drop(http2);
    gateway.end().await;
}
