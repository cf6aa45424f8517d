//! Is upstream's 200 a success, and if so, which bytes do clients get?
//!
//! The status 200 alone says nothing: failures come with it too. And a true success may carry types that the official
//! Go and Java SDKs refuse (upstream's own example has `create_time` as a string). So a success is read once, the
//! documented fields are given their documented types, and the result is written compactly, ready to be stored.
//!
//! Unknown fields are kept, absent ones stay absent, nulls null, members in their order. A field that cannot be
//! converted becomes null and is named in [`Normalised::nulled`], rather than costing the client the whole answer.
//! What the fields are that are about the central user and not about the job, and whether clients see them, says [`CallerFields`].
//! No number passes through floating point. Normalising what is normalised changes no byte.
//!
//! What a *failure* means, and whether `result.id` is the id asked for, is decided elsewhere.

mod convert;
mod field;
#[cfg(test)]
mod tests;
mod whole;

pub(in crate::policy) use convert::boolean;
pub use field::{CallerFields, Field};

use std::mem;

use bytes::Bytes;

use self::convert::{Sent, convert};
use super::json::{Json, JsonFault, Member};

const RESULT: &str = "result";

/// `status` of a success; siblings of the call fail with `fail`, `failed` and `error`.
const SUCCESS: &str = "success";

/// `running_status` of a job that is not being built. The set of values is open: all others count as running.
pub(in crate::policy) const FINISHED: &str = "Finished";

/// A success in the types that every official SDK reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised {
    /// Compact JSON.
    pub body: Bytes,
    /// `result.id`, if there is one.
    pub result_id: Option<Box<str>>,
    /// `running_status` is exactly `Finished`; a missing or unknown one counts as running.
    pub finished: bool,
    /// `result.last_build_time`: when the last build began, in milliseconds since 1970.
    pub last_build_time: Option<i64>,
    /// The fields sent as null because they could not be converted: those of `result` in the order received, then
    /// `error`.
    pub nulled: Vec<Field>,
}

/// Why a body is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSuccess {
    /// The body cannot be read at all.
    #[error("unreadable: {0}")]
    Unreadable(#[from] JsonFault),
    /// Readable JSON, but not an object. A string may be a failure that was encoded twice.
    #[error("not an object")]
    NotAnObject,
    /// A readable object that tells of a failure: the body may hold its code and text.
    #[error("tells of a failure: {0}")]
    Failure(FailureSign),
}

/// What shows that an object is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureSign {
    /// There is a top-level `error_code`, whatever it holds.
    #[error("it has an error_code")]
    ErrorCode,
    /// `status` is not the string `success`.
    #[error("its status is not success")]
    Status,
    /// `result` is missing or no object.
    #[error("its result is no object")]
    Result,
}

/// Decides whether the body of a 200 is a success, and normalises it if so, with or without what it says of the central user.
///
/// # Errors
/// [`NotSuccess`], with the first reason found.
pub fn normalise(body: &[u8], caller_fields: CallerFields) -> Result<Normalised, NotSuccess> {
    let json = Json::parse(body)?;
    let success = open(&json)?;
    let mut nulled = Vec::new();
    let result = convert_result(success.result, caller_fields, &mut nulled);
    let result_id = text_of(&result, Field::Id).map(Box::from);
    let last_build_time = integer_of(&result, Field::LastBuildTime);
    let finished = text_of(&result, Field::RunningStatus) == Some(FINISHED);
    let envelope = convert_envelope(success.envelope, result, &mut nulled);
    Ok(Normalised {
        body: envelope.to_bytes(),
        result_id,
        finished,
        last_build_time,
        nulled,
    })
}

/// What a success consists of.
struct Success<'j> {
    envelope: &'j [Member<'j>],
    result: &'j [Member<'j>],
}

fn open<'j>(json: &'j Json<'j>) -> Result<Success<'j>, NotSuccess> {
    let envelope = json.as_object().ok_or(NotSuccess::NotAnObject)?;
    if json.get("error_code").is_some() {
        return Err(NotSuccess::Failure(FailureSign::ErrorCode));
    }
    if json.get("status").and_then(Json::as_str) != Some(SUCCESS) {
        return Err(NotSuccess::Failure(FailureSign::Status));
    }
    match json.get(RESULT).and_then(Json::as_object) {
        Some(result) => Ok(Success { envelope, result }),
        None => Err(NotSuccess::Failure(FailureSign::Result)),
    }
}

fn convert_result<'j>(
    result: &'j [Member<'j>],
    caller_fields: CallerFields,
    nulled: &mut Vec<Field>,
) -> Vec<(&'j str, Sent<'j>)> {
    result
        .iter()
        .map(|(name, value)| {
            let sent = match Field::of_result(name) {
                Some(field) if caller_fields.hides(field) => Sent::Null,
                Some(field) => convert_or_null(value, field, nulled),
                None => Sent::Kept(value),
            };
            (&**name, sent)
        })
        .collect()
}

fn convert_envelope<'j>(
    envelope: &'j [Member<'j>],
    mut result: Vec<(&'j str, Sent<'j>)>,
    nulled: &mut Vec<Field>,
) -> Sent<'j> {
    let members = envelope.iter().map(|(name, value)| {
        let sent = match &**name {
            RESULT => Sent::Object(mem::take(&mut result)), // once: no key occurs twice
            name if name == Field::Error.as_str() => convert_or_null(value, Field::Error, nulled),
            _ => Sent::Kept(value),
        };
        (&**name, sent)
    });
    Sent::Object(members.collect())
}

/// The text of a field's value as it would be sent; `None` if that is null. Values with equal texts are sent as equal values.
pub(in crate::policy) fn text_sent(field: Field, value: &Json<'_>) -> Option<Box<str>> {
    convert(value, field.wanted())?.into_text()
}

fn convert_or_null<'j>(value: &'j Json<'j>, field: Field, nulled: &mut Vec<Field>) -> Sent<'j> {
    convert(value, field.wanted()).unwrap_or_else(|| {
        nulled.push(field);
        Sent::Null
    })
}

/// The text that a field of the converted result is sent with.
fn integer_of(result: &[(&str, Sent<'_>)], field: Field) -> Option<i64> {
    match result.iter().find(|(name, _)| *name == field.as_str())? {
        (_, Sent::Integer(value)) => Some(*value),
        _ => None,
    }
}

fn text_of<'j>(result: &[(&'j str, Sent<'j>)], field: Field) -> Option<&'j str> {
    let (_, sent) = result.iter().find(|(name, _)| *name == field.as_str())?;
    sent.as_text()
}
