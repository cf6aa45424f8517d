//! `GET /v3/projects`: a program that gives its SDK a region and no project starts without a change.

use jobgate::clock::Clock;
use serde_json::Value;

use crate::clients::KEY;
use crate::support::{Running, in_front_of};
use crate::upstream::{A_JOB, Upstream};

const PATH: &str = "/v3/projects?name=cn-north-4";

async fn served() -> (Upstream, Running) {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.base_path = "/build".to_owned())
        .in_keys_mode(&[("bot", KEY)])
        .start();
    (upstream, gateway)
}

#[tokio::test]
async fn a_region_has_one_project_the_same_after_a_restart() {
    let mut ids = Vec::new();
    for _start in 0..2 {
        let (upstream, gateway) = served().await;
        for path in [
            PATH,
            "//v3/projects?name=cn-north-4",
            "/build/v3/projects?name=cn-north-4",
            "/build//v3/projects?enabled=true&name=cn-north-4",
        ] {
            let answer = gateway.get(path, &[("x-auth-token", KEY)]).await;
            assert_eq!(answer.status, 200, "{path}");
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["projects"].as_array().unwrap().len(), 1);
            assert_eq!(body["projects"][0]["name"], "cn-north-4");
            ids.push(body["projects"][0]["id"].as_str().unwrap().to_owned());
            for (name, value) in [
                ("content-type", "application/json;charset=UTF-8"),
                ("cache-control", "no-store"),
                ("cache-status", ""),
                ("age", ""),
                ("etag", ""),
            ] {
                assert_eq!(answer.header(name), value, "{name}");
            }
            assert_ne!(answer.header("x-request-id"), "");
        }
        assert_eq!(upstream.calls(), 0);
        gateway.end().await;
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn it_needs_a_client_a_region_and_get_or_head() {
    let (upstream, gateway) = served().await;
    let key = &[("x-api-key", KEY)][..];
    for (method, path, headers, status, code) in [
        ("GET", PATH, &[][..], 401, "JG.4011"),
        ("GET", PATH, &[("x-api-key", "no")], 401, "JG.4011"),
        ("GET", "/v3/projects", &[], 401, "JG.4011"),
        ("GET", "/v3/projects", key, 400, "JG.4002"),
        ("GET", "/v3/projects?name=", key, 400, "JG.4002"),
        ("GET", "/v3/projects?name=a-1&name=a-1", key, 400, "JG.4002"),
        ("GET", "/v3/projects?name=%22%3E", key, 400, "JG.4002"),
        ("POST", PATH, key, 405, "JG.4051"),
        ("DELETE", PATH, key, 405, "JG.4051"),
        ("GET", "/v3/projects/x", key, 404, "JG.4041"),
        ("GET", "/v3/projects/", key, 404, "JG.4041"),
        ("GET", "/v3/auth/tokens", key, 404, "JG.4041"),
    ] {
        let answer = gateway.ask(method, path, headers).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (status, code.into()), "{method} {path}");
        let allow = if status == 405 { "GET, HEAD" } else { "" };
        assert_eq!(answer.header("allow"), allow);
    }
    let told = gateway.get("/v3/projects", key).await.text();
    assert!(
        told.contains("must name a region: ?name=cn-north-4"),
        "{told}"
    );
    let got = gateway.get(PATH, key).await;
    let head = gateway.ask("HEAD", PATH, key).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), got.body.len().to_string());
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn it_is_no_request_for_a_job_and_in_open_mode_it_needs_nothing() {
    let (_upstream, gateway) = served().await;
    let key = &[("x-api-key", KEY)][..];
    for path in [PATH, "/v3/projects", PATH] {
        gateway.get(path, key).await;
    }
    let usage = gateway.get("/-/usage", key).await;
    let account: Value = serde_json::from_slice(&usage.body).unwrap();
    assert_eq!(
        (&account["asked"], &account["refused"]),
        (&0.into(), &0.into())
    );
    let local = r#"jobgate_client_requests_total{client="bot",outcome="local"}"#;
    assert_eq!(gateway.metric(local).await, 4.0);
    gateway.end().await;

    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();
    assert_eq!(gateway.get(PATH, &[]).await.status, 200);
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}
