//! Looks for a text in whatever dress it may have been written.

/// A text in every dress it might be written in: plain, JSON-escaped, hexadecimal, base64 wherever it begins.
fn dresses(secret: &str) -> Vec<String> {
    let hex = hex::encode(secret);
    let mut dresses = vec![secret.to_owned(), hex.to_uppercase(), hex];
    dresses.push(
        secret
            .bytes()
            .map(|byte| format!("\\u{byte:04x}"))
            .collect(),
    );
    dresses.extend((0..3).map(|offset| base64_at(offset, secret)));
    dresses
}

/// The base64 digits that depend on `text` alone when it stands `offset` bytes behind a multiple of three.
fn base64_at(offset: usize, text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = std::iter::repeat_n(0, offset).chain(text.bytes());
    let bits: Vec<u8> = bytes
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let sextets = bits
        .chunks_exact(6)
        .map(|six| six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)));
    let digits: String = sextets.map(|sextet| char::from(DIGITS[sextet])).collect();
    digits.chars().skip((offset * 8).div_ceil(6)).collect()
}

pub(super) fn assert_hidden(needles: &[String], everything: &str) {
    for needle in needles {
        assert!(needle.len() >= 16, "{needle} would be found by chance");
        for dress in dresses(needle) {
            let found = everything.lines().find(|line| line.contains(&dress));
            assert_eq!(found, None, "{needle} as {dress}");
        }
    }
}

/// The search itself: it finds what is there.
#[test]
fn every_dress_is_found() {
    assert_eq!(base64_at(0, "Man"), "TWFu");
    assert_eq!(base64_at(1, "an"), "Fu"); // the first digit's bits are shared with what stands before
    assert!("TWFu".contains(&base64_at(1, "an")) && "TWFu".contains(&base64_at(2, "n")));
    assert_eq!(dresses("k")[..4], ["k", "6B", "6b", "\\u006b"]);
    let found = std::panic::catch_unwind(|| {
        assert_hidden(
            &["0123456789abcdef".into()],
            "x30313233343536373839616263646566",
        )
    });
    assert!(found.is_err());
}
