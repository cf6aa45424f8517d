//! Answers that are not the usual one, by id and by rule.

use std::time::Duration;

use serde_json::Value;

use super::{Answer, Double, ID, act_id, bare, info};
use http::Method;

/// A field of the job in an answer, or null.
fn told(answer: &Answer, field: &str) -> Value {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["result"][field].clone()
}

fn status_of(answer: &Answer) -> String {
    told(answer, "running_status")
        .as_str()
        .unwrap_or("null")
        .to_owned()
}

#[tokio::test]
async fn an_id_gets_the_answer_that_it_names() {
    let double = Double::start(1_000).await;
    for (id, status, part) in [
        ("faultmissing", 422, "DEVCB.00031006"),
        ("faultstatus500", 500, "CB.00060101"),
        ("faultstatus503", 503, "APIGW.0613"),
        ("faultstatus418", 418, ""),
        ("faultthrottle10per1m", 429, "limit:10,time:1 minute"),
        ("faultnotjson", 200, "upstream connect error"),
        ("faultredirect", 302, ""),
        ("faultencoded", 200, "\"status\":\"success\""),
        ("faultwrongid", 200, "f5af662119404ad187437cd272b5099b"),
        ("faultcutbdy", 400, "CB.00060201"),
    ] {
        let answer = double.get(&act_id(id)).await;
        assert_eq!(answer.status, status, "{id}");
        assert!(answer.text().contains(part), "{id}: {}", answer.text());
        assert_eq!(answer.body.is_empty(), part.is_empty(), "{id}");
        let (location, encoding) = (answer.header("location"), answer.header("content-encoding"));
        assert_eq!(location.is_some(), id == "faultredirect", "{location:?}");
        assert_eq!(encoding.is_some(), id == "faultencoded", "{encoding:?}");
    }
    let stats = double.sandbox.stats();
    assert_eq!((stats.answered, stats.acts), (10, 9), "a slip is no act");
}

#[tokio::test]
async fn a_job_can_be_held_in_each_state() {
    let double = Double::start(1_000).await;
    for (id, state) in [
        ("faultstatequeued", "InQueue"),
        ("faultstaterunning", "Running"),
        ("faultstatefinished", "Finished"),
        ("faultstateneverbuilt", "Finished"),
    ] {
        let first = double.get(&act_id(id)).await;
        assert_eq!((first.status, status_of(&first).as_str()), (200, state));
        assert_eq!(told(&first, "id"), act_id(id));
        let is_never_built = told(&first, "last_build_time").is_null();
        assert_eq!(is_never_built, id == "faultstateneverbuilt");
        double.clock.advance(Duration::from_hours(1));
        assert_eq!(
            double.get(&act_id(id)).await.body,
            first.body,
            "{id}: for good"
        );
    }
}

#[tokio::test]
async fn a_script_leads_a_job_through_a_build_and_times_it_by_the_clock() {
    let double = Double::start(1_000).await;
    double.clock.advance(Duration::from_secs(7)); // not the moment at which the sandbox was made
    double.plays(
        r#"[[rules]]
from = "10s"
do = { states = [
    { state = "queued", for = "5s" },
    { state = "running", for = "20s" },
    { state = "finished" },
] }"#,
    );
    let began = double.clock.wall();
    double.clock.advance(Duration::from_secs(10));
    let mut seen = Vec::new();
    for _ in 0..30 {
        let answer = double.get(ID).await;
        seen.push((
            status_of(&answer),
            told(&answer, "last_build_time").as_u64().unwrap(),
        ));
        double.clock.advance(Duration::from_secs(1));
    }
    let started = began.duration_since(std::time::UNIX_EPOCH).unwrap() + Duration::from_secs(15);
    let started = u64::try_from(started.as_millis()).unwrap();
    let before = seen[0].1;
    assert!(before < started);
    let expected = [
        (5, "InQueue", before),
        (20, "Running", started),
        (5, "Finished", started),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .flat_map(|(n, state, at)| vec![(state.to_owned(), at); n])
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_job_vanishes_when_its_time_has_come() {
    let double = Double::start(1_000).await;
    let id = act_id("faultvanish30s");
    double.clock.advance(Duration::from_millis(29_999));
    let answer = double.get(&id).await;
    assert_eq!(
        (answer.status, told(&answer, "id")),
        (200, id.clone().into())
    );
    double.clock.advance(Duration::from_millis(1));
    let answer = double.get(&id).await;
    assert_eq!(
        (answer.status, answer.code()),
        (422, "DEVCB.00031006".into())
    );
}

#[tokio::test]
async fn a_recorded_answer_is_about_the_job_asked_and_needs_no_zeros() {
    let double = Double::start(1_000).await;
    double.plays("[[rules]]\ndo = { recorded = \"successnormalised\" }");
    let answer = double.get(ID).await;
    assert_eq!((answer.status, told(&answer, "id")), (200, ID.into()));
    assert!(
        told(&answer, "create_time").is_u64(),
        "the types of that record"
    );
    double.plays("[[rules]]\ndo = { recorded = \"error401tokenexpired\" }");
    let answer = double.get(ID).await;
    assert_eq!((answer.status, answer.code()), (401, "APIGW.0307".into()));
}

#[tokio::test]
async fn nothing_is_done_to_a_call_that_does_not_reach_the_build_service_or_names_no_job() {
    let double = Double::start(2).await;
    double.plays("[[rules]]\ndo = { recorded = \"error500busy\" }");
    assert_eq!(double.send(bare(Method::GET, &info(ID))).await.status, 401);
    assert_eq!(double.get("short").await.status, 400);
    assert_eq!(double.get(ID).await.status, 500, "paid");
    assert_eq!(
        double.get(ID).await.status,
        429,
        "the true throttle comes first"
    );
    assert_eq!(double.sandbox.stats().acts, 1);
}
