//! The program and the schema give the same verdict on a file, but for what a schema of single values cannot know.

use jsonschema::Validator;
use regex::Regex;

use super::super::manual::{bounds_of, documented};
use super::super::refusals::{UNAVAILABLE, UNKNOWN_KEYS, WRONG_VALUES};
use super::super::{REQUIRED, checked};
use super::{is_valid, validator};

/// Refusals that are beyond a schema: bounds of durations and sizes, and what another key or the environment says.
const BEYOND: &str = r"must be between \d+[A-Za-z]|must not (be|take)|must be set|off loopback|when budget.sweep.mode is";

#[test]
fn what_the_program_refuses_the_schema_refuses() {
    let validator = validator();
    let beyond = Regex::new(BEYOND).unwrap();
    let mut refused = 0;
    for (text, refusal) in WRONG_VALUES.iter().chain(UNKNOWN_KEYS).chain(UNAVAILABLE) {
        let is_beyond = beyond.is_match(refusal);
        let text = format!("{REQUIRED}{text}");
        assert_eq!(is_valid(&validator, &text), is_beyond, "{refusal}");
        refused += usize::from(!is_beyond);
    }
    assert!(refused > 25, "{refused}");
}

#[test]
fn an_empty_file_is_good_by_the_schema_because_variables_can_say_everything() {
    assert!(is_valid(&validator(), ""));
}

#[test]
fn numbers_have_the_same_bounds() {
    let validator = validator();
    let mut numbers = 0;
    for key in documented().iter().filter(|key| key.value.is_integer()) {
        let (min, max) = bounds_of(&key.path).expect("every number is bounded");
        let (min, max): (i64, i64) = (min.parse().unwrap(), max.parse().unwrap());
        for (number, verdict) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            assert_verdict(&validator, &key.path, &number.to_string(), verdict);
        }
        numbers += 1;
    }
    assert!(numbers >= 6, "{numbers}");
}

/// A key, texts that it takes, and texts that it does not: between bars.
const TEXTS: [(&str, &str, &str); 15] = [
    (
        "server.request_timeout",
        "250ms|30s|1m 30s|1m30s|0.5h|2 seconds|3000msec|1min| 5s ",
        "60|0x|s||-1s|1,5s|1.s|30S|1 s 2|5 s m",
    ),
    (
        "cache.stale_if_error",
        "0|0s|7d|1week|1w 0s|24hours|9000000us",
        "PT1H|1 fortnight",
    ),
    (
        "cache.max_memory",
        "256MiB|1GB|1 gib|64M|2097152|2097152B|1.5GiB|3Mi|3Gb",
        "1.5|MiB||-1MiB|256 MB!|64MiBs|much",
    ),
    (
        "server.listen",
        "127.0.0.1:0|[::1]:81|127.0.0.1:65535",
        "127.0.0.1|:80|localhost:80|::1:80|127.0.0.1:http|",
    ),
    (
        "admin.listen",
        "127.0.0.1:0|[::1]:1|",
        "off|9090|localhost:9090",
    ),
    ("server.base_path", "|/a|/a/b.c~_-", "a|/|/a/|//a|/é|/a b"),
    ("upstream.credential.project_id", "a-B_9|0", "|a b|é"),
    (
        "upstream.credential.security_token_env",
        "A|_A9",
        "9A|a||A-B|hunter2",
    ),
    ("upstream.region", "cn-north-4|la-south-2", "cn-north-9|"),
    ("log.level", "info|trace", "Info|loud"),
    ("log.access", "all|errors|off", "none"),
    (
        "auth.mode",
        "open|open-to-network",
        "open_to_network|closed",
    ),
    ("budget.mode", "budget|ttl", "none"),
    ("budget.sweep.mode", "auto|recent|off", "on"),
    ("store.kind", "memory", "file|redis"),
];

#[test]
fn texts_have_the_same_forms() {
    let validator = validator();
    for (key, good, bad) in TEXTS {
        for (texts, verdict) in [(good, true), (bad, false)] {
            for text in texts.split('|') {
                assert_verdict(&validator, key, &format!("\"{text}\""), verdict);
            }
        }
    }
}

#[test]
fn hosts_have_the_same_form() {
    let validator = validator();
    for (list, verdict) in [
        ("[]", true),
        ("[\"a.example\", \"[::1]:80\", \"B:8080\"]", true),
        ("[\"10.1.2.3\", \"a_b-c:65535\", \"[2001:db8::1]\"]", true),
        ("[\"a/b\"]", false),
        ("[\"*\"]", false),
        ("[\"*.example.com\"]", false),
        ("[\"a:65536\"]", false),
        ("[\"a:99999\"]", false),
        ("[\"a:+80\"]", false),
        ("[\"a:\"]", false),
        ("[\"a:b\"]", false),
        ("[\"a:1:2\"]", false),
        ("[\"[::1\"]", false),
        ("[\"::1\"]", false),
        ("[\"a,b\"]", false),
        ("[\"a\", \"user@a\"]", false),
        ("[\"\"]", false),
        ("\"a\"", false),
        ("[1]", false),
    ] {
        for key in ["server.allowed_hosts", "admin.allowed_hosts"] {
            assert_verdict(&validator, key, list, verdict);
        }
    }
}

#[test]
fn clients_have_the_same_form() {
    let validator = validator();
    let hash = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";
    let client = |name: &str, keys: &str, more: &str| {
        format!("[{{ name = \"{name}\", key_sha256 = [{keys}]{more} }}]")
    };
    let one = format!("\"{hash}\"");
    let long = "a".repeat(64);
    for name in ["a", ".", "--", "A.b_c-9", &long] {
        assert_verdict(&validator, "clients", &client(name, &one, ""), true);
    }
    for name in ["", "-", "a b", "é", &format!("{long}a")] {
        assert_verdict(&validator, "clients", &client(name, &one, ""), false);
    }
    for keys in ["", "\"jg_key\"", "1", &format!("\"{hash}0\"")] {
        assert_verdict(&validator, "clients", &client("a", keys, ""), false);
    }
    for more in [
        "refresh = \"10/m\"",
        "refresh = \"10000/h\"",
        "refresh = \"007/s\"",
        "max_stale = \"5m\"",
        "share = 0.0001",
        "share = 0.5",
        "share = 1",
        "share = 1.0",
        "rate = \"20/s\"",
        "rate = \"007/m\"",
        "jobs = [\"901878212b1a49be9c1a1054c272762a\"]",
        "secret_env = \"S\"",
        "secret_file = \"s\"",
    ] {
        assert_verdict(
            &validator,
            "clients",
            &client("a", &one, &format!(", {more}")),
            true,
        );
    }
    for more in [
        "refresh = \"10001/m\"",
        "refresh = \"10/d\"",
        "refresh = \"+1/m\"",
        "refresh = 10",
        "rate = \"0/s\"",
        "rate = \"10001/s\"",
        "jobs = []",
        "jobs = [\"x\"]",
        "secret_env = \"hunter2\"",
        "max_stale = 300",
        "share = 0",
        "share = 0.0",
        "share = 0.00009",
        "share = -0.5",
        "share = 1.0001",
        "share = \"0.5\"",
        "share = [0.5]",
        "key = \"k\"",
    ] {
        assert_verdict(
            &validator,
            "clients",
            &client("a", &one, &format!(", {more}")),
            false,
        );
    }
    for incomplete in ["{}", &format!("{{ key_sha256 = [{one}] }}")] {
        assert_verdict(&validator, "clients", &format!("[{incomplete}]"), false);
    }
}

/// Both judge so a file that is good but for this.
#[track_caller]
fn assert_verdict(validator: &Validator, key: &str, value: &str, verdict: bool) {
    let lines = REQUIRED.lines();
    let others = lines.filter(|line| !line.starts_with(&format!("{key} = ")));
    let text = format!("{}\n{key} = {value}", others.collect::<Vec<_>>().join("\n"));
    let program = checked(&text, &[]);
    assert_eq!(
        program.is_ok(),
        verdict,
        "the program: {key} = {value}: {program:?}"
    );
    assert_eq!(
        is_valid(validator, &text),
        verdict,
        "the schema: {key} = {value}"
    );
}
