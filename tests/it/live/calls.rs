//! The credential and the two calls.

use std::fs;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::config::{CredentialSettings, SecretSource};
use jobgate::live::{Verdict, What};
use jobgate::sandbox::SandboxCredential;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{SECRET_KEY, date, sweeps_off, trial};
use crate::raw::{Reply, Script, Then};
use crate::sandbox::Double;
use crate::support::{DOCUMENTED, JOB};

const NO_SUCH_JOB: &str = include_str!("../../samples/error-422-not-found.json");
const TWO_JOBS: &str = r#"{"result":{"job_list":[{"id":"901878212b1a49be9c1a1054c272762a"}],"total":2},"status":"success"}"#;
const NO_JOBS: &str = r#"{"result":{"job_list":[],"total":0},"status":"success"}"#;

/// A credential that is taken, and what it sees.
async fn taken() -> Script {
    Script::answering([Reply::of(422, NO_SUCH_JOB), Reply::of(200, TWO_JOBS)]).await
}

#[tokio::test]
async fn a_made_up_job_proves_the_credential_and_a_list_its_scope() {
    let upstream = taken().await;
    let tried = trial(&upstream.url()).run().await;
    assert_eq!(tried.ended, Ok(()));
    let steps = [
        What::Dns,
        What::Connect,
        What::Tls,
        What::Credential,
        What::Clock,
        What::Job,
        What::Jobs,
    ];
    assert_eq!(tried.path(), steps);
    assert!(
        tried
            .steps
            .iter()
            .all(|step| matches!(step.verdict, Verdict::Good | Verdict::Announced)),
        "{:?}",
        tried.steps
    );
    tried.assert_good(What::Credential, "access key from AK, secret key from SK");
    tried.assert_good(What::Job, "422 DEVCB.00031006");
    tried.assert_good(What::Jobs, "the credential sees 2 jobs");

    let asked = upstream.asked();
    let targets: Vec<_> = asked
        .iter()
        .filter_map(|asked| asked.head.split(' ').nth(1))
        .collect();
    let calls = [
        "/v1/job/00000000000000000000000000000000/info",
        "/v1/job/list?page_index=0&page_size=1",
    ];
    assert_eq!(targets, calls);
    for (announced, call) in tried.announced().iter().zip(calls) {
        assert!(
            announced.contains(&format!("GET {call} (counts against the quota")),
            "{announced}"
        );
    }
    assert!(asked.iter().all(|asked| {
        asked
            .head
            .to_lowercase()
            .contains("authorization: sdk-hmac-sha256")
    }));
}

/// What the double takes, or nearly.
fn of_the_double(name: &str) -> Option<String> {
    let keys = SandboxCredential::default();
    let secret_key = keys.secret_key.expose_secret();
    let value = match name {
        "AK" => keys.access_key,
        "SK" => secret_key.to_owned(),
        "NEARLY" => format!("{secret_key}?"),
        _ => return None,
    };
    Some(value)
}

#[tokio::test]
async fn before_the_double_a_good_run_makes_two_calls_and_a_refused_one_ends_with_the_first() {
    let double = Double::start().await;
    let here = |secret_key: &str| {
        let mut here = trial(&double.url);
        here.clock = double.clock.clone();
        here.env = of_the_double;
        let source = SecretSource::Env(secret_key.to_owned());
        here.with(|settings| {
            settings.upstream.credential = CredentialSettings::AkSk {
                access_key_env: "AK".to_owned(),
                secret_key: source,
                security_token: None,
                project_id: None,
            };
        })
    };
    let good = here("SK").of_job(JOB).run().await;
    assert_eq!(good.ended, Ok(()), "{:?}", good.steps);
    good.assert_good(What::Clock, "less than a minute off");
    good.assert_good(What::Job, "the job was read");
    good.assert_good(What::Jobs, "the credential sees ");
    let stats = double.sandbox.stats();
    assert_eq!((stats.requests, stats.answered, stats.lists), (2, 2, 1));

    let refused = here("NEARLY").run().await;
    refused.assert_failed(What::Job, "does not belong to the access key");
    let stats = double.sandbox.stats();
    assert_eq!(
        (stats.requests, stats.unauthorised, stats.lists),
        (3, 1, 1),
        "nothing is repeated"
    );
}

#[tokio::test]
async fn a_job_that_is_named_is_read_or_doubted() {
    let upstream = Script::answering([Reply::of(200, DOCUMENTED), Reply::of(200, TWO_JOBS)]).await;
    let tried = trial(&upstream.url()).of_job(JOB).run().await;
    tried.assert_good(What::Job, "the job was read");
    assert!(
        upstream.asked()[0]
            .head
            .starts_with(&format!("GET /v1/job/{JOB}/info "))
    );

    let tried = trial(&taken().await.url()).of_job(JOB).run().await;
    tried.assert_doubtful(What::Job, "may not see it");
    tried.assert_good(What::Jobs, "sees 2 jobs");
}

/// What a failed first call says; it is the only one.
#[tokio::test]
async fn a_refused_credential_has_its_words_and_is_tried_once() {
    let of_iam = |detail: &str| {
        let text = format!("Incorrect IAM authentication information: {detail}");
        serde_json::json!({ "error_code": "APIGW.0301", "error_msg": text }).to_string()
    };
    let told = |code: &str, text: &str| {
        serde_json::json!({ "error_code": code, "error_msg": text }).to_string()
    };
    let throttle = include_str!("../../samples/error-429-user.json").to_owned();
    for (status, body, with_token, words) in [
        (
            401,
            of_iam("verify aksk signature fail"),
            false,
            "does not belong to the access key",
        ),
        (
            401,
            of_iam("ak AKEXAMPLE0000000TEST not exist"),
            false,
            "does not know the access key",
        ),
        (
            401,
            of_iam("AK access failed to reach the limit,forbidden."),
            false,
            "is locked",
        ),
        (401, of_iam("Unauthorized"), false, "does not say why"),
        (
            401,
            of_iam("decrypt token fail"),
            true,
            "none that this cloud has issued",
        ),
        (401, of_iam("get token error"), true, "X-Subject-Token"),
        (
            401,
            told("APIGW.0307", "The token must be updated."),
            true,
            "expired, was revoked, or was issued for another region",
        ),
        (
            403,
            told(
                "APIGW.0302",
                "The IAM user is not authorized to access the API.",
            ),
            true,
            "domain scope",
        ),
        (
            403,
            told("APIGW.0310", "The project is unavailable."),
            false,
            "arrears",
        ),
        (
            403,
            told("APIGW.0802", "no"),
            false,
            "may not use this region",
        ),
        (
            404,
            told("APIGW.0101", "The API does not exist"),
            false,
            "no job info API at this endpoint",
        ),
        (429, throttle, false, "limit:10,time:1 minute"),
        (
            500,
            told("CB.00060211", "Too many requests."),
            false,
            "throttles",
        ),
        (
            503,
            told("APIGW.0613", "The IAM service is currently unavailable."),
            false,
            "cannot ask IAM",
        ),
        (
            200,
            "<html>Log in</html>".to_owned(),
            false,
            "has answered in its place",
        ),
        (302, String::new(), false, "leads to another address"),
    ] {
        let upstream = Script::answering([Reply::of(status, &body)]).await;
        let trial = trial(&upstream.url());
        let trial = if with_token {
            trial.with_token()
        } else {
            trial
        };
        let tried = trial.run().await;
        tried.assert_failed(What::Job, words);
        assert_eq!(upstream.calls(), 1, "{words}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_asked_for_again() {
    let silent = Script::answering([Reply::new("", Then::Hang)]).await;
    let tried = trial(&silent.url())
        .with(|settings| settings.upstream.timeout = Duration::from_millis(200))
        .run()
        .await;
    tried.assert_failed(What::Job, "does not answer within upstream.timeout");
    assert_eq!(silent.calls(), 1);

    let lost = Script::answering([Reply::new("", Then::Close)]).await;
    let tried = trial(&lost.url()).run().await;
    tried.assert_failed(What::Job, "lost before upstream answered");
    assert_eq!(lost.calls(), 1);
}

#[tokio::test]
async fn an_answer_that_shows_the_secret_is_not_shown() {
    let body = format!(r#"{{"error_code":"CB.1","error_msg":"{SECRET_KEY}"}}"#);
    let upstream = Script::answering([Reply::of(400, &body)]).await;
    let tried = trial(&upstream.url()).run().await;
    tried.assert_failed(What::Job, "the answer shows the central credential");
}

#[tokio::test]
async fn a_clock_that_is_20_minutes_off_explains_a_refused_signature() {
    let refused = include_str!("../../samples/error-401-signature.json");
    let twenty = Duration::from_secs(20 * 60);
    let now = Clock::system().wall();
    for (time, side) in [
        (now + twenty, "behind upstream's"),
        (now - twenty, "ahead of upstream's"),
    ] {
        let upstream = Script::answering([Reply::with(401, &date(time), refused)]).await;
        let tried = trial(&upstream.url()).run().await;
        tried.assert_failed(What::Job, "This machine's clock is ");
        tried.assert_failed(What::Job, side);
        let clock = tried.step(What::Clock);
        assert!(
            matches!(clock.verdict, Verdict::Doubtful(_)) && clock.said.contains(side),
            "{clock:?}"
        );
        assert_eq!(upstream.calls(), 1);
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_doubted_though_nobody_minds() {
    let upstream = Script::answering([
        Reply::with(
            422,
            &date(Clock::system().wall() + Duration::from_secs(120)),
            NO_SUCH_JOB,
        ),
        Reply::of(200, TWO_JOBS),
    ])
    .await;
    let tried = trial(&upstream.url()).run().await;
    tried.assert_doubtful(What::Clock, "behind upstream's");

    let tried = trial(&taken().await.url()).run().await;
    tried.assert_good(What::Clock, "names no time");
}

#[tokio::test]
async fn a_credential_that_is_not_here_costs_no_call() {
    let upstream = taken().await;
    let tried = trial(&upstream.url())
        .with(|settings| {
            let source = SecretSource::Env("ABSENT".to_owned());
            settings.upstream.credential = CredentialSettings::Token(source);
        })
        .run()
        .await;
    tried.assert_failed(What::Credential, "ABSENT is not set");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_token_file_that_is_older_than_tokens_live_is_doubted() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, super::TOKEN).unwrap();
    for (age, is_doubted) in [
        (Duration::from_secs(60), false),
        (Duration::from_secs(25 * 60 * 60), true),
    ] {
        let upstream = taken().await;
        let path = file.clone();
        let mut trial = trial(&upstream.url()).with(|settings| {
            settings.upstream.credential = CredentialSettings::Token(SecretSource::File(path));
        });
        trial.clock = Clock::manual();
        trial.clock.advance(age + Duration::from_secs(1));
        let tried = trial.run().await;
        let step = tried.step(What::Credential);
        assert_eq!(
            matches!(step.verdict, Verdict::Doubtful(_)),
            is_doubted,
            "{step:?}"
        );
        assert!(step.said.contains("written "), "{step:?}");
        assert_eq!(tried.ended, Ok(()));
    }
}

#[tokio::test]
async fn a_list_that_is_refused_is_a_reason_to_switch_sweeps_off_and_no_failure() {
    let refused = r#"{"error_code":"APIGW.0302","error_msg":"not authorized"}"#;
    for (status, body, words) in [
        (403, refused, "budget.sweep.mode = \"off\""),
        (404, "", "budget.sweep.mode = \"off\""),
        (
            429,
            include_str!("../../samples/error-429-user.json"),
            "budget.requests",
        ),
        (200, NO_JOBS, "sees no job"),
        (200, "{}", "budget.sweep.mode = \"off\""),
    ] {
        let upstream =
            Script::answering([Reply::of(422, NO_SUCH_JOB), Reply::of(status, body)]).await;
        let tried = trial(&upstream.url()).run().await;
        tried.assert_doubtful(What::Jobs, words);
        assert_eq!(upstream.calls(), 2, "{words}");
    }
    let upstream = Script::answering([Reply::of(422, NO_SUCH_JOB), Reply::of(403, refused)]).await;
    let tried = trial(&upstream.url()).with(sweeps_off).run().await;
    tried.assert_doubtful(What::Jobs, "Nothing need be done");
}

#[tokio::test]
async fn limits_that_upstream_names_are_told() {
    let limit = "X-Apig-RateLimit-user: remain:9,limit:10,time:1 minute\r\n";
    let upstream = Script::answering([
        Reply::with(422, limit, NO_SUCH_JOB),
        Reply::of(200, TWO_JOBS),
    ])
    .await;
    let tried = trial(&upstream.url()).run().await;
    tried.assert_good(What::Job, "upstream's limit is 10 calls in 60s");
}
