//! When there is no sweep at all, and how many list calls there are at most.

use std::time::Duration;

use jobgate::app::Ended;
use jobgate::clock::Clock;
use jobgate::config::{BudgetMode, SweepMode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::fleet::Fleet;
use super::{BIT, HOUR, MINUTE, SECOND, Stage, calls_ended, most_in_a_window, quota};
use crate::support::{Builder, PATIENCE, in_front_of, nth_job};
use crate::upstream::Upstream;

const SECONDS_15: Duration = Duration::from_secs(15);

async fn assert_no_list(stage: Stage) {
    for _ in 0..40 {
        stage.pass(SECONDS_15).await;
    }
    assert!(stage.lists().is_empty(), "{:?}", stage.lists());
    assert_eq!(stage.gateway.metric("jobgate_sweeping").await, 0.0);
    stage.end().await;
}

#[tokio::test]
async fn with_mode_off_and_in_ttl_mode_no_list_is_ever_asked_for() {
    let off =
        |builder: Builder| builder.with(|settings| settings.budget.sweep.mode = SweepMode::Off);
    let stage = Stage::built(5, off).await;
    stage.ask(0..5).await;
    assert_eq!(stage.told().await["sources"], serde_json::json!([]));
    assert_no_list(stage).await;

    let ttl = |builder: Builder| builder.with(|settings| settings.budget.mode = BudgetMode::Ttl);
    let stage = Stage::built(5, ttl).await;
    stage.ask(0..5).await;
    assert!(stage.told().await.is_null());
    assert_no_list(stage).await;
}

#[tokio::test]
async fn while_nothing_is_stored_or_nobody_asks_there_is_no_list_call() {
    let stage = Stage::new(5).await;
    let unknown = stage.gateway.job(&nth_job(9)).await;
    assert_eq!(unknown.status, 404);
    for _ in 0..20 {
        stage.pass(SECONDS_15).await;
    }
    assert!(stage.lists().is_empty(), "a denial is in no list");

    stage.ask(0..1).await;
    stage.swept().await;
    for _ in 0..12 {
        stage.pass(MINUTE).await; // past stale_while_revalidate nobody is taken to ask any more
    }
    let before = stage.lists().len();
    for _ in 0..20 {
        stage.pass(SECONDS_15).await;
    }
    assert_eq!(stage.lists().len(), before);
    stage.ask(0..1).await;
    stage.swept().await;
    stage.end().await;
}

#[tokio::test]
async fn no_window_sees_more_list_calls_than_the_sweep_has() {
    for requests in [2, 20] {
        let stage = Stage::built(250, |builder| {
            builder.with(|settings| settings.budget.sweep.requests = quota(requests))
        })
        .await;
        stage.ask(0..10).await;
        for deep in [220, 80] {
            stage.fleet.change(deep, |job| job.runs = true);
            stage.ask(deep..deep + 1).await;
            stage.seconds(70).await;
            stage.fleet.finishes(deep);
            stage.seconds(20).await;
        }
        let (lists, _) = stage.arrivals();
        let most = most_in_a_window(&lists, MINUTE);
        assert!(most <= requests as usize, "{most} of {requests}");
        let used = lists.len() as f64 / f64::from(requests) / 3.0;
        assert!(used > 0.4, "{} calls of {requests} a minute", lists.len());
        stage.end().await;
    }
}

#[tokio::test]
async fn where_upstream_counts_them_together_lists_and_jobs_stay_within_the_budget() {
    let stage = Stage::built(40, |builder| {
        builder.with(|settings| {
            settings.budget.requests = quota(10);
            settings.budget.sweep.shared = true;
            settings.cache.ttl = 10 * SECOND;
            settings.cache.ttl_running = 5 * SECOND;
        })
    })
    .await;
    for minute in 0..4 {
        for job in 0..4 {
            stage.gateway.job(&nth_job(minute * 4 + job)).await;
        }
        stage.fleet.starts(minute * 4);
        for _ in 0..60 {
            stage.gateway.job(&nth_job(minute * 4)).await;
            stage.seconds(1).await;
        }
    }
    let (lists, _) = stage.arrivals();
    assert!(lists.len() >= 4, "{} lists", lists.len());
    let most = most_in_a_window(&stage.upstream.arrivals(), MINUTE);
    assert!(most <= 10, "{most} calls in a window");
    assert!(most >= 8, "the budget is used: {most}");
    stage.end().await;
}

#[tokio::test]
async fn a_smaller_limit_that_upstream_names_for_lists_is_kept() {
    let stage = Stage::built(5, |builder| {
        builder.with(|settings| settings.budget.learn = true)
    })
    .await;
    stage.ask(0..5).await;
    stage.fleet.list_by(|_, _| {
        (
            429,
            r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:4,time:1 minute"}"#,
        )
    });
    stage.swept().await;
    stage.fleet.list_honestly();
    let begun = stage.clock.now();
    for _ in 0..6 {
        stage.ask(0..5).await;
        stage.seconds(60).await;
    }
    let (mut lists, _) = stage.arrivals();
    lists.retain(|at| *at > begun);
    let most = most_in_a_window(&lists, MINUTE);
    assert!((3..=4).contains(&most), "{most}");
    let pauses = lists.windows(2).map(|two| two[1] - two[0]);
    assert!(
        pauses.min() >= Some(14 * SECOND),
        "evenly, not four at once: {lists:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn while_the_operator_has_paused_upstream_no_list_is_asked_for() {
    let stage = Stage::new(5).await;
    stage.ask(0..5).await;
    stage.swept().await;
    let before = stage.lists().len();
    assert_eq!(
        stage.gateway.operate("/api/upstream/pause").await.status,
        200
    );
    for _ in 0..20 {
        stage.pass(SECONDS_15).await;
    }
    assert_eq!(stage.lists().len(), before);
    assert!(stage.decision().await.0, "a pause is no failure of lists");
    assert_eq!(
        stage.gateway.operate("/api/upstream/resume").await.status,
        200
    );
    stage.swept().await;
    stage.end().await;
}

#[tokio::test]
async fn a_drain_ends_sweeps_though_a_client_still_waits() {
    let clock = Clock::manual();
    let fleet = Fleet::of(5, &clock);
    let answers = fleet.clone();
    let upstream = Upstream::held(&clock, move |_, head| answers.answer(&head.uri)).await;
    let mut gateway = in_front_of(&upstream.url())
        .with_clock(&clock)
        .in_budget_mode(1_000, MINUTE)
        .with(|settings| {
            settings.budget.sweep.mode = SweepMode::Recent;
            settings.cache.ttl = HOUR;
        })
        .start();
    clock.advance(MINUTE + BIT);
    upstream.let_through(2); // the job, and one list
    assert_eq!(gateway.job(&nth_job(0)).await.status, 200);
    clock.advance(SECOND);
    let swept = || async { calls_ended(&gateway).await == 2 };
    gateway.until("a sweep", swept).await;
    assert_eq!(upstream.calls(), 2);

    let request = format!(
        "GET /v1/job/{}/info HTTP/1.1\r\nhost: x\r\n\r\n",
        nth_job(1)
    );
    let mut client = TcpStream::connect(gateway.addr).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let asked = || async { upstream.calls() == 3 };
    gateway.until("a call", asked).await;

    let mut draining: JoinSet<Ended> = JoinSet::new();
    draining.spawn(gateway.drain());
    for _ in 0..60 {
        assert_eq!(gateway.admin("/healthz").await.status, 200); // and whatever the step of time set off has begun
        clock.advance(SECOND);
    }
    assert_eq!(upstream.calls(), 3, "no list");
    upstream.let_through(1);
    let ended = tokio::time::timeout(PATIENCE, draining.join_next()).await;
    let ended = ended.expect("in time").expect("one").expect("no panic");
    assert_eq!((ended.cut_connections, ended.lost_fetches), (0, 0));
    drop(client);
    gateway.end().await;
}
