//! Looks for a text in whatever dress it may have been written.
//!
//! Capitals and small letters count as the same, and backslashes as nothing: a text may have been escaped, and its escapes
//! once more.

use std::fmt::Write as _;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A text in every dress it might be written in: plain, hexadecimal, as numbers, escaped for JSON or a URL in part or whole, and
/// in base64 wherever it begins.
fn dresses(secret: &str) -> Vec<String> {
    let each = |write: &dyn Fn(&mut String, u8)| {
        let mut dress = String::new();
        for byte in secret.bytes() {
            write(&mut dress, byte);
        }
        dress
    };
    let numbers = format!("{:?}", secret.as_bytes());
    let mut dresses = vec![
        secret.to_owned(),
        hex::encode(secret),
        numbers.trim_matches(['[', ']']).to_owned(),
        each(&|dress, byte| write!(dress, "\\u{byte:04x}").expect("memory")),
        each(&|dress, byte| write!(dress, "%{byte:02x}").expect("memory")),
        each(&|dress, byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
                dress.push(char::from(byte));
            }
            byte => write!(dress, "%{byte:02x}").expect("memory"),
        }),
    ];
    for digits in [STANDARD, FOR_URLS] {
        dresses.extend((0..3).map(|offset| base64_at(offset, secret, digits)));
    }
    dresses.iter().map(|dress| undressed(dress)).collect()
}

/// The base64 digits that depend on `text` alone when it stands `offset` bytes behind a multiple of three.
fn base64_at(offset: usize, text: &str, digits: &[u8; 64]) -> String {
    let bytes = std::iter::repeat_n(0, offset).chain(text.bytes());
    let bits: Vec<u8> = bytes
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let sextets = bits
        .chunks_exact(6)
        .map(|six| six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)));
    let digits: String = sextets.map(|sextet| char::from(digits[sextet])).collect();
    digits.chars().skip((offset * 8).div_ceil(6)).collect()
}

/// What two spellings of one text have in common.
fn undressed(text: &str) -> String {
    text.replace('\\', "").to_ascii_lowercase()
}

/// None of the texts stands anywhere, in any dress.
#[track_caller]
pub(super) fn assert_hidden<T: AsRef<str>>(needles: &[T], everything: &str) {
    let searched = undressed(everything);
    for needle in needles.iter().map(AsRef::as_ref) {
        assert!(needle.len() >= 16, "{needle} would be found by chance");
        for dress in dresses(needle) {
            let found = searched.contains(&dress).then(|| {
                let line = searched.lines().find(|line| line.contains(&dress));
                line.unwrap_or("several lines")
            });
            assert_eq!(found, None, "{needle} as {dress}");
        }
    }
}

/// The search itself: it finds what is there.
#[test]
fn every_dress_is_found() {
    assert_eq!(base64_at(0, "Man", STANDARD), "TWFu");
    assert_eq!(base64_at(1, "an", STANDARD), "Fu"); // the first digit's bits are shared with what stands before
    assert_eq!(base64_at(0, "??>", FOR_URLS), "Pz8-");
    assert!("TWFu".contains(&base64_at(1, "an", STANDARD)));
    assert!("TWFu".contains(&base64_at(2, "n", STANDARD)));
    let secret = "A/secret\\of \"the\" tests";
    for dressed in [
        secret.to_owned(),
        secret.to_uppercase(),
        format!("{secret:?} {secret}"),
        format!("{:?}", format!("{secret:?}")),
        format!("{:?}", secret.as_bytes()),
        "x412f7365637265745C6F6620227468652220746573747300".to_owned(),
        "A%2Fsecret%5cof%20%22the%22%20tests".to_owned(),
        secret
            .bytes()
            .map(|byte| format!("\\\\u{byte:04X}"))
            .collect(),
    ] {
        let found = std::panic::catch_unwind(|| assert_hidden(&[secret], &dressed));
        assert!(found.is_err(), "{dressed}");
    }
    assert_hidden(&[secret], "A/secret\\of \"the\" test");
}
