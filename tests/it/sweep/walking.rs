//! How far a sweep goes, and what it finds on the way.

use super::Stage;
use super::fleet::page;
use crate::support::nth_job;

fn pages(lists: &[String]) -> Vec<&str> {
    let index = |list: &'_ String| list.find("page_index=").map(|at| at + "page_index=".len());
    let page = |list| Some(&list[index(list)?..=index(list)?]);
    lists.iter().filter_map(page).collect()
}

#[tokio::test]
async fn a_sweep_goes_back_to_the_oldest_build_believed_to_run_and_no_further() {
    let stage = Stage::new(350).await;
    stage.fleet.change(250, |job| job.runs = true);
    stage.ask(250..251).await;
    stage.ask(0..1).await;
    stage.swept().await;
    assert_eq!(pages(&stage.lists()), ["0", "1", "2"]);
    assert_eq!(stage.looked(), [250, 0]);

    stage.fleet.finishes(250);
    stage.swept().await;
    assert_eq!(stage.looked(), [250, 0, 250], "the finish was found there");
    let body = stage.gateway.job(&nth_job(250)).await.text();
    assert!(body.contains(r#""running_status":"Finished""#), "{body}");

    let before = stage.lists().len();
    stage.seconds(20).await;
    let lists = stage.lists();
    assert!(lists.len() > before);
    assert!(pages(&lists[before..]).iter().all(|page| *page == "0"));
    stage.end().await;
}

#[tokio::test]
async fn starts_and_finishes_are_both_found_and_cost_one_look_each() {
    let stage = Stage::new(20).await;
    stage.fleet.change(5, |job| job.runs = true);
    stage.ask(0..20).await;
    stage.swept().await;
    let first: Vec<_> = (0..20).collect();
    assert_eq!(stage.looked(), first);

    stage.fleet.starts(12);
    stage.fleet.finishes(5);
    let old = stage.gateway.job(&nth_job(12)).await.text();
    assert!(old.contains("Finished"), "nobody knows yet");
    stage.swept().await;
    let mut found = stage.looked().split_off(20);
    found.sort_unstable();
    assert_eq!(found, [5, 12]);
    for (n, status) in [(12, "Running"), (5, "Finished")] {
        let answer = stage.gateway.job(&nth_job(n)).await;
        assert!(answer.text().contains(status), "{}", answer.text());
        assert_eq!(answer.label(), (200, "hit; ttl=3600", "0"), "of the look");
    }
    stage.seconds(20).await;
    assert_eq!(stage.looked().len(), 22);
    let told = stage.told().await;
    assert_eq!(told["contradictions"], 0);
    let proven = r#"jobgate_looks_total{trigger="proven"}"#;
    assert_eq!(stage.gateway.metric(proven).await, 2.0);
    stage.end().await;
}

#[tokio::test]
async fn two_builds_between_two_sweeps_are_one_look() {
    let stage = Stage::new(5).await;
    stage.ask(0..5).await;
    stage.swept().await;
    for _ in 0..2 {
        stage.fleet.starts(3);
        stage.fleet.finishes(3);
        stage.clock.advance(super::BIT);
    }
    let last = stage.fleet.jobs().into_iter().map(|job| job.began).max();
    stage.swept().await;
    assert_eq!(stage.looked(), [0, 1, 2, 3, 4, 3]);
    let body = stage.gateway.job(&nth_job(3)).await.text();
    assert!(body.contains(&last.unwrap().to_string()), "{body}");
    stage.end().await;
}

/// It jumps from the page that is still to be read to the one that was read already, so the sweep does not see it; and it pushes
/// another down, which the sweep sees twice.
#[tokio::test]
async fn a_build_that_begins_between_two_pages_is_found_because_its_job_is_missing() {
    let stage = Stage::new(250).await;
    stage.fleet.change(240, |job| job.runs = true);
    for n in [99, 150, 240] {
        stage.ask(n..n + 1).await;
    }
    stage.swept().await;
    assert_eq!(stage.looked(), [99, 150, 240]);

    let before = stage.fleet.jobs();
    stage.fleet.starts(150);
    stage.fleet.list_by(move |jobs, index| match index {
        0 => page(&before, 0),
        _ => page(jobs, index),
    });
    stage.swept().await;
    assert_eq!(pages(&stage.lists()), ["0", "1", "2", "0", "1", "2"]);
    assert_eq!(stage.looked(), [99, 150, 240, 150]);
    let pushed = stage.gateway.job(&nth_job(99)).await;
    assert_eq!(pushed.label(), (200, "hit; ttl=3600; detail=list", "0"));

    stage.fleet.list_honestly();
    stage.swept().await;
    assert_eq!(stage.looked(), [99, 150, 240, 150]);
    assert_eq!(stage.told().await["contradictions"], 0);
    stage.end().await;
}

#[tokio::test]
async fn of_a_page_with_gaps_only_what_is_on_it_counts() {
    let stage = Stage::new(150).await;
    stage.ask(0..50).await;
    stage.swept().await;
    stage.fleet.list_by(|jobs, index| {
        assert_eq!(index, 0, "no further page is asked for");
        let every_second: Vec<_> = jobs.iter().take(100).step_by(2).cloned().collect();
        let (status, body) = page(&every_second, 0);
        let body = body.replace(r#""total":50"#, r#""total":150"#);
        (status, body.leak())
    });
    stage.swept().await;
    stage.swept().await;
    assert_eq!(stage.looked().len(), 50, "none of the others has vanished");
    let (on, why) = stage.decision().await;
    assert!(on, "{why}");
    for (n, age) in [(0, "0"), (1, "8"), (48, "0"), (49, "8")] {
        let answer = stage.gateway.job(&nth_job(n)).await;
        assert_eq!(answer.label().2, age, "{n}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_job_that_vanished_is_looked_at_once_and_gone_if_upstream_says_so() {
    let stage = Stage::new(20).await;
    stage.ask(0..20).await;
    stage.swept().await;
    stage.fleet.deletes(7);
    let stored = stage.gateway.job(&nth_job(7)).await;
    assert_eq!(stored.status, 200, "nobody knows yet");
    stage.swept().await;
    assert_eq!(stage.looked()[20..], [7]);
    let gone = stage.gateway.job(&nth_job(7)).await;
    assert_eq!(
        (gone.status.as_u16(), gone.code().as_str()),
        (404, "DEVCB.00031006")
    );
    assert_eq!(stage.told().await["last"]["vanished"], 1);
    stage.seconds(20).await;
    assert_eq!(stage.looked().len(), 21);
    assert_eq!(stage.told().await["contradictions"], 0);
    stage.end().await;
}

#[tokio::test]
async fn a_job_that_is_only_missing_from_the_list_keeps_its_answer() {
    let stage = Stage::new(20).await;
    stage.ask(0..20).await;
    stage.swept().await;
    let before = stage.gateway.job(&nth_job(7)).await;
    stage.fleet.list_by(|jobs, index| {
        let hidden = nth_job(7);
        let listed: Vec<_> = jobs
            .iter()
            .filter(|job| job.id != hidden)
            .cloned()
            .collect();
        page(&listed, index)
    });
    stage.swept().await;
    assert_eq!(stage.looked()[20..], [7]);
    let after = stage.gateway.job(&nth_job(7)).await;
    assert_eq!((after.status.as_u16(), &after.body), (200, &before.body));
    assert!(!after.header("cache-status").contains("detail=list"));
    stage.seconds(20).await;
    assert_eq!(stage.looked().len(), 21, "not again");
    assert_eq!(stage.told().await["contradictions"], 1);
    stage.end().await;
}
