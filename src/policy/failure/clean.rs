//! What may be passed on of a code and a text that upstream sent.
//!
//! Upstream speaks to the holder of the central credential, clients are somebody else: access keys, signatures, the
//! addresses of its machines, the encoded authorization message and whatever is as long as a token are blotted out. A known secret is a different matter;
//! who holds it refuses the whole body before it gets here.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::policy::problem::OWN_PREFIX;

/// Longest code passed on, in bytes; the longest known is 14.
const MAX_CODE_BYTES: usize = 64;

/// Longest text passed on, in characters; the longest known is about 120.
const MAX_TEXT_CHARS: usize = 512;

/// How much of a text is looked at, in characters. Blotting out can take time in the square of it, and a body may have
/// a MiB; what lies beyond would be shown only if most of this were private.
const MAX_LOOK_CHARS: usize = 8 * MAX_TEXT_CHARS;

/// Stands where something was blotted out.
const BLOT: &str = "***";

static PRIVATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)
          encoded [\ _-]? authorization .*              # to the end: what follows is the message
        | [a-z0-9+/=_-]{65,}                            # a token, or what was left of one that was cut off
        | [a-z0-9+.-]* :// [[:graph:]]*                 # any URL
        | [a-z0-9_.-]* huaweicloud [a-z0-9_.:/-]*       # a host of upstream without a scheme
        | (?-u:\b) [0-9]{1,3} (?: \. [0-9]{1,3} ){3} (?: : [0-9]+ )?
        | (?-u:\b) (?: ak | access [\ _-]? key (?: [\ _-]? id )? ) [\ ]? [:=] [\ ]? [^\s,;]+
        | (?-u:\b) (?: access | signature ) = [^\s,;]+  # of an Authorization header
        | (?-u:\b) ak [\ ] \S+ [\ ] not [\ ] exist
        | (?-i: [A-Z0-9]{16,} )                         # an access key wherever it stands: 20 such characters
        ",
    )
    .expect("the pattern is a constant that the tests compile")
});

/// The code, if it is one: 1–64 of `[A-Za-z0-9._-]` with nothing to blot out. One that begins like the gateway's own is
/// dropped, so that a code alone tells who speaks.
pub(super) fn code(raw: &str) -> Option<Arc<str>> {
    let is_code = (1..=MAX_CODE_BYTES).contains(&raw.len())
        && raw
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (is_code && !raw.starts_with(OWN_PREFIX) && !PRIVATE.is_match(raw)).then(|| raw.into())
}

/// The text on one line, without private parts, cut to [`MAX_TEXT_CHARS`]; `None` if nothing is left to read.
pub(super) fn text(raw: &str) -> Option<Arc<str>> {
    let line: String = raw
        .chars()
        .take(MAX_LOOK_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = line.split_whitespace().collect();
    let public = PRIVATE.replace_all(&words.join(" "), BLOT).into_owned();
    let cut: String = public.chars().take(MAX_TEXT_CHARS).collect();
    let cut = cut.trim_end();
    cut.contains(char::is_alphanumeric).then(|| cut.into())
}
