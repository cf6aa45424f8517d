//! Lists that cannot be had. That costs a few list calls, and no job call is held back for it, unless it is the credential itself.

use super::{MINUTE, SECOND, Stage};
use crate::support::nth_job;
use crate::upstream::Said;

/// What a list call is answered, and what the operator is told then.
const REFUSALS: [(Said, &str); 7] = [
    (
        (403, include_str!("../../samples/error-403-build.json")),
        "list calls fail: upstream refuses this job (400, 403 or 422)",
    ),
    (
        (403, include_str!("../../samples/error-403-apigw.json")),
        "list calls fail: upstream is set up wrongly",
    ),
    (
        (404, include_str!("../../samples/error-404-build.json")),
        "list calls fail: upstream refuses this job (400, 403 or 422)",
    ),
    (
        (404, include_str!("../../samples/error-404-apigw.json")),
        "list calls fail: upstream is set up wrongly",
    ),
    (
        (500, include_str!("../../samples/error-500-internal.json")),
        "list calls fail: upstream fails (5xx)",
    ),
    (
        (200, include_str!("../../samples/fail-200-error-code.json")),
        "list calls fail: upstream's answer is neither a job nor a known error",
    ),
    (
        (200, "<html>"),
        "list calls fail: upstream's answer is neither a job nor a known error",
    ),
];

#[tokio::test]
async fn a_list_that_is_refused_three_times_is_left_alone_for_a_while_and_holds_no_job_call() {
    for (said, why) in REFUSALS {
        let stage = Stage::new(5).await;
        stage.ask(0..3).await;
        stage.fleet.list_by(move |_, _| said);
        for lists in 1..=3 {
            assert!(stage.decision().await.0, "{said:?}");
            stage.swept().await;
            assert_eq!(stage.lists().len(), lists, "one call, and no retry");
        }
        assert_eq!(stage.decision().await, (false, why.to_owned()), "{said:?}");
        let holds = [
            r#"jobgate_hold_seconds{kind="credential"}"#,
            r#"jobgate_hold_seconds{kind="throttle"}"#,
            r#"jobgate_hold_seconds{kind="outage"}"#,
        ];
        for hold in holds {
            assert_eq!(stage.gateway.metric(hold).await, 0.0, "{hold} {said:?}");
        }
        stage.ask(3..5).await;
        assert_eq!(stage.looked(), [0, 1, 2, 3, 4], "each at once");
        let answer = stage.gateway.job(&nth_job(0)).await;
        assert!(!answer.header("cache-status").contains("detail"));

        stage.pass(4 * MINUTE).await;
        assert_eq!(stage.lists().len(), 3, "{said:?}");
        stage.fleet.list_honestly();
        stage.pass(MINUTE + SECOND).await;
        assert_eq!(stage.lists().len(), 4, "after five windows");
        assert!(stage.decision().await.0);
        stage.end().await;
    }
}

#[tokio::test]
async fn a_throttled_list_waits_for_the_window_it_was_told_and_jobs_do_not() {
    let stage = Stage::new(5).await;
    stage.ask(0..3).await;
    stage.fleet.list_by(|_, _| {
        (
            429,
            r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:2 minute"}"#,
        )
    });
    stage.swept().await;
    let held = r#"jobgate_hold_seconds{kind="list_throttle"}"#;
    assert_eq!(stage.gateway.metric(held).await, 120.0);
    let held = r#"jobgate_hold_seconds{kind="throttle"}"#;
    assert_eq!(stage.gateway.metric(held).await, 0.0);
    stage.ask(3..5).await;
    assert_eq!(stage.looked(), [0, 1, 2, 3, 4]);

    stage.fleet.list_honestly();
    for _ in 0..23 {
        stage.pass(5 * SECOND).await;
    }
    assert_eq!(stage.lists().len(), 1, "115 s: not one call");
    stage.pass(6 * SECOND).await;
    assert_eq!(stage.lists().len(), 2);
    let answer = stage.gateway.job(&nth_job(0)).await;
    assert!(answer.label().1.ends_with("; detail=list"));
    stage.end().await;
}

#[tokio::test]
async fn a_list_that_says_the_credential_is_refused_holds_every_call() {
    let stage = Stage::new(5).await;
    stage.ask(0..3).await;
    let said = include_str!("../../samples/error-401-ak-unknown.json");
    stage.fleet.list_by(move |_, _| (401, said));
    stage.swept().await;
    let hold = r#"jobgate_hold_seconds{kind="credential"}"#;
    assert!(stage.gateway.metric(hold).await > 0.0);
    let new = stage.gateway.job(&nth_job(3)).await;
    assert_eq!((new.status.as_u16(), new.code().as_str()), (503, "JG.5033"));
    assert_eq!(stage.looked(), [0, 1, 2], "it is not tried twice as often");
    let stored = stage.gateway.job(&nth_job(0)).await;
    assert_eq!(stored.status, 200);

    // five refusals in five minutes would lock the key
    for _ in 0..5 * 60 {
        stage.pass(SECOND).await;
    }
    let lists = stage.lists().len();
    assert!(
        (2..5).contains(&lists),
        "probing, ever more slowly: {lists}"
    );
    stage.end().await;
}
