//! What is wrong with a scenario file: each fault with its line, key and value.

use std::fmt;

/// Characters of a value that a fault repeats; a longer one is cut.
const SHOWN_CHARS: usize = 80;

/// Everything that is wrong, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioFaults(pub(super) Vec<Fault>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The file's name.
    pub(super) file: String,
    /// Counted from 1; 0: the file as a whole.
    pub(super) line: usize,
    /// The key's path, `rules[0].do`, with ` = ` and its value if that helps.
    pub(super) key: String,
    /// What is wrong and what would be right.
    pub(super) message: String,
}

impl fmt::Display for ScenarioFaults {
    /// One fault a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, fault) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&fault.file)?;
            if fault.line > 0 {
                write!(f, ":{}", fault.line)?;
            }
            if !fault.key.is_empty() {
                write!(f, ": {}", fault.key)?;
            }
            write!(f, ": {}", fault.message)?;
        }
        Ok(())
    }
}

/// A value as a fault repeats it: on one line, and not too long.
pub(super) fn shown(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_CHARS {
        return line;
    }
    let start: String = line.chars().take(SHOWN_CHARS).collect();
    format!("{start}…")
}
