//! One piece of secret text: wiped when dropped, without `Debug`, `Display`, `Clone` or `Serialize`.

use secrecy::{ExposeSecret, SecretString};

use super::fault::{Flaw, MAX_BYTES, MIN_BYTES};

/// Secret text that may stand in a header: 16 bytes to 128 KiB of visible ASCII.
pub(super) struct Secret(SecretString);

impl Secret {
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        check_header_text(text)?;
        match text.len() {
            ..MIN_BYTES => Err(Flaw::TooShort),
            MIN_BYTES..=MAX_BYTES => Ok(Self(SecretString::from(text))),
            _ => Err(Flaw::TooLong),
        }
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Blanks are refused as well: at either end of a header value they would be lost on the way, and the signature with them.
pub(super) fn check_header_text(text: &str) -> Result<(), Flaw> {
    if text.is_empty() {
        Err(Flaw::Empty)
    } else if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Flaw::NotVisibleAscii)
    }
}
