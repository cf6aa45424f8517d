//! `[budget]`, `[budget.sweep]` and the clients' shares: what is taken, and what is odd about it.

use super::super::{BudgetMode, Checked, Faults, SweepMode};
use super::{REQUIRED, checked, faults, with_required};

const ONE: &str = "0123456789abcdef0123456789abcdef";

/// The settings by what the file says.
#[track_caller]
fn warnings_of(text: &str) -> Vec<String> {
    with_required(text).unwrap().warnings
}

#[test]
fn calls_go_where_they_are_worth_most_unless_the_file_says_otherwise() {
    let budget = with_required("").unwrap().settings.budget;
    assert_eq!(budget.mode, BudgetMode::Budget);
    assert!(budget.learn && !budget.sweep.shared && budget.sweep.projects.is_empty());
    assert_eq!(
        (budget.sweep.mode, budget.sweep.requests.get()),
        (SweepMode::Auto, 20)
    );
    for (word, mode) in [
        ("auto", SweepMode::Auto),
        ("recent", SweepMode::Recent),
        ("off", SweepMode::Off),
    ] {
        let text = format!("budget.sweep.mode = \"{word}\"\nbudget.learn = false");
        let checked = with_required(&text).unwrap();
        assert_eq!(checked.settings.budget.sweep.mode, mode);
        assert!(!checked.settings.budget.learn);
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    }
}

#[test]
fn the_projects_of_a_sweep_are_taken_as_they_are_written_and_at_most_a_hundred() {
    let ids = |number: usize| (0..number).map(|nth| format!("{nth:031}P"));
    let text = |number: usize| {
        let ids: Vec<_> = ids(number).collect();
        format!(
            "budget.sweep = {{ mode = \"projects\", projects = {ids:?}, requests = 7, shared = true }}"
        )
    };
    let checked = with_required(&text(100)).unwrap();
    let sweep = checked.settings.budget.sweep;
    assert_eq!(sweep.mode, SweepMode::Projects);
    assert_eq!(sweep.projects, ids(100).collect::<Vec<_>>());
    assert_eq!((sweep.requests.get(), sweep.shared), (7, true));
    assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);

    let faults = faults(with_required(&text(101)));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("gateway.toml:7: budget.sweep.projects = [\"0000")
            && faults[0].ends_with("…: must be at most 100 projects"),
        "{faults:?}"
    );
}

#[test]
fn fixed_lifetimes_sweep_nothing_and_say_so_to_whoever_asked_for_it() {
    let ttl = "budget.mode = \"ttl\"\n";
    let projects = format!("budget.sweep = {{ mode = \"projects\", projects = [\"{ONE}\"] }}");
    for (sweep, warns) in [
        ("", false),
        ("budget.sweep.mode = \"off\"", false),
        ("budget.sweep.mode = \"auto\"", true),
        ("budget.sweep.mode = \"recent\"", true),
        (&projects, true),
    ] {
        let Checked { settings, warnings } = with_required(&format!("{ttl}{sweep}")).unwrap();
        assert_eq!(settings.budget.mode, BudgetMode::Ttl);
        assert_eq!(settings.budget.sweep.mode, SweepMode::Off, "{sweep}");
        let expected = "budget.sweep has no effect, because budget.mode is \"ttl\": ";
        assert_eq!(warnings.len(), usize::from(warns), "{sweep}: {warnings:?}");
        assert!(warnings.iter().all(|warning| warning.starts_with(expected)));
    }
}

#[test]
fn projects_that_no_sweep_reads_are_warned_of() {
    for (mode, warns) in [
        ("auto", true),
        ("recent", true),
        ("off", true),
        ("projects", false),
    ] {
        let text = format!("budget.sweep = {{ mode = \"{mode}\", projects = [\"{ONE}\"] }}");
        let expected =
            "budget.sweep.projects has no effect, because budget.sweep.mode is not \"projects\"";
        let warnings = warnings_of(&text);
        assert_eq!(warnings, vec![expected; usize::from(warns)], "{mode}");
    }
    assert!(warnings_of("budget.sweep.projects = []").is_empty());
}

#[test]
fn lists_that_can_spend_what_jobs_need_are_warned_of() {
    for (text, warns) in [
        ("shared = true, requests = 51", true),
        ("shared = true, requests = 50", true),
        ("shared = true, requests = 49", false),
        ("shared = true", false),
        ("shared = false, requests = 51", false),
        ("shared = true, requests = 51, mode = \"off\"", false),
    ] {
        let warnings = warnings_of(&format!("budget.sweep = {{ {text} }}"));
        assert_eq!(warnings.len(), usize::from(warns), "{text}: {warnings:?}");
        let told = "lets list calls spend the whole of budget.requests, 50, since budget.sweep.shared is true";
        assert!(warnings.iter().all(|warning| warning.contains(told)));
    }
    // also where the default is what is too much
    let few = "budget = { requests = 20, sweep.shared = true }";
    assert!(warnings_of(few)[0].starts_with("budget.sweep.requests, 20, lets"));
}

#[test]
fn bounds_between_which_there_is_nothing_to_plan_are_warned_of() {
    for (text, told) in [
        (
            "cache.stale_while_revalidate = \"29s\"",
            Some("cache.ttl, 30s, is not shorter than cache.stale_while_revalidate, 29s: "),
        ),
        (
            "cache.stale_while_revalidate = \"30s\"",
            Some("cache.ttl, 30s, is not shorter than cache.stale_while_revalidate, 30s: "),
        ),
        ("cache.stale_while_revalidate = \"31s\"", None),
        (
            "cache.ttl = \"10m\"",
            Some("cache.ttl, 10m, is not shorter than cache.stale_while_revalidate, 10m: "),
        ),
        ("cache.ttl = \"9m\"", None),
        ("cache.ttl = \"10m\"\nbudget.mode = \"ttl\"", None),
    ] {
        let warnings = warnings_of(text);
        assert_eq!(
            warnings.len(),
            usize::from(told.is_some()),
            "{text}: {warnings:?}"
        );
        for (warning, told) in warnings.iter().zip(told) {
            assert!(warning.starts_with(told), "{warning}");
            assert!(warning.contains("fresh for exactly cache.ttl"), "{warning}");
        }
    }
}

/// Clients `a`, `b` …, each with a share or without, from line 7 on, three or four lines each.
fn with_shares(shares: &[&str], more: &str) -> Result<Checked, Faults> {
    let keys = REQUIRED.replace("\"open\"", "\"keys\"");
    let client = |(nth, share): (usize, &&str)| {
        let name = char::from(b'a' + u8::try_from(nth).unwrap());
        let share = match *share {
            "" => String::new(),
            share => format!("share = {share}\n"),
        };
        format!("[[clients]]\nname = \"{name}\"\nkey_sha256 = [\"{nth:064}\"]\n{share}")
    };
    let clients: String = shares.iter().enumerate().map(client).collect();
    checked(&format!("{keys}{more}{clients}"), &[])
}

#[test]
fn clients_share_the_budget_and_not_more_than_it() {
    let settings = with_shares(&["0.25", "", "0.5"], "").unwrap();
    let shares = settings
        .settings
        .auth
        .clients
        .iter()
        .map(|client| client.share);
    assert_eq!(shares.collect::<Vec<_>>(), [Some(0.25), None, Some(0.5)]);
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);

    for whole in [
        &["0.7", "0.2", "0.1"][..],
        &["1"],
        &["0.1"; 10],
        &["0.8", "0.1", "0.05", "0.05"],
    ] {
        let checked = with_shares(whole, "").unwrap();
        assert!(
            checked.warnings.is_empty(),
            "{whole:?}: {:?}",
            checked.warnings
        );
    }
    for (shares, line, client, share, sum) in [
        (&["0.5", "0.6"][..], 14, 1, "0.6", "1.1"),
        (&["0.5", "", "0.4", "0.3", "0.2"], 21, 3, "0.3", "1.4"),
        (&["1", "0.0001"], 14, 1, "0.0001", "1.0001"),
    ] {
        let told = format!(
            "gateway.toml:{line}: clients[{client}].share = {share}: \
             the shares of all clients must not exceed 1 together, and add up to {sum}"
        );
        assert_eq!(faults(with_shares(shares, "")), [told]);
    }
}

#[test]
fn a_share_is_a_part_of_the_whole() {
    for (bad, told) in [
        ("0", "must be between 0.0001 and 1"),
        ("0.0", "must be between 0.0001 and 1"),
        ("-0.1", "must be between 0.0001 and 1"),
        ("1.5", "must be between 0.0001 and 1"),
        ("30", "must be between 0.0001 and 1"),
        ("nan", "must be between 0.0001 and 1"),
        ("inf", "must be between 0.0001 and 1"),
        ("\"30%\"", "not a number, 0.0001 to 1"),
    ] {
        // one that is wrong by itself is not also said to be too much
        let told = format!("gateway.toml:10: clients[0].share = {bad}: {told}");
        assert_eq!(faults(with_shares(&[bad, "0.9"], "")), [told]);
    }
}

#[test]
fn shares_that_decide_nothing_or_leave_nothing_are_warned_of() {
    let nothing_left =
        "the shares of [[clients]] add up to 1, so a client without one, such as \"b\", ";
    let no_effect = "share of client \"b\" has no effect, because budget.mode is \"ttl\": ";
    let ttl = "budget.mode = \"ttl\"\n";
    for (shares, more, told) in [
        (&["0.7", "", "0.2", "", "0.1"][..], "", Some(nothing_left)),
        (&["0.7", "", "0.2"], "", None),
        (&["0.7", "0.3"], "", None),
        (&["", ""], "", None),
        (&["", "0.5", "0.1"], ttl, Some(no_effect)),
        (&["", ""], ttl, None),
    ] {
        let warnings = with_shares(shares, more).unwrap().warnings;
        assert_eq!(
            warnings.len(),
            usize::from(told.is_some()),
            "{shares:?} {more}: {warnings:?}"
        );
        for (warning, told) in warnings.iter().zip(told) {
            assert!(warning.starts_with(told), "{warning}");
        }
    }
}
