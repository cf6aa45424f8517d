//! The sandbox's socket: accept, serve HTTP/1.1, and end every connection on stop.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Sandbox;

/// How long a connection may be silent between requests, or take over one head; the SDKs keep theirs for 75 s.
const IDLE: Duration = Duration::from_secs(90);

/// A pause after a failed accept: when descriptors run out, it fails again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Sandbox {
    /// Serves until `stop`; then requests in progress are answered, and it returns when all connections are closed.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    self.state().stats.connections += 1;
                    connections.spawn(self.clone().serve_connection(stream, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the sandbox cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener); // refuse at once what would wait in vain
        connections.close();
        connections.wait().await;
    }

    async fn serve_connection(self, stream: TcpStream, stop: CancellationToken) {
        let _ = stream.set_nodelay(true); // only makes answers quicker
        let service =
            service_fn(|request| async { Ok::<_, Infallible>(self.respond(request).await) });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = match stop.run_until_cancelled(connection.as_mut()).await {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to the sandbox ended early");
        }
    }
}
