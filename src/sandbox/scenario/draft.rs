//! From the text of a scenario file to a [`Scenario`]: every key with its bounds.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::Scenario;
use super::bounds::{Id, Time, is_prefix, must, within};
use super::calls::{Calls, Names};
use super::faults::{Fault, ScenarioFaults};
use super::rule::Rule;
use super::table::{Notes, Table, closest};
use crate::policy::job::JobId;
use crate::sandbox::act::{ROWS, Row, name_in};
use crate::sandbox::identity::Terms;

/// Largest file, in bytes: the most rules with a page of text each.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Most rules: each call may ask all of them.
const MAX_RULES: usize = 1_000;

/// Most calls of a quota, as of the gateway's `budget.requests`.
const MAX_REQUESTS: i64 = 1_000_000;

/// Most calls that a rule counts up to: a year of 30 calls a second.
const MAX_CALLS: i64 = 1_000_000_000;

/// Most demo jobs: as many as the example in the lists' definition has, and some.
const MAX_DEMO_JOBS: i64 = 25_000;

/// How many times as fast jobs may live; the liveliest are then built every 200 ms.
const SPEED: RangeInclusive<i64> = 1..=100;

/// Reads a file.
pub(super) fn load(path: &Path) -> Result<Scenario, ScenarioFaults> {
    let name = path.display().to_string();
    let text = text_of(path).map_err(|error| {
        ScenarioFaults(vec![Fault {
            file: name.clone(),
            line: 0,
            key: String::new(),
            message: format!("cannot be read: {error}"),
        }])
    })?;
    read(&name, &text)
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = File::open(path)?.take(MAX_FILE_BYTES + 1);
    if file.read_to_string(&mut text)? as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// Reads a text that came from `file`.
pub(super) fn read(file: &str, text: &str) -> Result<Scenario, ScenarioFaults> {
    let mut notes = Notes {
        file,
        text,
        faults: Vec::new(),
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            notes.fault(at, String::new(), format!("not TOML: {}", error.message()));
            return Err(notes.into_faults());
        }
    };
    let scenario = scenario(Table::root(table), &mut notes);
    if notes.faults.is_empty() {
        Ok(scenario)
    } else {
        Err(notes.into_faults())
    }
}

fn scenario(mut table: Table<'_>, notes: &mut Notes<'_>) -> Scenario {
    let usual = Scenario::default();
    let requests = number(&mut table, "requests", notes, 0..=MAX_REQUESTS);
    let window = time(&mut table, "window", notes);
    let list_requests: Option<u32> = number(&mut table, "list_requests", notes, 0..=MAX_REQUESTS);
    let shared = table.take("shared", notes, |shared| {
        must(
            !shared || list_requests.is_none(),
            "with it lists have no quota of their own; leave out `list_requests`",
        )
    });
    let rate_headers = table.take("rate_headers", notes, |_| Ok(()));
    let demo_jobs = number(&mut table, "demo_jobs", notes, 0..=MAX_DEMO_JOBS);
    let speed = number(&mut table, "speed", notes, SPEED);
    let seed = number(&mut table, "seed", notes, 0..=i64::MAX);
    let identity = table.take_table("identity", notes);
    let identity = identity.map(|table| terms(table, notes));
    let rules = table.take_tables("rules", notes);
    if rules.len() > MAX_RULES {
        table.fault(notes, format!("must have at most {MAX_RULES} rules"));
    }
    let rules = rules
        .into_iter()
        .take(MAX_RULES)
        .filter_map(|table| rule(table, notes));
    let rules = rules.collect();
    table.end(notes);
    Scenario {
        requests,
        window,
        list_requests,
        shared,
        identity: identity.unwrap_or_default(),
        rate_headers: rate_headers.unwrap_or(usual.rate_headers),
        demo_jobs: demo_jobs.unwrap_or(usual.demo_jobs),
        speed: speed.unwrap_or(usual.speed),
        seed: seed.unwrap_or(usual.seed),
        rules,
    }
}

fn terms(mut table: Table<'_>, notes: &mut Notes<'_>) -> Terms {
    let terms = Terms {
        token_lifetime: time(&mut table, "token_lifetime", notes),
        key_lifetime: time(&mut table, "key_lifetime", notes),
        metadata: table.take("metadata", notes, |_| Ok(())),
    };
    table.end(notes);
    terms
}

/// `None`, and a fault, without an act that can be done to the rule's calls.
fn rule(mut table: Table<'_>, notes: &mut Notes<'_>) -> Option<Rule> {
    let calls = table.take("calls", notes, |_: &Calls| Ok(()));
    let calls = calls.unwrap_or_default();
    let jobs = ids(&mut table, "jobs", notes);
    let prefix = table.take("prefix", notes, |prefix: &String| is_prefix(prefix));
    let projects = ids(&mut table, "projects", notes);
    let from = table.take("from", notes, |_: &Time| Ok(()));
    let from = from.map_or(Duration::ZERO, |time| time.0);
    let until = table.take("until", notes, |until: &Time| {
        must(until.0 > from, "must be later than `from`")
    });
    let skip = number(&mut table, "skip", notes, 0..=MAX_CALLS);
    let every = number(&mut table, "every", notes, 1..=MAX_CALLS);
    let chance = table.take("chance", notes, |chance| within(*chance, 0.0..=1.0));
    let times = number(&mut table, "times", notes, 1..=MAX_CALLS);
    if !table.has("do") {
        table.fault(notes, "must say what to do, for example do = \"missing\"");
    }
    let names = Names {
        jobs: jobs.into(),
        prefix: prefix.unwrap_or_default().into(),
    };
    let act = table.take_with_hint("do", notes, act_hint);
    let refusal = act
        .as_ref()
        .and_then(|act| calls.refuse(act, &names, !projects.is_empty()));
    if let Some(refusal) = refusal {
        table.fault(notes, refusal);
    }
    table.end(notes);
    Some(Rule {
        calls,
        names,
        projects,
        from,
        until: until.map(|time| time.0),
        skip: skip.unwrap_or(0),
        every: every.unwrap_or(1),
        chance: chance.unwrap_or(1.0),
        times: times.unwrap_or(u64::MAX),
        act: act?,
    })
}

/// A list of job ids, or of ids of the same form; without the key there are none.
fn ids(table: &mut Table<'_>, key: &'static str, notes: &mut Notes<'_>) -> BTreeSet<JobId> {
    let ids = table.take(key, notes, |ids: &BTreeSet<Id>| {
        must(
            !ids.is_empty(),
            &format!("must name one; without the key the rule is for all {key}"),
        )
    });
    ids.into_iter().flatten().map(|id| id.0).collect()
}

/// An example of the act that is named; if none has this name, the name that was probably meant.
fn act_hint(value: &str) -> Option<String> {
    if let Some(row) = Row::named_in(value) {
        return Some(format!("write for example do = {}", row.scenario));
    }
    let meant = closest(name_in(value), ROWS.iter().map(Row::name))?;
    Some(format!("did you mean `{meant}`?"))
}

/// A time that is not zero.
fn time(table: &mut Table<'_>, key: &'static str, notes: &mut Notes<'_>) -> Option<Duration> {
    let time = table.take(key, notes, |time: &Time| {
        must(!time.0.is_zero(), "must be longer than 0s")
    });
    time.map(|time| time.0)
}

/// A whole number within bounds; TOML's are `i64`.
fn number<T: TryFrom<i64>>(
    table: &mut Table<'_>,
    key: &'static str,
    notes: &mut Notes<'_>,
    bounds: RangeInclusive<i64>,
) -> Option<T> {
    let number = table.take(key, notes, |n| within(*n, bounds))?;
    T::try_from(number).ok()
}
