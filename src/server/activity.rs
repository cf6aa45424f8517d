//! What a connection's timers look at: counts of requests and bytes, noted where they happen.
//!
//! The socket and the requests are deep inside the HTTP stack, which says nothing about them; [`Watched`] stands
//! between it and the socket, [`InFlight`] rides in each request's future and answer. Both write here, the
//! connection's task reads. Everything happens on the worker's one thread; the atomics are there because the stack
//! asks for `Send`, so no order between them is needed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use http::Version;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::drain::Drain;
use crate::policy::phase::Seen;

/// Most that is read of a body that was refused, in bytes: a client that has more to say must be told by a reset. How
/// long it may take is up to the timers.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;

/// The notes of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    started: AtomicU64,
    finished: AtomicU64,
    head: AtomicBool,
    multiplexed: AtomicBool,
    written: AtomicU64,
    blocked: AtomicBool,
    unread: AtomicBool,
    lingering: AtomicBool,
    drain: Drain,
}

/// A request that has begun; it has ended when this is dropped, however that comes about.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

pin_project! {
    /// A socket whose reads and writes are noted.
    pub(super) struct Watched<I> {
        #[pin]
        io: I,
        activity: Arc<Activity>,
        discarded: usize,
        ended: bool,
    }
}

// === impl Activity ===

impl Activity {
    pub(super) fn new(drain: Drain) -> Self {
        Self {
            drain,
            ..Self::default()
        }
    }

    /// Notes the begin of a request, and whether a body of it is still to come.
    pub(super) fn begin(self: &Arc<Self>, version: Version, has_body: bool) -> InFlight {
        if has_body {
            self.unread.store(true, Relaxed);
        }
        self.started.fetch_add(1, Relaxed);
        self.head.store(false, Relaxed);
        if version == Version::HTTP_2 {
            self.multiplexed.store(true, Relaxed);
        }
        InFlight(Arc::clone(self))
    }

    /// Everything noted so far.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            started: self.started.load(Relaxed),
            finished: self.finished.load(Relaxed),
            head: self.head.load(Relaxed),
            multiplexed: self.multiplexed.load(Relaxed),
            written: self.written.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            lingering: self.lingering.load(Relaxed),
        }
    }

    fn read(&self, bytes: usize) {
        if bytes > 0 && self.started.load(Relaxed) == self.finished.load(Relaxed) {
            self.head.store(true, Relaxed);
        }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        match result {
            Poll::Ready(Ok(bytes)) => {
                self.written.fetch_add(*bytes as u64, Relaxed);
                self.blocked.store(false, Relaxed);
            }
            Poll::Ready(Err(_)) => {} // the connection ends by itself
            Poll::Pending => self.blocked.store(true, Relaxed),
        }
    }
}

// === impl InFlight ===

impl InFlight {
    /// Must the answer say that the connection closes? HTTP/2 says so in a frame of its own.
    pub(super) fn is_last(&self) -> bool {
        self.0.drain.has_begun() && !self.0.multiplexed.load(Relaxed)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Relaxed);
    }
}

// === impl Watched ===

impl<I> Watched<I> {
    pub(super) fn new(io: I, activity: Arc<Activity>) -> Self {
        Self {
            io,
            activity,
            discarded: 0,
            ended: false,
        }
    }
}

impl<I: AsyncRead> AsyncRead for Watched<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let (before, room) = (buf.filled().len(), buf.remaining());
        let result = this.io.poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        *this.ended |= matches!(result, Poll::Ready(Ok(()))) && bytes == 0 && room > 0;
        this.activity.read(bytes);
        result
    }
}

impl<I: AsyncRead + AsyncWrite> AsyncWrite for Watched<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = this.io.poll_write(cx, buf);
        this.activity.wrote(&result);
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = this.io.poll_write_vectored(cx, bufs);
        this.activity.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    /// Closes our side; then, if a body was refused unread, reads on and discards. Were the socket closed at once, what
    /// is still under way would be answered with a reset, which may overtake our answer and take it from the client.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Ready(Ok(())); // they closed first: what is left is to drop the socket, which says the same
        }
        ready!(self.as_mut().project().io.poll_shutdown(cx))?;
        if !self.activity.unread.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        self.activity.lingering.store(true, Relaxed);
        let mut space = [0; 4096];
        while self.discarded < MAX_DISCARDED_BYTES {
            let mut buf = ReadBuf::new(&mut space);
            let read = ready!(self.as_mut().poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            *self.as_mut().project().discarded += buf.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
