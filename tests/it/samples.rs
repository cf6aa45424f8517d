//! Every body that upstream is known to send, through the gateway; and what an error leaves behind: nothing, and all that was
//! there, unless upstream denies the job.

use std::time::Duration;

use serde_json::Value;

use crate::raw::{Reply, Script, Wire};
use crate::support::{DOCUMENTED, JOB, Running, in_front_of, nth_job};

/// Long enough for every hold and for the budget's window.
const HOURS: Duration = Duration::from_secs(3 * 60 * 60);

/// The one error that says conclusively that there is no such job.
const DENIAL: &str = "error-422-not-found.json";

/// What a client gets for each sample: status, code, whose words.
const ANSWERS: &[(&str, u16, &str, &str)] = &[
    ("success-documented.json", 200, "", ""),
    ("success-normalised.json", 200, "", ""),
    ("success-nulls.json", 200, "", ""),
    ("success-missing-and-unknown.json", 200, "", ""),
    ("fail-200-status-fail.json", 502, "JG.5024", "gateway"),
    (
        "fail-200-nested-error.json",
        502,
        "DEV.CH.10001",
        "upstream",
    ),
    ("fail-200-error-code.json", 502, "DEV.CB.032000", "upstream"),
    ("fail-stringified.json", 502, "DEV.CB.032302", "upstream"),
    ("error-400-task-id.json", 400, "CB.00060201", "upstream"),
    ("error-400-dev-cb.json", 400, "DEV.CB.032011", "upstream"),
    ("error-401-signature.json", 502, "JG.5022", "gateway"),
    ("error-401-ak-unknown.json", 502, "JG.5022", "gateway"),
    ("error-401-ak-locked.json", 502, "JG.5022", "gateway"),
    ("error-401-token-expired.json", 502, "JG.5022", "gateway"),
    (
        "error-401-token-undecryptable.json",
        502,
        "JG.5022",
        "gateway",
    ),
    ("error-401-iam.json", 502, "JG.5022", "gateway"),
    ("error-403-apigw.json", 502, "JG.5022", "gateway"),
    ("error-403-build.json", 403, "CB.00031059", "upstream"),
    (
        "error-403-encoded-authorization.json",
        502,
        "PAP5.0001",
        "upstream",
    ),
    ("error-404-apigw.json", 502, "JG.5025", "gateway"),
    ("error-404-build.json", 404, "CB.00060214", "upstream"),
    (
        "error-422-not-found.json",
        404,
        "DEVCB.00031006",
        "upstream",
    ),
    ("error-429-user.json", 429, "APIGW.0308", "upstream"),
    ("error-429-api.json", 429, "APIGW.0308", "upstream"),
    ("error-500-internal.json", 500, "CB.00060101", "upstream"),
    ("error-500-busy.json", 500, "CB.00060100", "upstream"),
    ("error-500-too-many.json", 429, "CB.00060211", "upstream"),
    ("error-500-backend.json", 500, "CB.00030004", "upstream"),
    ("error-502-apigw.json", 502, "APIGW.0201", "upstream"),
    ("error-503-apigw.json", 503, "APIGW.0613", "upstream"),
    ("error-504-apigw.json", 504, "APIGW.0201", "upstream"),
    ("error-502-load-balancer.html", 502, "JG.5023", "gateway"),
    ("nothing", 503, "JG.5023", "gateway"),
    ("error-camel-case.json", 400, "DEV.CB.032011", "upstream"),
    ("error-code-message.json", 400, "DEV.CB.032011", "upstream"),
    ("error-stringly-fail.json", 400, "JG.5024", "gateway"),
];

/// A body of the index, as upstream sends it.
struct Sample {
    name: String,
    body: String,
    reply: Reply,
}

/// A case: the sample, and what becomes of it.
struct Case {
    sample: Sample,
    status: u16,
    code: &'static str,
    source: &'static str,
}

fn cases() -> Vec<Case> {
    let index = include_str!("../samples/index.json");
    let index: Value = serde_json::from_str(index).expect("JSON");
    let samples = index["samples"].as_array().expect("a list");
    let names: Vec<&str> = samples.iter().map(name).collect();
    let listed: Vec<&str> = ANSWERS.iter().map(|answer| answer.0).collect();
    assert_eq!(names, listed, "one answer for each sample");
    let pairs = samples.iter().zip(ANSWERS);
    pairs
        .map(|(sample, &(_, status, code, source))| Case {
            sample: read(sample),
            status,
            code,
            source,
        })
        .collect()
}

fn name(sample: &Value) -> &str {
    sample["file"].as_str().unwrap_or("nothing")
}

fn read(sample: &Value) -> Sample {
    let name = name(sample).to_owned();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/");
    let body = match &sample["file"] {
        Value::String(file) => std::fs::read_to_string(folder.to_owned() + file).expect("a file"),
        _ => String::new(),
    };
    let mut fields = String::new();
    if let Some(of_type) = sample["content_type"].as_str() {
        fields += &format!("Content-Type: {of_type}\r\n");
    }
    for (name, value) in sample["headers"].as_object().into_iter().flatten() {
        fields += &format!("{name}: {}\r\n", value.as_str().expect("text"));
    }
    let status = sample["http_status"].as_u64().expect("a status");
    let reply = Reply::with(u16::try_from(status).expect("a status"), &fields, &body);
    Sample { name, body, reply }
}

async fn ask(gateway: &Running, job: &str) -> (u16, String, Value) {
    let answer = gateway.job(job).await;
    let cache_status = answer.header("cache-status").to_owned();
    let body = serde_json::from_slice(&answer.body).expect("always JSON");
    (answer.status.as_u16(), cache_status, body)
}

impl Case {
    /// The very first answer is the sample; then, after a success, a stale job is refreshed with it.
    async fn play(self) {
        let name = &self.sample.name;
        let (bad, good) = (self.sample.reply.clone(), Reply::of(200, DOCUMENTED));
        let attempts = if matches!(self.status, 502..=504) && is_retried(name) {
            3
        } else {
            1
        };
        let bads = std::iter::repeat_n(bad, attempts);
        let replies = bads.clone().chain([good.clone()]).chain(bads).chain([good]);
        let script = Script::answering(replies).await;
        let gateway = in_front_of(&script.url()).with_manual_clock().start();
        let (error, success) = (self.status != 200, self.status == 200);

        let (status, cache_status, body) = ask(&gateway, JOB).await;
        self.check(status, &body);
        assert_eq!(
            cache_status.contains("stored"),
            success,
            "{name}: {cache_status}"
        );
        assert_eq!(script.calls(), attempts, "{name}");

        gateway.clock.advance(HOURS);
        let (status, cache_status, _) = ask(&gateway, JOB).await;
        let reason = if error { "uri-miss" } else { "stale" };
        let expected = format!("jobgate; fwd={reason}; stored; ttl=30");
        assert_eq!(
            (status, cache_status),
            (200, expected),
            "{name}: it left nothing behind"
        );

        gateway.clock.advance(HOURS);
        let (status, _, body) = ask(&gateway, JOB).await;
        self.check(status, &body);

        gateway.clock.advance(HOURS);
        let (status, cache_status, _) = ask(&gateway, JOB).await;
        let reason = if name == DENIAL { "uri-miss" } else { "stale" };
        let expected = format!("jobgate; fwd={reason}; stored; ttl=30");
        assert_eq!(
            (status, cache_status),
            (200, expected),
            "{name}: the entry is still there, unless the job was denied"
        );
        assert_eq!(script.calls(), 2 * attempts + 2, "{name}");
        gateway.end().await;
    }

    fn check(&self, status: u16, body: &Value) {
        let name = &self.sample.name;
        assert_eq!(status, self.status, "{name}: {body}");
        if status == 200 {
            assert_eq!(body["status"], "success", "{name}");
            assert!(
                body["result"].is_object() && body.get("error_code").is_none(),
                "{name}: {body}"
            );
            return;
        }
        assert_eq!(
            (&body["error_code"], &body["source"]),
            (&self.code.into(), &self.source.into()),
            "{name}"
        );
        let members = body.as_object().expect("an object").values();
        assert!(
            members
                .clone()
                .all(|member| member.as_str().is_some_and(|text| !text.is_empty())),
            "{body}"
        );
        assert_eq!(members.count(), 4, "{name}");
        for private in [
            "AKEXAMPLE",
            "encoded",
            "XXXXXXXX",
            "fd6530a01c09807640189e65e837b8ad",
            "nginx",
            "Octopus://",
        ] {
            assert!(!body.to_string().contains(private), "{name}: {body}");
        }
        if self.source == "upstream" {
            let text = body["error_msg"].as_str().expect("text");
            assert!(
                self.sample.body.contains(text),
                "{name}: upstream's own words: {text}"
            );
        }
    }
}

/// Statuses 502, 503 and 504 of upstream itself are asked for twice more.
fn is_retried(name: &str) -> bool {
    name == "nothing"
        || ["error-502", "error-503", "error-504"]
            .iter()
            .any(|status| name.starts_with(status))
}

#[tokio::test]
async fn every_known_body_of_upstream_has_its_answer_and_no_error_evicts_but_the_denial() {
    let played = cases().into_iter().map(Case::play);
    futures_util::future::join_all(played).await;
}

/// The types all three official SDKs accept, byte for byte, whichever of the four forms came.
#[tokio::test]
async fn successes_are_answered_in_the_types_the_sdks_accept() {
    for case in cases().into_iter().filter(|case| case.status == 200) {
        let script = Script::answering([case.sample.reply]).await;
        let gateway = in_front_of(&script.url()).start();
        let (_, _, body) = ask(&gateway, &nth_job(3)).await;
        let create_time = &body["result"]["create_time"];
        assert!(
            create_time.is_i64() || create_time.is_null(),
            "{}: {create_time}",
            case.sample.name
        );
        let sent: Value = serde_json::from_str(&case.sample.body).expect("JSON");
        let names = |value: &Value| -> Vec<String> {
            value["result"]
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(
            names(&body),
            names(&sent),
            "{}: no field lost or added",
            case.sample.name
        );
        gateway.end().await;
    }
}

/// A condition never turns an error into an empty success.
#[tokio::test]
async fn an_error_is_never_304() {
    let script = Script::answering([Reply::of(
        422,
        r#"{"error_code":"DEVCB.00031006","error_msg":"no"}"#,
    )])
    .await;
    let gateway = in_front_of(&script.url()).start();
    let mut wire = Wire::open(gateway.addr).await;
    wire.write(format!(
        "GET /v1/job/{JOB}/info HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: *\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.answer().await.status(), 404);
    drop(wire);
    gateway.end().await;
}
