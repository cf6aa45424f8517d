//! A JSON value in which nothing is lost: members keep their order, numbers their digits.
//!
//! The grammar is `serde_json`'s alone. On top of it [`Json::parse`] refuses what two readers could understand
//! differently (duplicate keys, a byte-order mark, trailing data) and what costs more than it is worth (deep nesting,
//! endless numbers). Reading takes near linear time (the keys of an object are sorted once) and holds at most some 40 times the input, in
//! the worst case, which is an array of one-digit numbers (2 bytes of text, one `Json` of 24, a vector that doubles).
//! Serialising writes compact text, strings as `serde_json` escapes them, numbers as received.
//!
//! No number is ever interpreted here: what its digits mean is the caller's business.

mod pieces;
mod read;
#[cfg(test)]
mod tests;

use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use pieces::Pieces;

/// Arrays and objects that may be open at once. A success has 2; the bound keeps recursion shallow.
pub const MAX_DEPTH: usize = 64;

/// Characters of one number. The longest 64-bit integer has 20.
pub const MAX_NUMBER_CHARS: usize = 64;

/// One JSON value; its numbers are borrowed from the text it was read from.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as received.
    Number(&'a RawValue),
    /// A string, unescaped.
    String(Box<str>),
    /// An array.
    Array(Box<[Self]>),
    /// An object, in the order received, no key twice.
    Object(Box<[Member<'a>]>),
}

/// One key of an object and its value.
pub type Member<'a> = (Box<str>, Json<'a>);

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text begins with a byte-order mark (RFC 8259 §8.1 lets a reader treat it as an error).
    #[error("begins with a byte-order mark")]
    ByteOrderMark,
    /// The text ends too early; an empty one does.
    #[error("ends before the value does")]
    CutOff,
    /// The text is no JSON.
    #[error("no JSON at line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// Something other than white space follows the value.
    #[error("something follows the value")]
    TrailingData,
    /// An object names one key twice.
    #[error("an object has a key twice")]
    DuplicateKey,
    /// More than [`MAX_DEPTH`] arrays and objects are open at once.
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A number has more than [`MAX_NUMBER_CHARS`] characters.
    #[error("a number of more than {MAX_NUMBER_CHARS} characters")]
    NumberTooLong,
}

/// The text with a `0` in the place of each number: what `serde_json` reads of it does not hang on the numbers.
#[must_use]
pub fn with_zeros(text: &str) -> String {
    Pieces::of(text).with_zeros()
}

// === impl Json ===

impl<'a> Json<'a> {
    /// Reads exactly one value.
    ///
    /// # Errors
    /// See [`JsonFault`].
    pub fn parse(body: &'a [u8]) -> Result<Self, JsonFault> {
        read::read(body)
    }

    /// The value of `key`, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let members = self.as_object()?;
        members
            .iter()
            .find(|(name, _)| &**name == key)
            .map(|(_, value)| value)
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[Member<'a>]> {
        match self {
            Self::Object(members) => Some(members),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}
