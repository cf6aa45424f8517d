//! A credential that an identity service gives: asked for at the start, renewed when upstream refuses it, and never asked
//! for with words that were refused.

use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::config::{CredentialSettings, PasswordSettings, SecretSource};
use serde_json::Value;

use crate::support::{JOB, Running, in_front_of, nth_job, open_with};
use crate::upstream::{A_JOB, Said, Upstream};

const PASSWORD: &str = "a-password-of-the-tests";
const FIRST: &str = "the-first-token-of-the-tests";
const SECOND: &str = "the-second-token-of-the-tests";

/// The token itself is in the head. IAM gives none for longer than a day, and more is not believed.
const GRANTED: Said = (
    201,
    r#"{"token":{"expires_at":"2999-01-04T09:05:22.701000Z","issued_at":"2020-01-03T09:05:22.701000Z","project":{"id":"p","name":"cn-north-4"}}}"#,
);
const WRONG: Said = (
    401,
    r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#,
);
const EXPIRED: &str = include_str!("../samples/error-401-token-expired.json");

/// A gateway between its two services.
struct Scene {
    clock: Clock,
    iam: Upstream,
    upstream: Upstream,
    gateway: Running,
}

// === impl Scene ===

impl Scene {
    async fn start(
        iam: impl Fn(usize) -> Said + Send + Sync + 'static,
        accepts: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock::manual();
        let iam = Upstream::start(&clock, move |n, _| iam(n)).await;
        iam.saying("x-subject-token", FIRST);
        let upstream = Upstream::start(&clock, move |_, head| {
            let token = head.headers.get("x-auth-token");
            match token.and_then(|token| token.to_str().ok()) {
                Some(token) if accepts(token) => A_JOB,
                Some(_) | None => (401, EXPIRED),
            }
        })
        .await;
        let credential = CredentialSettings::Password(PasswordSettings {
            iam_endpoint: iam.url().parse().unwrap(),
            domain: "the-domain".to_owned(),
            user: "the-user".to_owned(),
            password: SecretSource::Env("PASSWORD".to_owned()),
            project: "cn-north-4".to_owned(),
        });
        let env = |_: &str| Some(PASSWORD.to_owned());
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .with_credential(open_with(credential, &clock, &env))
            .start();
        Self {
            clock,
            iam,
            upstream,
            gateway,
        }
    }

    async fn ready(&self) -> Value {
        serde_json::from_slice(&self.gateway.admin("/readyz").await.body).unwrap()
    }

    /// Ends the gateway, whose log must not show a secret.
    async fn end(self) {
        let log = self.gateway.end().await;
        for secret in [PASSWORD, FIRST, SECOND] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[tokio::test]
async fn the_first_requests_after_a_start_have_their_answers_for_one_question() {
    let scene = Scene::start(|_| GRANTED, |token| token == FIRST).await;
    let ids: Vec<_> = (0..5).map(nth_job).collect();
    for answer in join_all(ids.iter().map(|id| scene.gateway.job(id))).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(scene.iam.targets(), ["/v3/auth/tokens?nocatalog=true"]);
    assert_eq!(scene.upstream.headers("x-auth-token"), [FIRST; 5]);
    let credential = &scene.ready().await["credential"];
    assert_eq!(credential["kind"], "password");
    let left = credential["expires_in_seconds"].as_f64().unwrap();
    assert!((86_399.0..=86_400.0).contains(&left), "{left}");
    let issued = r#"jobgate_credential_renewals_total{result="issued"}"#;
    assert_eq!(scene.gateway.metric(issued).await, 1.0);
    scene.end().await;
}

#[tokio::test]
async fn a_token_that_dies_early_costs_one_question_and_no_client_an_error() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let is_dead = Arc::new(AtomicBool::new(false));
    let dead = Arc::clone(&is_dead);
    let accepts = move |token: &str| token == SECOND || !dead.load(Ordering::Relaxed);
    let scene = Scene::start(|_| GRANTED, accepts).await;
    assert_eq!(scene.gateway.job(JOB).await.status, 200);
    is_dead.store(true, Ordering::Relaxed);
    scene.iam.saying("x-subject-token", SECOND);

    let ids: Vec<_> = (0..12).map(nth_job).collect();
    for answer in join_all(ids.iter().map(|id| scene.gateway.job(id))).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(scene.iam.calls(), 2);
    let sent = scene.upstream.headers("x-auth-token");
    let with = |token: &str| sent.iter().filter(|sent| *sent == token).count();
    assert_eq!(
        with(SECOND),
        12,
        "each job was asked for once with the new one"
    );
    assert!(
        (2..=13).contains(&with(FIRST)),
        "each once at most: {sent:?}"
    );
    scene.end().await;
}

#[tokio::test]
async fn a_refused_password_is_asked_with_once_and_everybody_is_told_at_once() {
    let scene = Scene::start(|_| WRONG, |_| true).await;
    for n in 0..10 {
        let answer = scene.gateway.job(&nth_job(n)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (503, "JG.5033".to_owned())
        );
        scene.clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!((scene.iam.calls(), scene.upstream.calls()), (1, 0));
    let ready = scene.ready().await;
    let why = ready["credential"]["why"].as_str().unwrap();
    assert!(why.contains("not asked again until"), "{why}");
    assert_eq!(ready["credential"]["available"], false);
    assert_eq!(
        scene.gateway.metric("jobgate_credential_available").await,
        0.0
    );
    scene.end().await;
}
