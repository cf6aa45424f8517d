//! Where a secret comes from: an environment variable, read once, or a [file](super::file), read again when it changes.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::fault::{CredentialFault, Flaw, MAX_BYTES};
use super::file::{Content, Watched};
use super::secret::Secret;
use crate::config::SecretSource;

/// Which of the values that a source had over time; a different value is a different generation, a later one a greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// A secret and how to look for a newer one.
pub(super) enum Source {
    Fixed(Arc<Secret>),
    File(Watched<Secret>),
}

// === impl Generation ===

impl Generation {
    /// The one after this.
    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Of two sources that are used together: another one whenever either is.
    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

// === impl Source ===

impl Source {
    pub(super) fn open(
        settings: &SecretSource,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialFault> {
        match settings {
            SecretSource::Env(name) => match env(name).map(Zeroizing::new) {
                Some(value) => Self::fixed(&value, &variable(name)),
                None => Err(CredentialFault::Unset {
                    names: vec![name.clone()],
                }),
            },
            SecretSource::File(path) => Watched::open(path).map(Self::File),
        }
    }

    /// A secret that never changes; `place` names it in a fault.
    pub(super) fn fixed(text: &str, place: &str) -> Result<Self, CredentialFault> {
        let secret = Secret::parse(text).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
        Ok(Self::Fixed(Arc::new(secret)))
    }

    /// The secret as it is now; a file is read again if its stamp changed.
    pub(super) fn current(&self) -> Result<(Arc<Secret>, Generation), CredentialFault> {
        match self {
            Self::Fixed(secret) => Ok((Arc::clone(secret), Generation::default())),
            Self::File(file) => file.current(),
        }
    }

    /// Which value it has now; a file that cannot be read now has the one it had last.
    pub(super) fn generation(&self) -> Generation {
        match (self.current(), self) {
            (Ok((_, generation)), _) => generation,
            (Err(_), Self::Fixed(_)) => Generation::default(),
            (Err(_), Self::File(file)) => file.generation(),
        }
    }

    /// Reads a file again whatever its stamp.
    pub(super) fn read_again(&self) -> Result<Generation, CredentialFault> {
        match self {
            Self::Fixed(_) => Ok(Generation::default()),
            Self::File(file) => file.read_again(),
        }
    }

    /// Whether it may ever have another value.
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The last good value and the one before it, without looking.
    pub(super) fn known(&self) -> impl Iterator<Item = Arc<Secret>> + use<> {
        let (fixed, file) = match self {
            Self::Fixed(secret) => (Some(Arc::clone(secret)), None),
            Self::File(file) => (None, Some(file.known())),
        };
        fixed.into_iter().chain(file.into_iter().flatten())
    }
}

impl Content for Secret {
    const MAX_BYTES: usize = MAX_BYTES + 2; // with a line end

    fn parse(content: &[u8], path: &Path) -> Result<Self, CredentialFault> {
        let line = content.strip_suffix(b"\n").unwrap_or(content);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let secret = match std::str::from_utf8(line) {
            Ok(text) => Secret::parse(text),
            Err(_) => Err(Flaw::NotVisibleAscii),
        };
        secret.map_err(|flaw| CredentialFault::flawed(&format!("file {}", path.display()), flaw))
    }

    fn is(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// How an environment variable is called in a fault.
pub(super) fn variable(name: &str) -> String {
    format!("environment variable {name}")
}
