//! Reading one section: each key is taken with its default and its bounds, and what is wrong is noted, not returned.
//!
//! After a fault the default stands in, so that the rest of the file is still checked and all faults come out at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use super::faults::Fault;
use super::item::{Time, Value};
use super::limits::Limits;
use super::place::{Places, child};
use super::raw::Key;
use super::unavailable::Unavailable;
use super::unknown::closest;

/// What was found so far.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) places: Places,
    /// The text of each override by the path it sets: a text key takes it as it is, whatever it looks like in TOML.
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
}

/// One section of the file, while it is checked.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) report: &'a mut Report,
    path: String,
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

    /// The section at `path`.
    pub(super) fn section(&mut self, path: impl Into<String>) -> Section<'_> {
        Section {
            report: self,
            path: path.into(),
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

    fn note(&mut self, path: &str, value: Option<String>, message: String) {
        self.faults.push(Fault {
            place: self.places.place(path),
            key: path.to_owned(),
            value,
            message,
        });
    }
}

// === impl Section ===

impl Section<'_> {
    /// The path of one of the section's keys.
    pub(super) fn path(&self, key: &str) -> String {
        child(&self.path, key)
    }

    /// Notes a fault of one of the section's keys.
    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>) {
        let path = self.path(key);
        self.report.fault(&path, message);
    }

    /// Notes a fault of the section as a whole.
    pub(super) fn own_fault(&mut self, message: impl Into<String>) {
        self.report.quiet_fault(&self.path, message);
    }

    /// A key without a default; `None` also when it is wrong.
    pub(super) fn optional<T: Value>(&mut self, key: &str, item: &Key<T>) -> Option<T> {
        let item = item.as_ref()?;
        let path = self.path(key);
        let overriding = self.report.overrides.get(&path);
        let value = item.parse().or_else(|| {
            let text = toml::Value::String(overriding?.clone());
            T::deserialize(text).ok()
        });
        if value.is_none() {
            let message = match self.nearest_word::<T>(&path) {
                Some(word) => format!("{}; did you mean \"{word}\"?", T::refusal()),
                None => T::refusal(),
            };
            self.report.fault(&path, message);
        }
        value
    }

    /// A key that must be there.
    pub(super) fn required<T: Value>(&mut self, key: &str, item: &Key<T>) -> Option<T> {
        if item.is_none() {
            self.fault(key, "must be set");
        }
        self.optional(key, item)
    }

    /// A key with a default.
    pub(super) fn or<T: Value>(&mut self, key: &str, item: &Key<T>, default: T) -> T {
        self.optional(key, item).unwrap_or(default)
    }

    /// A key with a default and bounds.
    pub(super) fn within<T>(&mut self, key: &str, item: &Key<T>, limits: &Limits<T>) -> T
    where
        T: Value + Copy + PartialOrd + Display,
    {
        let Some(value) = self.optional(key, item) else {
            return limits.default;
        };
        if value < limits.min || value > limits.max {
            let message = format!("must be between {} and {}", limits.min, limits.max);
            self.fault(key, message);
            return limits.default;
        }
        value
    }

    /// A duration with a default and bounds.
    pub(super) fn duration(
        &mut self,
        key: &str,
        item: &Key<Time>,
        limits: &Limits<Time>,
    ) -> Duration {
        self.within(key, item, limits).0
    }

    /// A duration with bounds that is also bounded by another key of the section; the default gives way to that one.
    pub(super) fn no_longer_than(
        &mut self,
        key: &str,
        item: &Key<Time>,
        limits: &Limits<Time>,
        (other_key, other): (&str, Time),
    ) -> Time {
        let value = self.within(key, item, limits);
        if item.is_some() && value > other {
            let other_path = self.path(other_key);
            self.fault(
                key,
                format!("must not be longer than {other_path}, {other}"),
            );
        }
        value.min(other)
    }

    /// A key of which this version knows only one value, the default.
    pub(super) fn only<T: Value + PartialEq>(
        &mut self,
        key: &str,
        item: &Key<T>,
        available: &T,
        feature: &Unavailable,
    ) {
        if self
            .optional(key, item)
            .is_some_and(|value| value != *available)
        {
            self.fault(key, feature.to_string());
        }
    }

    /// A key that this version does not know what to do with.
    pub(super) fn refuse<T>(&mut self, key: &str, item: &Key<T>, feature: &Unavailable) {
        if item.is_some() {
            self.fault(key, feature.to_string());
        }
    }

    fn nearest_word<T: Value>(&self, path: &str) -> Option<&'static str> {
        let written = self.report.places.value(path)?;
        closest(written.trim_matches(['"', '\'']), T::words())
    }
}
