//! Routes, the throttle and the connection itself.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Double, ID, ask, bare, info, with_token};
use crate::sandbox::{Stats, guide};

#[tokio::test]
async fn another_path_or_method_is_not_published() {
    let double = Double::start(1).await;
    let unpublished = "The API does not exist or has not been published in the environment.";
    let wrong_method = "The API does not exist.";
    for (method, target, message) in [
        (Method::GET, "/v1/job/list/", unpublished),
        (Method::GET, &format!("/{}", info(ID)), unpublished),
        (Method::POST, "/", unpublished),
        (Method::POST, &info(ID), wrong_method),
        (Method::HEAD, &info(ID), ""),
    ] {
        let answer = double.send(with_token(method.clone(), target)).await;
        assert_eq!(answer.status, 404, "{method} {target}");
        if method != Method::HEAD {
            assert_eq!(answer.code(), "APIGW.0101");
            assert_eq!(answer.message(), message, "{method} {target}");
        }
    }
    assert_eq!(
        double.get(ID).await.status,
        200,
        "and none of it was counted by the throttle"
    );
}

#[tokio::test]
async fn the_guide_needs_no_credential_and_costs_nothing() {
    let double = Double::start(1).await;
    for _ in 0..3 {
        let answer = double.send(bare(Method::GET, "/")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain;charset=UTF-8")
        );
        assert_eq!(answer.text(), guide());
    }
    assert_eq!(double.sandbox.stats().requests, 0);
    assert_eq!(double.get(ID).await.status, 200);
}
#[tokio::test]
async fn calls_over_the_quota_are_throttled_and_keep_the_throttle_alive() {
    let double = Double::start(2).await;
    assert_eq!(double.get(ID).await.status, 200);
    assert_eq!(double.get("short").await.status, 400);
    let throttled = double.get(ID).await;
    assert_eq!(
        (throttled.status, throttled.code()),
        (429, "APIGW.0308".into())
    );
    assert!(
        throttled
            .text()
            .contains("policy user over ratelimit,limit:2,time:1 minute")
    );
    assert!(
        throttled.header("retry-after").is_none(),
        "the real one sends none"
    );

    double.clock.advance(Duration::from_secs(59));
    assert_eq!(double.get(ID).await.status, 429);
    double.clock.advance(Duration::from_secs(59));
    assert_eq!(
        double.get(ID).await.status,
        200,
        "only one call in the last minute"
    );
    double.clock.advance(Duration::from_secs(2));
    assert_eq!(
        double.sandbox.stats(),
        Stats {
            connections: 5,
            requests: 5,
            unauthorised: 0,
            throttled: 2,
            answered: 3,
            ..Stats::default()
        }
    );
}

#[tokio::test]
async fn a_connection_is_kept_and_each_answer_has_a_request_id_of_its_own() {
    let double = Double::start(1_000).await;
    let mut connection = double.connect().await;
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let answer = ask(&mut connection, with_token(Method::GET, &info(ID))).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        let request_id = answer.header("x-request-id").unwrap().to_owned();
        assert!(request_id.len() == 32 && request_id.bytes().all(|b| b.is_ascii_hexdigit()));
        ids.insert(request_id);
    }
    assert_eq!(ids.len(), 3);
    assert_eq!(double.sandbox.stats().connections, 1);
}

#[tokio::test]
async fn a_refusal_repeats_its_request_id_in_the_body() {
    let double = Double::start(0).await;
    let answer = double.get(ID).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let double = Double::start(1_000).await;
    let (head, _) = with_token(Method::GET, &info(ID)).into_parts();
    let body = Full::new(Bytes::from(vec![b'x'; 64 * 1024 + 1]));
    let answer = double.send(Request::from_parts(head, body)).await;
    assert_eq!((answer.status, answer.code()), (413, "APIGW.0201".into()));
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_ends() {
    let double = Double::start(1_000).await;
    let mut connection = double.connect().await;
    ask(&mut connection, with_token(Method::GET, &info(ID))).await;
    double.stop.cancel();
    double.tasks.close();
    double.tasks.wait().await; // the serving task and the client's connection: both have ended
    assert!(connection.is_closed());
    assert!(TcpStream::connect(double.addr).await.is_err());
}
