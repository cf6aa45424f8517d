//! Reading one section: each key is taken with its default and its bounds, and what is wrong is noted, not returned.
//!
//! After a fault the default stands in, so that the rest of the file is still checked and all faults come out at once.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::item::{Time, Value};
use super::limits::Limits;
use super::place::child;
use super::raw::Key;
use super::report::Report;
use super::unavailable::Unavailable;
use super::unknown::closest;

/// One section of the file, while it is checked.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) report: &'a mut Report,
    path: String,
}

impl Section<'_> {
    /// The section at `path`.
    pub(super) fn of(report: &mut Report, path: impl Into<String>) -> Section<'_> {
        let path = path.into();
        Section { report, path }
    }

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
        self.parsed(key, item, "")
    }

    fn parsed<T: Value>(&mut self, key: &str, item: &Key<T>, bounds: &str) -> Option<T> {
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
                None => T::refusal() + bounds,
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

    /// True if the environment sets the key.
    pub(super) fn is_overridden(&self, key: &str) -> bool {
        self.report.overrides.contains_key(&self.path(key))
    }

    /// Two keys that say the same in two ways: at most one of them. One in the
    /// environment replaces the other in the file.
    pub(super) fn at_most_one<T: Value>(
        &mut self,
        (first_key, first): (&str, &Key<T>),
        (second_key, second): (&str, &Key<T>),
    ) -> (Option<T>, Option<T>) {
        match (
            self.is_overridden(first_key),
            self.is_overridden(second_key),
        ) {
            (true, false) => return (self.optional(first_key, first), None),
            (false, true) => return (None, self.optional(second_key, second)),
            (true, true) | (false, false) => {}
        }
        let first = self.optional(first_key, first);
        let second = self.optional(second_key, second);
        if first.is_some() && second.is_some() {
            self.fault(
                second_key,
                format!("must not be set together with {first_key}"),
            );
            return (None, None);
        }
        (first, second)
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
        self.between(key, item, &(limits.min..=limits.max))
            .unwrap_or(limits.default)
    }

    /// A key with bounds and without a default; `None` also when it is wrong.
    pub(super) fn between<T>(
        &mut self,
        key: &str,
        item: &Key<T>,
        bounds: &RangeInclusive<T>,
    ) -> Option<T>
    where
        T: Value + PartialOrd + Display,
    {
        let (min, max) = (bounds.start(), bounds.end());
        let value = self.parsed(key, item, &format!(", {min} to {max}"))?;
        if !bounds.contains(&value) {
            self.fault(key, format!("must be between {min} and {max}"));
            return None;
        }
        Some(value)
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
