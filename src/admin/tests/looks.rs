//! What only reads: `/api/stats`, `/api/entries`, `/api/entries/{job_id}`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Access, Double, JOB, PATIENCE, Snapshot, learned, request, running, running_with};
use crate::admin::MAX_WALKS;
use crate::admin::stats::Stats;
use crate::credential::{Health, Renewed};
use crate::policy::cost::Cost;
use crate::policy::forecast::Forecast;
use crate::policy::limit::Api;
use crate::policy::outcome::OutcomeKind;
use crate::policy::refresh::Outlook;
use crate::policy::skew;
use crate::telemetry::metrics::{CallResult, StatusClass};

#[tokio::test]
async fn entries_are_listed_as_the_query_wants_them() {
    let admin = running().await;
    let all = r#"entries Query { prefix: "", state: None, after: None, limit: 100 }"#;
    let some = format!(
        r#"entries Query {{ prefix: "90", state: Some(Stale), after: Some(JobId({JOB})), limit: 5 }}"#
    );
    let narrow = format!("/api/entries?prefix=90&state=stale&after={JOB}&limit=5");
    for (target, asked) in [
        ("/api/entries", all),
        ("/api/entries?", all),
        (&narrow, &some),
    ] {
        let answer = admin.ask(&format!("GET {target}")).await;
        answer.assert_json(&json!({
            "entries": [{
                "job_id": JOB, "state": "fresh", "age_seconds": 12.0, "ttl_seconds": 18.0, "finished": true,
                "bytes": 559, "hits": 3, "next_look_seconds": 17.5
            }],
            "next": JOB
        }));
        assert_eq!(admin.asked(), [asked], "{target}");
    }
    admin.stopped().await;
}

#[tokio::test]
async fn few_walks_run_at_once_however_many_are_asked_for_and_given_up() {
    let admin = running().await;
    let double = Arc::clone(&admin.double);
    let walking = double.walking.lock().await;
    let walk = request("GET /api/entries", &format!("Host: {}\r\n", admin.addr));
    for _ in 0..10 {
        let mut client = TcpStream::connect(admin.addr).await.unwrap();
        client.write_all(walk.as_bytes()).await.unwrap();
    }
    let asked = || double.asked.lock().unwrap().len();
    let begun = async {
        while asked() < MAX_WALKS {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, begun).await.unwrap();
    // what came after them is answered
    assert_eq!(admin.ask("POST /api/upstream/pause").await.status, 200);
    assert_eq!(asked(), MAX_WALKS + 1);
    drop(walking);
    assert_eq!(admin.ask("GET /api/entries").await.status, 200);
    admin.stopped().await;
}

#[tokio::test]
async fn a_job_is_explained() {
    let admin = running().await;
    let told = json!({
        "at": "2026-11-24T08:32:50Z", "seconds_ago": 2.0, "what": "hit", "text": "Answered from memory.", "times": 3
    });
    let answer = admin.ask(&format!("GET /api/entries/{JOB}")).await;
    answer.assert_json(&json!({
        "job_id": JOB, "state": "fresh", "age_seconds": 12.0, "ttl_seconds": 18.0, "finished": true, "bytes": 559,
        "hits": 3, "next_look_seconds": 17.5, "etag": "\"f1b3\"", "last_answer": told, "if_asked_now": "It would be answered from memory.",
        "rhythm": "A build begins about every 25 min.", "next_look": "In 18 s, when its lifetime ends.",
        "plan": {
            "standing": "under-way", "place": null,
            "rhythm": {
                "builds": 2.5, "pause_seconds": 1500.0, "length_seconds": 90.0, "asks_per_window": 240.0, "wrong": 0.03,
                "loss_per_window": 7.5
            }
        },
        "story": [told]
    }));
    assert_eq!(admin.asked(), [format!("explain {JOB}")]);
    let head = admin.ask(&format!("HEAD /api/entries/{JOB}")).await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert!(head.has(&format!("content-length: {}", answer.body.len())));
    admin.stopped().await;
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_and_nothing_is_asked() {
    let admin = running().await;
    for target in [
        "/api/entries?prefx=90".to_owned(),
        "/api/entries?limit=0".to_owned(),
        "/api/stats?verbose=1".to_owned(),
        format!("/api/entries/{JOB}?state=fresh"),
    ] {
        let refused = admin.ask(&format!("GET {target}")).await;
        refused.assert_error(400, "JG.4002");
        assert!(
            refused.body.contains("parameter"),
            "{target}: {}",
            refused.body
        );
    }
    for target in ["/api/entries/bad", "/api/entries/"] {
        let refused = admin.ask(&format!("GET {target}")).await;
        refused.assert_error(400, "JG.4001");
    }
    assert_eq!(admin.asked(), [""; 0]);
    admin.stopped().await;
}

#[tokio::test]
async fn stats_are_the_counters_and_facts_behind_the_metrics() {
    let admin = running().await;
    let nothing: Stats = serde_json::from_value(admin.ask("GET /api/stats").await.json()).unwrap();
    assert_eq!(
        (nothing.requests.total, nothing.requests.hit_ratio),
        (0, None)
    );
    assert_eq!(nothing.savings.share, None);
    assert!(nothing.latency.is_empty() && nothing.clients.is_empty());

    let (requests, upstream) = (&admin.metrics.requests, &admin.metrics.upstream);
    let wallboard = requests.client("wallboard");
    for (outcome, class, times) in [
        (OutcomeKind::Hit, StatusClass::Success, 5),
        (OutcomeKind::Hit, StatusClass::Redirection, 1),
        (OutcomeKind::Miss, StatusClass::Success, 1),
        (OutcomeKind::Held, StatusClass::ClientError, 1),
        (OutcomeKind::Refused, StatusClass::ClientError, 2),
        (OutcomeKind::Local, StatusClass::Success, 9),
    ] {
        for _ in 0..times {
            requests.answered(outcome, class, Duration::from_micros(80));
            wallboard.answered(outcome);
        }
    }
    wallboard.account().pay(Cost::of_millionths(1_500_000));
    upstream.called(CallResult::Success, Duration::from_millis(200));
    upstream.called(CallResult::Failed, Duration::from_millis(200));
    upstream.retried();
    let outlook = Outlook {
        jobs: 400,
        first_asks: 3,
        forecast: Forecast {
            first_asks: 1.5,
            floors: 120.0,
            budget: NonZeroU32::new(45).unwrap(), // upstream lets out less
            window: Duration::from_secs(60),
        },
    };
    *admin.state.0.lock().unwrap() = Snapshot {
        accepting: true,
        requests_waiting: 4,
        budget_requests: 50,
        budget_window: Duration::from_secs(60),
        budget_remaining: 41,
        outlook: Some(outlook),
        calls_in_flight: 2,
        limits: vec![(Api::Job, learned())],
        paused: true,
        throttle_hold: Some(Duration::from_millis(1500)),
        outage_hold: Some(Duration::from_secs(3)),
        credential_proven: true,
        local_clock: Some(skew::Standing {
            difference: SignedDuration::from_millis(-1_250_500),
            verdict: skew::Verdict::Corrected,
        }),
        credential: Health {
            kind: "password",
            available: true,
            expires_in: Some(Duration::from_millis(7_200_500)),
            why: Some(
                "IAM has given no credential for 3 s (no connection): next try in 5 s".to_owned(),
            ),
            renewals: [Renewed::Issued, Renewed::Unavailable]
                .into_iter()
                .collect(),
            ..Health::default()
        },
        cache_entries: 11,
        cache_bytes: 12_000,
        cache_max_bytes: 1_000_000,
        cache_evictions: 1,
        absent_jobs: 6,
        ..Snapshot::default()
    };
    admin.clock.advance(Duration::from_secs(90));

    let answer = admin.ask("GET /api/stats").await;
    answer.assert_json_head();
    let told = answer.json();
    let outcomes = json!({
        "local": 9, "hit": 6, "stale": 0, "miss": 1, "collapsed": 0, "failed": 0, "refused": 2, "held": 1, "fault": 0, "abandoned": 0
    });
    let outcomes_told = &told["requests"]["by_outcome"];
    for (outcome, count) in outcomes.as_object().unwrap() {
        assert_eq!(&outcomes_told[outcome], count, "{outcome}");
    }
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&told["uptime_seconds"], &told["draining"]),
        (&json!(90.0), &json!(false))
    );
    assert_eq!(told["requests"]["total"], 19);
    assert_eq!(told["requests"]["by_class"]["4xx"], 3);
    assert_eq!(told["requests"]["waiting"], 4);
    assert_eq!(
        told["requests"]["hit_ratio"], 0.75,
        "6 of 8: neither local nor refused"
    );
    assert_eq!(
        told["requests"]["calls_saved"], 5,
        "7 would have been made, 2 were begun"
    );
    assert_eq!(
        told["savings"],
        json!({"share": 0.5, "asked": 10, "free": 6, "paid": 1.5, "stale": 0, "refused": 3, "gateway_paid": 0.0})
    );
    assert_eq!(
        told["clients"],
        json!([{
            "name": "wallboard", "total": 19,
            "asked": 10, "free": 6, "paid": 1.5, "stale": 0, "refused": 3, "by_outcome": outcomes_told,
            "keys": [{"kind": "secret", "fingerprint": "1a2b3c4d", "last_used": "2026-11-24T08:32:50Z"}]
        }])
    );
    assert_eq!(
        told["latency"]["hit"],
        json!({
            "count": 6, "mean_seconds": 0.00008,
            "p50_at_most_seconds": 0.0001, "p95_at_most_seconds": 0.0001, "p99_at_most_seconds": 0.0001
        })
    );
    assert_eq!(told["latency"]["fault"], json!(null), "none occurred");
    assert_eq!(told["upstream"]["by_result"]["failed"], 1);
    assert_eq!(told["upstream"]["by_result"]["timed_out"], 0);
    for (member, expected) in [
        ("calls", json!(2)),
        ("retries", json!(1)),
        ("in_flight", json!(2)),
        ("paused", json!(true)),
        ("throttled_seconds", json!(1.5)),
        ("down", json!(true)),
        ("down_seconds", json!(3.0)),
        ("denial_wave", json!(false)),
        ("clock_skew_seconds", json!(-1250.5)),
        ("secret_echoes", json!(0)),
    ] {
        assert_eq!(told["upstream"][member], expected, "{member}");
    }
    assert_eq!(
        told["credential"],
        json!({
            "proven": true, "held_seconds": 0.0, "refusal": null, "kind": "password", "available": true, "expires_in_seconds": 7200.5, "expired_seconds_ago": null,
            "why": "IAM has given no credential for 3 s (no connection): next try in 5 s",
            "renewals": {"issued": 1, "unchanged": 0, "refused": 0, "forbidden": 0, "unavailable": 1}
        })
    );
    assert_eq!(
        told["budget"],
        json!({
            "requests": 50, "window_seconds": 60.0, "remaining": 41,
            "apis": [{
                "api": "job", "remaining": 7,
                "configured": {"requests": 50, "window_seconds": 60.0},
                "in_force": {"requests": 10, "window_seconds": 3.0},
                "adopted": 4, "raised": 3, "fell_back": 2, "lifted": 1,
                "foreign_throttles": 5,
                "foreign": {"limit": {"requests": 10, "window_seconds": 3.0}, "own": 2}
            }],
            "outlook": {
                "requests": 45, "jobs": 400, "first_asks": 3, "demand_first": 1.5, "demand_floors": 120.0,
                "forecast": outlook.forecast.to_string()
            }
        })
    );
    assert_eq!(
        told["cache"],
        json!({"entries": 11, "bytes": 12_000, "max_bytes": 1_000_000, "evictions": 1, "absent_jobs": 6})
    );
    assert_eq!(admin.asked(), [""; 0], "no walk over what is stored");
    admin.stopped().await;
}

#[tokio::test]
async fn a_panic_behind_it_is_a_fault_of_ours_with_an_answer() {
    let double = Double {
        broken: true,
        ..Double::default()
    };
    let admin = running_with(double, Access::default()).await;
    for line in [
        "GET /api/entries",
        &format!("POST /api/entries/{JOB}/refresh"),
    ] {
        let answer = admin.ask(line).await;
        answer.assert_error(500, "JG.5001");
        assert!(!answer.body.contains("broken"), "{}", answer.body);
    }
    admin.ask("GET /healthz").await.assert_json_head();
    admin.stopped().await;
}
