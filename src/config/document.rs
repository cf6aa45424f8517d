//! From text to [`RawFile`]: the file, then the environment over it, then what neither may contain.
//!
//! Nothing here knows what a value means. A syntax error ends it at once, everything else is noted in the report.

use std::ffi::OsString;
use std::sync::Arc;

use serde::Deserialize as _;
use toml::de::{DeTable, ValueDeserializer};
use toml::{Table, Value};

use super::faults::Faults;
use super::place::{Place, Places, child, element};
use super::raw::{CLIENTS, RawFile, SECTIONS};
use super::report::Report;
use super::unknown::{keys_of, refusal};

/// What names of overrides begin with; they also contain [`LEVEL`].
const PREFIX: &str = "JOBGATE_";
/// What stands for a dot in the name of an override. Other names that begin with `JOBGATE_` are left alone: secrets
/// may have them. One that is a key's but for this is a slip, which nobody would notice otherwise.
const LEVEL: &str = "__";

/// A file's name and text.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// Reads the layers, the environment last.
pub(super) fn read(
    file: Option<&File>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(RawFile, Report), Faults> {
    let (mut table, places) = match file {
        Some(file) => parse(file)?,
        None => (Table::new(), Places::nowhere()),
    };
    let mut report = Report::new(places);
    drop_misshapen(&mut table, &mut report);
    for (name, value) in environment {
        override_one(&mut table, &mut report, &name, value);
    }
    let raw = deserialize(table, &mut report)?;
    Ok((raw, report))
}

fn parse(file: &File) -> Result<(Table, Places), Faults> {
    let name: Arc<str> = Arc::from(file.name.as_str());
    // the errors' own Display repeats the line, and with it whatever secret is there
    let fault = |error: &toml::de::Error, message: &str| {
        let offset = error.span().map_or(0, |span| span.start);
        let place = Place::at(&name, &file.text, offset);
        Faults::of_file(place, format!("not TOML: {message}"))
    };
    let spanned = DeTable::parse(&file.text).map_err(|e| fault(&e, e.message()))?;
    let places = Places::of_file(&name, &file.text, spanned.get_ref());
    let table = toml::from_str(&file.text).map_err(|e| fault(&e, "a number out of range"))?;
    Ok((table, places))
}

/// Removes what is no section where a section belongs, so that the rest can be read.
fn drop_misshapen(table: &mut Table, report: &mut Report) {
    for (path, _) in &SECTIONS[1..] {
        let (parent, key) = match path.split_once('.') {
            Some((parent, key)) => (table.get_mut(parent).and_then(Value::as_table_mut), key),
            None => (Some(&mut *table), *path),
        };
        let Some(parent) = parent else { continue };
        if parent.get(key).is_some_and(|value| !value.is_table()) {
            parent.remove(key);
            report.quiet_fault(path, format!("must be a section, [{path}]"));
        }
    }
    let (clients, _) = CLIENTS;
    let is_list = |value: &Value| {
        value
            .as_array()
            .is_some_and(|a| a.iter().all(Value::is_table))
    };
    if table.get(clients).is_some_and(|value| !is_list(value)) {
        table.remove(clients);
        report.quiet_fault(clients, "must be a list of sections, [[clients]]");
    }
}

fn override_one(table: &mut Table, report: &mut Report, name: &OsString, value: OsString) {
    let Some(name) = name.to_str() else { return };
    let Some(levels) = name.strip_prefix(PREFIX) else {
        return;
    };
    let Some((section, key)) = levels.rsplit_once(LEVEL) else {
        return warn_of_slip(levels, report);
    };
    let section = section.to_ascii_lowercase().replace(LEVEL, ".");
    let key = key.to_ascii_lowercase();
    let path = child(&section, &key);
    // noted first, so that every fault below has the variable as its place
    report.places.overridden(&path, name, None);
    let is_key = keys_of(&section).is_some_and(|keys| keys.contains(&key.as_str()));
    if section == CLIENTS.0 {
        return report.quiet_fault(&path, "is set in the file only, for each client");
    }
    if !is_key {
        return report.quiet_fault(&path, refusal(&section, &key));
    }
    if keys_of(&path).is_some() {
        return report.quiet_fault(&path, "is a section; set its keys one by one");
    }
    let Ok(text) = value.into_string() else {
        return report.quiet_fault(&path, "not UTF-8");
    };
    let value = parse_value(&text).unwrap_or_else(|| Value::String(text.clone()));
    report.places.overridden(&path, name, Some(&value));
    report.overrides.insert(path, text);
    section_mut(table, &section).insert(key, value);
}

fn warn_of_slip(levels: &str, report: &mut Report) {
    let keys = SECTIONS
        .iter()
        .flat_map(|(section, keys)| keys().iter().map(|key| child(section, key)));
    let meant = keys
        .map(|path| path.to_ascii_uppercase())
        .find(|path| path.replace('.', "_") == levels);
    if let Some(path) = meant {
        report.warn(format!(
            "environment variable {PREFIX}{levels} is not read; did you mean {PREFIX}{}?",
            path.replace('.', LEVEL)
        ));
    }
}

/// A number, truth value, list or quoted text; anything else (`30s`, `127.0.0.1:80`) is a text without quotes.
fn parse_value(text: &str) -> Option<Value> {
    Value::deserialize(ValueDeserializer::parse(text).ok()?).ok()
}

/// The table of a known section, made if it is not there.
fn section_mut<'t>(table: &'t mut Table, section: &str) -> &'t mut Table {
    section.split('.').fold(table, |table, key| {
        table
            .entry(key)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .expect("what was no section has been dropped, and overrides set no sections")
    })
}

fn deserialize(table: Table, report: &mut Report) -> Result<RawFile, Faults> {
    let mut unknown = Vec::new();
    let raw = serde_ignored::deserialize(Value::Table(table), |path| {
        unknown.push(section_and_key(&path));
    });
    for (section, key) in unknown {
        report.quiet_fault(&child(&section, &key), refusal(&section, &key));
    }
    // not reached: sections are tables by now, and keys take any value
    raw.map_err(|error: toml::de::Error| {
        Faults::of_file(report.places.place(""), error.message().to_owned())
    })
}

fn section_and_key(path: &serde_ignored::Path<'_>) -> (String, String) {
    use serde_ignored::Path;
    match path {
        Path::Map { parent, key } => (path_of(parent), key.clone()),
        Path::Root
        | Path::Seq { .. }
        | Path::Some { .. }
        | Path::NewtypeStruct { .. }
        | Path::NewtypeVariant { .. } => (String::new(), path_of(path)),
    }
}

fn path_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Map { parent, key } => child(&path_of(parent), key),
        Path::Seq { parent, index } => element(&path_of(parent), *index),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => path_of(parent),
    }
}
