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
    for (section, keys) in SECTIONS.iter().chain([&CLIENTS]) {
        let headers = [format!("[{section}]"), format!("[[{section}]]")];
        let is_header = |line: &&str| {
            headers
                .iter()
                .any(|header| line.trim_start_matches("# ").starts_with(header))
        };
        let body: Vec<_> = DOCUMENTED
            .lines()
            .skip_while(|line| !section.is_empty() && !is_header(line))
            .skip(1)
            .take_while(|line| {
                section.is_empty() || !line.trim_start_matches("# ").starts_with('[')
            })
            .map(|line| line.trim_start_matches("# "))
            .collect();
        for key in keys() {
            let path = if section.is_empty() {
                (*key).to_owned()
            } else {
                format!("{section}.{key}")
            };
            let is_written = body.iter().any(|line| {
                line.starts_with(&format!("{key} = "))
                    || line.starts_with(&format!("[{path}]"))
                    || line.starts_with(&format!("[[{path}]]"))
            }) || DOCUMENTED.contains(&format!("[{path}]"));
            assert!(is_written, "{path}");
        }
    }
}

#[test]
fn every_key_is_checked_under_its_own_name() {
    let list_of_lists = toml::Value::Array(vec![toml::Value::Array(vec![1.into()])]);
    // a list of lists is of no key's type, and no key may pass one over
    for (section, keys) in SECTIONS.iter().skip(1).chain([&CLIENTS]) {
        for key in keys() {
            let path = format!("{section}.{key}");
            if SECTIONS.iter().any(|(section, _)| *section == path) {
                continue;
            }
            let (text, shown) = if *section == CLIENTS.0 {
                (
                    format!("{REQUIRED}[[clients]]\n{key} = [[1]]"),
                    format!("clients[0].{key}"),
                )
            } else {
                let mut table: toml::Table = REQUIRED.parse().unwrap();
                let mut into = &mut table;
                for level in section.split('.') {
                    let level = into
                        .entry(level)
                        .or_insert_with(|| toml::Table::new().into());
                    into = level.as_table_mut().unwrap();
                }
                into.insert((*key).to_owned(), list_of_lists.clone());
                (table.to_string(), path)
            };
            let faults = faults(checked(&text, &[]));
            assert!(
                faults
                    .iter()
                    .any(|fault| fault.contains(&format!(": {shown}"))),
                "{shown}: {faults:?}"
            );
        }
    }
}
