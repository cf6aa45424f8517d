//! One worker: a thread, a runtime of its own, and the connections it accepted.
//!
//! All workers accept from the same socket, and a connection stays with the worker that took it, so that answering
//! from memory never crosses a thread.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::connection::{Peer, Serving};
use super::listen::{ACCEPT_PAUSE, is_of_the_connection};

/// A look at the queue of wakes from other threads before each task (tokio's default is every 31st). Only a landed fetch
/// wakes from outside: those who waited for it go before the connections that have just moved, so that a herd's answers
/// are not held up by the closing of the connections that have theirs. The queue is empty otherwise, and a look is one
/// atomic load.
const WAKES_FROM_OUTSIDE_FIRST: u32 = 1;

/// A worker that has yet to run.
pub(super) struct Worker<M> {
    pub(super) listener: std::net::TcpListener,
    /// Places for connections, shared by all workers.
    pub(super) places: Arc<Semaphore>,
    pub(super) serving: Arc<Serving<M>>,
    pub(super) drain_timeout: Duration,
}

// === impl Worker ===

impl<M, S> Worker<M>
where
    M: Fn(&Peer) -> S + Send + Sync + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    /// Says through `started` whether it can; then accepts and serves until the drain, finishes what runs, and
    /// returns how many connections had to be cut.
    pub(super) fn run(self, started: Sender<io::Result<()>>) -> usize {
        let Self {
            listener,
            places,
            serving,
            drain_timeout,
        } = self;
        let (runtime, listener) = match runtime_for(listener) {
            Ok(ready) => ready,
            Err(error) => {
                let _ = started.send(Err(error)); // whoever starts us waits for this
                return 0;
            }
        };
        let _ = started.send(Ok(()));
        drop(started);
        runtime.block_on(async {
            let connections = TaskTracker::new();
            accept(listener, places, &serving, &connections).await;
            connections.close();
            let _ = timeout(drain_timeout, connections.wait()).await; // late or not: the rest is counted
            connections.len()
        })
        // Here the runtime goes, and with it every task that is left.
    }
}

/// The runtime of a worker, and the socket registered with it. Made on the worker's thread: a runtime must not be
/// dropped (on a failed start) where another one runs.
fn runtime_for(listener: std::net::TcpListener) -> io::Result<(Runtime, TcpListener)> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .global_queue_interval(WAKES_FROM_OUTSIDE_FIRST)
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Ok((runtime, listener))
}

/// Accepts until the drain begins; the socket is closed when this returns.
async fn accept<M, S>(
    listener: TcpListener,
    places: Arc<Semaphore>,
    serving: &Arc<Serving<M>>,
    connections: &TaskTracker,
) where
    M: Fn(&Peer) -> S + Send + Sync + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let mut drain = pin!(serving.drain.begun());
    let mut failing = false; // one line in the log for a whole row of failures
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut drain => return,
            accepted = accept_one(&listener, &places) => accepted,
        };
        match accepted {
            Ok((place, stream, addr)) => {
                failing = false;
                let serving = Arc::clone(serving);
                connections.spawn(async move {
                    serving.serve(stream, addr).await;
                    drop(place);
                });
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                serving.metrics.accept_failed();
                if !failing {
                    tracing::warn!(%error, "cannot accept; trying again every {ACCEPT_PAUSE:?}");
                }
                failing = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A place first, a connection then: while all are taken, clients wait in the kernel's backlog.
async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?; // never: nobody closes it
    let (stream, addr) = listener.accept().await?;
    Ok((place, stream, addr))
}
