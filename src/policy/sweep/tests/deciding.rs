//! Whether lists are believed, and whether they are worth it.

use std::sync::Arc;
use std::time::Duration;

use super::{Mode, Page, Stage, Tally, finish, idle, item, job, page_of, rules};
use crate::error::{Error, PassedStatus};
use crate::policy::cause::Cause;
use crate::policy::normalise::Field;
use crate::policy::sweep::{Decision, Difference, Distrust, Source, Why};

const NAME: Difference = Difference::Field(Field::JobName);

fn plain() -> Page {
    idle(0, 500..510, 10)
}

#[track_caller]
fn decision(stage: &Stage) -> Decision {
    stage.sweeps.state().decisions.remove(0)
}

/// It is off for this reason, for so many windows.
#[track_caller]
fn assert_off(stage: &Stage, why: Why, windows: f64) {
    let decision = decision(stage);
    assert_eq!(decision.why, why);
    assert_eq!(decision.off_until, stage.sweeps.next(true, stage.now));
    assert!((stage.wait() - windows).abs() < 1e-6, "{}", stage.wait());
}

fn refused() -> Error {
    Error::Passed {
        status: PassedStatus::Forbidden,
        code: Arc::from("CB.1"),
        message: Arc::from("no"),
    }
}

#[test]
fn three_contradictions_of_the_last_eight_differences_switch_it_off() {
    for (case, looks, off) in [
        ("borne out", "cccccccccccc", false),
        ("two in vain", "cxccxcccc", false),
        ("one in vain now and then", "xccccccxccccccxcccccc", false),
        ("three in vain", "xcccxx", true),
    ] {
        let mut stage = Stage::new(rules(Mode::Recent));
        let settled = looks.chars().map(|look| {
            stage
                .sweeps
                .settled(Difference::Build, look == 'c', stage.now)
        });
        assert_eq!(settled.last(), Some(off), "{case}");
        assert_eq!(stage.is_off(), off, "{case}");
    }
}

#[test]
fn looks_that_come_in_after_that_prolong_no_pause() {
    let mut stage = Stage::new(rules(Mode::Auto));
    for _ in 0..20 {
        stage.sweeps.settled(Difference::Running, false, stage.now);
    }
    assert_off(&stage, Why::Distrusted(Distrust::Contradicted), 5.0);
}

#[test]
fn a_minor_field_that_lists_get_wrong_is_ignored_from_then_on() {
    let mut stage = Stage::new(rules(Mode::Auto));
    for _ in 0..3 {
        assert!(!stage.sweeps.settled(NAME, false, stage.now));
    }
    assert!(!stage.is_off());
    let state = stage.sweeps.state();
    assert_eq!(
        (state.contradictions, state.ignored.as_slice()),
        (3, [NAME].as_slice())
    );
    stage.sweeps.settled(NAME, false, stage.now); // a list had found it before that
    assert_eq!(stage.sweeps.state().ignored, [NAME]);
    let renamed = page_of(&[item(1, 500, false).replace("job1", "other")], 1);
    let times = crate::policy::sweep::Times {
        looked: stage.now,
        confirmed: stage.now,
        listed: stage.now,
    };
    let verdict = stage
        .sweeps
        .compare(&renamed.items[0], &super::body(1, 500, false), times);
    assert_eq!(verdict, crate::policy::sweep::Verdict::Equal);
}

#[test]
fn an_unsorted_answer_switches_it_off_for_pauses_that_grow() {
    let mut stage = Stage::new(rules(Mode::Auto));
    let unsorted = page_of(&[item(1, 1, false), item(2, 2, false)], 2);
    for windows in [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 240.0, 240.0] {
        let mut sweep = stage.begin(&[]);
        let fault = sweep.take(&unsorted, stage.now).unwrap_err();
        stage.sweeps.distrust(&sweep, fault, stage.now);
        assert_off(&stage, Why::Distrusted(Distrust::Unsorted), windows);
    }
    for _ in 0..16 {
        stage.round(&[plain()], 1, 1);
    }
    let mut sweep = stage.begin(&[]);
    let fault = sweep.take(&unsorted, stage.now).unwrap_err();
    stage.sweeps.distrust(&sweep, fault, stage.now);
    assert_off(&stage, Why::Distrusted(Distrust::Unsorted), 5.0);
}

#[test]
fn a_list_without_the_needed_fields_switches_it_off() {
    let no_time = item(1, 5, false).replace("last_build_time", "x");
    for (items, off) in [
        (vec![no_time.clone()], true),
        (vec![no_time.clone(), item(2, 5, false)], false), // a job that was never built
        (vec![], false),
    ] {
        let mut stage = Stage::new(rules(Mode::Recent));
        stage.round(&[page_of(&items, items.len())], 0, 0);
        assert_eq!(stage.is_off(), off);
    }
}

#[test]
fn a_job_that_vanished_is_named_once_and_many_at_once_are_not_believed() {
    let all = || idle(0, 500..520, 20);
    let mut stage = Stage::new(rules(Mode::Recent));
    assert!(stage.round(&[all()], 0, 1).is_empty());
    let mut left: Vec<String> = (0..20).map(|at| item(at, 519 - at as u64, false)).collect();
    left.remove(3);
    let left = page_of(&left, 19);
    assert_eq!(stage.round(std::slice::from_ref(&left), 0, 1), [job(3)]);
    assert!(stage.round(&[left], 0, 1).is_empty(), "once");
    assert!(stage.round(&[page_of(&[], 0)], 0, 1).is_empty());
    assert_off(&stage, Why::Distrusted(Distrust::Vanished(19)), 5.0);
}

#[test]
fn only_what_a_list_ought_to_show_can_vanish_from_it() {
    let mut stage = Stage::new(rules(Mode::Recent));
    stage.round(&[idle(0, 400..500, 1_000)], 0, 1);
    // a hundred others were built since: the first hundred are further down, and at last no page asked for shows them
    for _ in 0..2 {
        let pages = [idle(200, 500..600, 1_000), idle(0, 400..500, 1_000)];
        stage.round(&pages, 0, 1);
    }
    assert!(stage.round(&[idle(200, 500..600, 1_000)], 0, 1).is_empty());
    assert!(!stage.is_off());
}

#[test]
fn a_job_vanishes_from_a_project_only_if_its_list_is_whole() {
    let mut stage = Stage::new(rules(Mode::Projects));
    for (page, vanished) in [
        (idle(0, 500..503, 3), vec![]),  // project a
        (idle(50, 500..503, 3), vec![]), // project b
        (
            Page {
                total: Some(3),
                ..idle(0, 501..503, 2)
            },
            vec![],
        ), // a, cut short
        (idle(50, 501..503, 2), vec![job(52)]), // b, whole
        (idle(0, 501..503, 2), vec![job(2)]), // a, whole
    ] {
        assert_eq!(stage.round(&[page], 0, 1), vanished);
    }
}

#[test]
fn three_failures_in_a_row_switch_it_off_unless_they_concern_every_call() {
    let throttled = Error::Throttled {
        code: "APIG.0308".into(),
        message: "slow".into(),
        retry_after: Duration::from_secs(1),
    };
    let not_found = Error::Passed {
        status: PassedStatus::NotFound,
        code: "CB.1".into(),
        message: "no".into(),
    };
    let spent = Error::BudgetSpent {
        retry_after: Duration::from_secs(1),
    };
    let hold = Error::ThrottleHold {
        retry_after: Duration::from_secs(1),
    };
    for (error, off) in [
        (refused(), Some(Cause::Refused)),
        (not_found, Some(Cause::Refused)),
        (throttled, Some(Cause::Throttled)),
        (
            Error::CredentialRefused("403".into()),
            Some(Cause::Credential),
        ),
        (Error::not_success("html"), Some(Cause::NotSuccess)),
        (Error::TimedOut, Some(Cause::Slow)),
        // or a list that always ends so would hold job calls again and again, as an outage does
        (
            Error::ConnectionLost("reset".into()),
            Some(Cause::Unreachable),
        ),
        (spent, None),
        (hold, None),
        (Error::Unreachable("refused".into()), None),
        (Error::Paused, None),
    ] {
        let mut stage = Stage::new(rules(Mode::Recent));
        for _ in 0..2 {
            let sweep = stage.begin(&[]);
            stage.sweeps.failed(&sweep, &error, stage.now);
        }
        assert!(!stage.is_off(), "{error}");
        let sweep = stage.begin(&[]);
        stage.sweeps.failed(&sweep, &error, stage.now);
        assert_eq!(stage.is_off(), off.is_some(), "{error}");
        if let Some(cause) = off {
            assert_off(&stage, Why::Failing(cause), 5.0);
        }
    }
}

/// The gate does not believe it either: it probes at growing pauses.
#[test]
fn a_throttle_that_names_a_century_does_not_end_sweeps_for_that_long() {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let throttled = Error::Throttled {
        code: "APIG.0308".into(),
        message: "limit:20,time:99999 day".into(),
        retry_after: century,
    };
    let mut stage = Stage::new(rules(Mode::Auto));
    let sweep = stage.begin(&[]);
    stage.sweeps.failed(&sweep, &throttled, stage.now);
    let due = stage.sweeps.next(true, stage.now).unwrap();
    assert!(
        due - stage.now <= rules(Mode::Auto).window,
        "{:?}",
        due - stage.now
    );
}

#[test]
fn a_failure_now_and_then_is_none_in_a_row() {
    let mut stage = Stage::new(rules(Mode::Recent));
    for _ in 0..4 {
        for _ in 0..2 {
            let sweep = stage.begin(&[]);
            stage.sweeps.failed(&sweep, &refused(), stage.now);
        }
        stage.round(&[plain()], 0, 1);
    }
    assert!(!stage.is_off());
}

#[test]
fn one_project_that_fails_is_left_out_and_the_others_go_on() {
    let mut stage = Stage::new(rules(Mode::Projects));
    let mut swept = Vec::new();
    for _ in 0..8 {
        let mut sweep = stage.begin(&[]);
        swept.push(sweep.source().to_string());
        if *sweep.source() == Source::Project("a".into()) {
            stage.sweeps.failed(&sweep, &refused(), stage.now);
        } else {
            let report = finish(&mut sweep, &[plain()], stage.now);
            stage.sweeps.ended(
                report,
                Tally {
                    found: 0,
                    confirmed: 1,
                },
                stage.now,
            );
        }
    }
    let letters: String = swept
        .iter()
        .map(|source| source.trim_start_matches("project "))
        .collect();
    assert_eq!(letters, "abababbb");
}

#[test]
fn auto_keeps_what_saves_calls_and_says_so() {
    let mut stage = Stage::new(rules(Mode::Auto));
    for _ in 0..7 {
        stage.round(&[plain()], 0, 0);
        assert_eq!(decision(&stage).why, Why::Trying);
    }
    stage.round(&[plain()], 0, 1);
    assert_eq!(decision(&stage).why, Why::Saves);
    for _ in 0..7 {
        stage.round(&[plain()], 0, 0);
    }
    assert_eq!(decision(&stage).why, Why::Saves);
    stage.round(&[plain()], 0, 0);
    assert_off(&stage, Why::SavesNothing, 5.0);
    stage.round(&[plain()], 0, 0);
    assert_eq!(
        decision(&stage),
        Decision {
            source: Source::Recent,
            why: Why::Trying,
            off_until: None
        }
    );
}

#[test]
fn what_the_operator_asked_for_stays_though_it_saves_nothing() {
    let mut stage = Stage::new(rules(Mode::Recent));
    for _ in 0..20 {
        stage.round(&[plain()], 0, 0);
    }
    assert_eq!(decision(&stage).why, Why::Configured);
    assert!(!stage.is_off());
}

#[test]
fn nothing_stored_or_nothing_to_sweep_means_no_sweep() {
    let mut stage = Stage::new(rules(Mode::Auto));
    assert_eq!(stage.sweeps.next(false, stage.now), None);
    assert_eq!(stage.sweeps.next(true, stage.now), Some(stage.now));
    stage = Stage::new(rules(Mode::Off));
    assert_eq!(stage.sweeps.next(true, stage.now), None);
    assert!(stage.sweeps.begin([], super::WALL, stage.now).is_none());
    assert!(stage.sweeps.state().decisions.is_empty());
}

#[test]
fn the_last_sweep_is_told() {
    let mut stage = Stage::new(rules(Mode::Auto));
    assert_eq!(stage.sweeps.state().last, None);
    stage.round(&[plain()], 2, 7);
    let last = stage.sweeps.state().last.unwrap();
    assert_eq!(
        (last.pages, last.found, last.confirmed, last.vanished),
        (1, 2, 7, 0)
    );
    assert_eq!(last.sent, stage.now);
}
