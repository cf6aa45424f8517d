//! Who is let in, by which header, what each client may see, and what becomes of the others.

use jobgate::credential::signing::{Signable, authorization};
use jobgate::policy::job::JobId;

use crate::raw::{Reply, Script};
use crate::support::{Answer, DOCUMENTED, JOB, Running, in_front_of, nth_job};

/// A client key as `jobgate key new` makes them.
pub(crate) const KEY: &str = "jg_0123456789abcdef0123456789abcdef";
/// Another client's.
pub(crate) const OTHER_KEY: &str = "jg_fedcba9876543210fedcba9876543210";

const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";

async fn with_two_clients() -> (Script, Running) {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url())
        .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
        .start();
    (script, gateway)
}

fn requests_of(client: &str, outcome: &str) -> String {
    format!("jobgate_client_requests_total{{client=\"{client}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn each_of_the_three_headers_names_the_client_and_the_first_present_decides() {
    let (script, gateway) = with_two_clients().await;
    let (bearer, other_bearer) = (format!("Bearer {KEY}"), format!("bearer {OTHER_KEY}"));
    let signed = "SDK-HMAC-SHA256 Access=x, SignedHeaders=host, Signature=00";
    let mut expected = [0.0, 0.0];
    for (headers, client) in [
        (&[("x-api-key", KEY)][..], 0),
        (&[("x-auth-token", KEY)], 0),
        (&[("authorization", &bearer)], 0),
        (&[("authorization", &other_bearer)], 1),
        (&[("x-api-key", OTHER_KEY), ("x-auth-token", KEY)], 1),
        (
            &[("x-auth-token", OTHER_KEY), ("authorization", &bearer)],
            1,
        ),
        (&[("authorization", &bearer), ("x-api-key", OTHER_KEY)], 1),
        (&[("x-api-key", KEY), ("authorization", signed)], 0),
        (&[("x-auth-token", OTHER_KEY), ("authorization", signed)], 1),
    ] {
        assert_eq!(gateway.get(PATH, headers).await.status, 200, "{headers:?}");
        expected[client] += 1.0;
    }
    for (index, client) in ["wallboard", "bot"].into_iter().enumerate() {
        let hits = gateway.metric(&requests_of(client, "hit")).await;
        let misses = gateway.metric(&requests_of(client, "miss")).await;
        assert_eq!(hits + misses, expected[index], "{client}");
    }
    assert_eq!(gateway.metric(&requests_of("wallboard", "miss")).await, 1.0);
    assert_eq!(gateway.metric(&requests_of("-", "hit")).await, 0.0);

    assert_eq!(
        script.calls(),
        1,
        "what is stored is stored for all clients"
    );
    let head = &script.asked()[0].head;
    for private in [
        KEY,
        OTHER_KEY,
        "wallboard",
        "x-api-key",
        "x-auth-token",
        "Bearer",
    ] {
        assert!(!head.contains(private), "{head}");
    }
    gateway.end().await;
}

/// The headers somebody comes with; the code and a part of the text that are answered.
type Stranger = (Vec<(&'static str, String)>, &'static str, &'static str);

/// Every way to come without a good key.
fn strangers() -> Vec<Stranger> {
    let (no_key, unknown) = (
        "No client key was presented.",
        "The client key is not known",
    );
    let one = |name, value: &str, code, text| (vec![(name, value.to_owned())], code, text);
    let both = |first: (&'static str, &str), second: (&'static str, &str)| {
        let pairs = [first, second].map(|(name, value)| (name, value.to_owned()));
        (pairs.to_vec(), "JG.4011", unknown)
    };
    let bearer = format!("Bearer {KEY}");
    vec![
        (vec![], "JG.4011", no_key),
        one("cookie", KEY, "JG.4011", no_key),
        one("x-api-key", "nobody's", "JG.4011", unknown),
        one("x-api-key", "", "JG.4011", unknown),
        one("x-api-key", &KEY.to_uppercase(), "JG.4011", unknown),
        one("x-api-key", &bearer, "JG.4011", unknown),
        one("authorization", KEY, "JG.4011", unknown),
        one("authorization", &format!("Basic {KEY}"), "JG.4011", unknown),
        one("x-auth-token", &"M".repeat(512), "JG.4011", unknown),
        one(
            "x-auth-token",
            &"M".repeat(513),
            "JG.4011",
            "longer than 512 bytes",
        ),
        one(
            "x-auth-token",
            &"M".repeat(20_000),
            "JG.4011",
            "longer than 512 bytes",
        ),
        one(
            "authorization",
            &format!("Bearer {}", "M".repeat(513)),
            "JG.4011",
            "longer than 512 bytes",
        ),
        both(("x-api-key", "no"), ("x-auth-token", KEY)),
        both(("x-api-key", ""), ("authorization", &bearer)),
        both(("x-auth-token", "no"), ("authorization", &bearer)),
        both(("x-api-key", KEY), ("x-api-key", KEY)),
        one(
            "authorization",
            &signed_as_wallboard(),
            "JG.4012",
            "The signature of this request is not accepted.",
        ),
    ]
}

/// A signature that is right in every way, save that no client has a secret to sign with.
fn signed_as_wallboard() -> String {
    let mut headers = http::HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("gateway.example"));
    headers.insert(
        "x-sdk-date",
        http::HeaderValue::from_static("20240605T080058Z"),
    );
    let signable = Signable {
        method: "GET",
        path: PATH,
        query: "",
        headers: &headers,
        signed: &["host", "x-sdk-date"],
        body: b"",
    };
    authorization(&signable, "wallboard", KEY).expect("signable")
}

#[tokio::test]
async fn a_stranger_gets_no_hit_causes_no_call_and_learns_nothing_of_jobs() {
    let (script, gateway) = with_two_clients().await;
    for stored in [false, true] {
        if stored {
            assert_eq!(gateway.get(PATH, &[("x-api-key", KEY)]).await.status, 200);
        }
        for (headers, code, text) in strangers() {
            let headers: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            for path in [PATH, "/v1/job/not-an-id/info"] {
                let answer = gateway.get(path, &headers).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (401, code),
                    "{headers:?}"
                );
                assert!(
                    answer.text().contains(text),
                    "{headers:?}: {}",
                    answer.text()
                );
                assert_eq!(answer.header("cache-status"), "", "nothing was looked up");
                for name in ["etag", "age", "x-upstream-request-id"] {
                    assert!(!answer.headers.contains_key(name), "{name}");
                }
            }
        }
        assert_eq!(script.calls(), usize::from(stored));
    }
    let refused = "jobgate_requests_total{outcome=\"refused\",class=\"4xx\"}";
    assert_eq!(
        gateway.metric(refused).await,
        4.0 * strangers().len() as f64
    );
    for client in ["wallboard", "bot"] {
        assert_eq!(
            gateway.metric(&requests_of(client, "refused")).await,
            0.0,
            "{client} did nothing wrong"
        );
    }
    gateway.end().await;
}

#[tokio::test]
async fn nothing_is_no_key_even_if_its_hash_is_known() {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url())
        .in_keys_mode(&[("wallboard", "")])
        .start();
    for header in ["x-api-key", "x-auth-token"] {
        assert_eq!(gateway.get(PATH, &[(header, "")]).await.status, 401);
    }
    let bearer = [("authorization", "Bearer  ")];
    assert_eq!(gateway.get(PATH, &bearer).await.status, 401);
    assert_eq!(script.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn the_health_probe_needs_no_key_and_a_wrong_route_is_told_before_it() {
    let (script, gateway) = with_two_clients().await;
    let health = gateway.get("/-/healthz", &[("x-api-key", "no")]).await;
    assert_eq!(
        (health.status.as_u16(), health.text().as_str()),
        (200, r#"{"status":"ok"}"#)
    );
    assert_eq!(gateway.get("/nothing", &[]).await.code(), "JG.4041");
    assert_eq!(gateway.ask("POST", PATH, &[]).await.code(), "JG.4051");
    assert_eq!(script.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn in_open_mode_whatever_key_a_client_brings_is_neither_asked_for_nor_passed_on() {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url()).start();
    let token = "M".repeat(20_000);
    for headers in [
        &[][..],
        &[("x-auth-token", token.as_str())],
        &[("authorization", "Basic no")],
    ] {
        assert_eq!(gateway.get(PATH, headers).await.status, 200);
    }
    assert_eq!(gateway.metric(&requests_of("-", "hit")).await, 2.0);
    assert_eq!(script.calls(), 1);
    gateway.end().await;
}

/// Whatever could tell a client something of a job.
#[track_caller]
fn assert_forbidden(answer: &Answer, job: &str) {
    assert_eq!(
        (answer.status.as_u16(), &*answer.code()),
        (403, "JG.4031"),
        "{job}"
    );
    for name in ["cache-status", "age", "etag", "x-upstream-request-id"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert!(!answer.text().contains(job), "{}", answer.text());
}

#[tokio::test]
async fn a_client_with_a_list_sees_the_jobs_on_it_and_learns_nothing_of_the_others() {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let listed = JobId::parse(&nth_job(1)).unwrap();
    let gateway = in_front_of(&script.url())
        .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
        .with(|settings| settings.auth.clients[1].jobs = Some(vec![listed]))
        .start();
    let ask = async |key: &'static str, job: &str, headers: &[(&'static str, &'static str)]| {
        let headers = [&[("x-api-key", key)], headers].concat();
        gateway.get(&format!("/v1/job/{job}/info"), &headers).await
    };
    assert_eq!(ask(OTHER_KEY, listed.as_str(), &[]).await.status, 200);
    assert_eq!(script.calls(), 1);

    let mut told = Vec::new();
    for stored in [false, true] {
        if stored {
            assert_eq!(ask(KEY, JOB, &[]).await.status, 200, "others see it");
        }
        for headers in [
            &[][..],
            &[("cache-control", "no-cache")],
            &[("cache-control", "only-if-cached")],
            &[("if-none-match", "*")],
        ] {
            let answer = ask(OTHER_KEY, JOB, headers).await;
            assert_forbidden(&answer, JOB);
            told.push(
                serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()["error_msg"]
                    .clone(),
            );
        }
        assert_eq!(script.calls(), 1 + usize::from(stored));
    }
    assert!(
        told.iter().all(|text| *text == told[0]),
        "stored or not is not told"
    );
    assert_forbidden(&ask(OTHER_KEY, &nth_job(2), &[]).await, &nth_job(2));
    assert_eq!(ask(OTHER_KEY, "not-an-id", &[]).await.code(), "JG.4001");
    assert_eq!(ask("no", JOB, &[]).await.code(), "JG.4011");

    let usage = gateway.get("/-/usage", &[("x-api-key", OTHER_KEY)]).await;
    let account: serde_json::Value = serde_json::from_slice(&usage.body).unwrap();
    let by_outcome = serde_json::json!({"miss": 1, "refused": 10});
    assert_eq!(
        account["by_outcome"], by_outcome,
        "its own requests, and no more"
    );
    assert!(!usage.text().contains(JOB));
    let explained = gateway.admin(&format!("/api/entries/{JOB}")).await.text();
    assert!(
        !explained.contains("JG.4031"),
        "no part of the job's story: {explained}"
    );
    gateway.end().await;
}

#[tokio::test]
async fn a_head_for_a_job_that_is_not_on_the_list_is_as_silent() {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url())
        .in_keys_mode(&[("bot", OTHER_KEY)])
        .with(|settings| {
            settings.auth.clients[0].jobs = Some(vec![JobId::parse(&nth_job(1)).unwrap()])
        })
        .start();
    let answer = gateway.ask("HEAD", PATH, &[("x-api-key", OTHER_KEY)]).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (403, 0));
    assert_eq!(answer.header("cache-status"), "");
    assert_eq!(script.calls(), 0);
    gateway.end().await;
}
