//! How far a sweep goes, and what it may claim afterwards.

use super::{Mode, Page, Stage, Tally, finish, idle, item, job, page_of, rules};
use crate::policy::sweep::{Distrust, MAX_PAGES, Step};

/// Two sweeps that saw builds up to `newest`, so that the next one goes back there.
fn stage(newest: u64) -> Stage {
    let mut stage = Stage::new(rules(Mode::Recent));
    let page = idle(0, newest - 99..newest + 1, 1_000);
    for _ in 0..2 {
        stage.round(std::slice::from_ref(&page), 1, 1);
    }
    stage
}

#[test]
fn the_first_sweep_takes_one_page_and_claims_no_more_than_that() {
    let mut stage = Stage::new(rules(Mode::Recent));
    let report = stage.walk(&[], &[idle(0, 400..500, 1_000)]);
    assert_eq!(
        (report.covered_since, report.complete, report.pages),
        (Some(400), false, 1)
    );
    assert!(report.lists(&job(99)) && !report.lists(&job(100)));
    let looked = stage.now;
    stage.sweeps.ended(report, Tally::default(), looked);
    assert_eq!(
        stage.sweeps.vouches(looked),
        Some(looked),
        "for no time at all"
    );
}

#[test]
fn it_goes_back_to_the_newest_build_that_was_seen_before() {
    let mut stage = stage(500);
    let pages = [
        idle(200, 600..700, 1_000),
        idle(300, 500..600, 1_000),
        idle(400, 400..500, 1_000),
    ];
    let report = stage.walk(&[], &pages);
    assert_eq!(
        report.covered_since,
        Some(400),
        "a build that began at 500 could be on the third page"
    );
    assert!(report.starts_seen && !report.cut_short);
}

#[test]
fn it_goes_back_to_the_oldest_build_that_is_believed_to_run() {
    let mut stage = stage(950);
    let pages = [
        idle(0, 900..1_000, 1_000),
        idle(100, 800..900, 1_000),
        idle(200, 700..800, 1_000),
    ];
    let report = stage.walk(&[960, 750, 990], &pages);
    assert_eq!((report.covered_since, report.cut_short), (Some(700), false));
}

#[test]
fn what_a_few_pages_do_not_reach_is_not_tried_again() {
    let mut stage = stage(990);
    let pages: Vec<Page> = (0..u64::from(MAX_PAGES))
        .map(|page| idle(0, 900 - 100 * page..1_000 - 100 * page, 5_000))
        .collect();
    let report = stage.walk(&[3, 995], &pages);
    assert!(report.cut_short && report.starts_seen);
    assert_eq!(report.covered_since, Some(500));
    stage.sweeps.ended(report, Tally::default(), stage.now);
    let report = stage.walk(&[3, 995], &[idle(0, 900..1_000, 5_000)]);
    assert!(
        !report.cut_short,
        "the job that runs since 3 is left to the schedule"
    );
}

#[test]
fn the_end_of_the_list_is_the_end_of_the_sweep() {
    let mut stage = stage(500);
    let report = stage.walk(&[1], &[idle(0, 500..600, 150), idle(100, 450..500, 150)]);
    assert_eq!((report.covered_since, report.complete), (Some(0), true));
}

#[test]
fn a_partial_page_shows_no_more_than_what_is_on_it() {
    let unknown_end = idle(0, 550..600, 150);
    for (case, page) in [
        ("fewer than asked for", unknown_end.clone()),
        (
            "no total",
            Page {
                total: None,
                ..unknown_end
            },
        ),
        (
            "more than asked for",
            Page {
                entries: 150,
                ..idle(0, 550..600, 150)
            },
        ),
    ] {
        let mut stage = stage(500);
        let before = stage.now;
        let report = stage.walk(&[], &[page]);
        assert_eq!(
            (report.covered_since, report.complete),
            (None, false),
            "{case}: what is not on it may be anywhere"
        );
        assert!(!report.starts_seen, "{case}");
        stage.sweeps.ended(report, Tally::default(), stage.now);
        assert_eq!(
            stage.sweeps.vouches(before),
            None,
            "{case}: the chain is broken"
        );
    }
}

#[test]
fn an_empty_page_claims_nothing_unless_the_list_is_empty() {
    for (total, covered) in [(900, None), (0, Some(0))] {
        let report = stage(500).walk(&[], &[page_of(&[], total)]);
        assert_eq!(
            (report.covered_since, report.complete),
            (covered, covered.is_some())
        );
    }
}

#[test]
fn builds_that_begin_between_two_pages_hide_no_other_job() {
    let mut stage = stage(500);
    let mut sweep = stage.begin(&[]);
    let first = idle(0, 501..601, 1_000);
    assert!(matches!(sweep.take(&first, stage.now), Ok(Step::More(1))));
    // two jobs from further down have moved to the top: the last two of the first page come again, newer than its end
    let mut second: Vec<String> = vec![item(98, 502, false), item(99, 501, false)];
    second.extend((0..98).map(|down| item(100 + down, 500 - down as u64, false)));
    let report = finish(&mut sweep, &[page_of(&second, 1_000)], stage.now);
    assert!((0..198).all(|number| report.lists(&job(number))));
    assert_eq!(report.covered_since, Some(403));
}

#[test]
fn a_job_that_moved_to_the_top_unseen_is_in_the_reach_of_the_next_sweep() {
    let mut stage = stage(500);
    // newest seen: 600, while a job begins a build at 601, between the pages
    stage.round(
        &[idle(0, 501..601, 1_000), idle(100, 401..501, 1_000)],
        0,
        0,
    );
    let mut next: Vec<String> = (0..99)
        .map(|up| item(900 + up, 800 - up as u64, true))
        .collect();
    next.push(item(800, 702, true));
    let mut sweep = stage.begin(&[]);
    assert!(
        matches!(
            sweep.take(&page_of(&next, 1_000), stage.now),
            Ok(Step::More(1))
        ),
        "601 is not reached yet"
    );
}

#[test]
fn a_list_from_which_something_was_deleted_meanwhile_is_complete_only_down_to_where_it_was() {
    let mut stage = stage(500);
    let mut sweep = stage.begin(&[]);
    assert!(matches!(
        sweep.take(&idle(0, 510..610, 1_000), stage.now),
        Ok(Step::More(1))
    ));
    let report = finish(&mut sweep, &[idle(101, 409..509, 999)], stage.now);
    assert_eq!(
        report.covered_since,
        Some(510),
        "the job of 509 was skipped"
    );
    assert!(!report.starts_seen);
}

#[test]
fn an_unsorted_answer_is_not_believed() {
    let plain = [
        item(1, 500, false),
        item(2, 500, false),
        item(3, 490, false),
    ];
    let up = [item(1, 490, false), item(2, 500, false)];
    let never = plain[0]
        .replace(":500", ":null")
        .replace(&job(1).to_string(), &job(9).to_string());
    let nulls = [
        never.clone(),
        plain[0].clone(),
        never.replace("09\"", "08\""),
        plain[2].clone(),
    ];
    for (case, items, sorted) in [
        ("equal times", plain.as_slice(), true),
        ("upward", &up, false),
        ("jobs never built, at either end", &nulls, true),
    ] {
        let mut stage = stage(500);
        let found = stage.begin(&[]).take(&page_of(items, 3), stage.now);
        assert_eq!(
            found.err(),
            (!sorted).then_some(Distrust::Unsorted),
            "{case}"
        );
    }
    let mut stage = stage(300);
    let mut sweep = stage.begin(&[]);
    assert!(matches!(
        sweep.take(&idle(0, 500..600, 1_000), stage.now),
        Ok(Step::More(1))
    ));
    let higher = sweep.take(&idle(100, 410..510, 1_000), stage.now);
    assert_eq!(
        higher.err(),
        Some(Distrust::Unsorted),
        "a new item that is newer than the page before"
    );
    let projects = Stage::new(rules(Mode::Projects))
        .begin(&[])
        .take(&page_of(&up, 2), stage.now);
    assert!(projects.is_ok(), "a project's list is in no order");
}

#[test]
fn a_time_ahead_of_the_clock_ends_no_sweep_too_early() {
    let mut stage = Stage::new(rules(Mode::Recent));
    let mut lying = vec![item(777, super::WALL + 1, false)];
    lying.extend((0..99).map(|down| item(down, 500 - down as u64, false)));
    for _ in 0..2 {
        stage.round(&[page_of(&lying, 1_000)], 0, 1);
    }
    let mut above = lying[..1].to_vec();
    above.extend((0..99).map(|down| item(200 + down, 700 - down as u64, false)));
    let found = stage.begin(&[]).take(&page_of(&above, 1_000), stage.now);
    assert!(
        matches!(found, Ok(Step::More(1))),
        "it goes on to 500, where the others ended"
    );
}

#[test]
fn an_unbroken_chain_vouches_for_idle_jobs_since_its_beginning() {
    let mut stage = Stage::new(rules(Mode::Recent));
    let before = stage.now;
    stage.now += super::SECOND;
    for _ in 0..2 {
        stage.round(&[idle(0, 401..501, 1_000)], 0, 1);
    }
    let since = stage.now;
    let page = || [idle(0, 450..550, 1_000)];
    stage.round(&page(), 0, 1);
    stage.round(&page(), 0, 1);
    let last = stage.now;
    assert_eq!(stage.sweeps.vouches(since), Some(last));
    assert_eq!(stage.sweeps.vouches(before), None, "before the first sweep");
    stage.round(&[idle(600, 900..950, 1_000)], 0, 1);
    assert_eq!(
        stage.sweeps.vouches(last),
        None,
        "a partial page has broken it"
    );
}

#[test]
fn a_project_is_read_to_its_end_and_is_whole_only_if_every_job_was_seen() {
    let (one, two) = (idle(0, 500..600, 150), idle(100, 400..450, 150));
    let twice = idle(99, 400..450, 150); // something moved between the pages
    let grown = Page {
        total: Some(151),
        ..two.clone()
    };
    for (case, second, complete) in [
        ("all", two, true),
        ("one twice", twice, false),
        ("one is new", grown, false),
    ] {
        let mut stage = Stage::new(rules(Mode::Projects));
        let report = stage.walk(&[], &[one.clone(), second]);
        assert_eq!(
            (report.complete, report.covered_since),
            (complete, None),
            "{case}"
        );
    }
}
