//! Why a credential cannot be used: it names the place and the flaw, never the value.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use super::issue::KeysFlaw;
use crate::error::Error;
use crate::upstream::TrustFault;

/// Shortest secret in bytes. Answers are searched for it, and a shorter text could be there by chance; the vendor's
/// secret keys have about 40 characters, tokens thousands.
pub(super) const MIN_BYTES: usize = 16;

/// Longest secret in bytes: upstream documents tokens of up to 100 000 characters.
pub(super) const MAX_BYTES: usize = 128 * 1024;

/// A secret that cannot be used, by the name of its variable or file.
#[derive(Debug, thiserror::Error)]
pub enum CredentialFault {
    /// Environment variables are not set.
    #[error("{}", unset(names))]
    Unset {
        /// Their names, at least one.
        names: Vec<String>,
    },
    /// The file cannot be read.
    #[error("cannot read file {}", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// `keys_file` can be read, but holds no usable keys.
    #[error("file {} cannot be used ({flaw})", path.display())]
    KeysUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: KeysFlaw,
    },
    /// Nothing to check the identity service's certificate against.
    #[error("cannot ask IAM safely")]
    Trust(#[from] TrustFault),
    /// There is a value, but not a usable one.
    #[error("{place}: {flaw}")]
    Flawed {
        /// The variable, the file or the setting.
        place: String,
        /// What is wrong with the value.
        flaw: Flaw,
    },
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Nothing there.
    #[error("the value is empty")]
    Empty,
    /// So short that it could stand in an innocent answer: answers are searched for it.
    #[error("the value is too short: at least {MIN_BYTES} bytes")]
    TooShort,
    /// Longer than any header upstream takes.
    #[error("the value is too long: at most {MAX_BYTES} bytes")]
    TooLong,
    /// A blank, a control character or something beyond ASCII: it cannot be sent in a header as it is.
    #[error("the value contains a blank or a character that is not visible ASCII")]
    NotVisibleAscii,
}

fn unset(names: &[String]) -> String {
    match names {
        [name] => format!("environment variable {name} is not set"),
        names => format!("environment variables {} are not set", names.join(" and ")),
    }
}

// === impl CredentialFault ===

impl CredentialFault {
    /// The fault, and what the system says of it.
    pub(super) fn with_cause(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }

    pub(super) fn flawed(place: &str, flaw: Flaw) -> Self {
        Self::Flawed {
            place: place.to_owned(),
            flaw,
        }
    }
}

impl From<CredentialFault> for Error {
    fn from(fault: CredentialFault) -> Self {
        Self::CredentialUnavailable(fault.with_cause().into())
    }
}
