//! How often a client may ask: what is above its rate is refused before anything is looked up, and every answer tells how it stands.

use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::policy::allowance::Allowance;

use crate::clients::{KEY, OTHER_KEY};
use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream};

const BAD_GATEWAY: Said = (502, include_str!("../samples/error-502-apigw.json"));

/// Three in ten seconds: one more every 3.33 s.
const RATE: Allowance = Allowance {
    times: 3,
    per: Duration::from_secs(10),
};

/// Two clients, the first of which has a rate; upstream knows the job and no other.
async fn rated() -> (Clock, Upstream, Running) {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, head| match head.uri.path().contains(JOB) {
        true => A_JOB,
        false => BAD_GATEWAY,
    })
    .await;
    let gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .in_keys_mode(&[("rated", KEY), ("free", OTHER_KEY)])
        .with(|settings| settings.auth.clients[0].rate = Some(RATE))
        .start();
    (clock, upstream, gateway)
}

fn path(job: &str) -> String {
    format!("/v1/job/{job}/info")
}

async fn ask(gateway: &Running, path: &str) -> Answer {
    gateway.get(path, &[("x-api-key", KEY)]).await
}

/// Status, and how the client stands.
fn standing(answer: &Answer) -> (u16, &str, &str) {
    let status = answer.status.as_u16();
    (
        status,
        answer.header("ratelimit"),
        answer.header("ratelimit-policy"),
    )
}

const POLICY: &str = r#""client";q=3;w=10"#;

#[tokio::test]
async fn above_its_rate_a_client_is_refused_until_the_second_it_is_told() {
    let (clock, upstream, gateway) = rated().await;
    let job = path(JOB);
    for left in [
        r#""client";r=2;t=4"#,
        r#""client";r=1;t=4"#,
        r#""client";r=0;t=4"#,
    ] {
        assert_eq!(standing(&ask(&gateway, &job).await), (200, left, POLICY));
    }
    for (passed, wait) in [(0, "4"), (1_000, "3"), (1_333, "2"), (900, "1"), (100, "1")] {
        clock.advance(Duration::from_millis(passed));
        let refused = ask(&gateway, &job).await;
        let none = format!(r#""client";r=0;t={wait}"#);
        assert_eq!(standing(&refused), (429, &*none, POLICY), "{passed}");
        assert_eq!(refused.header("retry-after"), wait, "{passed}");
        assert_eq!(refused.code(), "JG.4291");
        assert_eq!(refused.header("cache-status"), "", "nothing was looked up");
    }
    clock.advance(Duration::from_millis(1)); // 3.334 s
    assert_eq!(
        ask(&gateway, &job).await.status,
        200,
        "refusals cost nothing"
    );
    assert_eq!(ask(&gateway, &job).await.status, 429);
    assert_eq!(upstream.calls(), 1);
    let refusals = gateway
        .metric(r#"jobgate_rate_refusals_total{client="rated"}"#)
        .await;
    assert_eq!(refusals, 6.0);
    let refused = r#"jobgate_client_requests_total{client="rated",outcome="refused"}"#;
    assert_eq!(gateway.metric(refused).await, 6.0);
    let log = gateway.end().await;
    assert_eq!(log.matches(r#""error.code":"JG.4291""#).count(), 6);
}

#[tokio::test]
async fn what_is_refused_is_not_looked_up_and_spends_nothing() {
    let (_clock, upstream, gateway) = rated().await;
    for _ in 0..3 {
        ask(&gateway, "/-/usage").await;
    }
    let before = gateway.metric("jobgate_budget_remaining").await;
    for path in [
        path(JOB),
        path(&nth_job(1)),
        path("bad"),
        "/-/usage".into(),
        "/v3/projects?name=cn-north-4".into(),
    ] {
        let answer = ask(&gateway, &path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (429, "JG.4291"),
            "{path}"
        );
    }
    assert_eq!(upstream.calls(), 0);
    assert_eq!(gateway.metric("jobgate_budget_remaining").await, before);
    assert_eq!(
        gateway.metric("jobgate_absent_jobs").await,
        0.0,
        "nothing is remembered"
    );
    gateway.end().await;
}

#[tokio::test]
async fn every_answer_to_a_client_with_a_rate_tells_how_it_stands() {
    let (clock, _upstream, gateway) = rated().await;
    let etag = ask(&gateway, &path(JOB)).await.header("etag").to_owned();
    let full = Duration::from_secs(10);
    let key = ("x-api-key", KEY);
    for (method, path, header, status) in [
        ("GET", path(JOB), None, 200),
        ("HEAD", path(JOB), None, 200),
        ("GET", path(JOB), Some(("if-none-match", &*etag)), 304),
        ("GET", path(JOB), Some(("cache-control", "no-cache")), 200),
        ("GET", path(&nth_job(1)), None, 502),
        (
            "GET",
            path(&nth_job(2)),
            Some(("cache-control", "only-if-cached")),
            504,
        ),
        ("GET", path("bad"), None, 400),
        ("GET", "/-/usage".into(), None, 200),
        ("GET", "/v3/projects?name=cn-north-4".into(), None, 200),
        ("GET", "/v3/projects".into(), None, 400),
    ] {
        clock.advance(full);
        let headers: Vec<_> = [key].into_iter().chain(header).collect();
        let answer = gateway.ask(method, &path, &headers).await;
        let told = (status, r#""client";r=2;t=4"#, POLICY);
        assert_eq!(standing(&answer), told, "{method} {path} {header:?}");
    }
    gateway.end().await;
}

#[tokio::test]
async fn who_is_not_known_or_has_no_rate_is_told_nothing_and_counts_for_nobody() {
    let (_clock, _upstream, gateway) = rated().await;
    let job = path(JOB);
    for _ in 0..20 {
        for (path, headers, status) in [
            (&*job, &[("x-api-key", OTHER_KEY)][..], 200),
            (&*job, &[("x-api-key", "no")], 401),
            (&*job, &[], 401),
            ("/-/healthz", &[("x-api-key", KEY)], 200),
            ("/nothing", &[("x-api-key", KEY)], 404),
        ] {
            let answer = gateway.get(path, headers).await;
            assert_eq!(standing(&answer), (status, "", ""), "{path}");
        }
    }
    let rated = ask(&gateway, &job).await;
    assert_eq!(standing(&rated), (200, r#""client";r=2;t=4"#, POLICY));
    gateway.end().await;
}
