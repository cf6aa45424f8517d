//! What came from elsewhere is shown to a person: it must not steer the terminal, begin a line of its own, or turn the text
//! around.

use std::io::Write as _;

use super::Failed;

/// Prints an answer as it came. A control character that stands raw in it can only be part of a text, and is written as
/// JSON may write it, so that it means the same.
pub(super) fn print_json(body: &[u8]) -> Result<(), Failed> {
    let mut text = String::with_capacity(body.len());
    for c in String::from_utf8_lossy(body).chars() {
        if steers(c) && !matches!(c, '\n' | '\t') {
            text.push_str(&format!("\\u{:04x}", u32::from(c))); // all of them have four digits
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    write(&text)
}

/// Prints text for people.
pub(super) fn print(text: &str) -> Result<(), Failed> {
    write(&harmless_lines(text))
}

/// Text for one line.
pub(super) fn harmless(text: &str) -> String {
    text.replace(steers, "\u{fffd}")
}

/// Text of several lines, whose ends are ours.
pub(super) fn harmless_lines(text: &str) -> String {
    text.replace(|c| steers(c) && c != '\n', "\u{fffd}")
}

/// Prints text that is wholly ours.
pub(super) fn write(text: &str) -> Result<(), Failed> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Control characters, and those that change the direction of writing.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
