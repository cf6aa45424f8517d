//! `jobgate replay`, and `check --log`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use tempfile::TempDir;

use super::{here, jobgate, run};

const JOB: [&str; 2] = [
    "901878212b1a49be9c1a1054c272762a",
    "abcdefghijklmnopqrstuvwxyz012345",
];

/// Settings for which the figures of [`two_jobs`] are worked out beside `policy::replay`'s own tests.
const THREE_CALLS: &str = "auth.mode = \"open\"\n[upstream]\nregion = \"cn-north-4\"\n[upstream.credential]\nkind = \"token\"\n\
    token_env = \"UP\"\n[budget]\nrequests = 3\n";

fn line(at: u32, job: usize, etag: u32) -> String {
    let (minute, second, job) = (at / 60, at % 60, JOB[job]);
    format!(
        r#"{{"timestamp":"2026-05-28T08:{minute:02}:{second:02}.000Z","level":"INFO","target":"access","client":"wallboard","peer":"127.0.0.1:5","method":"GET","job.id":"{job}","status":200,"outcome":"hit","cost":0,"duration_us":12,"bytes":913,"request.id":"r-1","etag":"{etag:08x}","running":false}}"#
    ) + "\n"
}

/// Written by two threads, and with lines that are none of ours between.
fn two_jobs() -> String {
    let lines = [
        line(0, 0, 1),
        line(10, 0, 1),
        "{\"timestamp\":\"2026-05-28T08:00:00.000Z\",\"level\":\"INFO\",\"message\":\"serving\",\"target\":\"jobgate\"}\n".to_owned(),
        line(3, 1, 9),
        line(40, 0, 1),
        "garbage\u{1b}[2J\n\n".to_owned(),
        line(71, 0, 2),
        line(70, 0, 2),
        format!("{{\"{}\"}}\n", "x".repeat(200_000)),
        line(75, 1, 9),
    ];
    lines.concat()
}

fn with_log(log: &str) -> TempDir {
    let dir = here();
    fs::write(dir.path().join("access.log"), log).unwrap();
    fs::write(dir.path().join("gateway.toml"), THREE_CALLS).unwrap();
    dir
}

#[test]
fn replay_shows_what_settings_would_have_made_of_a_log() {
    let dir = with_log(&two_jobs());
    let words = [
        "replay",
        "access.log",
        "--mode",
        "ttl",
        "--requests",
        "3,50",
        "--warm-up",
        "0s",
    ];
    let (code, out, err) = run(jobgate(&dir, &words).env("JOBGATE_BUDGET__MODE", "ttl"));
    assert_eq!((code, &*err), (0, ""));
    insta::assert_snapshot!(out);
    let again = run(jobgate(&dir, &words).env("JOBGATE_BUDGET__MODE", "ttl"));
    assert_eq!(again.1, out);
}

#[test]
fn replay_tells_machines_the_same_and_reads_several_logs_and_standard_input() {
    let dir = with_log("");
    let log = two_jobs();
    let (first, second) = log.split_at(log.find("garbage").unwrap());
    fs::write(dir.path().join("second.log"), second).unwrap();
    let words = ["replay", "second.log", "-", "--json", "--warm-up", "0s"];
    let mut child = jobgate(&dir, &words)
        .env("JOBGATE_BUDGET__MODE", "ttl")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(first.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["log"]["requests"], &told["log"]["skipped_lines"]),
        (&7.into(), &4.into())
    );
    let rows: Vec<_> = told["rows"].as_array().unwrap().iter().collect();
    let tried: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["mode"].as_str().unwrap(),
                row["requests"].as_u64().unwrap(),
                row["current"].as_bool().unwrap(),
            )
        })
        .collect();
    let usual = [
        ("ttl", 3, true),
        ("ttl", 1, false),
        ("ttl", 6, false),
        ("budget", 3, false),
    ];
    assert_eq!(tried, usual);
    let current = rows[0];
    for (key, value) in [
        ("asks", 7),
        ("calls", 3),
        ("from_memory", 4),
        ("refused", 1),
        ("differing", 1),
    ] {
        assert_eq!(current[key], value, "{key}");
    }
    assert_eq!(current["age_seconds"]["oldest"], 70.0);
}

#[test]
fn replay_refuses_what_it_cannot_do_and_says_why() {
    let dir = with_log(&two_jobs());
    fs::write(
        dir.path().join("text.log"),
        "2026-05-28T08:00:00.000Z  INFO access: client=a\n",
    )
    .unwrap();
    fs::write(dir.path().join("empty.log"), "garbage\n").unwrap();
    let many = (1..=64)
        .map(|n: u32| n.to_string())
        .collect::<Vec<_>>()
        .join(",");
    for (args, code, told) in [
        (&["replay"][..], 2, "<ACCESS_LOG>"),
        (&["replay", "absent.log"], 1, "cannot read absent.log"),
        (
            &["replay", "text.log"],
            2,
            "text.log: this log is in the format \"text\"; replay needs log.format = \"json\"",
        ),
        (&["replay", "empty.log"], 1, "no request for a job"),
        (
            &["replay", "access.log", "--requests", "0"],
            2,
            "--requests",
        ),
        (
            &["replay", "access.log", "--ttl", "0s"],
            2,
            "must be more than nothing",
        ),
        (
            &["replay", "access.log", "--mode", "best"],
            2,
            "[possible values: budget, ttl]",
        ),
        (
            &["replay", "access.log", "--requests", &many],
            2,
            "at most 64",
        ),
        (
            &["replay", "access.log", "--config", "absent.toml"],
            2,
            "absent.toml",
        ),
        (
            &["check", "--log", "absent.log"],
            1,
            "cannot read absent.log",
        ),
    ] {
        let (ended, out, err) = run(&mut jobgate(&dir, args));
        assert_eq!((ended, &*out), (code, ""), "{args:?}: {err}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
}

#[test]
fn check_says_whether_the_budget_would_do_for_a_recorded_log() {
    let dir = with_log(&two_jobs());
    let check = |dir: &TempDir| {
        run(jobgate(dir, &["check", "--log", "access.log"])
            .env("JOBGATE_BUDGET__REQUESTS", "5")
            .env("UP", "t".repeat(64)))
    };
    let (code, out, _) = check(&dir);
    assert_eq!(code, 0);
    // two first asks and three looks in 75 seconds
    let told = "forecast    jobs asked for the first time need 1.6 calls in 60s, and all others 2.4 to be as fresh";
    assert!(
        out.contains(told) && out.contains("the budget covers both"),
        "{out}"
    );
    assert!(!out.contains("warning"), "{out}");

    let scan = (0..60).map(|second| line(second, 0, 1).replace(JOB[0], &format!("{second:032}")));
    let dir = with_log(&scan.collect::<String>());
    let (code, out, _) = check(&dir);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("warning: the recorded log has more first asks than"),
        "{out}"
    );
    assert!(out.contains("need 60.0 calls in 60s"), "{out}");
}
