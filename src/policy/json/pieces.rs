//! Where the numbers of a JSON text stand.
//!
//! `serde_json` reads a number of an unknown field into a machine number: digits would be lost, and `1e999` refused.
//! So the reader is given a text in which each number is a `0`, and takes the digits from here, in the same order.
//!
//! Nothing is judged here. Text that is no JSON is cut into pieces just as well; what looks like a number but is none
//! stays in the text, for `serde_json` to refuse where it stands.

use serde_json::value::RawValue;

/// A text cut into numbers and all else, in order and without loss.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'a> {
    rest: &'a str,
}

/// One piece of a text.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A well-formed number outside of strings.
    Number(&'a RawValue),
    /// A string, what stands between strings and numbers, or a malformed number.
    Other(&'a str),
}

// === impl Pieces ===

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The text with each number replaced by a `0`, padded so that all else keeps its place.
    pub(super) fn with_zeros(self) -> String {
        let mut text = String::with_capacity(self.rest.len());
        for piece in self {
            match piece {
                Piece::Number(number) => {
                    text.push('0');
                    text.extend(std::iter::repeat_n(' ', number.get().len() - 1));
                }
                Piece::Other(other) => text.push_str(other),
            }
        }
        text
    }

    /// The next number, skipping all before it.
    pub(super) fn next_number(&mut self) -> Option<&'a RawValue> {
        self.find_map(|piece| match piece {
            Piece::Number(number) => Some(number),
            Piece::Other(_) => None,
        })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = self.rest.chars().next()?;
        let end = match first {
            '"' => string_end(self.rest),
            _ if begins_number(first) => self.rest.find(|c| !continues_number(c)),
            _ => self.rest.find(|c| c == '"' || begins_number(c)),
        };
        let (piece, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if begins_number(first)
            && let Ok(number) = serde_json::from_str(piece)
        {
            return Some(Piece::Number(number));
        }
        Some(Piece::Other(piece))
    }
}

fn begins_number(c: char) -> bool {
    c == '-' || c.is_ascii_digit()
}

fn continues_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')
}

/// The place behind the string that `text` begins with; `None` if it does not end.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = true; // the opening quote ends nothing
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
