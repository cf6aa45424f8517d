//! One value as received → the value as sent, in the wanted type.
//!
//! A conversion is made only where it loses nothing; everything else is `None`, which the caller sends as null and
//! reports. Which field wants which type stands in [`field`](super::field).

use bytes::Bytes;
use serde::ser::{Serialize, Serializer};

use super::field::Wanted;
use super::whole::whole;
use crate::policy::json::Json;

/// A value as it is sent; it borrows what it can from the value received.
#[derive(Clone, Debug)]
pub(super) enum Sent<'j> {
    Null,
    Text(&'j str),
    Boolean(bool),
    Integer(i64),
    /// Nothing to convert: sent as received.
    Kept(&'j Json<'j>),
    Object(Vec<(&'j str, Self)>),
}

/// `value` in the wanted type; `None` if it cannot be converted. Null needs no conversion.
pub(super) fn convert<'j>(value: &'j Json<'j>, wanted: Wanted) -> Option<Sent<'j>> {
    if matches!(value, Json::Null) {
        return Some(Sent::Null);
    }
    match wanted {
        Wanted::Text => text(value).map(Sent::Text),
        Wanted::TextOnly => value.as_str().map(Sent::Text),
        Wanted::Boolean => boolean(value).map(Sent::Boolean),
        Wanted::Int64 => integer(value).map(Sent::Integer),
        Wanted::Int32 => integer(value)
            .filter(|number| i32::try_from(*number).is_ok())
            .map(Sent::Integer),
    }
}

/// A string unchanged; a number or boolean as its own characters (`27.51`, never `27.509999`).
fn text<'j>(value: &'j Json<'j>) -> Option<&'j str> {
    match value {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.get()),
        Json::Bool(true) => Some("true"),
        Json::Bool(false) => Some("false"),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A boolean; `"true"` and `"false"` in any case; 0 and 1, also as strings.
pub(in crate::policy) fn boolean(value: &Json<'_>) -> Option<bool> {
    match value {
        Json::Bool(value) => Some(*value),
        Json::Number(number) => zero_or_one(number.get()),
        Json::String(text) => match text.trim() {
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            digit => zero_or_one(digit),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn zero_or_one(text: &str) -> Option<bool> {
    match whole(text)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A number, or a string that holds one, if it is whole and fits 64 bits.
fn integer(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Number(number) => whole(number.get()),
        Json::String(text) => whole(text.trim()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

// === impl Sent ===

impl<'j> Sent<'j> {
    /// The text, if it is sent as a string.
    pub(super) fn as_text(&self) -> Option<&'j str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::Kept(_) | Self::Object(_) => {
                None
            }
        }
    }

    /// The text of a string, a boolean or a number.
    pub(super) fn into_text(self) -> Option<Box<str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Boolean(value) => Some(value.to_string().into()),
            Self::Integer(number) => Some(number.to_string().into()),
            Self::Null | Self::Kept(_) | Self::Object(_) => None,
        }
    }

    /// Compact JSON, in exactly the memory it needs: it is kept for long.
    pub(super) fn to_bytes(&self) -> Bytes {
        let json = serde_json::to_vec(self).expect("string keys, and a vector takes every byte");
        Bytes::from(json.into_boxed_slice())
    }
}

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Kept(json) => json.serialize(serializer),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}
