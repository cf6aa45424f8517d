//! Where a secret comes from: an environment variable, read once, or a file, read again when it changes.
//!
//! A file is looked at on each use, not watched: upstream calls are a few tens a minute, and a look is one `stat`. A file
//! that is gone or empty is an error at once and not covered up with the last value, because removing it is how an
//! operator takes the credential away.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::mem;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::fault::{CredentialFault, Flaw, MAX_BYTES};
use super::secret::Secret;
use crate::config::SecretSource;

/// Which of the values that a source had over time; a different value is a different generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(u64);

/// A secret and how to look for a newer one.
pub(super) enum Source {
    Fixed(Arc<Secret>),
    File { path: PathBuf, seen: Mutex<Seen> },
}

/// The last good reading of a file.
pub(super) struct Seen {
    secret: Arc<Secret>,
    /// The value before that: a call that was sent with it may still be under way.
    former: Option<Arc<Secret>>,
    generation: Generation,
    stamp: Stamp,
}

/// What tells that a file was replaced or rewritten, without reading it.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
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
            SecretSource::File(path) => {
                let (secret, stamp) = read(path)?;
                let seen = Seen {
                    secret: Arc::new(secret),
                    former: None,
                    generation: Generation::default(),
                    stamp,
                };
                Ok(Self::File {
                    path: path.clone(),
                    seen: Mutex::new(seen),
                })
            }
        }
    }

    /// A secret that never changes; `place` names it in a fault.
    pub(super) fn fixed(text: &str, place: &str) -> Result<Self, CredentialFault> {
        let secret = Secret::parse(text).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
        Ok(Self::Fixed(Arc::new(secret)))
    }

    /// The secret as it is now; a file is read again if its stamp changed.
    pub(super) fn current(&self) -> Result<(Arc<Secret>, Generation), CredentialFault> {
        self.look(|path, seen| Ok(Stamp::of(&stat(path)?) != seen.stamp))
    }

    /// Which value it has now; a file that cannot be read now has the one it had last.
    pub(super) fn generation(&self) -> Generation {
        match (self.current(), self) {
            (Ok((_, generation)), _) => generation,
            (Err(_), Self::Fixed(_)) => Generation::default(),
            (Err(_), Self::File { seen, .. }) => {
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .generation
            }
        }
    }

    /// Reads a file again whatever its stamp: two writes within one tick of the file system's clock look alike.
    pub(super) fn read_again(&self) -> Result<Generation, CredentialFault> {
        self.look(|_, _| Ok(true)).map(|(_, generation)| generation)
    }

    /// The last good value and the one before it, without looking.
    pub(super) fn known(&self) -> impl Iterator<Item = Arc<Secret>> + use<> {
        let (secret, former) = match self {
            Self::Fixed(secret) => (Arc::clone(secret), None),
            Self::File { seen, .. } => {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                (Arc::clone(&seen.secret), seen.former.clone())
            }
        };
        std::iter::once(secret).chain(former)
    }

    fn look(
        &self,
        must_read: impl FnOnce(&Path, &Seen) -> Result<bool, CredentialFault>,
    ) -> Result<(Arc<Secret>, Generation), CredentialFault> {
        match self {
            Self::Fixed(secret) => Ok((Arc::clone(secret), Generation::default())),
            Self::File { path, seen } => {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if must_read(path, &seen)? {
                    seen.replace(read(path)?);
                }
                Ok((Arc::clone(&seen.secret), seen.generation))
            }
        }
    }
}

// === impl Seen ===

impl Seen {
    fn replace(&mut self, (secret, stamp): (Secret, Stamp)) {
        self.stamp = stamp;
        if secret.expose() != self.secret.expose() {
            self.former = Some(mem::replace(&mut self.secret, Arc::new(secret)));
            self.generation = Generation(self.generation.0.wrapping_add(1));
        }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// How an environment variable is called in a fault.
pub(super) fn variable(name: &str) -> String {
    format!("environment variable {name}")
}

fn stat(path: &Path) -> Result<Metadata, CredentialFault> {
    fs::metadata(path).map_err(|error| unreadable(path, error))
}

/// The stamp is taken from the open file before its content: whatever is written later changes the stamp once more.
fn read(path: &Path) -> Result<(Secret, Stamp), CredentialFault> {
    if !stat(path)?.is_file() {
        // opening a pipe would wait for its writer, and it could not be read twice
        let error = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(unreadable(path, error));
    }
    let (content, stamp) = read_bounded(path).map_err(|error| unreadable(path, error))?;
    let secret = parse(&content)
        .map_err(|flaw| CredentialFault::flawed(&format!("file {}", path.display()), flaw))?;
    Ok((secret, stamp))
}

fn read_bounded(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Stamp)> {
    let limit = MAX_BYTES + 3; // a line end, and one byte that tells "longer"
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    // reserved at once: a growing vector would leave unwiped copies behind
    let mut content = Zeroizing::new(Vec::with_capacity(limit));
    file.take(limit as u64).read_to_end(&mut content)?;
    Ok((content, stamp))
}

fn parse(content: &[u8]) -> Result<Secret, Flaw> {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) => Secret::parse(text),
        Err(_) => Err(Flaw::NotVisibleAscii),
    }
}

fn unreadable(path: &Path, source: io::Error) -> CredentialFault {
    CredentialFault::Unreadable {
        path: path.to_owned(),
        source,
    }
}
