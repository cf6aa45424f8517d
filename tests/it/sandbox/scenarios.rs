//! The scenarios that are shipped, each before a gateway: what its first lines promise is what clients see.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::sandbox::{SandboxSettings, Scenario};
use serde_json::Value;

use super::Double;
use crate::support::{Running, nth_job};

const SHIPPED: [&str; 6] = ["deleted", "flaky", "lying", "outage", "slow", "throttled"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenarios")
}

/// The sandbox under a shipped scenario, and a gateway before it that waits so long for an answer.
async fn under(name: &str, timeout: Duration) -> (Double, Running) {
    let scenario = Scenario::load(&folder().join(format!("{name}.toml")));
    let double = Double::with(SandboxSettings {
        scenario: scenario.expect("a scenario"),
        ..SandboxSettings::default()
    });
    let double = double.await;
    let gateway = double
        .gateway()
        .with(|settings| settings.upstream.timeout = timeout);
    (double, gateway.start())
}

/// Status and code for a job.
async fn told(gateway: &Running, job: &str) -> (u16, String) {
    let answer = gateway.job(job).await;
    (answer.status.as_u16(), answer.code())
}

fn well() -> (u16, String) {
    (200, String::new())
}

#[test]
fn every_shipped_scenario_has_a_test_here() {
    let files = fs::read_dir(folder()).expect("a folder");
    let names: BTreeSet<_> = files
        .map(|file| file.expect("a file").file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, SHIPPED.map(|name| format!("{name}.toml")).into());
}

#[tokio::test]
async fn outage_is_silence_then_503_then_over() {
    let (double, gateway) = under("outage", Duration::from_millis(300)).await;
    let mut now = 0;
    for (second, status, code) in [
        (0, 200, ""),
        (19, 200, ""),
        (20, 504, "JG.5042"),
        (39, 504, "JG.5042"),
        (40, 503, "APIGW.0613"),
        (59, 503, "APIGW.0613"),
        (60, 200, ""),
    ] {
        double.clock.advance(Duration::from_secs(second - now));
        now = second;
        let job = nth_job(usize::try_from(second).unwrap());
        assert_eq!(
            told(&gateway, &job).await,
            (status, code.to_owned()),
            "{second} s"
        );
    }
    gateway.end().await;
}

#[tokio::test]
async fn slow_is_a_second_for_all_and_more_for_every_fifth() {
    let (_double, gateway) = under("slow", Duration::from_secs(3)).await;
    let clock = Clock::system();
    let began = clock.now();
    assert_eq!(told(&gateway, &nth_job(0)).await, well());
    assert!(clock.now() - began >= Duration::from_secs(1));
    let jobs: Vec<_> = (1..5).map(nth_job).collect();
    let mut answers = join_all(jobs.iter().map(|job| told(&gateway, job))).await;
    answers.sort();
    let too_slow = (504, "JG.5042".to_owned());
    assert_eq!(answers, [well(), well(), well(), too_slow]);
    gateway.end().await;
}

#[tokio::test]
async fn throttled_is_every_seventh_call() {
    let (_double, gateway) = under("throttled", Duration::from_secs(10)).await;
    for job in 0..6 {
        assert_eq!(told(&gateway, &nth_job(job)).await, well());
    }
    let seventh = gateway.job(&nth_job(6)).await;
    assert_eq!(seventh.code(), "APIGW.0308");
    assert_eq!(
        seventh.header("retry-after"),
        "60",
        "the window in its text"
    );
    gateway.end().await;
}

#[tokio::test]
async fn deleted_is_five_jobs_from_second_thirty() {
    let (double, gateway) = under("deleted", Duration::from_secs(10)).await;
    let gone = (404, "DEVCB.00031006".to_owned());
    for (second, expected) in [(0, well()), (30, gone)] {
        double.clock.advance(Duration::from_secs(second));
        for nth in 1..=5 {
            let job = format!("{:0<32}", format!("deleted{nth}"));
            assert_eq!(told(&gateway, &job).await, expected, "{job} at {second} s");
        }
        assert_eq!(told(&gateway, &nth_job(1)).await, well());
    }
    gateway.end().await;
}

#[tokio::test]
async fn flaky_is_a_third_call_that_fails_and_faults_of_the_network() {
    let (double, gateway) = under("flaky", Duration::from_secs(10)).await;
    let mut failed = 0;
    for job in 0..40 {
        let (status, code) = told(&gateway, &nth_job(job)).await;
        match (status, code.as_str()) {
            (200, "") => {}
            (502, "JG.5024") => failed += 1,
            other => panic!("job {job}: {other:?}"),
        }
        if job < 3 {
            assert_eq!(status, 200, "the 503 is tried again");
        }
    }
    let acts = double.sandbox.stats().acts;
    assert!((5..=20).contains(&acts), "{acts} of some 45 calls");
    assert!(failed > 0, "a broken answer is not tried again");
    gateway.end().await;
}

/// Without a gateway: what it makes of such lists is not for the scenario to say.
#[tokio::test]
async fn lying_is_lists_that_are_late_then_say_that_nine_jobs_run_then_are_not_sorted() {
    let scenario = Scenario::load(&folder().join("lying.toml")).expect("a scenario");
    let double = Double::start().await;
    let begun = |scenario: &Scenario| double.sandbox.set_scenario(scenario.clone());
    let honest = jobs(&double).await;

    double.clock.advance(Duration::from_secs(30));
    begun(&scenario);
    assert_eq!(jobs(&double).await, honest, "half a minute late");

    for (second, lie) in [(59, false), (60, true), (119, true)] {
        begun(&scenario);
        double.clock.advance(Duration::from_secs(second));
        let jobs = jobs(&double).await;
        let nine: Vec<_> = jobs.iter().filter(|job| is_one_of_nine(job)).collect();
        assert_eq!(nine.len(), 9);
        let since: BTreeSet<_> = nine
            .iter()
            .map(|job| job["last_build_time"].as_u64())
            .collect();
        assert_eq!(
            since.len() == 1,
            lie,
            "at {second} s they began as one: {since:?}"
        );
        let run = nine.iter().filter(|job| job["is_finished"] == false);
        assert!(!lie || run.count() == 9, "at {second} s");
    }

    double.clock.advance(Duration::from_secs(1));
    let jobs = jobs(&double).await;
    assert!(!jobs.is_sorted_by_key(|job| Reverse(job["last_build_time"].as_u64())));
}

/// Every demo job, the newest build first, as the pages of the list have it.
async fn jobs(double: &Double) -> Vec<Value> {
    let mut jobs = Vec::new();
    for page in 0..2 {
        let newest = "page_size=100&sort_field=last_build_time&sort_order=DESC";
        let target = format!("/v1/job/list?page_index={page}&{newest}");
        let list = double.list(&target).await;
        jobs.extend_from_slice(list["result"]["job_list"].as_array().expect("jobs"));
    }
    jobs
}

fn is_one_of_nine(job: &Value) -> bool {
    let nine = (1..=9).map(|number| format!("demo{number:028}"));
    nine.into_iter().any(|id| job["id"] == id)
}
