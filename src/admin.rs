//! The operator's listener: is it alive, is it ready, what do the metrics say.
//!
//! It runs on the control runtime, apart from the workers that serve clients, and it only reads. Its own dangers are
//! few: it is bounded in connections and in time, it reads no request body, and it answers only to the names of this
//! machine, so that a web page which makes its name resolve to here (DNS rebinding) learns nothing. It must outlive
//! the drain, or nobody could see that; the app stops it last.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry::metrics::Facts;

mod answer;
mod health;
mod host;
pub mod operate;
mod route;

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

/// Largest request head in bytes; browsers send a few KiB. The least that hyper takes is 8 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What the listener reads from. Clones share it.
#[derive(Clone)]
pub struct Admin {
    registry: Arc<Registry>,
    facts: Arc<dyn Facts>,
}

// === impl Admin ===

impl Admin {
    /// Over the finished registry and the same facts that are registered in it.
    #[must_use]
    pub fn new(registry: Arc<Registry>, facts: Arc<dyn Facts>) -> Self {
        Self { registry, facts }
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
    let accepting = accept_all(&listener, &places, |stream, place| {
        connections.spawn(connection(stream, admin.clone(), stop.clone(), place));
    });
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept_all(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    serve: impl Fn(TcpStream, OwnedSemaphorePermit),
) {
    while let Ok(place) = Arc::clone(places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _peer)) => serve(stream, place),
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
    admin: Admin,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let Ok(reached_at) = stream.local_addr() else {
        return; // reset before it began
    };
    let service = service_fn(|request| {
        let answer = route::answer(&admin, reached_at.ip(), &request);
        async { Ok::<_, std::convert::Infallible>(answer) }
    });
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

#[cfg(test)]
mod tests;
