//! Which paths are a job's, and which ids are one: refused before upstream hears of them.

use crate::raw::{Reply, Script};
use crate::support::{DOCUMENTED, JOB, in_front_of};

async fn upstream() -> Script {
    Script::answering([Reply::of(200, DOCUMENTED)]).await
}

#[tokio::test]
async fn every_spelling_of_a_jobs_path_is_one_job() {
    let script = upstream().await;
    let base = |path: &str| path.replace("JOB", JOB);
    let gateway = in_front_of(&script.url())
        .with(|settings| settings.server.base_path = "/build/api".into())
        .start();
    let encoded = JOB.replacen('9', "%39", 1);
    for path in [
        "/v1/job/JOB/info",
        "//v1/job/JOB/info",
        "/build/api/v1/job/JOB/info",
        "/build/api//v1/job/JOB/info",
        "//build/api/v1/job/JOB/info",
        "/v1/job/JOB/info?a=1",
        "/v1/job/JOB/info?",
        &format!("/v1/job/{encoded}/info"),
        &format!("/build/api/v1/job/{encoded}/info?b"),
    ] {
        assert_eq!(gateway.get(&base(path), &[]).await.status, 200, "{path}");
    }
    assert_eq!(script.calls(), 1, "one job, one call");
    for path in [
        "/build/apiv1/job/JOB/info",
        "/other/v1/job/JOB/info",
        "/build/v1/job/JOB/info",
    ] {
        let answer = gateway.get(&base(path), &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "JG.4041".into()),
            "{path}"
        );
    }
    let upper = JOB.to_uppercase();
    assert_eq!(gateway.job(&upper).await.status, 200);
    assert_eq!(script.calls(), 2, "case is kept, never folded");
    assert!(script.asked()[1].head.contains(&upper));
    gateway.end().await;
}

#[tokio::test]
async fn a_bad_job_id_is_refused_and_upstream_never_hears_of_it() {
    let script = upstream().await;
    let gateway = in_front_of(&script.url()).start();
    let long = format!("{JOB}0");
    let short = JOB.trim_start_matches('9');
    let bad = |from: &str, to: &str| JOB.replacen(from, to, 1);
    for id in [
        "",
        ".",
        "..",
        "%2e%2e",
        "a/b",
        short,
        &long,
        &bad("9", "-"),
        &bad("9", "%2D"),
        &bad("9", "%2539"),
        &bad("9", "%00"),
        &bad("90", "%2F"),
        &bad("90", "%C3%A9"),
        &bad("901", "%3"),
        &bad("9", "%ZZ"),
        &bad("9", ";"),
        &bad("9", "+"),
        &format!("{JOB}%0d%0aX-Injected:%20yes"),
        &format!("{JOB}%20"),
    ] {
        let answer = gateway.job(id).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "JG.4001".into()),
            "{id:?}"
        );
        assert_eq!(answer.header("cache-status"), "", "nothing was looked up");
        assert!(!answer.headers.contains_key("x-injected"));
    }
    assert_eq!(script.calls(), 0);
    gateway.end().await;
}
