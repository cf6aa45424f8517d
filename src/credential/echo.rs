//! Does an answer repeat a secret? An upstream error text may quote what it was sent.
//!
//! JSON lets one text be written in many ways (`\/`, `\u003d`), so a body with a backslash is also searched as the parser
//! reads it; texts that carry JSON themselves are opened in turn.

use serde_json::Value;

use crate::policy::json;

/// Does `body` contain `secret`, as it is or in any JSON escaping?
pub(super) fn contains(body: &[u8], secret: &str) -> bool {
    contains_verbatim(body, secret.as_bytes()) || contains_escaped(body, secret)
}

fn contains_verbatim(body: &[u8], secret: &[u8]) -> bool {
    body.windows(secret.len()).any(|window| window == secret)
}

fn contains_escaped(body: &[u8], secret: &str) -> bool {
    body.contains(&b'\\') && read(body).is_some_and(|value| contains_in_value(&value, secret))
}

/// Reads whatever one of the readers behind this search can read. `serde_json` alone would give up at a number like
/// `1e999`, which a job may hold: so, like a job's reader, it is given none.
fn read(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str(&json::with_zeros(text)).ok()
}

/// The recursion ends: the parser bounds the depth of a value, and a text is shorter than the JSON that carried it.
fn contains_in_value(value: &Value, secret: &str) -> bool {
    match value {
        Value::String(text) => contains(text.as_bytes(), secret),
        Value::Array(items) => items.iter().any(|item| contains_in_value(item, secret)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            contains(name.as_bytes(), secret) || contains_in_value(value, secret)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
