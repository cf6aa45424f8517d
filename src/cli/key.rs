//! `jobgate key new NAME`

use std::io::Write as _;

use jobgate::config::is_client_name;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Failed;

/// Random bytes in a key: 256 bits, twice what the contract asks for.
const KEY_BYTES: usize = 32;
/// Lets secret scanners recognise a key that leaked.
const PREFIX: &str = "jgk_";

pub(super) fn new(name: &str) -> Result<(), Failed> {
    if !is_client_name(name) {
        let text = format!("{name:?} is no client name: 1 to 64 of A-Z a-z 0-9 . _ -");
        return Err(Failed::Wrong(text));
    }
    let mut random = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(random.as_mut()).map_err(std::io::Error::other)?;
    let key = Zeroizing::new(format!("{PREFIX}{}", hex::encode(random.as_ref())));
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "# The key of {name}. Give it to that client; it is shown only here.\n{}\n",
        *key
    )?;
    writeln!(
        out,
        "# Add to gateway.toml (the file holds only the key's SHA-256):"
    )?;
    writeln!(
        out,
        "[[clients]]\nname = \"{name}\"\nkey_sha256 = [\"{digest}\"]"
    )?;
    Ok(())
}
