//! Ids and scenario forms name the same acts, and the rows name them all.

use std::time::Duration;

use proptest::prelude::proptest;
use serde::Deserialize as _;
use toml::de::ValueDeserializer;

use super::{Act, ROWS, Row, SAME, Scope, Script, State, is_act_id};
use crate::policy::job::JobId;

fn by_id(start: &str) -> Option<Act> {
    let id = JobId::parse(&format!("{start:0<32}")).unwrap();
    assert!(is_act_id(&id));
    Act::of_id(&id)
}

fn by_rule(text: &str) -> Result<Act, toml::de::Error> {
    Act::deserialize(ValueDeserializer::parse(text)?)
}

#[test]
fn an_id_and_the_scenario_form_beside_it_name_the_same_act() {
    for row in ROWS {
        let act = by_rule(row.scenario).unwrap_or_else(|error| panic!("{}: {error}", row.scenario));
        if !row.id.is_empty() {
            assert_eq!(by_id(row.id), Some(act), "{}", row.id);
        }
    }
}

#[test]
fn a_row_says_of_jobs_and_of_lists_what_they_meet_and_of_nothing_else() {
    for row in ROWS {
        let (for_jobs, for_lists) = match by_rule(row.scenario).unwrap().scope() {
            Scope::Job => (true, false),
            Scope::JobOrItem | Scope::Any => (true, true),
            Scope::Item | Scope::List => (false, true),
        };
        assert_eq!(!row.about.is_empty(), for_jobs, "{}", row.scenario);
        assert_eq!(!row.lists.is_empty(), for_lists, "{}", row.scenario);
        let is_any = by_rule(row.scenario).unwrap().scope() == Scope::Any;
        assert_eq!(row.lists == SAME, is_any, "{}", row.scenario);
    }
}

/// The list of words in serde's own refusal is the list of acts.
#[test]
fn every_act_has_a_row() {
    let refusal = by_rule("\"no such act\"").unwrap_err();
    let (_, list) = refusal.message().split_once("expected one of ").unwrap();
    let acts: Vec<_> = list
        .split(", ")
        .map(|word| word.trim_matches('`'))
        .collect();
    assert_eq!(acts.len(), ROWS.len());
    for act in acts {
        assert!(Row::named_in(act).is_some(), "{act}");
    }
}

#[test]
fn an_id_that_is_nearly_an_act_names_none() {
    for id in [
        "fault",
        "faultcut",
        "faultcutbdy",
        "faultcutbody1",
        "faultmissing1",
        "faultstatus199",
        "faultstatus600",
        "faultstatus5031",
        "faultdelay2h",
        "faultdelay2",
        "faultdripbody",
        "faultthrottle10",
        "faulthuge2gib",
        "faultstatedreaming",
    ] {
        assert_eq!(by_id(id), None, "{id}");
    }
}

#[test]
fn zeros_at_the_end_of_a_parameter_are_told_from_those_that_fill_up() {
    for (id, form) in [
        ("faultstatus500", "{ status = 500 }"),
        ("faultdelay100ms", "{ delay = \"100ms\" }"),
        (
            "faultthrottle100per10m",
            "{ throttle = { requests = 100, window = \"10m\" } }",
        ),
        ("faultstateneverbuilt", "{ state = \"never_built\" }"),
    ] {
        assert_eq!(by_id(id), Some(by_rule(form).unwrap()), "{id}");
    }
}

#[test]
fn a_script_has_entered_the_states_whose_time_has_come() {
    let act = by_rule(
        r#"{ states = [{ state = "queued", for = "5s" }, { state = "running", for = "0s" }, { state = "finished" }] }"#,
    );
    let Ok(Act::States(script)) = act else {
        panic!("{act:?}")
    };
    let (queued, running, finished) = (State::Queued, State::Running, State::Finished);
    let seconds = Duration::from_secs;
    for (elapsed, entered) in [
        (Duration::ZERO, vec![(queued, seconds(0))]),
        (Duration::from_millis(4_999), vec![(queued, seconds(0))]),
        (
            seconds(5),
            vec![
                (queued, seconds(0)),
                (running, seconds(5)),
                (finished, seconds(5)),
            ],
        ),
        (
            Duration::MAX,
            vec![
                (queued, seconds(0)),
                (running, seconds(5)),
                (finished, seconds(5)),
            ],
        ),
    ] {
        assert_eq!(script.entered(elapsed), entered, "{elapsed:?}");
    }
    assert_eq!(
        Script::from(running).entered(seconds(9)),
        [(running, seconds(0))]
    );
}

proptest! {
    #[test]
    fn no_id_brings_the_reader_down(id in "fault(state|drip|status|throttle|delay|huge)?[0-9A-Za-z]{0,27}") {
        let id = format!("{id:0<32.32}");
        let _ = Act::of_id(&JobId::parse(&id).unwrap());
    }
}
