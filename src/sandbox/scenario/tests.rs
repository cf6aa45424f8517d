//! Which calls rules take, and what is said of files that are wrong.

use std::time::Duration;

use proptest::prelude::{Strategy as _, prop_oneof, proptest};

use super::{Call, Running, Scenario};
use crate::clock::Clock;
use crate::policy::job::JobId;
use crate::sandbox::act::Act;

/// The ids of the tests: this digit, and zeros.
fn id(start: &str) -> JobId {
    JobId::parse(&format!("{start:0<32}")).unwrap()
}

/// A scenario of rules that all do `missing` unless they say otherwise.
fn rules(rules: &[&str]) -> String {
    rules.iter().fold(String::new(), |text, rule| {
        let act = if rule.contains("do =") {
            ""
        } else {
            "do = \"missing\""
        };
        format!("{text}[[rules]]\n{rule}\n{act}\n")
    })
}

/// One character a call, at so many seconds and for this job: `x` if it was taken.
fn taken(scenario: &str, calls: impl IntoIterator<Item = (u64, JobId)>) -> String {
    let clock = Clock::manual();
    let mut running = Running::begin(scenario.parse().unwrap(), &clock);
    let start = clock.now();
    let calls = calls.into_iter().map(|(second, id)| {
        let choice = running.choose(Call::Job(&id), start + Duration::from_secs(second));
        if choice.act.is_some() { 'x' } else { '.' }
    });
    calls.collect()
}

/// As [`taken`], `n` calls at once for one job.
fn of_many(n: usize, scenario: &str) -> String {
    taken(scenario, vec![(0, id("1")); n])
}

#[test]
fn calls_are_counted_skipped_thinned_out_and_limited_in_this_order() {
    for (rule, expected) in [
        ("", "xxxxxxxxxx"),
        ("times = 3", "xxx......."),
        ("skip = 2", "..xxxxxxxx"),
        ("skip = 2\ntimes = 1", "..x......."),
        ("every = 3", "..x..x..x."),
        ("every = 3\nskip = 1", "...x..x..x"),
        ("every = 3\nskip = 1\ntimes = 2", "...x..x..."),
        ("chance = 0", ".........."),
        ("chance = 1", "xxxxxxxxxx"),
        ("skip = 10", ".........."),
    ] {
        assert_eq!(of_many(10, &rules(&[rule])), expected, "{rule}");
    }
}

#[test]
fn a_time_begins_with_from_and_ends_before_until() {
    let seconds = || (0..8).map(|second| (second, id("1")));
    for (rule, expected) in [
        ("from = \"3s\"", "...xxxxx"),
        ("until = \"3s\"", "xxx....."),
        ("from = \"2s\"\nuntil = \"5s\"", "..xxx..."),
        ("from = \"2s\"\nuntil = \"5s\"\nskip = 1", "...xx..."),
    ] {
        assert_eq!(taken(&rules(&[rule]), seconds()), expected, "{rule}");
    }
}

#[test]
fn only_the_jobs_of_a_rule_are_counted_by_it() {
    let calls = || ["1", "2", "21", "3"].map(|start| (0, id(start)));
    let of_id = format!("jobs = [\"{}\", \"{}\"]", id("1"), id("3"));
    for (rule, expected) in [
        (of_id.as_str(), "x..x"),
        ("prefix = \"2\"", ".xx."),
        ("prefix = \"21\"", "..x."),
        ("prefix = \"2\"\nskip = 1", "..x."),
        (&format!("{of_id}\nprefix = \"2\""), "...."),
    ] {
        assert_eq!(taken(&rules(&[rule]), calls()), expected, "{rule}");
    }
}

#[test]
fn the_first_rule_that_takes_a_call_decides_and_the_later_ones_do_not_count_it() {
    let scenario = rules(&[
        "prefix = \"1\"\ndo = \"usual\"",
        "every = 2\ndo = \"twice\"",
        "skip = 1\ndo = \"missing\"",
    ]);
    let clock = Clock::manual();
    let mut running = Running::begin(scenario.parse().unwrap(), &clock);
    let mut act = |start| running.choose(Call::Job(&id(start)), clock.now()).act;
    assert_eq!(act("1"), None, "spared");
    assert_eq!(act("2"), None, "the first call of both others");
    assert_eq!(act("2"), Some(Act::Twice));
    assert_eq!(act("1"), None);
    assert_eq!(act("2"), Some(Act::Missing), "its second call");
}

#[test]
fn chance_is_near_its_probability_and_the_same_for_the_same_seed() {
    let scenario = |seed| format!("seed = {seed}\n{}", rules(&["chance = 0.3"]));
    let first = of_many(2_000, &scenario(1));
    let share = first.matches('x').count();
    assert!((500..700).contains(&share), "{share} of 2000");
    assert_eq!(of_many(2_000, &scenario(1)), first);
    assert_ne!(of_many(2_000, &scenario(2)), first);
}

#[test]
fn a_choice_tells_how_long_its_rule_has_applied() {
    let clock = Clock::manual();
    let scenario = rules(&["from = \"10s\""]);
    let mut running = Running::begin(scenario.parse().unwrap(), &clock);
    let began = clock.wall();
    for (second, elapsed, after) in [(9, 9, 0), (10, 0, 10), (25, 15, 10)] {
        let choice = running.choose(
            Call::Job(&id("1")),
            clock.now() + Duration::from_secs(second),
        );
        assert_eq!(choice.elapsed.as_secs(), elapsed);
        assert_eq!(choice.began, began + Duration::from_secs(after));
    }
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_line_key_and_bound() {
    let text = r#"requests = -1
list_requests = 1
shared = true
rate_headers = "yes"
demo_jobs = 25001
window = "0s"
speed = 101
seeds = 1
colour = "red"

[[rules]]
jobs = ["short"]
prefix = "a-b"
from = "10s"
until = "10s"
evry = 2
do = "missing"

[[rules]]
skip = "two"
every = 0
chance = 1.5
times = 0
from = "25h"

[[rules]]
jobs = []
do = { cut = "tail" }

[[rules]]
do = { delay = "2h" }

[[rules]]
do = "vanished"

[[rules]]
do = "delai"

[[rules]]
do = { dellay = "2s" }

[[rules]]
do = "xyzzy"

[[rules]]
do = "cut"

[[rules]]
from = 20
do = { cut = "body", reset = "body" }

[[rules]]
do = { status = 199 }

[[rules]]
do = { huge = "2GiB" }

[[rules]]
do = { recorded = "error499" }

[[rules]]
do = { states = [{ state = "queued" }, { state = "running" }] }

[[rules]]
do = { drip = { at = "body", pause = "1s", colour = "red" } }

[[rules]]
do = "unsorted"

[[rules]]
do = { old = "30s" }

[[rules]]
calls = "lists"
do = "wrong_id"

[[rules]]
calls = "all"
do = "missing"

[[rules]]
calls = "lists"
prefix = "a"
do = { status = 503 }

[[rules]]
projects = ["project1000000000000000000000000"]
do = { status = 503 }

[[rules]]
calls = "list"
do = { without = "colour" }

[[rules]]
calls = "iam"
do = "missing"

[[rules]]
calls = "metadata"
prefix = "a"
do = { status = 503 }

[[rules]]
calls = "iam"
projects = ["project1000000000000000000000000"]
do = { status = 503 }

[identity]
token_lifetime = "0s"
key_lifetime = "25h"
metadata = "older"
tokenlifetime = "1m"
"#;
    let faults = text.parse::<Scenario>().unwrap_err().to_string();
    insta::assert_snapshot!(faults);
}

#[test]
fn what_is_no_scenario_at_all_is_refused() {
    for (text, told) in [
        ("[[rules]\n", "scenario:1: not TOML: "),
        (
            "rules = 1",
            "scenario:1: rules: must be a list of tables, [[rules]]",
        ),
        ("rules = [1]", "scenario:1: rules[0]: must be a table"),
        ("identity = 1", "scenario:1: identity: must be a table"),
        ("[[rules]]", "scenario:1: rules[0]: must say what to do"),
        (&rules(&[""; 1_001]), "must have at most 1000 rules"),
    ] {
        let faults = text.parse::<Scenario>().unwrap_err().to_string();
        assert!(faults.contains(told), "{faults}");
        assert_eq!(faults.lines().count(), 1, "{faults}");
    }
    assert_eq!(
        rules(&[""; 1_000]).parse::<Scenario>().unwrap().rules(),
        1_000
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.toml");
    let faults = Scenario::load(&path).unwrap_err().to_string();
    let told = format!("{}: cannot be read: ", path.display());
    assert!(faults.starts_with(&told), "{faults}");
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let faults = Scenario::load(&path).unwrap_err().to_string();
    assert!(faults.ends_with("larger than 1 MiB"), "{faults}");
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(
        words in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,6}",
                proptest::sample::select(&[
                    "[[rules]]", "\n", "do", "jobs", "from", "speed", "rules", " = ", "[", "]", "{", "}", ",",
                    "\"cut\"", "\"1s\"", "1", "-1", "0.5", "states", "state", "\"queued\"", "构",
                ][..]).prop_map(str::to_owned),
            ],
            0..40,
        ),
    ) {
        if let Err(faults) = words.concat().parse::<Scenario>() {
            assert!(!faults.to_string().is_empty());
        }
    }
}
