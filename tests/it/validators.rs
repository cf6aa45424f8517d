//! `ETag` and `If-None-Match`: nothing is sent again that the client has, and nobody is sent a 304 who did not ask.

use crate::raw::{Reply, Script, Wire, field};
use crate::support::{DOCUMENTED, JOB, in_front_of, nth_job};

async fn upstream() -> Script {
    Script::answering([Reply::of(200, DOCUMENTED)]).await
}

#[tokio::test]
async fn the_validator_outlives_a_restart_and_changes_with_the_body() {
    let changed = DOCUMENTED.replace("jobname", "renamed");
    let mut etags = Vec::new();
    for body in [DOCUMENTED, DOCUMENTED, &changed] {
        let script = Script::answering([Reply::of(200, body)]).await;
        let gateway = in_front_of(&script.url()).start();
        etags.push(gateway.job(JOB).await.header("etag").to_owned());
        assert_eq!(
            gateway.job(JOB).await.header("etag"),
            etags[etags.len() - 1]
        );
        gateway.end().await;
    }
    assert_eq!(etags[0], etags[1]);
    assert_ne!(etags[0], etags[2]);
    let digits = etags[0].trim_matches('"');
    assert_eq!(etags[0], format!("\"{digits}\""), "strong and quoted");
    assert_eq!(
        (digits.len(), hex::decode(digits).is_ok()),
        (32, true),
        "128 bits"
    );
}

#[tokio::test]
async fn an_unchanged_job_is_304_for_those_who_sent_the_condition_and_for_nobody_else() {
    let script = upstream().await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    let etag = gateway.job(JOB).await.header("etag").to_owned();
    let mut wire = Wire::open(gateway.addr).await;
    for (conditions, status) in [
        (vec![], 200),
        (vec![etag.clone()], 304),
        (vec![format!("W/{etag}")], 304),
        (vec![format!("\"x\", {etag} , \"y\"")], 304),
        (vec!["\"x\"".into(), etag.clone()], 304),
        (vec!["*".into()], 304),
        (vec!["\"other\"".into()], 200),
        (vec![etag.trim_matches('"').into()], 200),
        (vec![String::new()], 200),
        (vec!["\"unclosed".into()], 200),
    ] {
        let fields: String = conditions
            .iter()
            .map(|c| format!("If-None-Match: {c}\r\n"))
            .collect();
        wire.write(format!(
            "GET /v1/job/{JOB}/info HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n"
        ))
        .await;
        if status == 304 {
            let head = wire.head().await; // the next head is read right after it: there was no body
            assert!(
                head.starts_with("HTTP/1.1 304 Not Modified\r\n"),
                "{conditions:?}: {head}"
            );
            assert_eq!(field(&head, "content-length"), None);
            assert_eq!(field(&head, "transfer-encoding"), None);
            assert_eq!(field(&head, "etag"), Some(etag.as_str()));
            assert_eq!(field(&head, "cache-status"), Some("jobgate; hit; ttl=30"));
            assert_eq!(field(&head, "age"), Some("0"));
        } else {
            assert_eq!(wire.answer().await.status(), status, "{conditions:?}");
        }
    }
    let stranger = nth_job(7);
    let first = gateway
        .get(
            &format!("/v1/job/{stranger}/info"),
            &[("if-none-match", "*")],
        )
        .await;
    assert_eq!(first.status, 304, "also when it had to be fetched");
    let error = gateway
        .get("/v1/job/bad/info", &[("if-none-match", "*")])
        .await;
    assert_eq!(error.status, 400);
    drop(wire);
    gateway.end().await;
}
