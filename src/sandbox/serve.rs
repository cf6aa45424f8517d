//! The sandbox's socket: accept, serve HTTP/1.1, and end every connection on stop.
//!
//! Requests are read by hyper, always. An answer that hyper could not send is the service's error ([`Play`]): hyper then
//! lets go of the connection, on which it has written nothing, and it is played there.

use std::error::Error as _;
use std::pin::Pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Sandbox;
use super::wire::Play;

/// How long a connection may be silent between requests, or take over one head; the SDKs keep theirs for 75 s.
const IDLE: Duration = Duration::from_secs(90);

/// A pause after a failed accept: when descriptors run out, it fails again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Sandbox {
    /// Serves until `stop`; then requests in progress are answered, save that faults break off, and it returns when
    /// all connections are closed.
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
        let service = service_fn(|request| self.respond(request, &stop));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), service);
        let ended = match stop.run_until_cancelled(&mut connection).await {
            Some(ended) => ended,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let Err(error) = ended else { return };
        match error.source().and_then(|cause| cause.downcast_ref()) {
            Some(play) => {
                let play = Play::clone(play).on(connection.into_parts().io.into_inner());
                stop.run_until_cancelled(play).await;
            }
            None => tracing::debug!(%error, "a connection to the sandbox ended early"),
        }
    }
}
