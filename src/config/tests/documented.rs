//! `gateway.toml` in the repository is the documentation of every key: it must parse, and agree with the code.

use super::super::raw::{CLIENTS, SECTIONS};
use super::{REQUIRED, checked, faults};

const DOCUMENTED: &str = include_str!("../../../gateway.toml");

/// The file with its example client uncommented, as an operator would.
fn with_client(text: &str) -> String {
    text.replace("# [[clients]]", "[[clients]]")
        .replace("# name = ", "name = ")
        .replace("# key_sha256 = ", "key_sha256 = ")
}

#[test]
fn the_file_as_it_is_lacks_nothing_but_a_client() {
    let faults = faults(checked(DOCUMENTED, &[]));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("jobgate key new NAME"), "{faults:?}");
}

#[test]
fn every_default_in_the_file_is_the_default_in_the_code() {
    let written = checked(&with_client(DOCUMENTED), &[]).unwrap();
    assert!(written.warnings.is_empty(), "{:?}", written.warnings);
    assert_eq!(written.settings.auth.clients.len(), 1);

    let mut bare = REQUIRED
        .replace("\"AK\"", "\"HUAWEICLOUD_SDK_AK\"")
        .replace("\"SK\"", "\"HUAWEICLOUD_SDK_SK\"")
        .replace("auth.mode = \"open\"", "");
    bare.push_str("[[clients]]\nname = \"wallboard\"\nkey_sha256 = [\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]");
    let bare = checked(&bare, &[]).unwrap();
    assert_eq!(
        format!("{:#?}", written.settings),
        format!("{:#?}", bare.settings)
    );
}

#[test]
fn no_key_is_missing_from_the_file() {
    let written = everything_uncommented();
    for (section, keys) in SECTIONS {
        let table = section.split('.').filter(|level| !level.is_empty());
        let table = table.fold(&written, |table, level| table[level].as_table().unwrap());
        for key in keys() {
            assert!(table.contains_key(*key), "{section}.{key}");
        }
    }
    let (clients, keys) = CLIENTS;
    for key in keys() {
        assert!(written[clients][0].get(key).is_some(), "{clients}.{key}");
    }
}

/// The file with every commented key and section in force.
fn everything_uncommented() -> toml::Table {
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '))
    };
    let lines = DOCUMENTED.lines().map(|line| line.trim_start_matches("# "));
    let lines = lines.filter(|line| line.starts_with('[') || is_key(line));
    lines.collect::<Vec<_>>().join("\n").parse().unwrap()
}

#[test]
fn every_key_is_checked_under_its_own_name() {
    // a list of lists is of no key's type, and no key may pass one over
    for (section, keys) in &SECTIONS[1..] {
        for key in keys() {
            let path = format!("{section}.{key}");
            if SECTIONS.iter().all(|(section, _)| *section != path) {
                is_refused_under(&path, &without(&path), &format!("{path} = [[1]]"));
            }
        }
    }
    let (clients, keys) = CLIENTS;
    for key in keys() {
        let text = format!("[[{clients}]]\n{key} = [[1]]");
        is_refused_under(&format!("{clients}[0].{key}"), REQUIRED, &text);
    }
}

/// What is required but for the key at `path`, which can be written once only.
fn without(path: &str) -> String {
    let lines = REQUIRED.lines();
    let lines = lines.filter(|line| !line.starts_with(&format!("{path} = ")));
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn is_refused_under(path: &str, required: &str, text: &str) {
    let faults = faults(checked(&format!("{required}\n{text}"), &[]));
    let begin = format!(": {path}");
    assert!(
        faults.iter().any(|fault| fault.contains(&begin)),
        "{path}: {faults:?}"
    );
}

#[test]
fn every_bound_in_the_file_is_the_bound_in_the_code() {
    use super::super::limits;
    macro_rules! bounds {
        ($($key:literal: $limits:ident;)+) => {
            [$(($key, limits::$limits.min.to_string(), limits::$limits.max.to_string())),+]
        };
    }
    for (key, min, max) in bounds! {
        "workers": WORKERS;
        "max_connections": MAX_CONNECTIONS;
        "max_waiting": MAX_WAITING;
        "header_timeout": HEADER_TIMEOUT;
        "max_header_bytes": MAX_HEADER_BYTES;
        "idle_timeout": IDLE_TIMEOUT;
        "request_timeout": REQUEST_TIMEOUT;
        "drain_delay": DRAIN_DELAY;
        "drain_timeout": DRAIN_TIMEOUT;
        "connect_timeout": CONNECT_TIMEOUT;
        "timeout": TIMEOUT;
        "max_body": MAX_BODY;
        "max_in_flight": MAX_IN_FLIGHT;
        "max_memory": MAX_MEMORY;
        "ttl": TTL;
        "ttl_running": TTL_RUNNING;
        "window": WINDOW;
    } {
        let bounds = format!("{min} to {max}").replace("1day", "1d");
        let line = DOCUMENTED
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        assert!(
            line.is_some_and(|line| line.contains(&bounds)),
            "{key}: {bounds}"
        );
    }
    for limits in [limits::REQUESTS, limits::SWEEP_REQUESTS] {
        let bounds = format!("{} to {}", limits.min, limits.max);
        let line = DOCUMENTED
            .lines()
            .find(|line| line.starts_with(&format!("requests = {} ", limits.default)));
        assert!(
            line.is_some_and(|line| line.contains(&bounds)),
            "requests: {bounds}"
        );
    }
}
