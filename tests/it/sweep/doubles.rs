//! Sweeps before the built-in double, whose jobs live: by projects, and under every fault that a list can have.

use std::collections::HashMap;
use std::time::Duration;

use jobgate::config::SweepMode;
use jobgate::sandbox::PROJECTS;
use serde_json::Value;

use super::{BIT, MINUTE, SECOND, calls_ended, quota};
use crate::sandbox::Double;
use crate::support::{Answer, Running};

/// Jobs that are asked for. Three of them have the lists' faults that are about jobs.
const JOBS: usize = 6;

/// In seconds: what `old` lists lag, and as much again for looks.
const LONGEST_LAG: u32 = 40;

/// What can be done to lists (docs/sandbox.md has the table), but for a list that stands still: what that can do is in `lies`.
const FAULTS: &[&str] = &[
    r#""usual""#,
    r#"{ state = "running" }"#,
    r#""missing""#,
    r#"{ vanish = "20s" }"#,
    r#"{ old = "20s" }"#,
    r#"{ ahead = "90s" }"#,
    r#"{ without = "last_build_time" }"#,
    r#"{ without = "is_finished" }"#,
    r#"{ without = "id" }"#,
    r#""unsorted""#,
    r#""short_page""#,
    r#"{ total = 3 }"#,
    r#""other_form""#,
    r#"{ status = 403 }"#,
    r#"{ status = 500 }"#,
    r#"{ throttle = { requests = 10, window = "1m" } }"#,
    r#""not_json""#,
    r#""redirect""#,
    r#""encoded""#,
    r#"{ cut = "body" }"#,
    r#"{ reset = "start" }"#,
    r#""interim""#,
    r#""not_http""#,
];

/// What of a job's answer tells one state from another.
type State = (Value, Value, Value);

/// What a job said of itself, second after second.
#[derive(Default)]
struct Truth(HashMap<String, Vec<State>>);

fn demo(n: usize) -> String {
    format!("demo{:028}", n + 1)
}

fn state(body: &Value) -> State {
    let field = |name: &str| body["result"][name].clone();
    (
        field("running_status"),
        field("last_build_time"),
        field("health_score"),
    )
}

fn read(answer: &Answer) -> State {
    assert_eq!(answer.status, 200, "{}", answer.text());
    state(&serde_json::from_slice(&answer.body).expect("JSON"))
}

fn sweeping(double: &Double, mode: SweepMode) -> Running {
    let builder = double.gateway().in_budget_mode(1_000, MINUTE);
    let builder = builder.with(|settings| {
        settings.budget.sweep.mode = mode;
        settings.budget.sweep.projects = PROJECTS.map(str::to_owned).into();
        settings.budget.sweep.requests = quota(50);
        settings.cache.ttl = Duration::from_secs(30);
    });
    builder.start()
}

/// A second passes, and what follows from it happens.
async fn second(double: &Double, gateway: &Running) {
    double.clock.advance(SECOND);
    let mut before = None;
    loop {
        let ended = calls_ended(gateway).await;
        if before == Some(ended) {
            return;
        }
        before = Some(ended);
    }
}

impl Truth {
    /// What each job says now.
    async fn told(&mut self, double: &Double) {
        for id in (0..JOBS).map(demo) {
            let body = double.list(&format!("/v1/job/{id}/info")).await;
            self.0.entry(id).or_default().push(state(&body));
        }
    }

    /// For how many seconds an answer has not been true any more. One that never was is a forgery.
    fn lag(&self, id: &str, answer: &State) -> u32 {
        let told = &self.0[id];
        let at = told.iter().rev().position(|state| state == answer);
        assert!(at.is_some(), "forged, of {id}: {answer:?}");
        u32::try_from(at.unwrap_or_default()).expect("some minutes")
    }
}

#[tokio::test]
async fn no_fault_of_a_list_freezes_an_answer_or_forges_one() {
    for fault in FAULTS {
        let double = Double::start().await;
        let names = r#"jobs = ["demo0000000000000000000000000001", "demo0000000000000000000000000002", "demo0000000000000000000000000003"]"#;
        let is_about_jobs = ["state", "missing", "vanish", "old", "ahead", "without"]
            .iter()
            .any(|about| fault.contains(about) && !fault.contains("status"));
        let names = if is_about_jobs { names } else { "" };
        let rule = format!("speed = 3\n[[rules]]\ncalls = \"lists\"\n{names}\ndo = {fault}\n");
        double
            .sandbox
            .set_scenario(rule.parse().expect("a scenario"));
        let gateway = sweeping(&double, SweepMode::Recent);
        double.clock.advance(MINUTE + BIT);
        let mut truth = Truth::default();
        for _ in 0..60 {
            truth.told(&double).await;
            for id in (0..JOBS).map(demo) {
                let answer = read(&gateway.job(&id).await);
                let lag = truth.lag(&id, &answer);
                assert!(lag <= LONGEST_LAG, "{fault}: {id} is {lag} s behind");
            }
            second(&double, &gateway).await;
        }
        let stats = double.sandbox.stats();
        assert!(stats.lists > 0 || stats.acts > 0, "{fault}: it was swept");
        gateway.end().await;
    }
}

#[tokio::test]
async fn projects_are_swept_in_turn_and_their_jobs_confirmed_and_found_changed() {
    let double = Double::start().await;
    let gateway = sweeping(&double, SweepMode::Projects);
    double.clock.advance(MINUTE + BIT);
    let (mut truth, mut by_list) = (Truth::default(), 0);
    for _ in 0..120 {
        truth.told(&double).await;
        for id in (0..JOBS).map(demo) {
            let answer = gateway.job(&id).await;
            by_list += u32::from(answer.label().1.ends_with("; detail=list"));
            let lag = truth.lag(&id, &read(&answer));
            assert!(
                lag <= 6,
                "three lists, a call in 1.2 s: {id} is {lag} s behind"
            );
        }
        second(&double, &gateway).await;
    }
    let answers = 120 * u32::try_from(JOBS).unwrap();
    assert!(by_list > answers / 2, "{by_list} of {answers} by lists");
    let stats = gateway.admin("/api/stats").await;
    let stats: Value = serde_json::from_slice(&stats.body).unwrap();
    let sweep = &stats["sweep"];
    let names: Vec<_> = sweep["sources"].as_array().unwrap().iter().collect();
    for (source, project) in names.iter().zip(PROJECTS) {
        assert_eq!(source["name"], format!("project {project}"));
        assert_eq!(source["on"], true, "{source}");
    }
    assert_eq!(names.len(), 3);
    assert_eq!(sweep["contradictions"], 0);
    let proven = r#"jobgate_looks_total{trigger="proven"}"#;
    assert!(gateway.metric(proven).await > 0.0);
    assert_eq!(double.sandbox.stats().lists_throttled, 0);
    gateway.end().await;
}
