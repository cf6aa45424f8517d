//! Both services failing, by a test's hand or by a scenario; and what a scenario sets.

use std::io::ErrorKind;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Double, ID, KEYS, PASSWORD, PROJECTS, SESSION, TOKENS, bare, login, project, user};
use crate::sandbox::tests::{SECRET, with_token};
use crate::sandbox::{Metadata, Outage, Stats};

/// Long enough for a sandbox that says anything to have said it.
const QUIET: Duration = Duration::from_millis(100);

/// The four calls, without what makes them succeed.
const CALLS: [(Method, &str); 4] = [
    (Method::POST, TOKENS),
    (Method::GET, PROJECTS),
    (Method::PUT, SESSION),
    (Method::GET, KEYS),
];

impl Double {
    /// What comes of a call on a connection of its own: text, or how it ended.
    async fn heard(&self, method: &Method, target: &str) -> Option<Result<String, ErrorKind>> {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = [0; 4_096];
        let read = timeout(QUIET, stream.read(&mut text)).await.ok()?;
        Some(match read {
            Ok(length) => Ok(String::from_utf8_lossy(&text[..length]).into_owned()),
            Err(error) => Err(error.kind()),
        })
    }
}

#[tokio::test]
async fn an_outage_is_of_both_services_and_of_nothing_else_until_it_ends() {
    let double = Double::start(1_000).await;
    let token = double.token().await;
    let identity = double.sandbox.identity();
    for outage in [Outage::Unavailable, Outage::Reset, Outage::Silence] {
        identity.set_outage(Some(outage));
        for (method, target) in CALLS {
            let heard = double.heard(&method, target).await;
            let is_right = match (outage, &heard) {
                (Outage::Unavailable, Some(Ok(text))) => text.starts_with("HTTP/1.1 503 "),
                (Outage::Reset, Some(Err(kind))) => *kind == ErrorKind::ConnectionReset,
                (Outage::Silence, None) => true,
                _ => false,
            };
            assert!(is_right, "{outage:?} {target}: {heard:?}");
        }
        assert_eq!(double.opens(&token).await.0, 200, "{outage:?}");
    }
    identity.set_outage(None);
    double.token().await;
    double.keys().await;
    let stats = identity.stats();
    assert_eq!((stats.token_calls, stats.tokens, stats.acts), (5, 2, 12));
}

#[tokio::test]
async fn a_rule_for_one_service_leaves_the_other_and_the_build_api_alone() {
    let double = Double::start(1_000).await;
    for (calls, tokens, session) in [
        ("iam", 503, 200),
        ("metadata", 201, 503),
        ("jobs", 201, 200),
        ("lists", 201, 200),
        ("all", 201, 200),
    ] {
        double.plays(&format!(
            "[[rules]]\ncalls = \"{calls}\"\ndo = {{ status = 503 }}"
        ));
        assert_eq!(double.log_in(PASSWORD).await.status, tokens, "{calls}");
        assert_eq!(double.put_session("60").await.status, session, "{calls}");
        let job = if ["jobs", "all"].contains(&calls) {
            503
        } else {
            200
        };
        assert_eq!(double.get(ID).await.status, job, "{calls}");
    }
}

#[tokio::test]
async fn a_rule_of_iam_fails_as_iam_does_and_tries_no_password() {
    let double = Double::start(1_000).await;
    double.plays("[[rules]]\ncalls = \"iam\"\ntimes = 6\ndo = { status = 500 }");
    for _ in 0..6 {
        let answer = double.log_in("wrong").await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (500, &500.into())
        );
        assert!(answer.header("x-iam-trace-id").is_some());
    }
    assert_eq!(double.log_in(PASSWORD).await.status, 201, "not locked");
    double
        .plays("[[rules]]\ncalls = \"iam\"\ndo = { throttle = { requests = 5, window = \"1m\" } }");
    let throttled = double.log_in(PASSWORD).await;
    assert_eq!(
        (throttled.status, throttled.code()),
        (429, "APIGW.0308".into())
    );
    double.plays("[[rules]]\ncalls = \"iam\"\ndo = \"usual\"");
    assert_eq!(double.log_in(PASSWORD).await.status, 201);
    let stats = double.sandbox.identity().stats();
    assert_eq!([stats.token_calls, stats.tokens, stats.acts], [9, 2, 7]);
}

#[tokio::test]
async fn a_token_can_be_lost_on_the_way() {
    let double = Double::start(1_000).await;
    double.plays("[[rules]]\ncalls = \"iam\"\ntimes = 1\ndo = { cut = \"head\" }");
    let mut connection = double.connect().await;
    let lost = connection
        .send_request(login(TOKENS, &user(PASSWORD), project()))
        .await;
    assert!(lost.is_err());
    double.token().await;
    let stats = double.sandbox.identity().stats();
    assert_eq!([stats.token_calls, stats.tokens, stats.acts], [2, 2, 1]);
}

#[tokio::test]
async fn a_scenario_sets_lifetimes_and_the_generation() {
    let double = Double::start(1_000).await;
    double.plays("[identity]\ntoken_lifetime = \"10m\"\nkey_lifetime = \"6m\"\nmetadata = \"old\"");
    let token = double.token().await;
    let keys = |answer: &super::Answer| answer.json()["credential"]["access"].clone();
    let first = keys(&double.send(bare(Method::GET, KEYS)).await);
    // (minutes later, what the token opens with, whether the keys are still the first)
    for (later, status, is_first) in [
        (4, 200, true),
        (1, 200, false),
        (4, 200, false),
        (1, 401, false),
    ] {
        double.clock.advance(Duration::from_mins(later));
        assert_eq!(double.opens(&token).await.0, status, "{later} on");
        let now = keys(&double.send(bare(Method::GET, KEYS)).await);
        assert_eq!(now == first, is_first, "{later} on");
    }
    double.sandbox.identity().set_metadata(Metadata::New);
    let refused = double.send(bare(Method::GET, KEYS)).await;
    assert_eq!(refused.status, 401, "a test's word comes first");
}

#[tokio::test]
async fn calls_for_identities_are_no_calls_of_the_build_api_and_cost_no_quota() {
    let double = Double::start(1).await;
    for (method, target) in CALLS {
        double.send(bare(method, target)).await;
    }
    for (method, target) in [
        (Method::GET, TOKENS),
        (Method::POST, KEYS),
        (Method::POST, PROJECTS),
    ] {
        let answer = double.send(with_token(method.clone(), target)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (404, "APIGW.0101".into()),
            "{method} {target}"
        );
    }
    let connections = double.sandbox.stats().connections;
    assert_eq!(
        double.sandbox.stats(),
        Stats {
            connections,
            ..Stats::default()
        }
    );
    let signed = double.sign(
        bare(Method::GET, PROJECTS),
        ("JOBGATESANDBOXACCESS", SECRET),
        "host;x-sdk-date",
        Duration::ZERO,
    );
    assert_eq!(double.send(signed).await.status, 200);
    assert_eq!(double.get(ID).await.status, 200);
    let large = login(TOKENS, &Value::from("x".repeat(64 * 1_024)), project());
    assert_eq!(double.send(large).await.status, 413);
}
