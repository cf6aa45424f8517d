//! Reads a [`Json`] with a serde visitor: one pass, bounded recursion, the first broken rule ends it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::pieces::Pieces;
use super::{Json, JsonFault, MAX_DEPTH, MAX_NUMBER_CHARS, Member, with_zeros};

const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn read(body: &[u8]) -> Result<Json<'_>, JsonFault> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(JsonFault::NotUtf8);
    };
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(JsonFault::ByteOrderMark);
    }
    let mut walk = Walk {
        numbers: Pieces::of(text),
        fault: None,
    };
    let zeroed = with_zeros(text);
    let mut deserializer = serde_json::Deserializer::from_str(&zeroed);
    let value = Value {
        walk: &mut walk,
        depth: 0,
    };
    match value.deserialize(&mut deserializer) {
        Ok(json) if deserializer.end().is_ok() => Ok(json),
        Ok(_) => Err(JsonFault::TrailingData),
        Err(error) => Err(walk.fault.unwrap_or_else(|| grammar_fault(&error))),
    }
}

fn grammar_fault(error: &serde_json::Error) -> JsonFault {
    match error.classify() {
        Category::Eof => JsonFault::CutOff,
        Category::Syntax | Category::Data | Category::Io => JsonFault::Syntax {
            line: error.line(),
            column: error.column(),
        },
    }
}

/// What the whole reading shares.
struct Walk<'a> {
    /// The numbers not read yet.
    numbers: Pieces<'a>,
    /// The rule of ours that was broken; serde's errors can only carry text.
    fault: Option<JsonFault>,
}

/// Reads one value, inside `depth` others.
struct Value<'w, 'a> {
    walk: &'w mut Walk<'a>,
    depth: usize,
}

// === impl Walk ===

impl Walk<'_> {
    fn refuse<E: serde::de::Error>(&mut self, fault: JsonFault) -> E {
        self.fault = Some(fault);
        E::custom(fault)
    }
}

// === impl Value ===

impl<'a> Value<'_, 'a> {
    /// How to read what is inside this value.
    fn inner(&mut self) -> Value<'_, 'a> {
        Value {
            walk: self.walk,
            depth: self.depth + 1,
        }
    }

    fn open<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            Ok(())
        } else {
            Err(self.walk.refuse(JsonFault::TooDeep))
        }
    }
}

impl<'de, 'a> DeserializeSeed<'de> for Value<'_, 'a> {
    type Value = Json<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'a> Visitor<'de> for Value<'_, 'a> {
    type Value = Json<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'a>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'a>, E> {
        Ok(Json::Bool(value))
    }

    /// Every number: in the text that is read they are all `0`.
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Json<'a>, E> {
        match self.walk.numbers.next_number() {
            Some(number) if number.get().len() <= MAX_NUMBER_CHARS => Ok(Json::Number(number)),
            Some(_) => Err(self.walk.refuse(JsonFault::NumberTooLong)),
            None => Err(E::custom("more numbers read than written")),
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'a>, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Json<'a>, A::Error> {
        self.open()?;
        let mut elements = Vec::new();
        while let Some(element) = array.next_element_seed(self.inner())? {
            elements.push(element);
        }
        Ok(Json::Array(elements.into()))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<Json<'a>, A::Error> {
        self.open()?;
        let mut members = Vec::new();
        while let Some(key) = object.next_key()? {
            members.push((key, object.next_value_seed(self.inner())?));
        }
        if any_key_twice(&members) {
            return Err(self.walk.refuse(JsonFault::DuplicateKey));
        }
        Ok(Json::Object(members.into()))
    }
}

/// Sorted, so that an object of very many keys costs no more than n·log n.
fn any_key_twice(members: &[Member<'_>]) -> bool {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    keys.array_windows().any(|[one, next]| one == next)
}
