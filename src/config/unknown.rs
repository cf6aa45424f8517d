//! Keys that no section knows: all of them, each with the key that was probably meant.
//!
//! The value of an unknown key is never repeated: it may be a secret that was written into the file by mistake.

use super::place::child;
use super::raw::{CLIENTS, SECTIONS};

/// How alike two words must be, 0 to 1, for one to be offered for the other: one slip in three letters is enough.
const ALIKE: f64 = 0.6;

/// The names of a section's keys; `None` for a section that does not exist.
pub(super) fn keys_of(section: &str) -> Option<&'static [&'static str]> {
    let (section, _) = section.split_once('[').unwrap_or((section, "")); // clients[0] is like all of clients
    SECTIONS
        .iter()
        .chain([&CLIENTS])
        .find(|(path, _)| *path == section)
        .map(|(_, keys)| keys())
}

/// What to say of `key`, which `section` does not have.
pub(super) fn refusal(section: &str, key: &str) -> String {
    let known = keys_of(section).unwrap_or_default();
    let longer: Vec<_> = known
        .iter()
        .filter(|name| name.starts_with(&format!("{key}_")))
        .map(|name| format!("`{name}`"))
        .collect();
    if longer.iter().any(|name| name.ends_with("_env`")) {
        let names = longer.join(" or ");
        return format!("unknown key; secrets are not written here, write {names}");
    }
    if !longer.is_empty() {
        return format!("unknown key; did you mean {}?", longer.join(" or "));
    }
    if let Some(name) = closest(key, known) {
        return format!("unknown key; did you mean `{name}`?");
    }
    match elsewhere(key) {
        Some(path) => format!("unknown key; did you mean `{path}`?"),
        None => "unknown key".to_owned(),
    }
}

/// The word that `word` was probably meant to be.
pub(super) fn closest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(word, name), *name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The path of the key of this name in another section.
fn elsewhere(key: &str) -> Option<String> {
    SECTIONS
        .iter()
        .find(|(_, keys)| keys().contains(&key))
        .map(|(section, _)| child(section, key))
}
