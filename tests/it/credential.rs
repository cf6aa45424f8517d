//! The central credential: signed so that upstream accepts it, never locked, renewed once, shown to nobody else.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::config::{CredentialSettings, SecretSource};
use jobgate::credential::Credential;
use tempfile::TempDir;

use crate::sandbox::Double;
use crate::support::{JOB, SECRET_KEY, in_front_of, nth_job, open};
use crate::upstream::{A_JOB, Upstream};

const OLD: &str = "the-old-token-0123456789";
const NEW: &str = "the-new-token-0123456789";
const EXPIRED: &str = include_str!("../samples/error-401-token-expired.json");

#[tokio::test]
async fn a_signature_of_ours_is_verified_by_another_reading_of_the_algorithm() {
    let double = Double::start().await;
    let gateway = double.gateway().start();
    assert_eq!(gateway.metric("jobgate_credential_proven").await, 0.0);
    assert_eq!(gateway.job(JOB).await.status, 200);
    let stats = double.sandbox.stats();
    assert_eq!((stats.answered, stats.unauthorised), (1, 0));
    assert_eq!(gateway.metric("jobgate_credential_proven").await, 1.0);
    gateway.end().await;
}

#[tokio::test]
async fn only_what_the_build_service_signs_proves_the_credential() {
    for (said, proven) in [
        ((400, "<html>Bad Request</html>"), 0.0),
        (
            (
                400,
                r#"{"error_code":"APIGW.0201","error_msg":"API request error."}"#,
            ),
            0.0,
        ),
        (
            (
                500,
                r#"{"error_code":"APIG.0606","error_msg":"No admin token."}"#,
            ),
            0.0,
        ),
        ((502, "<html>Bad Gateway</html>"), 0.0),
        (
            (
                400,
                r#"{"error_code":"CB.00060201","error_msg":"Invalid task ID."}"#,
            ),
            1.0,
        ),
        (
            (
                422,
                r#"{"error_code":"DEVCB.00031006","error_msg":"No such job."}"#,
            ),
            1.0,
        ),
        (
            (
                500,
                r#"{"error_code":"CB.00060101","error_msg":"Internal error."}"#,
            ),
            1.0,
        ),
        (A_JOB, 1.0),
    ] {
        let upstream = Upstream::start(&Clock::manual(), move |_, _| said).await;
        let gateway = in_front_of(&upstream.url()).start();
        gateway.job(JOB).await;
        let told = gateway.metric("jobgate_credential_proven").await;
        assert!((told - proven).abs() < f64::EPSILON, "{said:?}: {told}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn fifty_clients_with_a_wrong_secret_key_behind_them_never_lock_it() {
    let double = Double::start().await;
    let gateway = double.gateway_with("a-wrong-secret-key-0123456789").start();
    let (mut asked, mut refused) = (0, 0);
    for _ in 0..60 {
        let ids: Vec<_> = (asked..asked + 50).map(nth_job).collect();
        asked += 50;
        for answer in join_all(ids.iter().map(|id| gateway.job(id))).await {
            match (answer.status.as_u16(), answer.code().as_str()) {
                (502, "JG.5022") => refused += 1,
                (503, "JG.5033") => {
                    let wait: u64 = answer.header("retry-after").parse().unwrap();
                    assert!((1..=300).contains(&wait), "{wait}");
                }
                told => panic!("{told:?}: {}", answer.text()),
            }
        }
        double.clock.advance(Duration::from_secs(5));
    }
    let stats = double.sandbox.stats();
    assert_eq!(
        refused, stats.requests,
        "who caused a call is told of the refusal"
    );
    assert_eq!(
        (stats.requests, stats.unauthorised),
        (4, 4),
        "in five minutes"
    );

    let ready = gateway.admin("/readyz").await;
    assert_eq!(ready.status, 200, "or every replica would go at once");
    let said = "APIGW.0301 Incorrect IAM authentication information: verify aksk signature fail";
    let why = format!("upstream refused the gateway's credential ({said}): next try in ");
    assert!(ready.text().contains(&why), "{}", ready.text());
    let stats = gateway.admin("/api/stats").await;
    let member = format!(r#""refusal":"{said}""#);
    for told in [&ready, &stats] {
        assert!(told.text().contains(&member), "{}", told.text());
    }
    assert!(
        gateway
            .metric(r#"jobgate_hold_seconds{kind="credential"}"#)
            .await
            > 0.0
    );
    assert_eq!(gateway.metric("jobgate_credential_proven").await, 0.0);
    let refusals = r#"jobgate_upstream_calls_total{result="credential_refused"}"#;
    assert_eq!(gateway.metric(refusals).await, 4.0);
    gateway.end().await;

    let repaired = double.gateway().start();
    assert_eq!(repaired.job(JOB).await.status, 200, "the key is not locked");
    repaired.end().await;
}

/// A token in a file.
struct TokenFile(TempDir);

// === impl TokenFile ===

impl TokenFile {
    fn new() -> Self {
        let file = Self(TempDir::new().unwrap());
        file.write(OLD);
        file
    }

    fn write(&self, token: &str) {
        fs::write(self.0.path().join("token"), token).unwrap();
    }

    fn credential(&self) -> Credential {
        let path = self.0.path().join("token");
        let settings = CredentialSettings::Token(SecretSource::File(path));
        open(settings)
    }
}

/// Takes the new token only.
async fn upstream_that_wants_the_new_token(clock: &Clock) -> Upstream {
    Upstream::held(clock, |_, head| match head.headers.get("x-auth-token") {
        Some(token) if token == NEW => A_JOB,
        Some(_) | None => (401, EXPIRED),
    })
    .await
}

#[tokio::test]
async fn a_token_that_was_replaced_while_it_was_refused_is_tried_once_at_once() {
    let file = TokenFile::new();
    let upstream = upstream_that_wants_the_new_token(&Clock::system()).await;
    let gateway = in_front_of(&upstream.url())
        .with_credential(file.credential())
        .start();

    let (answer, ()) = tokio::join!(gateway.job(JOB), async {
        let called = || async { upstream.calls() == 1 };
        gateway.until("the call is out", called).await;
        file.write(NEW);
        upstream.let_through(10);
    });
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.headers("x-auth-token"), [OLD, NEW]);
    gateway.end().await;
}

#[tokio::test]
async fn a_refused_token_that_is_still_the_same_is_not_repeated_and_calls_rest() {
    let clock = Clock::manual();
    let file = TokenFile::new();
    let upstream = upstream_that_wants_the_new_token(&clock).await;
    upstream.let_through(10);
    let mut builder = in_front_of(&upstream.url()).with_credential(file.credential());
    builder.clock = clock.clone();
    let gateway = builder.start();

    let refused = gateway.job(JOB).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (502, "JG.5022".to_owned())
    );
    let held = gateway.job(JOB).await;
    assert_eq!(
        (held.status.as_u16(), held.code()),
        (503, "JG.5033".to_owned())
    );
    assert_eq!(upstream.headers("x-auth-token"), [OLD]);

    file.write(NEW);
    let wait = held.header("retry-after").parse().unwrap();
    clock.advance(Duration::from_secs(wait));
    assert_eq!(gateway.job(JOB).await.status, 200);
    assert_eq!(upstream.headers("x-auth-token"), [OLD, NEW]);
    gateway.end().await;
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_too_is_the_end_of_it() {
    let file = TokenFile::new();
    let upstream = Upstream::held(&Clock::system(), |_, _| (401, EXPIRED)).await;
    let gateway = in_front_of(&upstream.url())
        .with_credential(file.credential())
        .start();

    let (answer, ()) = tokio::join!(gateway.job(JOB), async {
        let called = |calls| {
            let upstream = &upstream;
            move || async move { upstream.calls() == calls }
        };
        gateway.until("the call is out", called(1)).await;
        file.write(NEW);
        upstream.let_through(1);
        gateway.until("it is repeated", called(2)).await;
        file.write("yet-another-token-0123456789");
        upstream.let_through(10);
    });
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (502, "JG.5022".to_owned())
    );
    assert_eq!(upstream.headers("x-auth-token"), [OLD, NEW]);
    gateway.end().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_no_other_host_sees_the_credential() {
    let clock = Clock::system();
    let elsewhere = Upstream::start(&clock, |_, _| A_JOB).await;
    for status in [301, 302, 303, 307, 308] {
        let target: &'static str = String::leak(format!("{}/v1/job/{JOB}/info", elsewhere.url()));
        let upstream = Upstream::start(&clock, move |_, _| (status, target)).await;
        let gateway = in_front_of(&upstream.url()).start();
        let answer = gateway.job(JOB).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (502, "JG.5025".to_owned())
        );
        assert_eq!(answer.header("location"), "");
        let host = elsewhere.addr.to_string();
        assert!(!answer.text().contains(&host), "{}", answer.text());
        assert_eq!((upstream.calls(), elsewhere.calls()), (1, 0), "{status}");
        let log = gateway.end().await;
        assert!(!log.contains(SECRET_KEY));
    }
}
