//! The two renderings of a line: a JSON object, or `key=value` words for people (and for logfmt readers).
//!
//! Keys and the line's frame equal those of the diagnostic lines, so that one query finds both.

use crate::config::LogFormat;

use super::escape;

const MILLION: u64 = 1_000_000;

/// A line being composed, field by field.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    format: LogFormat,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Begins a line. Every access line is at level INFO: the status tells the rest.
    pub(super) fn begin(out: &'a mut Vec<u8>, format: LogFormat, stamp: &str) -> Self {
        match format {
            LogFormat::Json => {
                out.extend_from_slice(b"{\"timestamp\":\"");
                out.extend_from_slice(stamp.as_bytes());
                out.extend_from_slice(b"\",\"level\":\"INFO\",\"target\":\"access\"");
            }
            LogFormat::Text => {
                out.extend_from_slice(stamp.as_bytes());
                out.extend_from_slice(b"  INFO access:");
            }
        }
        Self { out, format }
    }

    /// A text that needs no escaping, by its type or its source.
    pub(super) fn word(&mut self, key: &str, word: &str) {
        self.key(key);
        match self.format {
            LogFormat::Json => {
                self.out.push(b'"');
                self.out.extend_from_slice(word.as_bytes());
                self.out.push(b'"');
            }
            LogFormat::Text => self.out.extend_from_slice(word.as_bytes()),
        }
    }

    /// Any text: cut to `max_bytes` and escaped.
    pub(super) fn text(&mut self, key: &str, text: &str, max_bytes: usize) {
        if text.len() <= max_bytes && escape::is_plain(text) {
            self.word(key, text);
        } else {
            self.key(key);
            escape::write_quoted(self.out, text, max_bytes);
        }
    }

    /// A number.
    pub(super) fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.key(key);
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(number).as_bytes());
    }

    /// A number of millionths, as a decimal number without zeros at its end.
    pub(super) fn millionths(&mut self, key: &str, millionths: u64) {
        self.number(key, millionths / MILLION);
        let part = millionths % MILLION;
        if part > 0 {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(MILLION + part); // a 1 before them keeps the zeros
            let digits = digits.get(1..).unwrap_or_default().trim_end_matches('0');
            self.out.push(b'.');
            self.out.extend_from_slice(digits.as_bytes());
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.key(key);
        let word: &[u8] = if flag { b"true" } else { b"false" };
        self.out.extend_from_slice(word);
    }

    /// Ends the line.
    pub(super) fn end(self) {
        match self.format {
            LogFormat::Json => self.out.extend_from_slice(b"}\n"),
            LogFormat::Text => self.out.push(b'\n'),
        }
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Json => {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(key.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
            LogFormat::Text => {
                self.out.push(b' ');
                self.out.extend_from_slice(key.as_bytes());
                self.out.push(b'=');
            }
        }
    }
}
