//! An answer that gave nothing, in words for the operator.
//!
//! What the service says is passed on cleaned, as upstream's errors are; but if it quotes what must not be logged, all of
//! it is left out, since a text of which a part is known to be private is not one to search for the rest.

use std::time::SystemTime;

use super::IssueFault;
use super::wire::Answer;
use crate::credential::echo;
use crate::policy::failure;
use crate::policy::request_id;

/// IAM's name for a request's id, which the vendor's support asks for.
const TRACE_ID: &str = "x-iam-trace-id";

/// `IAM answered 401: 401 The username or password is wrong. (X-IAM-Trace-Id 5b0e4b57)`; `private` is what must not be
/// in it.
pub(super) fn describe(service: &str, answer: &Answer, private: &[&str]) -> String {
    let said = if quotes(&answer.body, private) {
        ", in words that quote what is private".to_owned()
    } else {
        failure::words_of(&answer.body).map_or_else(String::new, |words| format!(": {words}"))
    };
    let trace = trace_id(answer).filter(|id| !quotes(id.as_bytes(), private));
    let trace = trace.map_or_else(String::new, |id| format!(" (X-IAM-Trace-Id {id})"));
    format!("{service} answered {}{said}{trace}", answer.status.as_u16())
}

/// What is left to say of an answer that decides nothing: ask later.
pub(super) fn unavailable(
    service: &str,
    answer: &Answer,
    private: &[&str],
    wall: SystemTime,
) -> IssueFault {
    let retry_after = answer.retry_after(wall);
    IssueFault::Unavailable {
        why: describe(service, answer, private).into(),
        retry_after: retry_after.or_else(|| failure::window_of(&answer.body)),
    }
}

fn quotes(text: &[u8], private: &[&str]) -> bool {
    echo::in_any_layer(text, |layer| {
        let mut words = private.iter().filter(|word| !word.is_empty());
        words.any(|word| echo::contains(layer, word))
    })
}

fn trace_id(answer: &Answer) -> Option<&str> {
    let id = answer.headers.get(TRACE_ID)?.to_str().ok()?;
    request_id::is_modest(id).then_some(id)
}
