//! A file that is read again when it changes.
//!
//! It is looked at on each use: upstream calls are a few tens a minute, and a look is one `stat`. A file that is gone or
//! unusable is an error at once and not covered up with the last value, because removing it is how an operator takes the
//! credential away.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::mem;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::Generation;
use super::fault::CredentialFault;

/// What a file holds, whole: its parts are always of one reading.
pub(super) trait Content: Sized {
    /// Longest file in bytes.
    const MAX_BYTES: usize;

    /// Reads it; `path` is named in faults.
    fn parse(content: &[u8], path: &Path) -> Result<Self, CredentialFault>;

    /// Whether the other is the same secret; what else differs is no new generation.
    fn is(&self, other: &Self) -> bool;
}

/// A file and its last good reading.
pub(super) struct Watched<T> {
    path: PathBuf,
    seen: Mutex<Seen<T>>,
}

struct Seen<T> {
    value: Arc<T>,
    /// The value before that: a call that was sent with it may still be under way.
    former: Option<Arc<T>>,
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
    /// Nobody can set it back, as a copy does that keeps `modified`.
    changed: (i64, i64),
}

// === impl Watched ===

impl<T: Content> Watched<T> {
    pub(super) fn open(path: &Path) -> Result<Self, CredentialFault> {
        let (value, stamp) = read(path)?;
        let seen = Seen {
            value: Arc::new(value),
            former: None,
            generation: Generation::default(),
            stamp,
        };
        Ok(Self {
            path: path.to_owned(),
            seen: Mutex::new(seen),
        })
    }

    /// The value as it is now; the file is read again if its stamp changed.
    pub(super) fn current(&self) -> Result<(Arc<T>, Generation), CredentialFault> {
        self.look(|seen| Ok(Stamp::of(&stat(&self.path)?) != seen.stamp))
    }

    /// Reads the file again whatever its stamp: two writes within one tick of the file system's clock look alike.
    pub(super) fn read_again(&self) -> Result<Generation, CredentialFault> {
        self.look(|_| Ok(true)).map(|(_, generation)| generation)
    }

    /// Which value it had when it was last read.
    pub(super) fn generation(&self) -> Generation {
        self.seen().generation
    }

    /// The last good value, without looking.
    pub(super) fn last(&self) -> Arc<T> {
        Arc::clone(&self.seen().value)
    }

    /// The last good value and the one before it, without looking.
    pub(super) fn known(&self) -> impl Iterator<Item = Arc<T>> + use<T> {
        let seen = self.seen();
        std::iter::once(Arc::clone(&seen.value)).chain(seen.former.clone())
    }

    fn look(
        &self,
        must_read: impl FnOnce(&Seen<T>) -> Result<bool, CredentialFault>,
    ) -> Result<(Arc<T>, Generation), CredentialFault> {
        let mut seen = self.seen();
        if must_read(&seen)? {
            seen.replace(read(&self.path)?);
        }
        Ok((Arc::clone(&seen.value), seen.generation))
    }

    fn seen(&self) -> MutexGuard<'_, Seen<T>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Seen ===

impl<T: Content> Seen<T> {
    fn replace(&mut self, (value, stamp): (T, Stamp)) {
        self.stamp = stamp;
        let is_same = value.is(&self.value);
        let before = mem::replace(&mut self.value, Arc::new(value));
        if !is_same {
            self.former = Some(before);
            self.generation = self.generation.next();
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
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn stat(path: &Path) -> Result<Metadata, CredentialFault> {
    fs::metadata(path).map_err(|error| unreadable(path, error))
}

/// The stamp is taken from the open file before its content: whatever is written later changes the stamp once more.
fn read<T: Content>(path: &Path) -> Result<(T, Stamp), CredentialFault> {
    if !stat(path)?.is_file() {
        // opening a pipe would wait for its writer, and it could not be read twice
        let error = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(unreadable(path, error));
    }
    let (content, stamp) =
        read_bounded(path, T::MAX_BYTES).map_err(|error| unreadable(path, error))?;
    Ok((T::parse(&content, path)?, stamp))
}

fn read_bounded(path: &Path, most: usize) -> io::Result<(Zeroizing<Vec<u8>>, Stamp)> {
    let limit = most + 1; // one byte that tells "longer"
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    // reserved at once: a growing vector would leave unwiped copies behind
    let mut content = Zeroizing::new(Vec::with_capacity(limit));
    file.take(limit as u64).read_to_end(&mut content)?;
    Ok((content, stamp))
}

fn unreadable(path: &Path, source: io::Error) -> CredentialFault {
    CredentialFault::Unreadable {
        path: path.to_owned(),
        source,
    }
}
