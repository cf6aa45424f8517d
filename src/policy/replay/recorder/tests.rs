//! Traces of lines.

use std::time::Duration;

use super::super::tests::{entry, job};
use super::{Recorder, State};
use crate::policy::client::ClientId;
use crate::policy::replay::TextFormat;

fn recorded(lines: &[String]) -> Recorder {
    let mut recorder = Recorder::new(["bot", "wallboard"]);
    for line in lines {
        recorder.line(line.as_bytes()).unwrap();
    }
    recorder
}

#[test]
fn asks_are_in_order_of_time_whatever_the_order_of_the_lines() {
    let lines = [
        entry(2.0, "late", 1, "hit", ""),
        entry(0.0, "wallboard", 2, "hit", ""),
        entry(1.0, "-", 1, "hit", ""),
    ];
    let trace = recorded(&lines).finish().unwrap();
    let told: Vec<_> = trace
        .asks
        .iter()
        .map(|ask| (ask.at_ms, ask.job, ask.client))
        .collect();
    let (wallboard, late) = (ClientId::at(1), ClientId::at(2));
    assert_eq!(
        told,
        [
            (0, 1, wallboard),
            (1_000, 0, ClientId::ANONYMOUS),
            (2_000, 0, late)
        ]
    );
    assert_eq!((trace.jobs(), trace.clients(), trace.skipped()), (2, 3, 0));
    assert_eq!(trace.span(), Duration::from_secs(2));
    assert_eq!(trace.jobs.get_index(0), Some(&job(1)));
}

#[test]
fn a_job_was_before_what_it_was_first_seen_to_be_and_changes_when_a_line_tells_it() {
    let lines = [
        entry(0.0, "bot", 1, "hit", ""),
        entry(1.0, "bot", 1, "hit", r#","etag":"0000000a","running":true"#),
        entry(2.0, "bot", 1, "hit", r#","etag":"0000000a","running":true"#),
        entry(3.0, "bot", 1, "hit", ""),
        entry(4.0, "bot", 1, "hit", r#","etag":"0000000b""#),
        entry(5.0, "bot", 2, "hit", ""),
    ];
    let trace = recorded(&lines).finish().unwrap();
    let (running, finished) = (state(10, true), state(11, false));
    // a line without `etag` only says that the job is there
    assert_eq!(trace.first, [State::UNKNOWN, State::UNKNOWN]);
    let changes: Vec<_> = trace.changes.iter().map(|c| (c.at_ms, c.state)).collect();
    assert_eq!(changes, [(1_000, running), (4_000, finished)]);
    assert!(trace.knows_states());

    let trace = recorded(&lines[1..]).finish().unwrap();
    assert_eq!(trace.first, [running, State::UNKNOWN]);
    assert_eq!(trace.changes.len(), 1);
    let trace = recorded(&lines[5..]).finish().unwrap();
    assert!(!trace.knows_states());
}

fn state(etag: u32, running: bool) -> State {
    State::Job { etag, running }
}

#[test]
fn a_denied_job_stays_so_until_a_line_answers_it() {
    let denied = r#","error.code":"DEV.CB.0531.00031006""#;
    let lines = [
        entry(0.0, "bot", 1, "failed", denied).replace("200", "404"),
        entry(1.0, "bot", 1, "held", "").replace("200", "429"),
        entry(2.0, "bot", 1, "miss", ""),
    ];
    let trace = recorded(&lines).finish().unwrap();
    assert_eq!(trace.first, [State::Denied]);
    let changes: Vec<_> = trace.changes.iter().map(|c| (c.at_ms, c.state)).collect();
    assert_eq!(changes, [(2_000, State::UNKNOWN)]);
}

#[test]
fn a_call_takes_as_long_as_the_median_of_those_recorded() {
    let miss = |at, micros| {
        let more = format!(r#","cost":1,"duration_us":{micros}"#);
        entry(at, "bot", 1, "miss", &more)
    };
    let lines = [
        miss(0.0, 90_000),
        miss(1.0, 9_000_000),
        miss(2.0, 120_000),
        entry(3.0, "bot", 1, "hit", r#","cost":0,"duration_us":5"#),
    ];
    let trace = recorded(&lines).finish().unwrap();
    assert_eq!(trace.latency(), Duration::from_millis(120));
    let trace = recorded(&lines[3..]).finish().unwrap();
    assert_eq!(trace.latency(), Duration::from_millis(200), "none recorded");
}

#[test]
fn what_is_no_ask_is_counted_and_a_log_without_asks_is_no_trace() {
    let garbage = ["", "{", "null", "{}", "\u{fffd}\u{0}", "-- reboot --"];
    let garbage: Vec<_> = garbage.map(str::to_owned).into();
    assert!(recorded(&garbage).finish().is_none());
    let mut recorder = recorded(&garbage);
    recorder.line(&[0xff, 0xfe]).unwrap();
    recorder
        .line(entry(0.0, "bot", 1, "hit", "").as_bytes())
        .unwrap();
    recorder.skip();
    let trace = recorder.finish().unwrap();
    assert_eq!((trace.asks(), trace.skipped()), (1, 8));
    let text = b"2026-05-28T20:26:40.123Z  INFO access: client=a";
    assert_eq!(Recorder::new([]).line(text), Err(TextFormat));
}

#[test]
fn of_a_log_with_a_name_of_its_own_in_each_line_only_some_are_told_apart() {
    let lines = (0..3_000).map(|number| entry(1.0, &format!("c{number}"), 1, "hit", ""));
    let trace = recorded(&lines.collect::<Vec<_>>()).finish().unwrap();
    assert_eq!((trace.asks(), trace.clients()), (3_000, 1_000));
}
