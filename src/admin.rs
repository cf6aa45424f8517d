//! The operator's listener: is it alive, is it ready, what do the metrics say; and below `/api` what is stored and why, and
//! the few things that an operator may do about it.
//!
//! It runs on the control runtime, apart from the workers that serve clients. It is bounded in connections and in time
//! and reads no request body. `access` says who may ask, `route` what is asked; [`operate`] is the seam to the parts
//! that know. It changes something only by `POST` and `DELETE`, and `audit` writes a line of each. It must outlive the
//! drain, or nobody could see that; the app stops it last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::error::Error;
use crate::telemetry::metrics::{Facts, RequestMetrics, UpstreamMetrics};

pub use access::Access;
use answer::{Answer, Refusal};
use operate::Operate;

mod access;
mod act;
mod answer;
mod audit;
mod health;
mod look;
pub mod operate;
mod query;
mod reply;
mod route;
pub mod stats;

/// Connections at once; further ones wait in the kernel's queue. A few dashboards and probes need a tenth.
const MAX_CONNECTIONS: usize = 64;

/// A whole request head must arrive within this, counted from the last answer: so it bounds idling, too. Longer than
/// the usual scrape interval of 15 s, so that a scraper keeps its connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection ends after this, so that none that reads nothing holds its place for good.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);

/// What a connection may take to finish its answer once it was told to end.
const END_GRACE: Duration = Duration::from_secs(2);

/// Pause after an accept that failed (mostly: no descriptor left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Walks over all entries at once; further ones wait. A walk cannot be stopped once it has begun, also when whoever asked
/// has gone, so their number is not bounded by that of the connections.
const MAX_WALKS: usize = 2;

/// Largest request head in bytes; browsers send a few KiB. The least that hyper takes is 8 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What the listener reads from and acts through. Clones share it.
#[derive(Clone)]
pub struct Admin {
    parts: Arc<Parts>,
    walks: Arc<Semaphore>,
    started: Instant,
}

/// The parts of an [`Admin`].
pub struct Parts {
    /// The finished registry.
    pub registry: Registry,
    /// The same facts that are registered in it.
    pub facts: Arc<dyn Facts>,
    /// The counters of requests that are registered in it.
    pub requests: RequestMetrics,
    /// The counters of upstream calls that are registered in it.
    pub upstream: UpstreamMetrics,
    /// What an operator may ask and do.
    pub operate: Arc<dyn Operate>,
    /// Who is an operator.
    pub access: Access,
    /// Time.
    pub clock: Clock,
    /// How long an operator waits for a look that was asked for; the look goes on by itself.
    pub look_patience: Duration,
}

/// Between whom a connection is.
#[derive(Clone, Copy, Debug)]
struct Ends {
    reached_at: SocketAddr,
    peer: SocketAddr,
}

// === impl Admin ===

impl Admin {
    /// The gateway counts as started now.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            started: parts.clock.now(),
            parts: Arc::new(parts),
            walks: Arc::new(Semaphore::new(MAX_WALKS)),
        }
    }

    /// Asks the parts on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Operate) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let operate = Arc::clone(&self.parts.operate);
        let answered = spawn_blocking(move || question(&*operate)).await;
        answered.map_err(|fault| Error::Internal(fault.to_string().into()))
    }

    /// The same with a question that walks over all entries.
    async fn ask_all<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Operate) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.walks).acquire_owned().await;
        let place = place.map_err(|fault| Error::Internal(fault.to_string().into()))?;
        self.ask(move |operate| {
            let _place = place; // until the walk ends, whoever is still there by then
            question(operate)
        })
        .await
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

/// Serves until `stop`, then lets running answers finish, for two seconds at most. Returns when every connection is
/// gone.
pub async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let accepting = accept_all(&listener, &places, |stream, peer, place| {
        connections.spawn(connection(stream, peer, admin.clone(), stop.clone(), place));
    });
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept_all(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    serve: impl Fn(TcpStream, SocketAddr, OwnedSemaphorePermit),
) {
    while let Ok(place) = Arc::clone(places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => serve(stream, peer, place),
            Err(error) => {
                tracing::warn!(error = %error, "admin listener cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from accept to close. The place is free again when this ends.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    admin: Admin,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let Ok(reached_at) = stream.local_addr() else {
        return; // reset before it began
    };
    let ends = Ends { reached_at, peer };
    let service = service_fn(|request| reply_or_fault(admin.clone(), ends, request));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _closed = connection.as_mut() => return, // how it ended is the client's affair
        () = stop.cancelled() => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(END_GRACE, connection).await; // then it is cut
}

/// A panic is a fault of ours and gets an answer, too.
async fn reply_or_fault(
    admin: Admin,
    ends: Ends,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let answer = AssertUnwindSafe(reply::answer(&admin, ends, &request)).catch_unwind();
    Ok(answer
        .await
        .unwrap_or_else(|_panic| Refusal::from(Error::Internal("panicked".into())).into_answer()))
}

#[cfg(test)]
mod tests;
