//! Where a secret is read from: `*_env` or `*_file`. The secret itself is not read here, nor is its length known.

use std::path::PathBuf;

use super::SecretSource;
use super::raw::Key;
use super::section::Section;

/// A secret that must be there; `None` only after a fault.
pub(super) fn required(
    section: &mut Section<'_>,
    name: &str,
    env: &Key<String>,
    file: &Key<String>,
) -> Option<SecretSource> {
    if env.is_none() && file.is_none() {
        section.own_fault(format!("{name}_env or {name}_file must be set"));
    }
    source(section, name, env, file)
}

/// A secret by `{name}_env` or `{name}_file`, if either is set; of both only one may be.
pub(super) fn source(
    section: &mut Section<'_>,
    name: &str,
    env: &Key<String>,
    file: &Key<String>,
) -> Option<SecretSource> {
    let (env_key, file_key) = (format!("{name}_env"), format!("{name}_file"));
    match section.at_most_one((&env_key, env), (&file_key, file)) {
        (Some(name), _) => variable(section, &env_key, name).map(SecretSource::Env),
        (None, Some(path)) => Some(SecretSource::File(PathBuf::from(path))),
        (None, None) => None,
    }
}

/// The name of an environment variable. Capitals only, so that a secret pasted in its place is noticed.
pub(super) fn variable(section: &mut Section<'_>, key: &str, name: String) -> Option<String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .bytes()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_');
    if is_name {
        return Some(name);
    }
    section.fault(key, "must be the name of an environment variable, in capitals, digits and _; not the secret itself");
    None
}
