//! Does an answer repeat a secret? An error text may quote what its sender was sent, whole or cut off, and inside texts that are
//! JSON themselves.
//!
//! JSON lets one text be written in many ways (`\/`, `\u003d`). So nothing is parsed: escapes are undone wherever they
//! stand, layer by layer, and each layer is searched. Capitals and small letters count as the same.

use std::borrow::Cow;

/// Layers that are searched. Each writes a backslash of the one below twice, so of honest ones this many take 64 KiB for one.
const MOST_LAYERS: usize = 16;

/// Does a secret stand in `body`, as it is or in any JSON escaping? `is_in` looks at one layer. What is wrapped more often than
/// anybody would is taken to hide one.
pub(super) fn in_any_layer(body: &[u8], is_in: impl Fn(&[u8]) -> bool) -> bool {
    let mut layer = Cow::Borrowed(body);
    for _ in 0..MOST_LAYERS {
        if is_in(&layer) {
            return true;
        }
        if !layer.contains(&b'\\') {
            return false;
        }
        layer = Cow::Owned(without_escapes(&layer));
    }
    true
}

/// Does it stand in this one layer?
pub(super) fn contains(layer: &[u8], secret: &str) -> bool {
    let mut windows = layer.windows(secret.len());
    windows.any(|window| window.eq_ignore_ascii_case(secret.as_bytes()))
}

/// A backslash is always taken away, so each layer is shorter than the one before.
fn without_escapes(layer: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(layer.len());
    let mut rest = layer;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'\\' {
            rest = unescaped(after, &mut out);
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

/// Writes what stands behind a backslash; gives what follows. What is no part of any secret or name becomes a blank.
fn unescaped<'a>(escape: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    match escape {
        [b'u', digits @ ..] if let Some((code, rest)) = code(digits) => {
            let letter = char::from_u32(code.into()).unwrap_or(' ');
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            rest
        }
        [b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => {
            out.push(b' ');
            rest
        }
        [other, rest @ ..] => {
            out.push(*other);
            rest
        }
        [] => &[],
    }
}

fn code(digits: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = digits.split_first_chunk::<4>()?;
    let mut code = [0; 2];
    hex::decode_to_slice(digits, &mut code).ok()?;
    Some((u16::from_be_bytes(code), rest))
}
