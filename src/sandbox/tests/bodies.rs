//! What the build service answers: recorded bodies, jobs that live, ids it refuses.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use super::{Double, ID};
use crate::policy::job::JobId;
use crate::sandbox::catalogue;

const INDEX: &str = include_str!("../../../tests/samples/index.json");

#[tokio::test]
async fn every_recorded_answer_is_served_exactly_save_that_a_job_is_told_by_the_id_asked() {
    let double = Double::start(1_000).await;
    let index: Value = serde_json::from_str(INDEX).unwrap();
    let recorded = index["samples"].as_array().unwrap();
    assert_eq!(recorded.len(), catalogue().len());
    for (sample, example) in recorded.iter().zip(catalogue()) {
        let answer = double.get(example.id).await;
        assert_eq!(answer.status, sample["http_status"], "{}", example.id);
        assert_eq!(
            answer.header("content-type"),
            sample["content_type"].as_str(),
            "{}",
            example.id
        );
        for (name, value) in sample["headers"].as_object().into_iter().flatten() {
            assert_eq!(answer.header(name), value.as_str(), "{}", example.id);
        }
        assert_eq!(
            answer.body,
            recorded_body(sample, example.id),
            "{}",
            example.id
        );
    }
}

/// Regression: after a job that answered with its own id, the gateway refused the recorded ones, which did not.
#[tokio::test]
async fn every_job_is_told_by_the_id_asked_recorded_ones_too() {
    let double = Double::start(1_000).await;
    let mut jobs = 0;
    for id in catalogue().iter().map(|example| example.id).chain([ID]) {
        let body: Value = serde_json::from_slice(&double.get(id).await.body).unwrap_or_default();
        if body["result"].is_object() {
            assert_eq!(body["result"]["id"], id);
            jobs += 1;
        }
    }
    assert_eq!(jobs, 5, "four are recorded");
}

#[test]
fn every_id_of_the_catalogue_is_a_job_id_and_stands_for_one_answer() {
    let ids: HashSet<&str> = catalogue().iter().map(|example| example.id).collect();
    assert_eq!(ids.len(), catalogue().len());
    assert!(ids.iter().all(|id| JobId::parse(id).is_ok()));
}

#[tokio::test]
async fn a_job_of_any_id_answers_with_that_id_and_moves_with_time() {
    let double = Double::start(1_000).await;
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let answer = double.get(ID).await;
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["result"]["id"], ID);
        seen.insert(
            body["result"]["running_status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        double.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn the_build_service_refuses_ids_as_the_real_one() {
    let double = Double::start(1_000).await;
    for (segment, status, code) in [
        ("short", 400, "CB.00060201"),
        ("abcdefghijklmnopqrstuvwxyz01234-", 400, "CB.00060201"),
        ("missing0000000000000000000000000", 422, "DEVCB.00031006"),
        ("missingABCDEFGHIJKLMNOPQRSTUVWXY", 422, "DEVCB.00031006"),
        ("missing", 400, "CB.00060201"),
    ] {
        let answer = double.get(segment).await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code.into()),
            "{segment}"
        );
    }
    assert_eq!(
        double.sandbox.stats().answered,
        5,
        "they are answers, and paid"
    );
}

fn recorded_body(sample: &Value, id: &str) -> Vec<u8> {
    match (sample["file"].as_str(), sample["body_text"].as_str()) {
        (_, Some(text)) => text.as_bytes().to_vec(),
        (Some(file), None) => {
            let path = format!("{}/tests/samples/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            text.replace("f5af662119404ad187437cd272b5099b", id)
                .into_bytes()
        }
        (None, None) => unreachable!("index.json gives a file or a text"),
    }
}
