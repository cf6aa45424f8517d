//! What changes something.

use serde_json::json;

use super::{Access, Double, JOB, PATIENCE, running, running_with};

#[tokio::test]
async fn each_act_reaches_the_parts_once_and_says_what_it_did() {
    for (empty, changed, entries) in [(false, true, 7), (true, false, 0)] {
        let double = Double {
            empty,
            ..Double::default()
        };
        let admin = running_with(double, Access::default()).await;
        let looked = if empty {
            json!({
                "stored": false, "changed": null, "error_code": "JG.4292", "error_msg": "The budget is spent.", "calls": 0
            })
        } else {
            json!({"stored": true, "changed": true, "error_code": null, "error_msg": null, "calls": 1})
        };
        for (line, asked, answer) in [
            (
                format!("DELETE /api/entries/{JOB}"),
                format!("invalidate {JOB}"),
                json!({"job_id": JOB, "found": changed}),
            ),
            (
                "DELETE /api/entries".to_owned(),
                "invalidate all".to_owned(),
                json!({"entries": entries}),
            ),
            (
                format!("POST /api/entries/{JOB}/refresh"),
                format!("refresh {JOB}"),
                looked,
            ),
            (
                "POST /api/upstream/pause".to_owned(),
                "pause true".to_owned(),
                json!({"paused": true, "changed": changed}),
            ),
            (
                "POST /api/upstream/resume".to_owned(),
                "pause false".to_owned(),
                json!({"paused": false, "changed": changed}),
            ),
        ] {
            admin.ask(&line).await.assert_json(&answer);
            assert_eq!(admin.asked(), [asked], "{line}");
        }
        admin.stopped().await;
    }
}

#[tokio::test]
async fn an_act_with_a_query_is_refused_because_it_would_do_more_than_was_meant() {
    let admin = running().await;
    for line in [
        "DELETE /api/entries?prefix=90".to_owned(),
        format!("DELETE /api/entries/{JOB}?dry_run=true"),
        format!("POST /api/entries/{JOB}/refresh?force=1"),
        "POST /api/upstream/pause?seconds=60".to_owned(),
    ] {
        admin.ask(&line).await.assert_error(400, "JG.4002");
    }
    admin
        .ask("DELETE /api/entries/bad")
        .await
        .assert_error(400, "JG.4001");
    assert_eq!(admin.asked(), [""; 0]);
    admin.stopped().await;
}

#[tokio::test]
async fn another_method_is_told_those_of_the_path_and_does_nothing() {
    let admin = running().await;
    let (entry, refresh) = (
        format!("/api/entries/{JOB}"),
        format!("/api/entries/{JOB}/refresh"),
    );
    for (path, wrong, allow) in [
        ("/api/stats", "DELETE", "get, head"),
        ("/api/entries", "POST", "get, head, delete"),
        (&entry, "PUT", "get, head, delete"),
        (&refresh, "GET", "post"),
        ("/api/upstream/pause", "GET", "post"), // a link or an image must not pause anything
        ("/api/upstream/resume", "HEAD", "post"),
        ("/api/entries", "OPTIONS", "get, head, delete"),
    ] {
        let answer = admin.ask(&format!("{wrong} {path}")).await;
        if wrong == "HEAD" {
            assert_eq!((answer.status, &*answer.body), (405, ""));
        } else {
            answer.assert_error(405, "JG.4051");
        }
        assert!(
            answer.has(&format!("allow: {allow}")),
            "{path}: {}",
            answer.head
        );
    }
    assert_eq!(admin.asked(), [""; 0]);
    admin.stopped().await;
}

#[tokio::test]
async fn a_request_that_announces_a_body_is_refused_unread_and_closed() {
    let admin = running().await;
    let addr = admin.addr;
    for (line, length) in [
        ("POST /healthz", "Content-Length: 1000000"),
        ("GET /healthz", "Content-Length: 1"),
        ("POST /api/upstream/pause", "Content-Length: 2"),
        ("DELETE /api/entries", "Transfer-Encoding: chunked"),
    ] {
        // kept alive as far as the client is concerned, and the body never comes
        let request = format!("{line} HTTP/1.1\r\nHost: {addr}\r\n{length}\r\n\r\n");
        let answer = admin.send(&request).await; // reads to the end
        answer.assert_error(400, "JG.4002");
        assert!(answer.has("connection: close"), "{line}");
    }
    assert_eq!(admin.asked(), [""; 0]);
    let empty = admin.ask_with("POST /api/upstream/pause", "Content-Length: 0\r\n");
    assert_eq!(empty.await.status, 200, "which is what browsers send");
    admin.stopped().await;
}

#[tokio::test]
async fn a_look_that_takes_too_long_is_waited_for_no_longer() {
    let double = Double {
        hangs: true,
        ..Double::default()
    };
    let admin = running_with(double, Access::default()).await;
    let line = format!("POST /api/entries/{JOB}/refresh");
    let answer = tokio::time::timeout(PATIENCE, admin.ask(&line))
        .await
        .unwrap();
    answer.assert_error(504, "JG.5042");
    assert_eq!(admin.asked(), [format!("refresh {JOB}")]);
    admin.stopped().await;
}
