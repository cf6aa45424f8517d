//! Every fault of the sandbox while fifty clients ask: no wrong answer, no long wait, few calls, and an end to it.
//!
//! Each fault meets a gateway three times: with nothing stored (`Cold`), with an answer stored that is past
//! `stale_while_revalidate` (`Stale`), and with one within it (`Behind`). The clock is moved by hand, so what is told and how
//! often upstream is asked is exact; how long an answer takes is real time and is only bounded.
//!
//! docs/faults.md has what came out of it. `UPDATE_DOCS=1 cargo test --test it faults::` writes its table anew.
//!
//! Those clients ask for one job. The faults that concern more than one job are met once more with fifty.
//!
//! It does not try several faults at once: the shipped scenarios do (`sandbox/scenarios.rs`).

mod cases;
mod page;
mod stage;
mod truth;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jobgate::sandbox::guide;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::cases::{CASES, Case, MANY_JOBS, Waits};
use self::stage::{CLIENTS, Situation, Stage};

/// So many gateways meet a fault that stalls side by side; they mostly wait.
const STALLING_AT_ONCE: usize = 10;
/// And so many meet one that does not; they keep the machine busy.
const PROMPT_AT_ONCE: usize = 3;

/// What is wrong in one situation, and the longest wait.
struct Finding {
    wrong: Vec<String>,
    worst: Duration,
    waits: Waits,
}

#[test]
fn every_fault_of_the_sandbox_has_a_case() {
    let guide = guide();
    let acts: BTreeSet<_> = guide
        .lines()
        .filter_map(|line| Some(cases::act(line.split_once("do = ")?.1)))
        .collect();
    assert!(acts.len() > 15, "the guide lists them: {acts:?}");
    let cases: BTreeSet<_> = CASES.iter().map(|case| cases::act(case.fault)).collect();
    assert_eq!(cases, acts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_get_exact_answers_soon_and_for_few_calls_whatever_upstream_does() {
    let stalling = Arc::new(Semaphore::new(STALLING_AT_ONCE));
    let prompt = Arc::new(Semaphore::new(PROMPT_AT_ONCE));
    let mut running = JoinSet::new();
    for case in CASES {
        for situation in [Situation::Cold, Situation::Stale, Situation::Behind] {
            let turns = match case.waits {
                Waits::Timeout => Arc::clone(&stalling),
                Waits::AtOnce | Waits::Retries => Arc::clone(&prompt),
            };
            running.spawn(async move {
                let _turn = turns.acquire_owned().await.expect("never closed");
                meet(case, situation).await
            });
        }
    }
    let findings = running.join_all().await;
    assert_nothing_wrong(&findings);
    for waits in [Waits::AtOnce, Waits::Retries, Waits::Timeout] {
        let worst = findings.iter().filter(|it| it.waits == waits);
        let worst = worst.map(|it| it.worst).max().unwrap_or_default();
        eprintln!("the longest wait ({waits:?}): {worst:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_jobs_that_meet_a_fault_at_once_do_not_wait_for_each_other() {
    let mut findings = Vec::new();
    for case in MANY_JOBS {
        for situation in [Situation::Cold, Situation::Stale] {
            let mut stage = Stage::set(case, situation, CLIENTS).await;
            stage.begin();
            stage.ask_twice().await;
            stage.lift_and_wait().await;
            findings.push(Finding::of(stage, case.waits).await);
        }
    }
    assert_nothing_wrong(&findings);
}

#[test]
fn the_page_says_what_was_found() {
    page::assert_block("one-job", &page::one_job());
    page::assert_block("many-jobs", &page::many_jobs());
}

fn assert_nothing_wrong(findings: &[Finding]) {
    let wrong: Vec<_> = findings.iter().flat_map(|it| &it.wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn meet(case: &'static Case, situation: Situation) -> Finding {
    let mut stage = Stage::set(case, situation, 1).await;
    stage.begin();
    match situation {
        Situation::Cold | Situation::Stale => {
            stage.seconds_of_asking().await;
            stage.minutes_of_asking().await;
            stage.lift_and_recover().await;
        }
        Situation::Behind => stage.ask_before_and_after_the_look().await,
    }
    Finding::of(stage, case.waits).await
}

// === impl Finding ===

impl Finding {
    /// What came of it, the gateway's end included.
    async fn of(stage: Stage, waits: Waits) -> Self {
        let (wrong, worst) = stage.end().await;
        Self {
            wrong,
            worst,
            waits,
        }
    }
}
