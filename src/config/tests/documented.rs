//! `gateway.toml` in the repository is the documentation of every key: it must parse, and agree with the code.

use super::super::raw::{CLIENTS, SECTIONS};
use super::super::unknown::keys_of;
use super::manual::{DOCUMENTED, Documented, bounds_of, documented, faults_of, is_available};
use super::{REQUIRED, checked, faults};

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
fn no_key_is_missing_from_the_file_and_none_is_there_twice() {
    let mut written: Vec<_> = documented().into_iter().map(|key| key.path).collect();
    let mut known: Vec<_> = SECTIONS[1..]
        .iter()
        .chain([&CLIENTS])
        .flat_map(|(section, keys)| keys().iter().map(move |key| format!("{section}.{key}")))
        .filter(|path| keys_of(path).is_none())
        .collect();
    written.sort();
    known.sort();
    assert_eq!(written, known);
}

#[test]
fn every_key_is_checked_under_its_own_name() {
    // a list of lists is of no key's type, and no key may pass one over
    for Documented { path, .. } in documented() {
        assert!(!faults_of(&path, "[[1]]").is_empty(), "{path}");
    }
}

#[test]
fn every_bound_in_the_file_is_the_bound_in_the_code() {
    let mut bounded = 0;
    for key in documented() {
        let Some((min, max)) = bounds_of(&key.path) else {
            continue;
        };
        let bounds = format!("{min} to {max}");
        assert!(key.meaning.contains(&bounds), "{}: {bounds}", key.path);
        bounded += 1;
    }
    assert!(bounded > 20, "{bounded}");
}

#[test]
fn what_this_version_cannot_do_is_marked_and_nothing_else() {
    for key in documented() {
        let written = key.value.to_string();
        assert_eq!(
            key.is_refused(),
            !is_available(&key.path, &written),
            "{key:?}"
        );
        let other = match key.value {
            toml::Value::Boolean(value) => (!value).to_string(),
            toml::Value::Array(_) => "[\"a\"]".to_owned(),
            _ => "\"10m\"".to_owned(),
        };
        let has_one_value = key.is_refused() || key.is_fixed();
        assert_eq!(has_one_value, !is_available(&key.path, &other), "{key:?}");
    }
}
