//! The one stream that all log lines go to, and the one thread that writes it.
//!
//! Each thread appends whole lines to a buffer of its own; the writer thread takes the buffers every
//! [`WRITE_EVERY`], sooner when one is filling up, and writes them out. So a line is never torn, lines of one thread
//! keep their order, and a reader of the log that stalls cannot stall a request: at [`MAX_BUFFERED_BYTES`] a thread's
//! further lines are dropped and counted. Lines of different threads may be up to [`WRITE_EVERY`] out of order; each
//! carries its time. What a line says is not decided here.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

use super::per_thread::PerThread;
use super::stamp::Stamp;

/// How long a line may lie before it is written, in ordinary times.
pub const WRITE_EVERY: Duration = Duration::from_millis(50);

/// A buffer of this size wakes the writer at once: one wake for some 200 lines.
const WAKE_AT_BYTES: usize = 64 * 1024;

/// The most a thread may have waiting, in bytes; further lines are dropped and counted.
pub const MAX_BUFFERED_BYTES: usize = 1024 * 1024;

/// Capacity that a buffer keeps after a burst, in bytes; above [`WAKE_AT_BYTES`], so that steady load allocates nothing.
const KEPT_BYTES: usize = 4 * WAKE_AT_BYTES;

/// Where lines are appended. Clones share one stream; when the last is dropped, what is left is written.
#[derive(Clone, Debug)]
pub struct Lines {
    shared: Arc<Shared>,
    _last: Arc<CloseOnDrop>,
}

#[derive(Debug, Default)]
struct Shared {
    buffers: PerThread<Mutex<Buffer>>,
    dropped: Counter,
    passes: Mutex<Passes>,
    pass_ended: Condvar,
    writer: OnceLock<Thread>,
}

/// A thread's unwritten lines.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    stamp: Stamp,
    woke_writer: bool,
}

/// The writer's rounds over all buffers, numbered so that [`Lines::flush`] can tell which one has seen its lines.
#[derive(Debug, Default)]
struct Passes {
    begun: u64,
    ended: u64,
    closed: bool,
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Shared>);

/// Takes one diagnostic line from `tracing-subscriber`, which hands over a whole line in one write.
#[derive(Debug)]
pub struct LineWriter<'a>(&'a Lines);

// === impl Lines ===

impl Lines {
    /// Starts the writer thread over `sink`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writers_share = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writers_share.write_until_closed(sink))?;
        let _ = shared.writer.set(writer.thread().clone()); // set nowhere else
        Ok(Self {
            _last: Arc::new(CloseOnDrop(Arc::clone(&shared))),
            shared,
        })
    }

    /// Appends what `compose` writes, which must be whole lines; it gets the text of `at`. It must not log itself.
    pub(super) fn append(&self, at: SystemTime, compose: impl FnOnce(&mut Vec<u8>, &str)) {
        if self.shared.append(|buffer| {
            let stamp = buffer.stamp.of(at);
            compose(&mut buffer.bytes, stamp);
        }) {
            self.shared.wake_writer();
        }
    }

    /// Waits until everything appended so far is written, at most `patience`; false if that was too short.
    ///
    /// A stuck reader of the log must not keep a drained gateway alive, hence the bound.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        let passes = lock(&self.shared.passes);
        let wanted = passes.begun + 1; // one that runs now may be past our buffer
        self.shared.wake_writer();
        let (passes, _) = self
            .shared
            .pass_ended
            .wait_timeout_while(passes, patience, |passes| passes.ended < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        passes.ended >= wanted
    }

    /// Lines that were dropped: the counter itself, to be registered.
    #[must_use]
    pub fn dropped(&self) -> Counter {
        self.shared.dropped.clone()
    }
}

// === impl Shared ===

impl Shared {
    /// Appends within the bound; true if the writer should be woken.
    fn append(&self, compose: impl FnOnce(&mut Buffer)) -> bool {
        let mut buffer = lock(self.buffers.mine());
        let before = buffer.bytes.len();
        compose(&mut buffer);
        if buffer.bytes.len() > MAX_BUFFERED_BYTES {
            self.dropped.inc_by(count_lines(buffer.bytes.get(before..)));
            buffer.bytes.truncate(before);
        }
        let wake = buffer.bytes.len() >= WAKE_AT_BYTES && !buffer.woke_writer;
        buffer.woke_writer |= wake;
        wake
    }

    fn wake_writer(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    fn write_until_closed(&self, mut sink: impl Write) {
        let mut spare = Vec::new();
        loop {
            thread::park_timeout(WRITE_EVERY);
            let closed = lock(&self.passes).closed; // read before the pass: the last one misses nothing
            self.pass(&mut spare, &mut sink);
            if closed {
                return;
            }
        }
    }

    /// Writes what every thread has waiting. `spare` goes round as the next thread's empty buffer.
    fn pass(&self, spare: &mut Vec<u8>, sink: &mut impl Write) {
        let number = {
            let mut passes = lock(&self.passes);
            passes.begun += 1;
            passes.begun
        };
        for buffer in self.buffers.all() {
            let mut buffer = lock(buffer);
            std::mem::swap(&mut buffer.bytes, spare);
            buffer.woke_writer = false;
            drop(buffer); // nobody waits while the sink is slow
            if !spare.is_empty() && sink.write_all(spare).is_err() {
                self.dropped.inc_by(count_lines(Some(spare)));
            }
            spare.clear();
            spare.shrink_to(KEPT_BYTES);
        }
        let _ = sink.flush(); // a lost stdout is not a reason to stop serving
        lock(&self.passes).ended = number;
        self.pass_ended.notify_all();
    }
}

/// A panic while composing leaves at worst half a line.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_lines(bytes: Option<&[u8]>) -> u64 {
    let newlines = bytes.unwrap_or_default().iter().filter(|b| **b == b'\n');
    u64::try_from(newlines.count()).unwrap_or(u64::MAX)
}

// === impl CloseOnDrop ===

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        lock(&self.0.passes).closed = true;
        self.0.wake_writer();
    }
}

// === impl LineWriter ===

impl<'a> MakeWriter<'a> for Lines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self)
    }
}

impl Write for LineWriter<'_> {
    /// Diagnostics are rare and may be the last words, so the writer is woken at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shared = &self.0.shared;
        shared.append(|buffer| buffer.bytes.extend_from_slice(line));
        shared.wake_writer();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
mod tests;
