//! The served port: accept, TLS, HTTP, and the end of it all.
//!
//! `workers` threads, each with a runtime of its own, accept from one socket and keep what they accepted
//! (`worker`); a connection is one task under its own timers (`connection`, `timers`, with the rules in
//! [`policy::phase`](crate::policy::phase)). What a request means is decided by the service that [`Server::start`] is
//! given a maker of, one per connection. A [`Drain`] ends everything in order.
//!
//! Not here: raising the descriptor limit, signals, and every route.

mod activity;
mod bridge;
mod certificate;
mod connection;
mod drain;
mod listen;
mod metrics;
mod protocol;
mod timers;
mod tls;
mod worker;

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::Builder;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

pub use self::certificate::Certificate;
pub use self::connection::Peer;
pub use self::drain::Drain;
pub use self::listen::{bind, inherited};
pub use self::metrics::ServerMetrics;
pub use self::tls::{Tls, TlsFault};

use self::connection::Serving;
use self::protocol::{Streams, protocol};
use self::worker::Worker;
use crate::clock::Clock;
use crate::config::ServerSettings;
use crate::limiter::Sample;
use crate::policy::phase::Limits;

/// What every worker needs beside its socket.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Served if given, else plain HTTP.
    pub tls: Option<Tls>,
    /// Where connections are counted.
    pub metrics: ServerMetrics,
    /// What ends the serving.
    pub drain: Drain,
    /// Time.
    pub clock: Clock,
}

/// The workers, running.
#[derive(Debug)]
pub struct Server {
    workers: Vec<oneshot::Receiver<usize>>,
}

/// How the serving ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open after `drain_timeout`.
    pub cut: usize,
    /// Workers that had ended by a fault of ours.
    pub lost_workers: usize,
}

// === impl Server ===

impl Server {
    /// Starts the workers; they accept at once.
    ///
    /// `make` is called once per connection. Its service must be ready at all times; it is owned by the connection.
    ///
    /// # Errors
    /// If the system gives no descriptor or thread; then the drain is begun, for the workers that did start.
    pub fn start<M, S>(
        listener: std::net::TcpListener,
        settings: &ServerSettings,
        shared: &Shared,
        make: M,
    ) -> io::Result<Self>
    where
        M: Fn(&Peer) -> S + Clone + Send + Sync + 'static,
        S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        let places = Arc::new(Semaphore::new(
            settings.max_connections.min(Semaphore::MAX_PERMITS),
        ));
        let (started, outcomes) = mpsc::channel();
        let workers = (0..settings.workers.max(1))
            .map(|index| {
                let worker = Worker {
                    listener: listener.try_clone()?,
                    places: Arc::clone(&places),
                    serving: Arc::new(serving(settings, shared, make.clone())),
                    drain_timeout: settings.drain_timeout,
                };
                spawn(index, worker, started.clone())
            })
            .collect::<io::Result<_>>();
        drop(started); // the outcomes end when every worker has told its own
        let workers = outcomes
            .into_iter()
            .collect::<io::Result<()>>()
            .and(workers)
            .inspect_err(|_| shared.drain.begin())?;
        Ok(Self { workers })
    }

    /// Resolves when all workers have ended: after the drain has begun and every connection is gone or cut.
    pub async fn drained(self) -> Drained {
        let mut drained = Drained::default();
        for worker in self.workers {
            match worker.await {
                Ok(cut) => drained.cut += cut,
                Err(_) => drained.lost_workers += 1,
            }
        }
        drained
    }
}

fn serving<M>(settings: &ServerSettings, shared: &Shared, make: M) -> Serving<M> {
    Serving {
        make,
        protocol: protocol(settings.max_header_bytes, Streams(TaskTracker::new())),
        limits: Limits {
            header: settings.header_timeout,
            idle: settings.idle_timeout,
            request: settings.request_timeout,
        },
        tls: shared
            .tls
            .clone()
            .map(|Tls(config)| TlsAcceptor::from(config)),
        handshakes: Sample::new(&shared.clock),
        clock: shared.clock.clone(),
        drain: shared.drain.for_worker(),
        metrics: shared.metrics.clone(),
    }
}

fn spawn<M, S>(
    index: usize,
    worker: Worker<M>,
    started: mpsc::Sender<io::Result<()>>,
) -> io::Result<oneshot::Receiver<usize>>
where
    M: Fn(&Peer) -> S + Send + Sync + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let (ended, end) = oneshot::channel();
    Builder::new()
        .name(format!("jobgate-worker-{index}"))
        .spawn(move || {
            let cut = worker.run(started);
            let _ = ended.send(cut); // nobody waits if the process is being given up
        })?;
    Ok(end)
}

#[cfg(test)]
mod tests;
