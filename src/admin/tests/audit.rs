//! The line of each act.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::Level;

use super::{Access, Double, JOB, PATIENCE, Running, TOKEN, guarded, running_with};
use crate::telemetry::lines::memory::Log;

/// The audit log is written at the quietest level, too.
fn quietest() -> Log {
    Log::install(Level::ERROR)
}

/// Act, job, outcome and code of each line.
fn acts(log: &Log) -> Vec<Value> {
    let lines = log.lines().into_iter().map(|line| {
        assert_eq!(line["target"], "jobgate::audit", "{line}");
        assert!(
            line["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{line}"
        );
        json!([
            line["act"],
            line["job.id"],
            line["outcome"],
            line["error.code"]
        ])
    });
    lines.collect()
}

async fn ask_all(admin: &Running) {
    for line in [
        &format!("DELETE /api/entries/{JOB}"),
        "DELETE /api/entries",
        &format!("POST /api/entries/{JOB}/refresh"),
        "POST /api/upstream/pause",
        "POST /api/upstream/resume",
    ] {
        admin.ask_as_operator(line).await;
    }
}

#[tokio::test]
async fn every_act_leaves_one_line_at_the_quietest_level_and_looks_leave_none() {
    for (empty, outcome) in [(false, "done"), (true, "nothing_to_do")] {
        let log = quietest();
        let double = Double {
            empty,
            ..Double::default()
        };
        let admin = running_with(double, guarded()).await;
        ask_all(&admin).await;
        admin.ask_as_operator("GET /api/entries").await;
        admin.ask("GET /metrics").await;
        let looked = if empty {
            json!(["refresh", JOB, "failed", "JG.4292"])
        } else {
            json!(["refresh", JOB, "done", null])
        };
        assert_eq!(
            acts(&log),
            [
                json!(["invalidate", JOB, outcome, null]),
                json!(["invalidate_all", null, outcome, null]),
                looked,
                json!(["pause", null, outcome, null]),
                json!(["resume", null, outcome, null]),
            ]
        );
        assert!(!log.text().contains(TOKEN));
        admin.stopped().await;
    }
}

#[tokio::test]
async fn an_attempt_that_is_refused_is_written_down_with_the_reason() {
    let log = quietest();
    let admin = running_with(Double::default(), guarded()).await;
    let wrong = "Authorization: Bearer a-wrong-token-0123456789\r\n";
    let right = format!("Authorization: Bearer {TOKEN}\r\n");
    let forget = format!("DELETE /api/entries/{JOB}");
    admin.ask(&forget).await.assert_error(401, "JG.4011");
    admin
        .ask_with(&forget, wrong)
        .await
        .assert_error(401, "JG.4011");
    let foreign = format!("{right}Origin: http://evil.example\r\n");
    let foreign = admin.ask_with("DELETE /api/entries", &foreign).await;
    foreign.assert_error(403, "JG.4032");
    let meant_less = admin
        .ask_with("DELETE /api/entries?prefix=90", &right)
        .await;
    meant_less.assert_error(400, "JG.4002");
    let body = admin
        .ask_with("POST /api/upstream/pause", "Content-Length: 9\r\n")
        .await;
    body.assert_error(400, "JG.4002");
    assert_eq!(
        acts(&log),
        [
            json!(["invalidate", JOB, "refused", "JG.4011"]),
            json!(["invalidate", JOB, "refused", "JG.4011"]),
            json!(["invalidate_all", null, "refused", "JG.4032"]),
            json!(["invalidate_all", null, "refused", "JG.4002"]),
            json!(["pause", null, "refused", "JG.4002"]),
        ]
    );
    let text = log.text();
    assert!(
        !text.contains(TOKEN) && !text.contains("a-wrong-token"),
        "{text}"
    );
    admin.stopped().await;
}

#[tokio::test]
async fn an_act_that_comes_to_no_good_end_is_written_down_too() {
    let log = quietest();
    let double = Double {
        hangs: true,
        ..Double::default()
    };
    let admin = running_with(double, Access::default()).await;
    admin.ask(&format!("POST /api/entries/{JOB}/refresh")).await;
    assert_eq!(acts(&log), [json!(["refresh", JOB, "failed", "JG.5042"])]);
    admin.stopped().await;

    let log = quietest();
    let double = Double {
        broken: true,
        ..Double::default()
    };
    let admin = running_with(double, Access::default()).await;
    admin.ask(&format!("POST /api/entries/{JOB}/refresh")).await;
    let text = log.text();
    assert!(text.contains(r#""outcome":"failed""#), "{text}");
    admin.stopped().await;

    let log = quietest();
    let double = Double {
        hangs: true,
        patience: PATIENCE,
        ..Double::default()
    };
    let admin = running_with(double, Access::default()).await;
    let mut client = TcpStream::connect(admin.addr).await.unwrap();
    let addr = admin.addr;
    let request = format!("POST /api/entries/{JOB}/refresh HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let looking = timeout(PATIENCE, admin.double.looking.notified());
    looking.await.unwrap();
    drop(client);
    let gone = async {
        while log.text().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(acts(&log), [json!(["refresh", JOB, "left", null])]);
    admin.stopped().await;
}
