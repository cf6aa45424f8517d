//! What an operator is told of the schedule, and that it comes about as told.

use std::fs;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::config::{CredentialSettings, SecretSource};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{JOB, Running, in_front_of, nth_job, open};
use crate::upstream::{A_JOB, Said, Upstream};

const MINUTE: Duration = Duration::from_secs(60);

const TEN_A_MINUTE: Said = (
    429,
    r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:1 minute"}"#,
);

/// In budget mode, with so many calls a minute, all of them free.
async fn planning(requests: u32) -> (Clock, Upstream, Running) {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .in_budget_mode(requests, MINUTE)
        .with_clock(&clock)
        .start();
    clock.advance(10 * MINUTE); // a start has few calls, and keeps most of them for first asks
    (clock, upstream, gateway)
}

async fn read(gateway: &Running, path: &str) -> Value {
    serde_json::from_slice(&gateway.admin(path).await.body).unwrap()
}

async fn explain(gateway: &Running, job: &str) -> Value {
    read(gateway, &format!("/api/entries/{job}")).await
}

async fn outlook(gateway: &Running) -> Value {
    read(gateway, "/api/stats").await["budget"]["outlook"].take()
}

#[track_caller]
fn assert_says(told: &Value, member: &str, begins: &str) {
    let sentence = told[member].as_str().unwrap_or_default();
    assert!(sentence.starts_with(begins), "{member}: {sentence}");
}

#[tokio::test]
async fn a_look_is_made_when_it_was_said_to_be_next_and_not_before() {
    let (clock, upstream, gateway) = planning(50).await;
    gateway.job(JOB).await;
    gateway.job(JOB).await;
    let told = explain(&gateway, JOB).await;
    let plan = &told["plan"];
    assert_eq!(
        (&plan["standing"], &plan["place"]),
        (&json!("floor"), &json!(0))
    );
    assert_eq!(told["next_look_seconds"], 30.0);
    assert_says(
        &told,
        "next_look",
        "In about 30 s: ttl and ttl_running allow none sooner",
    );
    assert_says(
        &told,
        "if_asked_now",
        "The stored answer, at once: it is fresh",
    );
    assert_says(
        &told,
        "rhythm",
        "Its builds are hardly known yet; by the last one and by other jobs,",
    );
    let rhythm = &plan["rhythm"];
    assert!(rhythm["asks_per_window"].as_f64() > Some(1.0), "{rhythm}");
    assert_eq!(rhythm["wrong"], 0.0, "no time has passed");
    let listed = read(&gateway, "/api/entries").await;
    assert_eq!(listed["entries"][0]["next_look_seconds"], 30.0);

    clock.advance(Duration::from_secs(29));
    let told = explain(&gateway, JOB).await;
    assert_eq!(
        (upstream.calls(), &told["next_look_seconds"]),
        (1, &json!(1.0))
    );
    clock.advance(Duration::from_secs(1));
    gateway
        .until("looked at, unasked", async || upstream.calls() == 2)
        .await;
    gateway
        .until("planned anew", async || {
            explain(&gateway, JOB).await["age_seconds"] == 0.0
        })
        .await;
    gateway.end().await;
}

#[tokio::test]
async fn a_first_ask_in_line_is_told_its_place_and_its_time() {
    let (clock, upstream, gateway) = planning(2).await;
    for job in [1, 2] {
        assert_eq!(gateway.job(&nth_job(job)).await.status, 200);
    }
    clock.advance(Duration::from_secs(18));
    let told = explain(&gateway, JOB).await;
    assert_says(
        &told,
        "next_look",
        "With the first request in 42 s or later:",
    );
    assert_eq!(
        (&told["plan"], &told["next_look_seconds"]),
        (&Value::Null, &Value::Null)
    );
    let refused = gateway.job(JOB).await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.code()),
        (429, "JG.4292")
    );
    let told = explain(&gateway, JOB).await;
    assert_eq!(
        told["plan"],
        json!({"standing": "in-line", "place": 0, "rhythm": null})
    );
    assert_says(
        &told,
        "next_look",
        "In about 42 s: somebody waits for an answer, and is next",
    );
    assert_says(
        &told,
        "if_asked_now",
        "An error (429): nothing is stored that may be served. Nobody waits longer than 2.0 s for a call; its turn comes in about 42 s",
    );
    let retry_after: f64 = refused.header("retry-after").parse().unwrap();
    let left = told["next_look_seconds"].as_f64().unwrap();
    assert!((retry_after - 1.0..=retry_after).contains(&left), "{left}");
    let outlook_then = outlook(&gateway).await;
    assert_eq!(
        (&outlook_then["jobs"], &outlook_then["first_asks"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(upstream.calls(), 2, "the third is in line");

    clock.advance(Duration::from_secs_f64(retry_after));
    gateway
        .until("fetched, unasked", async || {
            explain(&gateway, JOB).await["state"] == "fresh"
        })
        .await;
    gateway
        .until("nobody is in line", async || {
            outlook(&gateway).await["first_asks"] == 0
        })
        .await;
    gateway.end().await;
}

#[tokio::test]
async fn plans_follow_a_limit_that_upstream_lowers() {
    let clock = Clock::manual();
    let answer = |n, _: &_| if n == 3 { TEN_A_MINUTE } else { A_JOB };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = in_front_of(&upstream.url())
        .in_budget_mode(50, MINUTE)
        .with(|settings| settings.budget.learn = true)
        .with_clock(&clock)
        .start();
    clock.advance(10 * MINUTE);
    for job in 0..3 {
        gateway.job(&nth_job(job)).await;
    }
    assert_eq!(outlook(&gateway).await["requests"], 50);
    assert_eq!(gateway.job(&nth_job(3)).await.status, 429);
    gateway
        .until("planned with less", async || {
            outlook(&gateway).await["requests"] == 10
        })
        .await;
    gateway.end().await;
}

#[tokio::test]
async fn in_mode_ttl_there_is_no_plan_to_tell_of() {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();
    gateway.job(JOB).await;
    let told = explain(&gateway, JOB).await;
    for member in ["plan", "rhythm", "next_look_seconds"] {
        assert_eq!(told[member], Value::Null, "{member}");
    }
    assert_says(&told, "next_look", "With the first request in 30 s");
    assert_eq!(outlook(&gateway).await, Value::Null);
    let metrics = gateway.admin("/metrics").await.text();
    assert!(
        !metrics.contains("jobgate_budget_demand{"),
        "nobody counts it"
    );
    gateway.end().await;
}

#[tokio::test]
async fn while_there_is_no_credential_no_call_is_promised_and_none_goes_out() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "the-token-of-the-tests").unwrap();
    let gateway = in_front_of(&upstream.url())
        .with_credential(open(CredentialSettings::Token(SecretSource::File(
            path.clone(),
        ))))
        .with_clock(&clock)
        .start();
    assert_says(
        &explain(&gateway, JOB).await,
        "if_asked_now",
        "What upstream says",
    );

    fs::remove_file(&path).unwrap();
    gateway
        .until("the keeper has seen it", async || {
            clock.advance(Duration::from_secs(1));
            read(&gateway, "/readyz").await["credential"]["available"] == false
        })
        .await;
    let told = explain(&gateway, JOB).await;
    let said = "An error (JG.5033): nothing is stored that may be served. No call goes out, because there is no credential to send: cannot read file ";
    assert_says(&told, "if_asked_now", said);
    assert_says(&told, "next_look", "Not before there is a credential");
    let ready = read(&gateway, "/readyz").await;
    let why = ready["why"][0].as_str().unwrap();
    assert!(
        why.starts_with("no call goes out: cannot read file "),
        "{why}"
    );
    assert_eq!(ready["why"].as_array().unwrap().len(), 1, "{ready}");
    assert_eq!(gateway.job(JOB).await.code(), "JG.5033");
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}
