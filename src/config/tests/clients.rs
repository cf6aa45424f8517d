//! `[[clients]]`: their names and keys, how often each may force a look, and how stale an answer it takes.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Checked, Faults, REQUIRED, checked, faults, with_required};
use crate::policy::allowance::Allowance;

#[test]
fn clients_are_named_once_and_have_keys_of_their_own() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    for (first, second, expected) in [
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"a\"\nkey_sha256 = [\"{two}\"]"),
            "gateway.toml:11: clients[1].name = \"a\": is already the name of a client, see gateway.toml:8",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"b\"\nkey_sha256 = [\"{two}\", \"{one}\"]"),
            "gateway.toml:12: clients[1].key_sha256[1]: is the same key as clients[0].key_sha256[0]",
        ),
        (
            format!("name = \"a b\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"b\"\nkey_sha256 = [\"{two}\"]"),
            "gateway.toml:8: clients[0].name = \"a b\": must be 1 to 64 letters",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"\nkey_sha256 = []".to_owned(),
            "gateway.toml:12: clients[1].key_sha256: must hold at least one key",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"".to_owned(),
            "gateway.toml:10: clients[1].key_sha256: must be set",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"\nkey_sha256 = [\"jg_hunter2\"]".to_owned(),
            "gateway.toml:12: clients[1].key_sha256[0]: not the SHA-256 of a key",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            format!(
                "name = \"b\"\nkey_sha256 = [\"{}\"]",
                hex::encode_upper(Sha256::digest(""))
            ),
            "gateway.toml:12: clients[1].key_sha256[0]: the SHA-256 of an empty text, which is no key",
        ),
    ] {
        let faults = faults(with_required(&format!(
            "[[clients]]\n{first}\n[[clients]]\n{second}"
        )));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
        assert!(!faults[0].contains("hunter2"));
    }
}

/// The one client, who says this of itself.
fn with_client(line: &str, more: &str) -> Result<Checked, Faults> {
    let keys = REQUIRED.replace("\"open\"", "\"keys\"");
    let hash = "01".repeat(32);
    let client = format!("[[clients]]\nname = \"a\"\nkey_sha256 = [\"{hash}\"]\n{line}");
    checked(&format!("{keys}{more}\n{client}"), &[])
}

#[test]
fn forced_looks_are_so_many_times_a_second_minute_or_hour() {
    for (written, times, seconds) in [
        ("10/m", 10, 60),
        ("1/s", 1, 1),
        ("10000/h", 10_000, 3600),
        ("0/m", 0, 60),
        ("007/s", 7, 1),
    ] {
        let checked = with_client(
            &format!("refresh = \"{written}\""),
            "budget.requests = 1000000",
        )
        .unwrap();
        let expected = Allowance {
            times,
            per: Duration::from_secs(seconds),
        };
        assert_eq!(checked.settings.auth.clients[0].refresh, expected);
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    }
    let unsaid = with_client("", "").unwrap().settings;
    assert_eq!(unsaid.auth.clients[0].refresh, Allowance::DEFAULT);
    for bad in [
        "\"10001/m\"",
        "\"-1/m\"",
        "\"+1/m\"",
        "\"1.5/m\"",
        "\"10\"",
        "\"10/\"",
        "\"/m\"",
        "\"10/d\"",
        "\"10/min\"",
        "\"10 / m\"",
        "\"10/M\"",
        "\"\"",
        "10",
        "[\"10/m\"]",
        "\"99999999999/m\"",
    ] {
        assert_eq!(
            faults(with_client(&format!("refresh = {bad}"), "")),
            [format!(
                "gateway.toml:11: clients[0].refresh = {bad}: must be 0 to 10000 times per s, m or h; \
                 write for example \"10/m\", or \"0/m\" for never"
            )]
        );
    }
}

#[test]
fn a_client_may_be_pickier_than_the_cache() {
    for (written, expected) in [
        ("max_stale = \"5m\"", Some(300)),
        ("max_stale = \"0s\"", Some(0)),
        ("max_stale = \"1h\"", Some(3600)),
        ("", None),
    ] {
        let checked = with_client(written, "").unwrap();
        assert_eq!(
            checked.settings.auth.clients[0].max_stale,
            expected.map(Duration::from_secs)
        );
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    }
    assert_eq!(
        faults(with_client("max_stale = \"8d\"", "")),
        ["gateway.toml:11: clients[0].max_stale = \"8d\": must be between 0s and 7d"]
    );
}

#[test]
fn stale_windows_and_allowances_that_do_not_do_what_they_say_are_warned_of() {
    for (client, more, warning) in [
        (
            "",
            "cache.stale_if_error = \"9m\"",
            "for the longer of the two",
        ),
        (
            "",
            "cache.stale_while_revalidate = \"2h\"",
            "for the longer of the two",
        ),
        (
            "max_stale = \"61m\"",
            "",
            "max_stale of client \"a\" is longer than both stale windows",
        ),
        (
            "refresh = \"50/m\"",
            "",
            "refresh of client \"a\" lets it spend the whole of [budget]",
        ),
        (
            "refresh = \"1/s\"",
            "",
            "refresh of client \"a\" lets it spend the whole of [budget]",
        ),
    ] {
        let warnings = with_client(client, more).unwrap().warnings;
        assert!(
            warnings.len() == 1 && warnings[0].contains(warning),
            "{client} {more}: {warnings:?}"
        );
    }
    for (client, more) in [
        ("", "cache.stale_if_error = \"10m\""), // as long as the other one
        ("max_stale = \"1h\"", ""),
        ("refresh = \"49/m\"", ""),
        ("refresh = \"1/s\"", "budget.requests = 61"),
        ("", "budget.requests = 2"),
        (
            "",
            "budget.mode = \"ttl\"\ncache.stale_if_error = \"0s\"\ncache.stale_while_revalidate = \"0s\"",
        ),
    ] {
        let warnings = with_client(client, more).unwrap().warnings;
        assert!(warnings.is_empty(), "{client} {more}: {warnings:?}");
    }
}
