//! `auto`: it tries, keeps what saves calls, gives up what does not, tries again later, and says so.

use jobgate::config::SweepMode;

use super::fleet::page;
use super::{MINUTE, SECOND, Stage, quota};
use crate::support::{Builder, nth_job};
use crate::told::Told;

const TRYING: &str = "a few sweeps will show whether it saves calls";
const SAVES: &str = "it saves calls";
const SAVES_NOTHING: &str = "it saved no calls, or fewer than it cost";

fn auto(builder: Builder) -> Builder {
    builder.with(|settings| settings.budget.sweep.mode = SweepMode::Auto)
}

fn line(message: &str, why: &str) -> String {
    format!("{message} source=all jobs why={why}")
}

#[tokio::test]
async fn auto_tries_and_keeps_what_confirms_answers() {
    let log = Told::begin();
    let stage = Stage::built(10, auto).await;
    assert_eq!(stage.decision().await, (true, TRYING.to_owned()));
    stage.ask(0..10).await;
    stage.swept().await;
    assert_eq!(log.lines(), [line("sweeping", TRYING)]);
    stage.seconds(30).await;
    assert_eq!(stage.decision().await, (true, SAVES.to_owned()));
    stage.polled(0..10, 10).await;
    assert_eq!(stage.decision().await, (true, SAVES.to_owned()));
    let told = [line("sweeping", TRYING), line("sweeping", SAVES)];
    assert_eq!(log.lines(), told, "each decision once");
    stage.end().await;
}

#[tokio::test]
async fn auto_gives_up_what_saves_nothing_and_tries_again_after_ever_longer_pauses() {
    let log = Told::begin();
    let stage = Stage::built(10, auto).await;
    stage.fleet.list_by(|_, index| page(&[], index)); // the credential may read jobs, and sees none of them in lists
    stage.ask(0..10).await;
    let mut tried = Vec::new();
    for _ in 0..3 {
        let before = stage.lists().len();
        while stage.decision().await.0 {
            stage.pass(SECOND).await;
        }
        assert_eq!(stage.decision().await.1, SAVES_NOTHING);
        tried.push(stage.lists().len() - before);
        let off = stage.clock.now();
        while !stage.decision().await.0 {
            stage.ask(0..10).await;
            stage.pass(10 * SECOND).await;
        }
        let paused = (stage.clock.now() - off).as_secs() / 60;
        let pauses = [4..=5, 9..=10, 19..=20];
        assert!(pauses[tried.len() - 1].contains(&paused), "{paused} min");
    }
    assert!(
        tried.iter().all(|sweeps| (7..=8).contains(sweeps)),
        "{tried:?}"
    );
    let told = log.lines();
    assert_eq!(told[0], line("sweeping", TRYING));
    assert_eq!(told[1], line("no sweeps for a while", SAVES_NOTHING));
    assert_eq!(told[2], line("sweeping", TRYING));

    stage.fleet.list_honestly();
    stage.seconds(30).await;
    assert_eq!(stage.decision().await, (true, SAVES.to_owned()));
    stage.end().await;
}

/// Where each list call is a look less, confirming is not enough.
#[tokio::test]
async fn auto_gives_up_on_a_shared_quota_while_nothing_changes_and_not_while_much_does() {
    let shared = |builder: Builder| {
        auto(builder).with(|settings| {
            settings.budget.sweep.shared = true;
            settings.budget.requests = quota(50);
        })
    };
    let quiet = Stage::built(10, shared).await;
    quiet.ask(0..10).await;
    let mut minutes = 0;
    while quiet.decision().await.0 {
        quiet.polled(0..10, 1).await;
        minutes += 1;
        assert!(minutes < 120, "it never gives up");
    }
    assert_eq!(quiet.decision().await.1, SAVES_NOTHING);
    let lists = quiet.lists().len();
    assert!(
        lists < 40,
        "seldom and more seldom: {lists} in {minutes} min"
    );
    quiet.end().await;

    let busy = Stage::built(10, shared).await;
    busy.ask(0..10).await;
    for turn in 0..30 {
        busy.fleet.starts(turn % 10);
        busy.polled(0..10, 1).await;
        busy.fleet.finishes(turn % 10);
    }
    assert_eq!(busy.decision().await, (true, SAVES.to_owned()));
    let new = busy.gateway.job(&nth_job(9)).await;
    assert_eq!(new.status, 200);
    busy.end().await;
}

#[tokio::test]
async fn a_decision_against_a_list_is_told_with_its_reason() {
    let log = Told::begin();
    let stage = Stage::new(3).await;
    stage.ask(0..3).await;
    stage.swept().await;
    stage.fleet.list_by(|_, _| (404, "{}"));
    stage.pass(MINUTE).await;
    stage.seconds(20).await;
    let told = log.lines();
    assert_eq!(told[0], line("sweeping", "the operator wants it"));
    assert!(told[1].starts_with("no sweeps for a while source=all jobs why=list calls fail: "));
    assert_eq!(told.len(), 2, "{told:?}");
    stage.end().await;
}
