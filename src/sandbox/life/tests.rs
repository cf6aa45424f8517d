//! A job's life, moment by moment.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

use super::info::{JobInfo, seconds};
use super::{Life, PERIOD_MS, living};
use crate::policy::job::JobId;

/// 2026-01-01T00:00:00Z.
const NOW_MS: u64 = 1_767_225_600_000;

#[test]
fn a_build_queues_runs_and_finishes_and_the_body_says_so() {
    let life = Life::of(id("abcdefghijklmnopqrstuvwxyz012345"), 1);
    let (build, _) = life.at(NOW_MS);
    let queued = life.queued_at_ms(build);
    let started = life.started_at_ms(build);
    let ended = started + life.run_ms(build);
    let next = queued + life.period_ms;
    let before = build - 1;
    // (moment, running_status, build last started, build last finished)
    let moments = [
        (queued - 1, "Finished", before, before),
        (queued, "InQueue", before, before),
        (started - 1, "InQueue", before, before),
        (started, "Running", build, before),
        (ended - 1, "Running", build, before),
        (ended, "Finished", build, build),
        (next - 1, "Finished", build, build),
        (next, "InQueue", build, build),
    ];
    for (moment, status, last_started, last_finished) in moments {
        let info = life.info(life.moment(moment));
        assert_eq!(info.running_status, status, "at {moment}");
        assert_eq!(info.last_build_time, life.started_at_ms(last_started));
        assert_eq!(told_of_finished(&info), told_of(&life, last_finished));
    }
}

#[test]
fn all_endings_occur_and_health_follows_them() {
    let life = Life::of(id("abcdefghijklmnopqrstuvwxyz012345"), 1);
    let endings: Vec<&str> = (1_000..1_100).map(|build| life.ended(build)).collect();
    for ending in ["success", "failure", "aborted"] {
        assert!(endings.contains(&ending), "{ending}");
    }
    let good = endings[90..]
        .iter()
        .filter(|end| **end == "success")
        .count();
    assert_eq!(life.health(1_099), u64::try_from(good).unwrap() * 10);
}

#[test]
fn a_body_has_the_types_of_the_documented_example() {
    let example: Value = serde_json::from_str(include_str!(
        "../../../tests/samples/success-documented.json"
    ))
    .unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW_MS);
    let body = body(id("abcdefghijklmnopqrstuvwxyz012345"), at, 1);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["status"], "success");
    assert!(body["error"].is_null());
    let (ours, theirs) = (result(&body), result(&example));
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "in the same order"
    );
    for (field, value) in theirs {
        assert_eq!(
            std::mem::discriminant(value),
            std::mem::discriminant(&ours[field]),
            "{field}"
        );
    }
    assert!(
        ours["create_time"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            < NOW_MS
    );
}

#[test]
fn a_body_is_the_same_in_every_process_and_every_version() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW_MS);
    let body = body(id("abcdefghijklmnopqrstuvwxyz012345"), at, 1);
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        concat!(
            r#"{"result":{"id":"abcdefghijklmnopqrstuvwxyz012345","#,
            r#""project_id":"e1ce213e-0a4a-e8ab-50fd-95f5692f7bf8","project_permission_switch":true,"#,
            r#""build_time":"58.83","charge_time":"47.06","create_time":"1746722584743","#,
            r#""disabled":false,"favorite":false,"source_code":"codehub","#,
            r#""running_status":"Running","new_build":false,"job_name":"payment-service-481","#,
            r#""is_copy":true,"is_delete":true,"is_execute":true,"is_forbidden":true,"#,
            r#""is_manager":true,"is_modify":true,"is_view":true,"#,
            r#""last_build_status":"success","last_build_time":1767225558268,"health_score":70},"#,
            r#""status":"success","error":null}"#,
        )
    );
}

#[test]
fn a_clock_before_the_epoch_harms_nothing() {
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let id = id("abcdefghijklmnopqrstuvwxyz012345");
    assert_eq!(body(id, before, 1), body(id, SystemTime::UNIX_EPOCH, 1));
}

proptest! {
    #[test]
    fn any_job_lives_within_its_bounds(text in "[0-9A-Za-z]{32}", now_ms in NOW_MS..NOW_MS + 100_000_000) {
        let life = Life::of(id(&text), 1);
        prop_assert!(PERIOD_MS.contains(&life.period_ms));
        let info = life.info(life.moment(now_ms));
        prop_assert_eq!(info.id, &text);
        prop_assert!(info.last_build_time <= now_ms);
        prop_assert!(now_ms - info.last_build_time < 2 * life.period_ms);
        prop_assert!(info.health_score <= 100);
        prop_assert_eq!(info.project_id.len(), 36);
    }

    #[test]
    fn between_its_moments_a_body_does_not_change(text in "[0-9A-Za-z]{32}") {
        let life = Life::of(id(&text), 1);
        let (build, _) = life.at(NOW_MS);
        let moments = [
            life.queued_at_ms(build),
            life.started_at_ms(build),
            life.started_at_ms(build) + life.run_ms(build),
            life.queued_at_ms(build + 1),
        ];
        for pair in moments.windows(2) {
            let [from, to] = pair else { continue };
            let at = |ms| body(life.id, SystemTime::UNIX_EPOCH + Duration::from_millis(ms), 1);
            prop_assert_eq!(at(*from), at(*to - 1));
            prop_assert!(at(*from) != at(*to));
        }
    }
}

fn body(id: JobId, now: SystemTime, speed: u32) -> Bytes {
    living(id, now, speed).body()
}

fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

fn result(body: &Value) -> &serde_json::Map<String, Value> {
    body["result"].as_object().unwrap()
}

fn told_of_finished(info: &JobInfo<'_>) -> (&'static str, String, u64) {
    (
        info.last_build_status,
        info.build_time.clone(),
        info.health_score,
    )
}

fn told_of(life: &Life, finished: u64) -> (&'static str, String, u64) {
    (
        life.ended(finished),
        seconds(life.run_ms(finished)),
        life.health(finished),
    )
}
