//! The sandbox over a real socket, with a clock that the test moves.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Sandbox, SandboxCredential, SandboxSettings, Stats, catalogue, guide, verify};
use crate::clock::Clock;
use crate::policy::job::JobId;

const ID: &str = "abcdefghijklmnopqrstuvwxyz012345";
const INDEX: &str = include_str!("../../tests/samples/index.json");
const PAGE: &str = include_str!("../../docs/sandbox.md");

// === the recorded bodies ===

#[tokio::test]
async fn every_recorded_answer_is_served_exactly() {
    let double = Double::start(1_000).await;
    let index: Value = serde_json::from_str(INDEX).unwrap();
    let recorded = index["samples"].as_array().unwrap();
    assert_eq!(recorded.len(), catalogue().len());
    for (sample, example) in recorded.iter().zip(catalogue()) {
        let answer = double.get(example.id).await;
        assert_eq!(answer.status, sample["http_status"], "{}", example.id);
        assert_eq!(
            answer.header("content-type"),
            sample["content_type"].as_str(),
            "{}",
            example.id
        );
        for (name, value) in sample["headers"].as_object().into_iter().flatten() {
            assert_eq!(answer.header(name), value.as_str(), "{}", example.id);
        }
        assert_eq!(answer.body, recorded_body(sample), "{}", example.id);
    }
}

#[test]
fn every_id_of_the_catalogue_is_a_job_id_and_stands_for_one_answer() {
    let ids: HashSet<&str> = catalogue().iter().map(|example| example.id).collect();
    assert_eq!(ids.len(), catalogue().len());
    assert!(ids.iter().all(|id| JobId::parse(id).is_ok()));
}

#[test]
fn the_page_for_users_names_every_example_and_the_default_credential() {
    for example in catalogue() {
        let (id, status, about) = (example.id, example.status.as_u16(), example.about);
        let row = format!("| `{id}` | {status} | {about} |");
        assert!(PAGE.contains(&row), "docs/sandbox.md lacks {row}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, catalogue().len(), "nor anything else");
    let credential = SandboxCredential::default();
    for named in [
        credential.access_key.as_str(),
        credential.secret_key.expose_secret(),
        credential.token.expose_secret(),
    ] {
        assert!(PAGE.contains(named));
        assert!(!guide().contains(named));
    }
}

// === jobs ===

#[tokio::test]
async fn a_job_of_any_id_answers_with_that_id_and_moves_with_time() {
    let double = Double::start(1_000).await;
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let answer = double.get(ID).await;
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["result"]["id"], ID);
        seen.insert(
            body["result"]["running_status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        double.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn the_build_service_refuses_ids_as_the_real_one() {
    let double = Double::start(1_000).await;
    for (segment, status, code) in [
        ("short", 400, "CB.00060201"),
        ("abcdefghijklmnopqrstuvwxyz01234-", 400, "CB.00060201"),
        ("missing0000000000000000000000000", 422, "DEVCB.00031006"),
        ("missingABCDEFGHIJKLMNOPQRSTUVWXY", 422, "DEVCB.00031006"),
        ("missing", 400, "CB.00060201"),
    ] {
        let answer = double.get(segment).await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code.into()),
            "{segment}"
        );
    }
    assert_eq!(
        double.sandbox.stats().answered,
        5,
        "they are answers, and paid"
    );
}

#[tokio::test]
async fn another_path_or_method_is_not_published() {
    let double = Double::start(1).await;
    for (method, target, message) in [
        (
            Method::GET,
            "/v1/job/list".to_owned(),
            "has not been published",
        ),
        (
            Method::GET,
            format!("//v1/job/{ID}/info"),
            "has not been published",
        ),
        (
            Method::POST,
            format!("/v1/job/{ID}/info"),
            "The API does not exist.",
        ),
        (Method::POST, "/".to_owned(), "The API does not exist."),
    ] {
        let answer = double.send(with_token(method, &target)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (404, "APIGW.0101".into()),
            "{target}"
        );
        assert!(answer.text().contains(message), "{target}");
    }
    assert_eq!(
        double.get(ID).await.status,
        200,
        "and none of it was counted by the throttle"
    );
}

#[tokio::test]
async fn the_guide_needs_no_credential_and_costs_nothing() {
    let double = Double::start(1).await;
    for _ in 0..3 {
        let answer = double.send(bare(Method::GET, "/")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain;charset=UTF-8")
        );
        assert_eq!(answer.text(), guide());
    }
    assert_eq!(double.sandbox.stats().requests, 0);
    assert_eq!(double.get(ID).await.status, 200);
}

// === the credential ===

#[tokio::test]
async fn a_signature_and_a_token_both_open() {
    let double = Double::start(1_000).await;
    let signed = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!(signed.status, 200);
    assert_eq!(double.get(ID).await.status, 200);
    assert_eq!(double.sandbox.stats().unauthorised, 0);
}

#[tokio::test]
async fn every_other_credential_is_refused_with_its_reason_and_costs_no_quota() {
    let double = Double::start(1).await;
    let token = |value| with_header(bare(Method::GET, &info(ID)), "x-auth-token", value);
    let authorization = |value| with_header(bare(Method::GET, &info(ID)), "authorization", value);
    let unknown = "SDK-HMAC-SHA256 Access=NOBODY, SignedHeaders=x-sdk-date, Signature=00";
    let undated =
        "SDK-HMAC-SHA256 Access=JOBGATESANDBOXACCESS, SignedHeaders=x-sdk-date, Signature=00";
    let wrong = "a-secret-that-is-not-the-sandboxes";
    let iam = "Incorrect IAM authentication information: ";
    for (request, code, message) in [
        (
            bare(Method::GET, &info(ID)),
            "APIGW.0301",
            format!("{iam}Unauthorized"),
        ),
        (
            token("wrong"),
            "APIGW.0301",
            format!("{iam}decrypt token fail"),
        ),
        (token(""), "APIGW.0301", format!("{iam}decrypt token fail")),
        (
            authorization(unknown),
            "APIGW.0301",
            format!("{iam}ak NOBODY not exist"),
        ),
        (
            authorization(undated),
            "APIGW.0301",
            format!("{iam}verify aksk signature fail"),
        ),
        (
            authorization("Bearer x"),
            "APIGW.0301",
            format!("{iam}verify aksk signature fail"),
        ),
        (
            double.signed(wrong, Duration::ZERO),
            "APIGW.0301",
            format!("{iam}verify aksk signature fail"),
        ),
        (
            double.signed(SECRET, Duration::from_secs(901)),
            "APIGW.0303",
            "Incorrect app authentication information: signature expired".to_owned(),
        ),
    ] {
        let answer = double.send(request).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, code.into()),
            "{message}"
        );
        assert!(
            answer.text().contains(&message),
            "{} is not {message}",
            answer.text()
        );
    }
    let stats = double.sandbox.stats();
    assert_eq!((stats.unauthorised, stats.answered), (8, 0));
    assert_eq!(double.get(ID).await.status, 200);
}

#[tokio::test]
async fn a_date_may_be_up_to_fifteen_minutes_old() {
    let double = Double::start(1_000).await;
    for (age_seconds, status) in [(0, 200), (898, 200), (901, 401)] {
        let request = double.signed(SECRET, Duration::from_secs(age_seconds));
        assert_eq!(double.send(request).await.status, status, "{age_seconds} s");
    }
}

#[tokio::test]
async fn six_wrong_signatures_lock_the_key_for_five_minutes_but_not_the_token() {
    let double = Double::start(1_000).await;
    for _ in 0..6 {
        let answer = double
            .send(double.signed("a wrong secret", Duration::ZERO))
            .await;
        assert!(answer.text().contains("verify aksk signature fail"));
    }
    let locked = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!((locked.status, locked.code()), (401, "APIGW.0301".into()));
    assert!(
        locked
            .text()
            .contains("AK access failed to reach the limit,forbidden.")
    );
    assert_eq!(double.get(ID).await.status, 200);
    double.clock.advance(Duration::from_mins(5));
    let after = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!(after.status, 200);
}

// === the throttle ===

#[tokio::test]
async fn calls_over_the_quota_are_throttled_and_keep_the_throttle_alive() {
    let double = Double::start(2).await;
    assert_eq!(double.get(ID).await.status, 200);
    assert_eq!(double.get("short").await.status, 400);
    let throttled = double.get(ID).await;
    assert_eq!(
        (throttled.status, throttled.code()),
        (429, "APIGW.0308".into())
    );
    assert!(
        throttled
            .text()
            .contains("policy user over ratelimit,limit:2,time:1 minute")
    );
    assert!(
        throttled.header("retry-after").is_none(),
        "the real one sends none"
    );

    double.clock.advance(Duration::from_secs(59));
    assert_eq!(double.get(ID).await.status, 429);
    double.clock.advance(Duration::from_secs(59));
    assert_eq!(
        double.get(ID).await.status,
        200,
        "only one call in the last minute"
    );
    double.clock.advance(Duration::from_secs(2));
    assert_eq!(
        double.sandbox.stats(),
        Stats {
            connections: 5,
            requests: 5,
            unauthorised: 0,
            throttled: 2,
            answered: 3,
        }
    );
}

// === the wire ===

#[tokio::test]
async fn a_connection_is_kept_and_each_answer_has_a_request_id_of_its_own() {
    let double = Double::start(1_000).await;
    let mut connection = double.connect().await;
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let answer = ask(&mut connection, with_token(Method::GET, &info(ID))).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        let request_id = answer.header("x-request-id").unwrap().to_owned();
        assert!(request_id.len() == 32 && request_id.bytes().all(|b| b.is_ascii_hexdigit()));
        ids.insert(request_id);
    }
    assert_eq!(ids.len(), 3);
    assert_eq!(double.sandbox.stats().connections, 1);
}

#[tokio::test]
async fn a_refusal_repeats_its_request_id_in_the_body() {
    let double = Double::start(0).await;
    let answer = double.get(ID).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let double = Double::start(1_000).await;
    let (head, _) = with_token(Method::GET, &info(ID)).into_parts();
    let body = Full::new(Bytes::from(vec![b'x'; 64 * 1024 + 1]));
    let answer = double.send(Request::from_parts(head, body)).await;
    assert_eq!((answer.status, answer.code()), (413, "APIGW.0201".into()));
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_ends() {
    let double = Double::start(1_000).await;
    let mut connection = double.connect().await;
    ask(&mut connection, with_token(Method::GET, &info(ID))).await;
    double.stop.cancel();
    double.tasks.close();
    double.tasks.wait().await; // the serving task and the client's connection: both have ended
    assert!(connection.is_closed());
    assert!(TcpStream::connect(double.addr).await.is_err());
}

// === the harness ===

const SECRET: &str = "jobgate-sandbox-secret-key-opens-nothing";

struct Double {
    sandbox: Sandbox,
    addr: SocketAddr,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Double {
    /// A sandbox with so many requests a minute.
    async fn start(requests: u32) -> Self {
        let settings = SandboxSettings {
            requests,
            ..SandboxSettings::default()
        };
        let clock = Clock::manual();
        let sandbox = Sandbox::new(settings, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(sandbox.clone().serve(listener, stop.clone()));
        Self {
            sandbox,
            addr,
            clock,
            stop,
            tasks,
        }
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        self.tasks.spawn(connection);
        sender
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        ask(&mut self.connect().await, request).await
    }

    async fn get(&self, segment: &str) -> Answer {
        self.send(with_token(Method::GET, &info(segment))).await
    }

    /// Signed with `secret`, dated `age` before the sandbox's now.
    fn signed(&self, secret: &str, age: Duration) -> Request<Full<Bytes>> {
        let signed_at = Timestamp::try_from(self.clock.wall() - age).unwrap();
        let date = signed_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let request = with_header(bare(Method::GET, &info(ID)), "x-sdk-date", &date);
        let (head, _) = request.into_parts();
        let signature = verify::signature(&head, b"", "host;x-sdk-date", secret).unwrap();
        let authorization = format!(
            "SDK-HMAC-SHA256 Access=JOBGATESANDBOXACCESS, SignedHeaders=host;x-sdk-date, Signature={signature}"
        );
        let request = Request::from_parts(head, Full::default());
        with_header(request, "authorization", &authorization)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error_code"].as_str().unwrap().to_owned()
    }
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Answer {
    sender.ready().await.unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

fn info(segment: &str) -> String {
    format!("/v1/job/{segment}/info")
}

fn bare(method: Method, target: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "sandbox")
        .body(Full::default())
        .unwrap()
}

fn with_token(method: Method, target: &str) -> Request<Full<Bytes>> {
    with_header(
        bare(method, target),
        "x-auth-token",
        "jobgate-sandbox-token",
    )
}

fn with_header(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap();
    request
        .headers_mut()
        .insert(HeaderName::from_static(name), value);
    request
}

fn recorded_body(sample: &Value) -> Vec<u8> {
    match (sample["file"].as_str(), sample["body_text"].as_str()) {
        (_, Some(text)) => text.as_bytes().to_vec(),
        (Some(file), None) => {
            let path = format!("{}/tests/samples/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(path).unwrap()
        }
        (None, None) => unreachable!("index.json gives a file or a text"),
    }
}
