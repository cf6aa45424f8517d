//! Answers for people: a column of words, and what is told of each in one line or several.

use std::fmt::Write as _;
use std::time::Duration;

use jobgate::config::written;

use super::terminal::harmless;

/// Width of the first column: the longest word, two blanks before it and two after.
const WORD_WIDTH: usize = 11;

/// Lines under words, in the order in which they are added.
#[derive(Debug, Default)]
pub(super) struct Sheet(String);

// === impl Sheet ===

impl Sheet {
    /// Begins with a line of its own.
    pub(super) fn titled(title: &str) -> Self {
        Self(format!("{}\n", harmless(title)))
    }

    /// Adds lines under a word; none leaves the word out.
    pub(super) fn tell(&mut self, word: &str, lines: impl IntoIterator<Item = String>) {
        let mut word = word;
        for line in lines {
            let line = harmless(&line);
            let _ = writeln!(self.0, "  {word:<WORD_WIDTH$}  {line}"); // writing to a String cannot fail
            word = "";
        }
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A time in whole seconds.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.abs().round()).unwrap_or(Duration::MAX);
    written(whole)
}

/// A time as exact as it is given.
pub(super) fn exactly(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    written(time)
}

/// Counts by name, the largest first; without those of zero.
pub(super) fn counts<'a>(counts: impl IntoIterator<Item = (&'a String, &'a u64)>) -> String {
    let mut counts: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| **count > 0)
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    counts.join(", ")
}
