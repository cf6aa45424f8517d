//! What was found so far: where keys are written, which the environment sets, what is wrong, what is odd.

use std::collections::BTreeMap;

use super::faults::Fault;
use super::place::Places;

/// What was found so far.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) places: Places,
    /// The text of each override by the path it sets: a text key takes it as it is, whatever it looks like in TOML.
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
}

// === impl Report ===

impl Report {
    /// An empty report over these places.
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            overrides: BTreeMap::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes a fault of the key at `path`, repeating its value.
    pub(super) fn fault(&mut self, path: &str, message: impl Into<String>) {
        let value = self.places.value(path);
        self.note(path, value, message.into());
    }

    /// Notes a fault of the key at `path` without its value.
    pub(super) fn quiet_fault(&mut self, path: &str, message: impl Into<String>) {
        self.note(path, None, message.into());
    }

    /// Notes something that works but is probably not meant.
    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    /// The faults of one section, sections below it included.
    pub(super) fn faults_below(self, section: &str) -> Vec<Fault> {
        let is_below = |fault: &Fault| {
            let rest = fault.key.strip_prefix(section);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.faults.into_iter().filter(is_below).collect()
    }

    fn note(&mut self, path: &str, value: Option<String>, message: String) {
        self.faults.push(Fault {
            place: self.places.place(path),
            key: path.to_owned(),
            value,
            message,
        });
    }
}
