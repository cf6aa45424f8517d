//! Clients that sign: who is let in by a virtual AK/SK, while secrets change, and what is told of the others.

use std::fs;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Builder as RequestBuilder;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::Empty;
use jobgate::clock::Clock;
use jobgate::config::SecretSource;
use jobgate::credential::signing::{Signable, authorization};
use serde_json::Value;
use tempfile::TempDir;

use crate::clients::KEY;
use crate::raw::{Reply, Script, Wire};
use crate::support::{DOCUMENTED, Http2, Running, in_front_of};

pub(crate) const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";
pub(crate) const SECRET: &str = "jgs_secret-of-the-client-that-signs";
pub(crate) const DATE: &str = "20240605T080058Z";

/// A gateway at [`DATE`] for one client with a plain key, and a secret in a file.
struct House {
    gateway: Running,
    script: Script,
    clock: Clock,
    folder: TempDir,
}

impl House {
    async fn of(client: &str, secret: &str) -> Self {
        Self::below("", client, secret).await
    }

    async fn below(base_path: &str, client: &str, secret: &str) -> Self {
        let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, secret).unwrap();
        let clock = at_the_date();
        let gateway = in_front_of(&script.url())
            .with_clock(&clock)
            .in_keys_mode(&[(client, KEY)])
            .with(|settings| {
                settings.auth.clients[0].secrets = vec![SecretSource::File(file)];
                settings.server.base_path = base_path.to_owned();
            })
            .start();
        Self {
            gateway,
            script,
            clock,
            folder,
        }
    }

    /// What a request that is signed so is answered: the status, and the error code if there is one.
    async fn asks(&self, path: &str, access_key: &str, secret_key: &str) -> (u16, String) {
        let host = self.gateway.addr.to_string();
        let headers = signed(&host, path, access_key, secret_key);
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .filter(|(name, _)| *name != "host")
            .collect();
        let answer = self.gateway.get(path, &headers).await;
        (answer.status.as_u16(), answer.code())
    }

    /// Kind, fingerprint and last use of the client's keys.
    async fn keys(&self) -> Vec<(String, String, Value)> {
        let stats = self.gateway.admin("/api/stats").await.text();
        let stats: Value = serde_json::from_str(&stats).unwrap();
        let keys = stats["clients"][0]["keys"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        keys.iter()
            .map(|key| {
                (
                    text(&key["kind"]),
                    text(&key["fingerprint"]),
                    key["last_used"].clone(),
                )
            })
            .collect()
    }

    async fn refused(&self, reason: &str) -> f64 {
        let name = format!("jobgate_client_refusals_total{{reason=\"{reason}\"}}");
        self.gateway.metric(&name).await
    }
}

/// A clock at [`DATE`].
pub(crate) fn at_the_date() -> Clock {
    let clock = Clock::manual();
    clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458));
    clock
}

/// `Authorization` of `GET target` with these signed fields.
pub(crate) fn sign(
    target: &str,
    fields: &[(&str, &str)],
    (access_key, secret_key): (&str, &str),
) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::try_from(*name).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let signed: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let signable = Signable {
        method: "GET",
        path,
        query,
        headers: &headers,
        signed: &signed,
        body: b"",
    };
    authorization(&signable, access_key, secret_key).unwrap()
}

/// The three headers of a signed `GET`.
fn signed(host: &str, path: &str, access_key: &str, secret_key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host.parse().unwrap());
    headers.insert("x-sdk-date", HeaderValue::from_static(DATE));
    let fields = [("host", host), ("x-sdk-date", DATE)];
    let value = sign(path, &fields, (access_key, secret_key));
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    headers
}

fn cases(kind: &str) -> Vec<Value> {
    let file = include_str!("../samples/signing-vectors.json");
    let file: Value = serde_json::from_str(file).unwrap();
    file[kind].as_array().unwrap().clone()
}

/// A request of the file, byte by byte.
fn on_the_wire(case: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers = case["headers_on_wire"].as_array().unwrap().iter();
    let headers = headers.map(|pair| format!("{}: {}\r\n", text(&pair[0]), text(&pair[1])));
    let body = text(&case["body"]);
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let (method, target) = (text(&case["method"]), text(&case["request_target"]));
    let headers: String = headers.collect();
    format!("{method} {target} HTTP/1.1\r\n{headers}{length}\r\n{body}")
}

#[tokio::test]
async fn a_request_of_each_official_sdk_is_answered_and_no_forgery_of_one_is() {
    let captured = cases("captured");
    let (name, secret) = (&captured[0]["ak"], &captured[0]["sk"]);
    let house = House::of(name.as_str().unwrap(), secret.as_str().unwrap()).await;
    for forged in cases("must_fail")
        .iter()
        .filter(|case| case["sk"] == *secret)
    {
        let mut wire = Wire::open(house.gateway.addr).await;
        wire.write(on_the_wire(forged)).await;
        let has_body = forged["body"] != "";
        let expected = if has_body { 400 } else { 401 };
        assert_eq!(wire.answer().await.status(), expected, "{}", forged["name"]);
    }
    assert_eq!(house.script.calls(), 0);
    let mut wire = Wire::open(house.gateway.addr).await;
    for case in &captured {
        wire.write(on_the_wire(case)).await;
        assert_eq!(wire.answer().await.status(), 200, "{}", case["name"]);
    }
    drop(wire);
    assert_eq!(house.script.calls(), 1, "five hits");
    let asked = house.script.asked();
    assert!(!asked[0].head.contains(name.as_str().unwrap()));
    let hits = format!("jobgate_client_requests_total{{client={name},outcome=\"hit\"}}");
    assert_eq!(house.gateway.metric(&hits).await, 5.0);
    house.gateway.end().await;
}

#[tokio::test]
async fn a_path_is_signed_as_it_is_on_the_wire() {
    let house = House::below("/build", "wallboard", SECRET).await;
    for path in [
        PATH,
        &format!("/{PATH}"),
        &format!("/build{PATH}"),
        &format!("/build/{PATH}"),
    ] {
        let answer = house.asks(path, "wallboard", SECRET).await;
        assert_eq!(answer, (200, String::new()), "{path}");
    }
    house.gateway.end().await;
}

#[tokio::test]
async fn in_http2_the_authority_is_the_host_that_was_signed() {
    let house = House::of("wallboard", SECRET).await;
    let mut http2 = Http2::open(house.gateway.addr).await;
    for (authority, status) in [("gateway.example", 200), ("other.example", 401)] {
        let headers = signed("gateway.example", PATH, "wallboard", SECRET);
        let request = Request::get(format!("http://{authority}{PATH}"));
        let request = headers
            .iter()
            .filter(|(name, _)| *name != HOST)
            .fold(request, |request, (name, value)| {
                RequestBuilder::header(request, name, value)
            });
        let answer = http2
            .send(request.body(Empty::<Bytes>::new()).unwrap())
            .await;
        assert_eq!(answer.status.as_u16(), status, "{authority}");
    }
    drop(http2);
    house.gateway.end().await;
}

#[tokio::test]
async fn only_name_and_secret_together_open_the_gateway_and_strangers_hear_the_same_words() {
    let house = House::of("wallboard", SECRET).await;
    let bad = (401, "JG.4012".to_owned());
    for (access_key, secret_key) in [
        ("wallboard", "jgs_secret-of-somebody-else"),
        ("wallboard", KEY),
        ("bot", SECRET),
        ("Wallboard", SECRET),
    ] {
        assert_eq!(
            house.asks(PATH, access_key, secret_key).await,
            bad,
            "{access_key}"
        );
    }
    assert_eq!(house.script.calls(), 0);
    assert_eq!(house.asks(PATH, "wallboard", SECRET).await.0, 200);
    assert_eq!(house.refused("bad_signature").await, 4.0);

    house.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(house.asks(PATH, "wallboard", SECRET).await.0, 200);
    house.clock.advance(Duration::from_secs(1));
    let clock = (401, "JG.4013".to_owned());
    assert_eq!(house.asks(PATH, "wallboard", SECRET).await, clock);
    assert_eq!(
        house.asks(PATH, "bot", SECRET).await,
        clock,
        "also of a stranger"
    );
    assert_eq!(house.refused("clock").await, 2.0);
    house.gateway.end().await;
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_restart_and_each_key_says_when_it_was_last_used() {
    let house = House::of("wallboard", SECRET).await;
    let name_of = |key: &str| jobgate::policy::client::Fingerprint::of(key.as_bytes()).to_string();
    let key = |used: Value| ("key".to_owned(), name_of(KEY), used);
    let secret = |text: &str, used: Value| ("secret".to_owned(), name_of(text), used);
    assert_eq!(
        house.keys().await,
        [key(Value::Null), secret(SECRET, Value::Null)]
    );
    assert_eq!(house.asks(PATH, "wallboard", SECRET).await.0, 200);
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(
        house.gateway.get(PATH, &[("x-api-key", KEY)]).await.status,
        200
    );
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(
        house.keys().await,
        [
            key("2024-06-05T08:01:08Z".into()),
            secret(SECRET, "2024-06-05T08:00:58Z".into())
        ]
    );

    let next = "jgs_the-next-secret-of-wallboard-is-longer";
    fs::write(house.folder.path().join("secret"), next).unwrap();
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.asks(PATH, "wallboard", SECRET).await.0, 401);
    assert_eq!(
        house.keys().await[1],
        secret(next, Value::Null),
        "it was never used"
    );
    assert_eq!(house.asks(PATH, "wallboard", next).await.0, 200);
    assert_eq!(
        house.keys().await[1],
        secret(next, "2024-06-05T08:01:19Z".into())
    );

    fs::remove_file(house.folder.path().join("secret")).unwrap();
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.asks(PATH, "wallboard", next).await.0, 401);
    assert_eq!(house.keys().await.len(), 1);
    assert_eq!(
        house.gateway.get(PATH, &[("x-api-key", KEY)]).await.status,
        200,
        "keys are not touched"
    );
    let log = house.gateway.end().await;
    for hidden in [SECRET, next, KEY] {
        assert!(!log.contains(hidden));
    }
}

#[tokio::test]
async fn every_refusal_is_counted_by_its_reason() {
    let house = House::of("wallboard", SECRET).await;
    let token = "M".repeat(513);
    for headers in [
        &[][..],
        &[("x-api-key", "abc")],
        &[("x-api-key", KEY), ("x-api-key", KEY)],
        &[("authorization", "Basic abc")],
        &[("x-auth-token", token.as_str())],
        &[("authorization", "SDK-HMAC-SM3 Access=wallboard")],
        &[("authorization", "V11-HMAC-SHA256 Credential=wallboard")],
    ] {
        assert_eq!(house.gateway.get(PATH, headers).await.status, 401);
    }
    for (reason, times) in [
        ("no_key", 1.0),
        ("unknown_key", 3.0),
        ("oversized_key", 1.0),
        ("bad_signature", 2.0),
        ("clock", 0.0),
    ] {
        assert_eq!(house.refused(reason).await, times, "{reason}");
    }
    house.gateway.end().await;
}
