//! IAM: who is given a token, and what it opens.

use std::time::Duration;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Double, PASSWORD, PROJECTS, TOKENS, bare, login, post, project, user, with_header};
use crate::sandbox::tests::SECRET;
use crate::sandbox::{IdentityStats, SandboxCredential};

const DAY: Duration = Duration::from_hours(24);
const INSTANT: Duration = Duration::from_nanos(1);
const EXPIRED: (u16, Option<&str>) = (401, Some("APIGW.0307"));
const WELL: (u16, Option<&str>) = (200, None);

/// Names at every level of a JSON text.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(_) => json!([]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
    }
}

#[tokio::test]
async fn a_right_password_is_given_a_token_as_the_documents_show_it() {
    let double = Double::start(1_000).await;
    let now = double.clock.wall();
    let answer = double.log_in(PASSWORD).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json;charset=UTF-8")
    );
    assert_eq!(answer.header("x-iam-trace-id").unwrap().len(), 32);
    assert_eq!(answer.header("x-request-id"), None);
    let token = answer.header("x-subject-token").unwrap();
    assert!(
        token.starts_with("MII") && token.len() > 2_000,
        "{}",
        token.len()
    );

    let documented = include_str!("../../../../tests/samples/iam-token-response.json");
    let documented: Value = serde_json::from_str(documented).unwrap();
    let body = answer.json();
    assert_eq!(shape(&body), shape(&documented));
    let token = &body["token"];
    assert_eq!(token["user"]["name"], "sandbox-user");
    assert_eq!(token["project"]["id"], "jobgatesandboxproject00000000000");
    for (name, at) in [("issued_at", now), ("expires_at", now + DAY)] {
        let text = token[name].as_str().unwrap();
        assert_eq!(text.len(), "2020-01-04T09:05:22.701000Z".len(), "{text}");
        let told = humantime::parse_rfc3339(text).unwrap();
        let off = at.duration_since(told).unwrap();
        assert!(off < Duration::from_micros(1), "{name}: {off:?}");
    }
}

#[tokio::test]
async fn a_catalogue_comes_unless_it_is_declined() {
    let double = Double::start(1_000).await;
    for (query, has_catalogue) in [
        ("", true),
        ("?nocatalog=false", true),
        ("?nocatalog=true", false),
        ("?a=b&nocatalog=true", false),
    ] {
        let target = format!("{TOKENS}{query}");
        let answer = double
            .send(login(&target, &user(PASSWORD), project()))
            .await;
        assert_eq!(answer.status, 201, "{query}");
        let services = answer.json()["token"]["catalog"].as_array().unwrap().len();
        assert_eq!(services > 0, has_catalogue, "{query}");
    }
}

#[tokio::test]
async fn a_token_opens_until_it_expires() {
    let double = Double::start(1_000).await;
    let token = double.token().await;
    for (later, expected) in [
        (Duration::ZERO, WELL),
        (DAY.saturating_sub(INSTANT), WELL),
        (INSTANT, EXPIRED),
    ] {
        double.clock.advance(later);
        let (status, code) = double.opens(&token).await;
        assert_eq!((status, code.as_deref()), expected, "{later:?} on");
    }
    let (status, _) = double.opens(&double.token().await).await;
    assert_eq!(status, 200, "another one");
}

#[tokio::test]
async fn revoked_tokens_are_dead_but_neither_new_ones_nor_the_settings_own() {
    let double = Double::start(1_000).await;
    let revoked = double.token().await;
    let other = double.token().await;
    assert_ne!(revoked, other);
    assert_eq!(
        double.opens(&revoked).await.0,
        200,
        "a new one ends no old one"
    );
    double.sandbox.identity().revoke_tokens();
    for token in [&revoked, &other] {
        let (status, code) = double.opens(token).await;
        assert_eq!((status, code.as_deref()), EXPIRED);
    }
    assert_eq!(double.opens(&double.token().await).await.0, 200);
    let own = SandboxCredential::default().token;
    assert_eq!(double.opens(own.expose_secret()).await.0, 200);
}

#[tokio::test]
async fn everybody_else_is_refused_in_iams_form_and_given_no_token() {
    let double = Double::start(1_000).await;
    let with = |name: &str, value: Value| {
        let mut user = user(PASSWORD);
        user[name] = value;
        login(TOKENS, &user, project())
    };
    let scoped = |scope| login(TOKENS, &user(PASSWORD), scope);
    for (request, status, what) in [
        (with("password", "wrong".into()), 401, "password"),
        (with("name", "nobody".into()), 401, "user"),
        (with("domain", json!({"name": "nowhere"})), 401, "domain"),
        (with("domain", Value::Null), 400, "no domain"),
        (post(TOKENS, "{".to_owned()), 400, "no JSON"),
        (post(TOKENS, String::new()), 400, "no body"),
        (
            scoped(json!({"project": {"name": "eu-west-0"}})),
            404,
            "another region",
        ),
        (
            scoped(json!({"project": {"id": "abc"}})),
            404,
            "another project",
        ),
        (
            scoped(json!({"project": {}})),
            400,
            "a project without a name",
        ),
    ] {
        let answer = double.send(request).await;
        assert_eq!(answer.status, status, "{what}");
        assert!(answer.header("x-subject-token").is_none(), "{what}");
        assert!(answer.header("x-iam-trace-id").is_some(), "{what}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], status, "{what}: a number");
        assert!(error["message"].is_string() && error["title"].is_string());
    }
    let expected = IdentityStats {
        token_calls: 9,
        wrong_passwords: 3,
        bad_requests: 6,
        ..IdentityStats::default()
    };
    assert_eq!(double.sandbox.identity().stats(), expected);
}

#[tokio::test]
async fn five_wrong_passwords_lock_even_the_right_one_out_for_fifteen_minutes() {
    let double = Double::start(1_000).await;
    let alive = double.token().await;
    let nobody = json!({"name": "nobody", "password": "x", "domain": {"name": "jobgate-sandbox"}});
    for _ in 0..5 {
        let answer = double.send(login(TOKENS, &nobody, project())).await;
        assert_eq!(answer.status, 401, "locks nobody");
    }
    for _ in 0..5 {
        assert_eq!(double.log_in("wrong").await.status, 401);
    }
    for password in [PASSWORD, "wrong"] {
        let locked = double.log_in(password).await;
        assert_eq!(
            (locked.status, &locked.json()["error"]["code"]),
            (403, &403.into())
        );
    }
    assert_eq!(double.opens(&alive).await.0, 200, "a token from before");
    double
        .clock
        .advance(Duration::from_mins(15).saturating_sub(INSTANT));
    assert_eq!(double.log_in(PASSWORD).await.status, 403);
    double.clock.advance(INSTANT);
    assert_eq!(double.log_in(PASSWORD).await.status, 201);
    let stats = double.sandbox.identity().stats();
    let counted = [
        stats.token_calls,
        stats.tokens,
        stats.wrong_passwords,
        stats.locked,
    ];
    assert_eq!(counted, [15, 2, 10, 3]);
}

#[tokio::test]
async fn only_the_new_password_is_right_once_it_was_changed() {
    let double = Double::start(1_000).await;
    double.sandbox.identity().set_password("another");
    assert_eq!(double.log_in(PASSWORD).await.status, 401);
    assert_eq!(double.log_in("another").await.status, 201);
}

#[tokio::test]
async fn a_token_of_the_account_is_issued_but_does_not_open_the_build_api() {
    let double = Double::start(1_000).await;
    for scope in [Value::Null, json!({"domain": {"name": "jobgate-sandbox"}})] {
        let answer = double.send(login(TOKENS, &user(PASSWORD), scope)).await;
        assert_eq!(answer.status, 201);
        let told = &answer.json()["token"];
        assert!(told["project"].is_null());
        assert_eq!(told["domain"]["name"], "jobgate-sandbox");
        let token = answer.header("x-subject-token").unwrap();
        let (status, code) = double.opens(token).await;
        assert_eq!((status, code.as_deref()), (401, Some("APIGW.0301")));
        let request = with_header(bare(Method::GET, PROJECTS), "x-auth-token", token);
        assert_eq!(double.send(request).await.status, 200);
    }
    assert_eq!(double.sandbox.stats().unauthorised, 2);
}

#[tokio::test]
async fn the_project_of_a_region_is_told_to_whoever_signs() {
    let double = Double::start(1_000).await;
    let key = ("JOBGATESANDBOXACCESS", SECRET);
    let documented = include_str!("../../../../tests/samples/iam-projects-response.json");
    let documented: Value = serde_json::from_str(documented).unwrap();
    for (target, projects) in [
        (PROJECTS, 1),
        ("/v3/projects", 1),
        ("/v3/projects?name=eu-west-0", 0),
        ("/v3/projects?name=", 0),
    ] {
        let request = bare(Method::GET, target);
        let request = double.sign(request, key, "host;x-sdk-date", Duration::ZERO);
        let answer = double.send(request).await;
        assert_eq!(answer.status, 200, "{target}");
        assert!(answer.header("x-iam-trace-id").is_some());
        let body = answer.json();
        let told = body["projects"].as_array().unwrap();
        assert_eq!(told.len(), projects, "{target}");
        if let [project] = told.as_slice() {
            assert_eq!(project["id"], "jobgatesandboxproject00000000000");
            assert_eq!(shape(project), shape(&documented["projects"][0]));
        }
    }
    let stranger = double.send(bare(Method::GET, PROJECTS)).await;
    assert_eq!(
        (stranger.status, stranger.code()),
        (401, "APIGW.0301".into())
    );
    assert_eq!(double.sandbox.identity().stats().project_calls, 5);
}
