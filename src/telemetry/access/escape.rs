//! Makes foreign text safe to print: JSON escapes, and nothing outside printable ASCII.
//!
//! JSON alone leaves DEL, the C1 controls (which some terminals obey) and the marks that turn the reading direction
//! as they are; here they become `\u….`. So the one escaping serves both formats.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Stands at the end of a text that was cut.
const CUT_MARK: &[u8] = b"...\"";

/// True if the text can stand in a line as it is, in both formats: printable ASCII without a blank or a quoting mark.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'='))
}

/// Appends `text`, at most `max_bytes` of it, as a JSON string of printable ASCII; a cut is marked with `...`.
pub(super) fn write_quoted(out: &mut Vec<u8>, text: &str, max_bytes: usize) {
    let shown = text
        .get(..text.floor_char_boundary(max_bytes))
        .unwrap_or(text);
    let mut serializer = Serializer::with_formatter(&mut *out, PrintableAscii);
    let _ = shown.serialize(&mut serializer); // writing to a Vec cannot fail
    if shown.len() < text.len() {
        out.pop(); // the closing quote
        out.extend_from_slice(CUT_MARK);
    }
}

/// `serde_json`'s compact form, with everything outside printable ASCII as `\u….`.
struct PrintableAscii;

// === impl PrintableAscii ===

impl Formatter for PrintableAscii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for part in fragment.split_inclusive(|c: char| !is_printable(c)) {
            let mut chars = part.chars();
            match chars.next_back() {
                Some(last) if !is_printable(last) => {
                    writer.write_all(chars.as_str().as_bytes())?;
                    for unit in last.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
                _ => writer.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{is_plain, write_quoted};

    fn quoted(text: &str, max_bytes: usize) -> String {
        let mut out = Vec::new();
        write_quoted(&mut out, text, max_bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_text_is_tamed() {
        for (text, expected) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("\"\\\n", r#""\"\\\n""#),
            ("\u{1b}[2J", r#""\u001b[2J""#),
            ("\u{7f}\u{9b}31m", r#""\u007f\u009b31m""#),
            ("a\u{202e}b", r#""a\u202eb""#),
            ("é😀", r#""\u00e9\ud83d\ude00""#),
        ] {
            assert_eq!(quoted(text, 64), expected, "{text:?}");
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn a_cut_is_at_a_character_and_marked() {
        assert_eq!(quoted("abcd", 4), r#""abcd""#);
        assert_eq!(quoted("abcde", 4), r#""abcd...""#);
        assert_eq!(quoted("abcé", 4), r#""abc...""#);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_printable_json_string_and_reads_back(text in any::<String>()) {
            let quoted = quoted(&text, usize::MAX);
            prop_assert!(quoted.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
