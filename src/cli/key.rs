//! `jobgate key new NAME`: a key, or with `--virtual` the secret of an access key for the official SDKs.

use jobgate::config::is_client_name;
use jobgate::policy::client::Fingerprint;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Failed;
use super::terminal::write;

/// Random bytes in a key: 256 bits, twice what the contract asks for.
const KEY_BYTES: usize = 32;
/// Let secret scanners recognise a key that leaked.
const KEY_PREFIX: &str = "jgk_";
const SECRET_PREFIX: &str = "jgs_";

pub(super) fn new(name: &str, is_virtual: bool) -> Result<(), Failed> {
    if !is_client_name(name) {
        let text = format!("{name:?} is no client name: 1 to 64 of A-Z a-z 0-9 . _ -");
        return Err(Failed::Wrong(text));
    }
    let mut random = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(random.as_mut()).map_err(std::io::Error::other)?;
    write(&if is_virtual {
        secret_key(name, &random)
    } else {
        plain_key(name, &random)
    })
}

/// What is printed of a key that is sent as it is.
fn plain_key(name: &str, random: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let key = Zeroizing::new(format!("{KEY_PREFIX}{}", &*hexadecimal(random)));
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    let fingerprint = Fingerprint::of(key.as_bytes());
    Zeroizing::new(format!(
        "\
# The key of {name}. Give it to that client; it is shown only here.
{}

# Add to gateway.toml (the file holds only the key's SHA-256), and restart:
[[clients]]
name = \"{name}\"
key_sha256 = [\"{digest}\"]

# `jobgate stats` and the log call this key {fingerprint}.
# If {name} is a client already, it gets a second key: put the hash into the list that is there,
#   key_sha256 = [\"…\", \"{digest}\"]
# and take the old hash out once `jobgate stats` says that the new key is used and the old one is not.
",
        *key
    ))
}

/// What is printed of the secret that verifies a client's signatures.
fn secret_key(name: &str, random: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let secret = Zeroizing::new(format!("{SECRET_PREFIX}{}", &*hexadecimal(random)));
    let fingerprint = Fingerprint::of(secret.as_bytes());
    let variable = variable(name);
    Zeroizing::new(format!(
        "\
# The secret key of {name}. Give it to that client; it is shown only here.
{}

# Its SDK is given the access key {name} and this secret key.
# The gateway reads the secret from a file that only its own user can read. Make one, paste the line above, end with Ctrl-D:
#   (umask 077; cat > /etc/jobgate/{name}.secret)
# Add to gateway.toml, and restart:
[[clients]]
name = \"{name}\"
secret_file = \"/etc/jobgate/{name}.secret\"

# In place of the file a variable will do, such as secret_env = \"{variable}\".
# `jobgate stats` and the log call this secret {fingerprint}.
# If {name} is a client already, add the line to its entry. If it has a secret already, it can have two while one replaces the other,
# one as secret_env and one as secret_file; take the old one out once `jobgate stats` says that the new one is used and the old one
# is not. Or write the new one into the file that is there, which needs no restart: the old one ends at that moment.
",
        *secret
    ))
}

/// The variable that may hold a client's secret, named after it: letters and digits in capitals, `_` for all else.
fn variable(name: &str) -> String {
    let capital = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    // no shell takes a name that begins with a digit
    let begin = if name.starts_with(|c: char| c.is_ascii_digit()) {
        "_"
    } else {
        ""
    };
    format!(
        "{begin}{}_SECRET",
        name.chars().map(capital).collect::<String>()
    )
}

fn hexadecimal(random: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use super::{plain_key, secret_key, variable};

    #[test]
    fn a_new_key_says_what_to_do_with_it() {
        insta::assert_snapshot!(&*plain_key("wallboard", &[0xa1; 32]));
    }

    #[test]
    fn a_variable_is_named_after_its_client() {
        assert_eq!(variable("ide-plugin"), "IDE_PLUGIN_SECRET");
        assert_eq!(variable("2.fast"), "_2_FAST_SECRET");
    }

    #[test]
    fn a_new_secret_says_what_to_do_with_it() {
        insta::assert_snapshot!(&*secret_key("wallboard", &[0xa1; 32]));
    }
}
