//! Values that each thread keeps for itself and one reader walks over.
//!
//! On the way of a hit a shared counter is the dearest part of counting: its cache line travels between cores. Here
//! every thread writes its own; the scrape adds them up. Values outlive their thread (a later thread takes them over),
//! so no count is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thread_local::ThreadLocal;

/// One `T` for each thread that asked for it.
#[derive(Debug)]
pub(super) struct PerThread<T: Send>(Arc<ThreadLocal<Apart<T>>>);

/// Keeps neighbours in the table off each other's cache lines: 128 bytes, as processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// A sum with a single writer: the thread that owns it. Adding is an ordinary load and store, not a locked one.
#[derive(Debug, Default)]
pub(super) struct Tally(AtomicU64);

// === impl PerThread ===

impl<T: Send> Clone for PerThread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send> Default for PerThread<T> {
    fn default() -> Self {
        Self(Arc::new(ThreadLocal::new()))
    }
}

impl<T: Send + Default> PerThread<T> {
    /// The calling thread's own value.
    pub(super) fn mine(&self) -> &T {
        &self.0.get_or_default().0
    }
}

impl<T: Send + Sync> PerThread<T> {
    /// Every thread's value.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|apart| &apart.0)
    }

    /// The sum of one tally over all threads.
    pub(super) fn sum(&self, tally: impl Fn(&T) -> &Tally) -> u64 {
        self.all()
            .fold(0, |sum, each| sum.wrapping_add(tally(each).get()))
    }
}

// === impl Tally ===

impl Tally {
    /// Adds; only ever called through [`PerThread::mine`], which is what makes load-then-store exact.
    pub(super) fn add(&self, by: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(by);
        self.0.store(sum, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{PerThread, Tally};

    #[test]
    fn nothing_is_lost_when_many_threads_add_and_end() {
        let tallies = PerThread::<Tally>::default();
        for _round in 0..3 {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let tallies = tallies.clone();
                    thread::spawn(move || (0..1000).for_each(|_| tallies.mine().add(1)))
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
        }
        assert_eq!(tallies.sum(|tally| tally), 12_000);
    }
}
