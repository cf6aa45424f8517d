//! The operator's listener beside a gateway that serves.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Empty;
use jobgate::clock::Clock;
use jobgate::config::SecretSource;

use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

/// Every family, as it is called in the text; counters are called so without `_total`.
#[rustfmt::skip] // by who counts them
const FAMILIES: &[&str] = &[
    "jobgate_build", "jobgate_log_lines_dropped",
    "jobgate_requests", "jobgate_requests_waiting", "jobgate_request_duration_seconds", "jobgate_calls_saved", "jobgate_client_refusals", "jobgate_client_requests", "jobgate_rate_refusals", "jobgate_client_calls",
    "jobgate_stored_answers",
    "jobgate_looks", "jobgate_upstream_calls", "jobgate_upstream_call_duration_seconds", "jobgate_upstream_retries", "jobgate_secret_echoes", "jobgate_fields_nulled",
    "jobgate_draining", "jobgate_credential_proven", "jobgate_clock_skew_seconds", "jobgate_credential_available", "jobgate_credential_renewals", "jobgate_credential_expiry_timestamp_seconds", "jobgate_upstream_paused", "jobgate_upstream_down", "jobgate_denial_wave",
    "jobgate_hold_seconds", "jobgate_budget_requests", "jobgate_budget_remaining", "jobgate_budget_demand", "jobgate_sweeping", "jobgate_sweep_contradictions", "jobgate_list_calls", "jobgate_sweep_items", "jobgate_planned_jobs", "jobgate_first_asks_in_line",
    "jobgate_limit_requests", "jobgate_limit_window_seconds", "jobgate_limit_changes", "jobgate_foreign_throttles", "jobgate_limits_ignored",
    "jobgate_cache_entries", "jobgate_absent_jobs", "jobgate_cache_bytes", "jobgate_cache_evictions",
    "jobgate_connections", "jobgate_connections_accepted", "jobgate_connections_closed", "jobgate_accept_errors",
];

async fn serving() -> (Upstream, Running) {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();
    (upstream, gateway)
}

async fn ask_admin(gateway: &Running, method: Method, path: &str, host: Option<&str>) -> Answer {
    let own = gateway.admin.to_string();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{own}{path}"))
        .header("host", host.unwrap_or(&own))
        .body(Empty::<Bytes>::new());
    gateway.send(request.unwrap()).await
}

#[tokio::test]
async fn health_and_readiness_are_told_at_once() {
    let (_upstream, gateway) = serving().await;
    let health = gateway.admin("/healthz").await;
    assert_eq!(
        (health.status.as_u16(), &*health.text()),
        (200, r#"{"status":"ok"}"#)
    );
    let ready = gateway.admin("/readyz").await;
    let body: serde_json::Value = serde_json::from_slice(&ready.body).unwrap();
    assert_eq!((ready.status.as_u16(), &body["ready"]), (200, &true.into()));
    assert_eq!(body["credential"]["proven"], false);
    gateway.job(JOB).await;
    let body: serde_json::Value =
        serde_json::from_slice(&gateway.admin("/readyz").await.body).unwrap();
    assert_eq!(
        (&body["credential"]["proven"], &body["why"]),
        (&true.into(), &serde_json::json!([]))
    );
    gateway.end().await;
}

#[tokio::test]
async fn every_family_is_there_with_its_help_and_no_job_is_in_any_label() {
    let (_upstream, gateway) = serving().await;
    for job in [JOB, JOB, "no-job-id", &nth_job(7)] {
        gateway.job(job).await;
    }
    let metrics = gateway.admin("/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"));
    let mut helped: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next())
        .filter(|family| family.starts_with("jobgate_"))
        .collect();
    let mut families = FAMILIES.to_vec();
    helped.sort_unstable();
    families.sort_unstable();
    assert_eq!(helped, families);
    for told in [JOB, &nth_job(7), "no-job-id"] {
        assert!(!text.contains(told), "{told}");
    }
    gateway.end().await;
}

#[tokio::test]
async fn what_is_stored_is_counted_at_once() {
    let (_upstream, gateway) = serving().await;
    for stored in 1..=3_u8 {
        gateway.job(&nth_job(usize::from(stored))).await;
        let entries = gateway.metric("jobgate_cache_entries").await;
        assert_eq!(entries, f64::from(stored));
        assert!(gateway.metric("jobgate_cache_bytes").await > 600.0 * entries);
    }
    gateway.end().await;
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let (_upstream, gateway) = serving().await;
    for (host, status, code) in [
        ("localhost", 200, ""),
        ("127.0.0.1:1", 200, ""),
        ("rebound.example", 421, "JG.4211"),
        ("rebound.example:9090", 421, "JG.4211"),
    ] {
        for path in ["/healthz", "/readyz", "/metrics", "/nothing"] {
            let answer = ask_admin(&gateway, Method::GET, path, Some(host)).await;
            if path == "/nothing" && status == 200 {
                assert_eq!((answer.status.as_u16(), &*answer.code()), (404, "JG.4041"));
            } else {
                assert_eq!(
                    (answer.status.as_u16(), &*answer.code()),
                    (status, code),
                    "{host} {path}"
                );
            }
        }
    }
    gateway.end().await;
}

#[tokio::test]
async fn another_method_is_refused_in_the_one_shape_of_error_and_head_has_no_body() {
    let (_upstream, gateway) = serving().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = ask_admin(&gateway, method, path, None).await;
            assert_eq!((answer.status.as_u16(), &*answer.code()), (405, "JG.4051"));
            assert_eq!(answer.header("allow"), "GET, HEAD");
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(
                (&body["source"], &body["request_id"]),
                (&"gateway".into(), &answer.header("x-request-id").into())
            );
        }
        let head = ask_admin(&gateway, Method::HEAD, path, None).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_ne!(head.header("content-length"), "0");
    }
    gateway.end().await;
}

#[tokio::test]
async fn clients_find_no_admin_routes_on_their_own_port() {
    let (upstream, gateway) = serving().await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/stats",
        "/api/entries",
    ] {
        let answer = gateway.get(path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (404, "JG.4041"),
            "{path}"
        );
    }
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn the_api_asks_for_the_configured_token_as_its_file_has_it_now() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("admin.token");
    std::fs::write(&file, "the-first-admin-token\n").unwrap();
    let gateway = in_front_of("http://127.0.0.1:9")
        .with(|settings| settings.admin.token = Some(SecretSource::File(file.clone())))
        .start();
    let ask = async |token: &str| {
        let request = Request::get(format!("http://{}/api/stats", gateway.admin))
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::<Bytes>::new());
        gateway.send(request.unwrap()).await.status.as_u16()
    };
    assert_eq!(gateway.admin("/api/stats").await.code(), "JG.4011");
    assert_eq!(ask("the-first-admin-token").await, 200);
    assert_eq!(ask("the-second-admin-token-is-longer").await, 401);
    std::fs::write(&file, "the-second-admin-token-is-longer").unwrap();
    assert_eq!(ask("the-first-admin-token").await, 401);
    assert_eq!(ask("the-second-admin-token-is-longer").await, 200);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ask("the-second-admin-token-is-longer").await, 401);
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(gateway.admin(open).await.status.as_u16(), 200, "{open}");
    }
    gateway.end().await;
}
