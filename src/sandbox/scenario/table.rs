//! Reading a table key by key, so that every fault of a file comes out at once: each key is taken with its type, what is
//! left over is unknown.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::faults::{Fault, ScenarioFaults, shown};

/// How alike two words must be, 0 to 1, for one to be offered for the other: one slip in three letters is enough.
const ALIKE: f64 = 0.6;

/// A file, and what is wrong with it so far.
pub(super) struct Notes<'i> {
    pub(super) file: &'i str,
    pub(super) text: &'i str,
    pub(super) faults: Vec<Fault>,
}

/// A table, while its keys are taken.
pub(super) struct Table<'i> {
    /// Its path; empty for the file's own.
    path: String,
    keys: DeTable<'i>,
    at: Range<usize>,
    known: Vec<&'static str>,
}

// === impl Notes ===

impl Notes<'_> {
    /// Notes a fault at a place of the text.
    pub(super) fn fault(&mut self, at: usize, key: String, message: impl Into<String>) {
        let before = self.text.get(..at).unwrap_or(self.text);
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            key,
            message: message.into(),
        });
    }

    /// What was found, in the order of the file.
    pub(super) fn into_faults(mut self) -> ScenarioFaults {
        self.faults.sort_by_key(|fault| fault.line);
        ScenarioFaults(self.faults)
    }

    /// Reads a value; `None`, and a fault, if it is no `T`.
    fn read<T: DeserializeOwned>(
        &mut self,
        path: &str,
        value: Spanned<DeValue<'_>>,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<T> {
        let span = value.span();
        let read = T::deserialize(ValueDeserializer::from(value))
            .map_err(|error| error.message().to_owned())
            .and_then(|value| check(&value).map(|()| value));
        read.map_err(|message| {
            let written = shown(self.text.get(span.clone()).unwrap_or_default());
            self.fault(span.start, format!("{path} = {written}"), message);
        })
        .ok()
    }
}

// === impl Table ===

impl<'i> Table<'i> {
    /// The file's own table.
    pub(super) fn root(table: Spanned<DeTable<'i>>) -> Self {
        Self::new(String::new(), table.span(), table.into_inner())
    }

    fn new(path: String, at: Range<usize>, keys: DeTable<'i>) -> Self {
        Self {
            path,
            keys,
            at,
            known: Vec::new(),
        }
    }

    /// Takes a key's value, if it is there and right; a fault of its says what `hint` makes of the value besides.
    pub(super) fn take_with_hint<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
        hint: impl FnOnce(&str) -> Option<String>,
    ) -> Option<T> {
        let value = self.remove(key)?;
        let hint = hint(notes.text.get(value.span()).unwrap_or_default());
        let taken = notes.read(&self.path_of(key), value, |_| Ok(()));
        if let (None, Some(hint), Some(fault)) = (&taken, hint, notes.faults.last_mut()) {
            fault.message += &format!("; {hint}");
        }
        taken
    }

    /// Takes a key's value, if it is there and right.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<T> {
        let path = self.path_of(key);
        notes.read(&path, self.remove(key)?, check)
    }

    /// Takes a list of tables, each with its path; what is none is a fault.
    pub(super) fn take_tables(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Vec<Self> {
        let Some(value) = self.remove(key) else {
            return Vec::new();
        };
        let (at, path) = (value.span(), self.path_of(key));
        let DeValue::Array(list) = value.into_inner() else {
            notes.fault(
                at.start,
                path,
                format!("must be a list of tables, [[{key}]]"),
            );
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (nth, one) in list.into_iter().enumerate() {
            tables.extend(Self::of(one, format!("{path}[{nth}]"), notes));
        }
        tables
    }

    /// Takes a table; what is none is a fault.
    pub(super) fn take_table(&mut self, key: &'static str, notes: &mut Notes<'_>) -> Option<Self> {
        let value = self.remove(key)?;
        Self::of(value, self.path_of(key), notes)
    }

    fn of(value: Spanned<DeValue<'i>>, path: String, notes: &mut Notes<'_>) -> Option<Self> {
        let at = value.span();
        if let DeValue::Table(keys) = value.into_inner() {
            return Some(Self::new(path, at, keys));
        }
        notes.fault(at.start, path, "must be a table");
        None
    }

    /// True while the key has not been taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Notes a fault of the table as a whole.
    pub(super) fn fault(&self, notes: &mut Notes<'_>, message: impl Into<String>) {
        notes.fault(self.at.start, self.path.clone(), message);
    }

    /// Notes what was not taken: nobody knows it.
    pub(super) fn end(self, notes: &mut Notes<'_>) {
        for key in self.keys.keys() {
            let message = match closest(key.get_ref(), self.known.iter().copied()) {
                Some(known) => format!("unknown key; did you mean `{known}`?"),
                None => format!("unknown key; there are `{}`", self.known.join("`, `")),
            };
            notes.fault(key.span().start, self.path_of(key.get_ref()), message);
        }
    }

    fn remove(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.keys.remove(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// The word that was probably meant.
pub(super) fn closest(
    word: &str,
    known: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(word, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
