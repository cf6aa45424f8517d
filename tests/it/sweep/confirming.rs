//! A list that agrees with a stored answer gives it a new age, and changes nothing else.

use super::{MINUTE, SECOND, Stage};
use crate::support::{Answer, nth_job};

const PAGE_0: &str =
    "/v1/job/list?page_index=0&page_size=100&sort_field=last_build_time&sort_order=DESC";

#[track_caller]
fn label(answer: &Answer) -> String {
    let (status, label, age) = answer.label(); // checks that max-age, Age and ttl agree
    assert_eq!(status, 200);
    format!("{label}; age={age}")
}

#[tokio::test]
async fn one_list_call_makes_all_stored_answers_young_and_writes_none() {
    let stage = Stage::new(40).await;
    stage.ask(0..40).await;
    let before: Vec<_> = before_all(&stage).await;
    assert!(stage.lists().is_empty());

    stage.pass(SECOND).await;
    assert_eq!(stage.lists(), [PAGE_0], "that, and nothing more, was sent");
    stage.pass(2 * SECOND).await;
    for (n, before) in before.iter().enumerate() {
        let after = stage.gateway.job(&nth_job(n)).await;
        assert_eq!(
            label(&after),
            "hit; ttl=3598; detail=list; age=2",
            "since the list was sent for"
        );
        assert_eq!(after.body, before.body);
        assert_eq!(after.header("etag"), before.header("etag"));
        assert_eq!(stage.looks(n), 1, "the first ask");
    }
    let told = stage.told().await;
    let last = &told["last"];
    assert_eq!(
        (&last["pages"], &last["confirmed"]),
        (&1.into(), &40.into())
    );
    assert_eq!((&last["found"], &last["vanished"]), (&0.into(), &0.into()));
    let equal = r#"jobgate_sweep_items_total{verdict="equal"}"#;
    assert_eq!(stage.gateway.metric(equal).await, 40.0);
    stage.end().await;
}

async fn before_all(stage: &Stage) -> Vec<Answer> {
    let mut answers = Vec::new();
    for n in 0..40 {
        let answer = stage.gateway.job(&nth_job(n)).await;
        assert_eq!(label(&answer), "hit; ttl=3600; age=0", "of an info call");
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn a_sweep_reads_no_more_pages_than_it_needs() {
    let stage = Stage::new(250).await;
    stage.ask(0..1).await;
    stage.swept().await;
    stage.swept().await;
    stage.swept().await;
    assert!(
        stage.lists().iter().all(|list| list == PAGE_0),
        "nothing runs, nothing is new: {:?}",
        stage.lists()
    );
    assert_eq!(stage.looked(), [0], "and nothing is looked at for it");
    stage.end().await;
}

#[tokio::test]
async fn a_conditional_ask_is_answered_by_what_the_list_confirmed() {
    let stage = Stage::new(1).await;
    let first = stage.gateway.job(&nth_job(0)).await;
    stage.swept().await;
    let path = format!("/v1/job/{}/info", nth_job(0));
    let condition = [("if-none-match", first.header("etag"))];
    let answer = stage.gateway.get(&path, &condition).await;
    assert_eq!(answer.status, 304);
    assert!(answer.header("cache-status").ends_with("; detail=list"));
    assert_eq!(answer.header("age"), "0");
    stage.end().await;
}

#[tokio::test]
async fn whoever_wants_no_cache_gets_an_info_call_right_after_a_list() {
    let stage = Stage::new(2).await;
    stage.ask(0..2).await;
    stage.swept().await;
    let answer = stage.gateway.job_wanting(&nth_job(0), "no-cache").await;
    assert_eq!(label(&answer), "fwd=request; stored; ttl=3600; age=0");
    assert_eq!((stage.looks(0), stage.looks(1)), (2, 1));

    stage.swept().await;
    let answer = stage.gateway.job(&nth_job(0)).await;
    assert_eq!(label(&answer), "hit; ttl=3600; detail=list; age=0");
    let young = stage.gateway.job_wanting(&nth_job(1), "max-age=1").await;
    assert_eq!(
        label(&young),
        "hit; ttl=3600; detail=list; age=0",
        "a list is as good as a look for who only wants it young"
    );
    assert_eq!(stage.looks(1), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_job_is_looked_at_each_hour_although_every_list_confirms_it() {
    let stage = Stage::built(2, |builder| {
        builder.with(|settings| {
            settings.cache.ttl = 10 * MINUTE;
        })
    })
    .await;
    stage.polled(0..2, 54).await;
    assert_eq!(stage.looked(), [0, 1], "lists were enough until then");
    let answer = stage.gateway.job(&nth_job(0)).await;
    assert!(label(&answer).contains("; detail=list; "));

    stage.polled(0..2, 5).await;
    assert_eq!((stage.looks(0), stage.looks(1)), (2, 2), "a full look each");
    let answer = stage.gateway.job(&nth_job(0)).await;
    assert!(
        label(&answer).contains("; detail=list; "),
        "lists count again"
    );
    stage.end().await;
}
