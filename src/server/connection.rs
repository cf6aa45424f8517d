//! One connection, from accept to its end: TLS if it is served, then HTTP under its timers.
//!
//! Everything of a connection happens in this one task (HTTP/2 streams excepted), and whatever ends it ends here with
//! a reason. What HTTP means is the service's business.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, Watched};
use super::bridge::Bridge;
use super::certificate::Certificate;
use super::drain::Drain;
use super::metrics::{CloseReason, ServerMetrics};
use super::protocol::Protocol;
use super::timers::{Next, Watch};
use crate::clock::Clock;
use crate::limiter::Sample;
use crate::policy::phase::Limits;

/// The facts of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end.
    pub addr: SocketAddr,
    /// The certificate that it showed, if it did: verified, but not yet known to stand for a client.
    pub certificate: Option<Certificate>,
}

/// What all connections of a worker have in common.
pub(super) struct Serving<M> {
    pub(super) make: M,
    pub(super) protocol: Protocol,
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
    pub(super) metrics: ServerMetrics,
    /// Those that failed, for the log.
    pub(super) handshakes: Sample,
}

/// A read or write error in the HTTP stack, of whatever kind.
type StackError = Box<dyn std::error::Error + Send + Sync>;

// === impl Serving ===

impl<M, S> Serving<M>
where
    M: Fn(&Peer) -> S,
    S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>,
    S::Future: Send + 'static,
{
    /// Serves one connection until it ends.
    pub(super) async fn serve(&self, stream: TcpStream, addr: SocketAddr) {
        let open = self.metrics.opened();
        let mut peer = Peer {
            addr,
            certificate: None,
        };
        let activity = Arc::new(Activity::new(self.drain.clone()));
        let io = Watched::new(stream, Arc::clone(&activity));
        let reason = match &self.tls {
            None => self.speak(io, &peer, activity).await,
            Some(tls) => match self.shake_hands(tls, io, addr).await {
                Ok(io) => {
                    let (_, tls) = io.get_ref();
                    peer.certificate = Certificate::read(tls.peer_certificates());
                    self.speak(io, &peer, activity).await
                }
                Err(reason) => reason,
            },
        };
        open.close(reason);
    }

    /// TLS up to the first byte of HTTP, under a limit of its own and cut short by the drain.
    async fn shake_hands<I>(
        &self,
        tls: &TlsAcceptor,
        io: I,
        addr: SocketAddr,
    ) -> Result<TlsStream<I>, CloseReason>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::select! {
            biased;
            () = self.drain.begun() => Err(CloseReason::Drain),
            shaken = timeout(self.limits.header, tls.accept(io)) => match shaken {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => {
                    self.tell_handshake(addr, &error);
                    Err(CloseReason::Handshake)
                }
                Err(late) => {
                    self.tell_handshake(addr, &late);
                    Err(CloseReason::Handshake)
                }
            },
        }
    }

    /// The client is told next to nothing, so the log says why; a few lines of many.
    fn tell_handshake(&self, peer: SocketAddr, error: &dyn std::fmt::Display) {
        if let Some(untold) = self.handshakes.take() {
            tracing::info!(%peer, %error, untold, "TLS handshake failed");
        }
    }

    /// HTTP until the connection ends by itself or by its timers.
    async fn speak<I>(&self, io: I, peer: &Peer, activity: Arc<Activity>) -> CloseReason
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let service = Bridge::new((self.make)(peer), Arc::clone(&activity));
        let mut http = pin!(self.protocol.serve_connection(TokioIo::new(io), service));
        let mut watch = Watch::new(
            self.clock.clone(),
            self.limits,
            activity,
            self.drain.clone(),
        );
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(end) = http.as_mut().poll(cx) {
                    return Poll::Ready(reason_of(end, watch.closing()));
                }
                match watch.next(cx) {
                    Next::Wait => return Poll::Pending,
                    Next::Close => http.as_mut().graceful_shutdown(),
                    Next::Cut(reason) => return Poll::Ready(reason),
                }
            }
        })
        .await
    }
}

/// Once we want the close, that is the reason, also where the end was not orderly: the client may be gone before
/// it has read everything, and before its first bytes there is no protocol to close by.
fn reason_of(end: Result<(), StackError>, closing: Option<CloseReason>) -> CloseReason {
    match end {
        Ok(()) => closing.unwrap_or(CloseReason::Done),
        Err(error) if is_refusal(&error) => CloseReason::Parse,
        Err(_) => closing.unwrap_or(CloseReason::Broken),
    }
}

fn is_refusal(error: &StackError) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(hyper::Error::is_parse)
}
