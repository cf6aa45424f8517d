//! Where a key is written, and what of its value may be shown.
//!
//! Keys are named by their path, `server.listen` or `clients[0].name`. A key that is not written has the place of its
//! section, or of the file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Characters of a value that a fault repeats; a longer one is cut.
const SHOWN_CHARS: usize = 80;
/// Ends of keys where a secret may have been pasted in place of its variable, its file or its hash.
const NEAR_SECRETS: [&str; 7] = [
    "_env",
    "token_file",
    "secret_key_file",
    "secret_file",
    "password_file",
    "keys_file",
    "key_sha256",
];

/// Where something is written. Ordered as a reader goes through it: the file from top to bottom, then the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// There is no file.
    Nowhere,
    /// The file as a whole.
    File(Arc<str>),
    /// A line of the file, counted from 1.
    Line(Arc<str>, usize),
    /// A line and a column of the file, counted from 1.
    Column(Arc<str>, usize, usize),
    /// An environment variable, by name.
    Environment(String),
}

/// One written key.
#[derive(Clone, Debug)]
struct Written {
    place: Place,
    value: Option<String>,
}

/// A file and its text.
struct Source<'a> {
    file: &'a Arc<str>,
    text: &'a str,
}

/// Every written key by its path.
#[derive(Debug)]
pub(super) struct Places {
    whole: Place,
    written: BTreeMap<String, Written>,
}

// === impl Place ===

impl Place {
    /// The line and column of a byte offset into the file's text.
    pub(super) fn at(file: &Arc<str>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self::Column(Arc::clone(file), line_of(before), column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("no configuration file"),
            Self::File(file) => f.write_str(file),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Column(file, line, column) => write!(f, "{file}:{line}:{column}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

// === impl Places ===

impl Places {
    /// The places without a file.
    pub(super) fn nowhere() -> Self {
        Self {
            whole: Place::Nowhere,
            written: BTreeMap::new(),
        }
    }

    /// The places of all keys of a file.
    pub(super) fn of_file(file: &Arc<str>, text: &str, table: &DeTable<'_>) -> Self {
        let mut places = Self {
            whole: Place::File(Arc::clone(file)),
            written: BTreeMap::new(),
        };
        places.note_table("", table, &Source { file, text });
        places
    }

    /// Notes that an environment variable sets `path`, to this value if it is one.
    pub(super) fn overridden(&mut self, path: &str, name: &str, value: Option<&toml::Value>) {
        let place = Place::Environment(name.to_owned());
        let value = value.and_then(|value| shown(path, &value.to_string()));
        self.written
            .insert(path.to_owned(), Written { place, value });
    }

    /// Where `path` is written; failing that, where its section is.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(written) = self.written.get(path) {
                return written.place.clone();
            }
            let Some((section, _)) = path.rsplit_once(['.', '[']) else {
                return self.whole.clone();
            };
            path = section;
        }
    }

    /// What is written at `path`, as far as it may be shown.
    pub(super) fn value(&self, path: &str) -> Option<String> {
        self.written.get(path)?.value.clone()
    }

    fn note_table(&mut self, path: &str, table: &DeTable<'_>, source: &Source<'_>) {
        for (key, value) in table {
            self.note(child(path, key.get_ref()), key.span().start, value, source);
        }
    }

    fn note(&mut self, path: String, at: usize, value: &Spanned<DeValue<'_>>, source: &Source<'_>) {
        if let DeValue::Table(table) = value.get_ref() {
            self.note_table(&path, table, source);
        }
        if let DeValue::Array(array) = value.get_ref() {
            for (nth, one) in array.iter().enumerate() {
                self.note(element(&path, nth), one.span().start, one, source);
            }
        }
        let written = Written {
            place: Place::Line(Arc::clone(source.file), source.line(at)),
            value: source.text.get(value.span()).and_then(|v| shown(&path, v)),
        };
        self.written.insert(path, written);
    }
}

impl Source<'_> {
    fn line(&self, offset: usize) -> usize {
        line_of(self.text.get(..offset).unwrap_or(self.text))
    }
}

/// The path of `key` in a section.
pub(super) fn child(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// The path of the `nth` element of a list, counted from 0.
pub(super) fn element(list: &str, nth: usize) -> String {
    format!("{list}[{nth}]")
}

fn line_of(before: &str) -> usize {
    before.matches('\n').count() + 1
}

/// A value as a fault repeats it: on one line, not too long, and not where a secret is easily pasted by mistake.
fn shown(path: &str, value: &str) -> Option<String> {
    let key = list_of(path);
    // an @ may be that of a user and password in an address
    if NEAR_SECRETS.iter().any(|end| key.ends_with(end)) || value.contains('@') {
        return None;
    }
    let section = value.starts_with('[') && value.contains('{') || value.starts_with('{');
    if section {
        return None;
    }
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_CHARS {
        return Some(line);
    }
    let start: String = line.chars().take(SHOWN_CHARS).collect();
    Some(format!("{start}…"))
}

/// The key whose list, or list of lists, an element is in; any other path as it is.
fn list_of(path: &str) -> &str {
    let list = path
        .strip_suffix(']')
        .and_then(|path| path.rsplit_once('['));
    list.map_or(path, |(list, _)| list_of(list))
}
