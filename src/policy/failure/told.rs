//! What an error body says, whichever of its forms it has.
//!
//! One reader for all, because the same party uses several: `error_code`/`error_msg` at the top (build service, API
//! gateway), `code`/`message` or `code`/`reason` inside `error` (IAM, this service family), camel case, the success
//! envelope with `error` as text, older `err_code`/`message`, and any of them once more wrapped in a JSON string.
//!
//! Other members (`details`, `encoded_authorization_message`, upstream's request id) are not read: the first two speak
//! of the central user, the last is told by a header.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::clean;

#[cfg(test)]
mod tests;

/// Where a code may stand, in the order the official clients look.
const CODE_MEMBERS: [&str; 4] = ["error_code", "errorCode", "code", "err_code"];

/// Where a text may stand, in the same order.
const TEXT_MEMBERS: [&str; 4] = ["error_msg", "errorMsg", "message", "reason"];

/// What an error body says, fit to be shown to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The code: 1–64 of `[A-Za-z0-9._-]`, never one of the gateway's own.
    pub code: Option<Arc<str>>,
    /// The text: 1–512 characters, without what must not be passed on.
    pub message: Option<Arc<str>>,
}

/// For a log: `CB.00060201 Invalid task ID.`, a `-` for what is missing.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_dash = |text: &Option<Arc<str>>| text.as_deref().unwrap_or("-").to_owned();
        write!(f, "{} {}", or_dash(&self.code), or_dash(&self.message))
    }
}

/// Reads an error body. Never fails: HTML, plain text, nothing, cut-off JSON tell nothing.
#[must_use]
pub(super) fn read(body: &[u8]) -> Told {
    match serde_json::from_slice(body) {
        Ok(Value::String(inner)) => read_value(&serde_json::from_str(&inner).unwrap_or_default()),
        Ok(value) => read_value(&value),
        Err(_) => Told::default(),
    }
}

fn read_value(value: &Value) -> Told {
    let Value::Object(outer) = value else {
        return Told::default();
    };
    match outer.get("error") {
        Some(Value::Object(inner)) => {
            let (outer, inner) = (read_members(outer), read_members(inner));
            // A code and a text from different levels would be a pair that nobody sent.
            if outer.code.is_some() { outer } else { inner }
        }
        Some(Value::String(text)) => {
            let told = read_members(outer);
            Told {
                message: told.message.or_else(|| clean::text(text)),
                ..told
            }
        }
        _ => read_members(outer),
    }
}

fn read_members(object: &Map<String, Value>) -> Told {
    Told {
        code: first(object, CODE_MEMBERS, |value| match value {
            Value::String(code) => clean::code(code),
            Value::Number(number) => clean::code(&number.to_string()), // IAM: 401
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }),
        message: first(object, TEXT_MEMBERS, |value| {
            value.as_str().and_then(clean::text)
        }),
    }
}

/// The first of `members` that `usable` makes something of.
fn first(
    object: &Map<String, Value>,
    members: [&str; 4],
    usable: impl Fn(&Value) -> Option<Arc<str>>,
) -> Option<Arc<str>> {
    members
        .iter()
        .find_map(|member| object.get(*member).and_then(&usable))
}
