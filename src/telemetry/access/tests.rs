use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;

use super::{AccessLog, AccessRecord, Target, ToldJob, UpstreamAnswer};
use crate::config::{AccessLog as Mode, LogFormat, LogSettings};
use crate::policy::cost::Cost;
use crate::policy::job::JobId;
use crate::policy::outcome::{Forwarding, Outcome};
use crate::telemetry::lines::Lines;
use crate::telemetry::lines::memory::Memory;

const ID: &str = "901878212b1a49be9c1a1054c272762a";

fn hit(id: &JobId) -> AccessRecord<'_> {
    AccessRecord {
        at: UNIX_EPOCH + Duration::from_millis(1_780_000_000_123),
        client: Some("wallboard"),
        peer: "127.0.0.1:50000",
        method: "GET",
        target: Target::Job(id),
        status: Some(200),
        outcome: Outcome::Hit {
            ttl: Duration::from_secs(7),
            by_list: false,
        },
        cost: Cost::ZERO,
        told: Some(ToldJob::new(
            &HeaderValue::from_static("\"44136fa355b3678a1146ad16f7e8649e\""),
            true,
        )),
        error_code: None,
        duration: Duration::from_nanos(12_345),
        bytes: 913,
        request_id: "r-1",
        upstream: None,
    }
}

/// The line in JSON and in text.
fn lines_of(mode: Mode, record: &AccessRecord<'_>) -> (String, String) {
    let written = |format| {
        let memory = Memory::default();
        let lines = Lines::start(memory.clone()).unwrap();
        let settings = LogSettings {
            format,
            level: tracing::Level::INFO,
            access: mode,
        };
        AccessLog::new(&settings, lines.clone()).write(record);
        assert!(lines.flush(Duration::from_secs(30)));
        memory.text()
    };
    (written(LogFormat::Json), written(LogFormat::Text))
}

#[test]
fn a_hit_is_one_line_in_either_format() {
    let id = JobId::parse(ID).unwrap();
    let (json, text) = lines_of(Mode::All, &hit(&id));
    assert_eq!(
        json,
        concat!(
            r#"{"timestamp":"2026-05-28T20:26:40.123Z","level":"INFO","target":"access","client":"wallboard","#,
            r#""peer":"127.0.0.1:50000","method":"GET","job.id":"901878212b1a49be9c1a1054c272762a","status":200,"#,
            r#""outcome":"hit","cost":0,"etag":"44136fa3","running":true,"duration_us":12,"bytes":913,"request.id":"r-1"}"#,
            "\n"
        )
    );
    assert_eq!(
        text,
        concat!(
            "2026-05-28T20:26:40.123Z  INFO access: client=wallboard peer=127.0.0.1:50000 method=GET ",
            "job.id=901878212b1a49be9c1a1054c272762a status=200 outcome=hit cost=0 etag=44136fa3 running=true duration_us=12 bytes=913 ",
            "request.id=r-1\n"
        )
    );
}

#[test]
fn a_forwarded_failure_names_upstreams_answer_and_what_it_cost() {
    let id = JobId::parse(ID).unwrap();
    let record = AccessRecord {
        client: None,
        status: Some(502),
        outcome: Outcome::Failed(Forwarding {
            calls: 2,
            ..Forwarding::default()
        }),
        cost: Cost::of_calls(2),
        told: None,
        error_code: Some("JG.5024"),
        upstream: Some(UpstreamAnswer {
            status: Some(200),
            request_id: Some("c0ffee"),
        }),
        ..hit(&id)
    };
    let (json, text) = lines_of(Mode::Errors, &record);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["client"], "-");
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["cost"], 2);
    assert!(text.ends_with(
        "status=502 outcome=failed cost=2 error.code=JG.5024 duration_us=12 bytes=913 request.id=r-1 \
         upstream.status=200 upstream.request_id=c0ffee\n"
    ));
}

#[test]
fn a_shared_call_is_logged_to_the_millionth() {
    let id = JobId::parse(ID).unwrap();
    for (millionths, logged) in [
        (333_334, "0.333334"),
        (500_000, "0.5"),
        (10, "0.00001"),
        (2_000_001, "2.000001"),
        (3_000_000, "3"),
    ] {
        let record = AccessRecord {
            cost: Cost::of_millionths(millionths),
            ..hit(&id)
        };
        let (json, text) = lines_of(Mode::All, &record);
        assert!(json.contains(&format!(r#""cost":{logged},"#)), "{json}");
        assert!(text.contains(&format!(" cost={logged} ")), "{text}");
    }
}

#[test]
fn a_client_that_left_has_no_status() {
    let id = JobId::parse(ID).unwrap();
    let record = AccessRecord {
        status: None,
        outcome: Outcome::Abandoned,
        ..hit(&id)
    };
    let (json, text) = lines_of(Mode::All, &record);
    assert!(!json.contains("status") && json.contains(r#""outcome":"abandoned""#));
    assert!(!text.contains("status") && text.contains("outcome=abandoned"));
}

#[test]
fn a_hostile_path_can_neither_forge_a_line_nor_steer_a_terminal() {
    let id = JobId::parse(ID).unwrap();
    let path = format!("/x\" status=200\n{{\u{9b}2J{}", "é".repeat(1000));
    let record = AccessRecord {
        target: Target::Path(&path),
        ..hit(&id)
    };
    let (json, text) = lines_of(Mode::All, &record);
    for line in [&json, &text] {
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(
            line.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')),
            "{line}"
        );
        assert!(line.len() < 2048, "{}", line.len());
    }
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let logged = json["path"].as_str().unwrap();
    assert!(logged.starts_with("/x\" status=200\n{\u{9b}2Jé") && logged.ends_with("é..."));
    assert!(text.contains(r#"path="/x\" status=200\n{\u009b2J\u00e9"#));
}

#[test]
fn the_mode_decides_who_gets_a_line() {
    let id = JobId::parse(ID).unwrap();
    for (mode, status, written) in [
        (Mode::All, Some(200), true),
        (Mode::All, None, true),
        (Mode::Errors, Some(304), false),
        (Mode::Errors, Some(399), false),
        (Mode::Errors, Some(400), true),
        (Mode::Errors, None, false),
        (Mode::Off, Some(500), false),
        (Mode::Off, None, false),
    ] {
        let record = AccessRecord { status, ..hit(&id) };
        let (json, text) = lines_of(mode, &record);
        assert_eq!(!json.is_empty(), written, "{mode:?} {status:?}");
        assert_eq!(!text.is_empty(), written, "{mode:?} {status:?}");
    }
}
