//! Lists that cannot be believed freeze no answer and forge none. What they cost is a few looks.

use std::time::Duration;

use super::fleet::{Job, page, page_of};
use super::{MINUTE, SECOND, Stage, quota};
use crate::support::nth_job;

const UNSORTED: &str = "the list is not in the order that was asked for";
const FIELDS_MISSING: &str = "the list's items lack the fields that are needed";
const CONTRADICTED: &str = "looks have contradicted the list";

/// A job's answers by the list's word, instead of the truth.
fn as_if(jobs: &[Job], lie: impl Fn(&mut Job)) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    jobs.iter_mut().for_each(lie);
    jobs
}

/// Nothing was made of the lists: no look, no younger age.
async fn assert_untouched(stage: &Stage, jobs: usize, seconds: u64) {
    assert_eq!(stage.looked().len(), jobs, "the first asks");
    for n in 0..jobs {
        let answer = stage.gateway.job(&nth_job(n)).await;
        let (status, label, age) = answer.label();
        assert_eq!((status, age), (200, seconds.to_string().as_str()));
        assert!(!label.contains("detail=list"), "{label}");
    }
}

#[tokio::test]
async fn an_unsorted_answer_switches_sweeps_off_at_once_and_for_a_while() {
    let stage = Stage::new(10).await;
    stage.ask(0..10).await;
    stage.fleet.list_by(|jobs, index| {
        let upside_down: Vec<_> = jobs.iter().rev().cloned().collect();
        page(&upside_down, index)
    });
    stage.swept().await;
    assert_eq!(stage.decision().await, (false, UNSORTED.to_owned()));
    assert_eq!(stage.gateway.metric("jobgate_sweeping").await, 0.0);
    stage.seconds(10).await;
    assert_untouched(&stage, 10, 11).await;

    stage.fleet.list_honestly();
    stage.polled(0..10, 4).await;
    assert_eq!(stage.lists().len(), 1, "off");
    stage.polled(0..10, 1).await;
    assert!(stage.lists().len() > 1, "tried again after five windows");
    assert!(stage.decision().await.0);
    assert_eq!(stage.gateway.metric("jobgate_sweeping").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn items_without_the_fields_that_are_needed_switch_sweeps_off() {
    for field in ["last_build_time", "is_finished"] {
        let stage = Stage::new(10).await;
        stage.ask(0..10).await;
        stage.fleet.list_by(move |jobs, index| {
            let (status, body) = page(jobs, index);
            let body = body.replace(field, "other");
            (
                status,
                body.replace("last_job_running_status", "another").leak(),
            )
        });
        stage.swept().await;
        assert_eq!(stage.decision().await, (false, FIELDS_MISSING.to_owned()));
        stage.seconds(10).await;
        assert_untouched(&stage, 10, 11).await;
        assert_eq!(stage.lists().len(), 1);
        stage.end().await;
    }
}

#[tokio::test]
async fn an_item_that_lacks_a_field_says_nothing_of_its_job_and_the_others_count() {
    let stage = Stage::new(2).await;
    stage.ask(0..2).await;
    stage.fleet.list_by(|jobs, index| {
        page_of(jobs, index, |job| {
            let id = &job.id;
            match *id == nth_job(1) {
                true => format!(r#"{{"id":"{id}","is_finished":true}}"#),
                false => format!(
                    r#"{{"id":"{id}","is_finished":true,"last_build_time":"{}"}}"#,
                    job.began
                ),
            }
        })
    });
    stage.pass(SECOND).await;
    for (n, age) in [(0, "0"), (1, "1")] {
        assert_eq!(stage.gateway.job(&nth_job(n)).await.label().2, age, "{n}");
    }
    assert_eq!(stage.looked(), [0, 1]);
    assert!(stage.decision().await.0);
    stage.end().await;
}

#[tokio::test]
async fn a_list_that_is_older_than_a_look_neither_confirms_it_nor_contradicts_it() {
    let stage = Stage::new(3).await;
    stage.ask(0..3).await;
    stage.swept().await;
    let then = stage.fleet.jobs();
    stage.fleet.list_by(move |_, index| page(&then, index)); // from a replica that lags behind
    stage.fleet.starts(1);
    let new = stage.gateway.job_wanting(&nth_job(1), "no-cache").await;
    assert!(new.text().contains("Running"));
    let lists = stage.lists().len();
    stage.seconds(30).await;
    assert!(stage.lists().len() > lists);

    let answer = stage.gateway.job(&nth_job(1)).await;
    assert_eq!(answer.body, new.body);
    assert_eq!(answer.label(), (200, "hit; ttl=3570", "30"));
    assert_eq!(stage.looked(), [0, 1, 2, 1]);
    assert_eq!(stage.told().await["contradictions"], 0);
    let older = r#"jobgate_sweep_items_total{verdict="older"}"#;
    assert!(stage.gateway.metric(older).await > 0.0);
    stage.end().await;
}

#[tokio::test]
async fn a_list_that_lies_costs_three_looks_and_then_nothing_it_has_said_counts() {
    // a call every ten seconds, so that the looks it asks for come one by one
    let stage = Stage::built(6, |builder| {
        builder.with(|settings| settings.budget.requests = quota(6))
    })
    .await;
    for n in 0..6 {
        stage.ask(n..n + 1).await;
        stage.pass(10 * SECOND).await;
    }
    stage.fleet.list_by(|jobs, index| {
        let lies = as_if(jobs, |job| job.runs = true);
        page(&lies, index)
    });
    while stage.decision().await.0 {
        stage.pass(SECOND).await;
    }
    assert_eq!(stage.decision().await, (false, CONTRADICTED.to_owned()));
    let looked = stage.looked();
    assert_eq!(looked[6..], [0, 1, 2], "one after the other");
    for _ in 0..60 {
        stage.pass(2 * SECOND).await;
    }
    assert_eq!(stage.looked(), looked, "the other three were forgotten");
    for n in 0..6 {
        let body = stage.gateway.job(&nth_job(n)).await.text();
        assert!(body.contains("Finished"), "{body}");
    }
    assert_eq!(stage.told().await["contradictions"], 3);
    let contradictions = "jobgate_sweep_contradictions_total";
    assert_eq!(stage.gateway.metric(contradictions).await, 3.0);
    stage.end().await;
}

#[tokio::test]
async fn builds_that_only_the_list_knows_of_are_contradicted_and_end_no_sweep_early() {
    let stage = Stage::new(10).await;
    stage.ask(0..10).await;
    stage.fleet.list_by(|jobs, index| {
        let lies = as_if(jobs, |job| job.began += 90 * 60_000);
        page(&lies, index)
    });
    stage.seconds(30).await;
    assert_eq!(stage.decision().await, (false, CONTRADICTED.to_owned()));
    let looked = stage.looked().len();
    assert!((13..=20).contains(&looked), "at most one each: {looked}");
    stage.end().await;
}

#[tokio::test]
async fn a_field_that_the_list_writes_in_its_own_way_is_found_out_and_ignored() {
    let stage = Stage::new(10).await;
    stage.ask(0..10).await;
    stage.fleet.list_by(|jobs, index| {
        let lies = as_if(jobs, |job| job.score = 100);
        page(&lies, index)
    });
    stage.seconds(20).await;
    let told = stage.told().await;
    assert_eq!(told["ignored"], serde_json::json!(["health_score"]));
    assert_eq!(told["sources"][0]["on"], true);
    let looked = stage.looked().len();
    assert!((13..=20).contains(&looked), "at most one each: {looked}");
    let before = stage.looked().len();
    stage.fleet.starts(4);
    stage.seconds(20).await;
    assert_eq!(
        stage.looked()[before..],
        [4],
        "lists are of use all the same"
    );
    let answer = stage.gateway.job(&nth_job(0)).await;
    assert!(answer.text().contains(r#""health_score":74"#));
    assert!(answer.label().1.ends_with("; detail=list"));
    stage.end().await;
}

/// A list that says nothing new while jobs change: the schedule still looks, and after an hour nothing is believed.
#[tokio::test]
async fn a_list_that_stands_still_delays_news_by_an_hour_at_most() {
    let stage = Stage::new(3).await;
    stage.ask(0..3).await;
    stage.swept().await;
    let then = stage.fleet.jobs();
    stage.fleet.list_by(move |_, index| page(&then, index));
    stage.fleet.starts(1);
    let mut late = Duration::ZERO;
    while !stage
        .gateway
        .job(&nth_job(1))
        .await
        .text()
        .contains("Running")
    {
        stage.polled(0..3, 1).await;
        late += MINUTE;
        assert!(late <= 60 * MINUTE, "an hour, and not yet known");
    }
    assert!(
        late > 50 * MINUTE,
        "what an equal item says is believed: {late:?}"
    );
    stage.end().await;
}
