//! `gateway.toml` in the repository is the documentation of every key: it must parse, and agree with the code.

use regex::Regex;

use super::super::raw::{CLIENTS, SECTIONS};
use super::super::unknown::keys_of;
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
        let bounds = format!("{min} to {max}")
            .replace("days", "d")
            .replace("day", "d");
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

/// What `gateway.toml` says of a key.
#[derive(Debug)]
pub(super) struct Documented {
    /// `server.listen`, `clients.name`
    pub(super) path: String,
    /// The default, or an example if it is commented out.
    pub(super) value: toml::Value,
    pub(super) meaning: String,
}

// === impl Documented ===

impl Documented {
    /// No value of it is taken.
    pub(super) fn is_refused(&self) -> bool {
        self.meaning.ends_with("(not yet)") && !self.meaning.contains(" · ")
    }

    /// One value of it is taken, the default.
    pub(super) fn is_fixed(&self) -> bool {
        self.meaning.contains("(only ") && !self.meaning.contains("(loopback only)")
    }
}

/// Every key of the file, in its order.
pub(super) fn documented() -> Vec<Documented> {
    let mut section = "";
    let mut keys = Vec::new();
    for line in DOCUMENTED.lines() {
        let bare = line.trim_start_matches("# ");
        if let Some((name, _)) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = name.trim_start_matches('[');
        }
        let Some((key, rest)) = bare.split_once(" = ").filter(|(key, _)| !key.contains(' ')) else {
            continue;
        };
        let (value, meaning) = rest.split_once('#').expect("a comment says what it means");
        let table: toml::Table = format!("value = {value}").parse().unwrap();
        keys.push(Documented {
            path: format!("{section}.{key}"),
            value: table["value"].clone(),
            meaning: meaning.trim().to_owned(),
        });
    }
    keys
}

/// The bounds of a key, as the program names them to whoever writes something that is no value at all.
pub(super) fn bounds_of(path: &str) -> Option<(String, String)> {
    let named = Regex::new(r"(\d\S*) to (\d\S*)(?: times|$)").unwrap();
    let faults = faults_of(path, "[[1]]");
    let bounds = faults.iter().find_map(|fault| named.captures(fault))?;
    Some((bounds[1].to_owned(), bounds[2].to_owned()))
}

/// Whether the program takes the value, or could if it were of the right form.
pub(super) fn is_available(path: &str, value: &str) -> bool {
    let faults = faults_of(path, value);
    let unavailable = |fault: &String| fault.contains("not available in this version");
    let of_another_kind = |fault: &&String| fault.contains("does not belong to kind");
    !faults.iter().any(unavailable) && faults.iter().filter(of_another_kind).count() < KINDS.len()
}

/// The kinds of credential that there are.
const KINDS: [&str; 2] = ["aksk", "token"];

/// What the program says of this value, under each kind of credential.
fn faults_of(path: &str, value: &str) -> Vec<String> {
    let lines = REQUIRED.lines();
    let others = lines.filter(|line| !line.starts_with(&format!("{path} = ")));
    let others = others.collect::<Vec<_>>().join("\n");
    let (written, name) = match path.split_once("clients.") {
        Some((_, key)) => (
            format!("[[clients]]\n{key} = {value}"),
            format!("clients[0].{key}"),
        ),
        None => (format!("{path} = {value}"), path.to_owned()),
    };
    let named = Regex::new(&format!(": {}( = |: )", regex::escape(&name))).unwrap();
    let mut faults = Vec::new();
    for kind in KINDS {
        let others = others.replace("aksk", kind);
        if let Err(all) = checked(&format!("{others}\n{written}"), &[]) {
            let all = all.iter().map(ToString::to_string);
            faults.extend(all.filter(|fault| named.is_match(fault)));
        }
    }
    faults
}
