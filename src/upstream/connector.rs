//! How a connection to upstream is made: one time limit over TCP and TLS, and an ear on what comes back.
//!
//! The ear tells a connection that was lost in silence from one that was lost in the middle of an answer: hyper reports
//! both alike, but only the first may be repeated without a second thought.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the endpoint, HTTP/1.1 only.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

/// TCP and TLS took longer than `upstream.connect_timeout`.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimedOut(Duration);

/// Has a byte come back since the last one went out? Shared between a connection and whoever used it last.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

/// A connection that notes what is [`Heard`] on it.
pub(crate) struct Listening {
    stream: TokioIo<Stream>,
    heard: Heard,
}

// === impl Connector ===

impl Connector {
    /// Plaintext is possible only where the endpoint itself says `http`.
    pub(crate) fn new(scheme: &Scheme, tls: ClientConfig, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false); // the layer above knows https
        tcp.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = if *scheme == Scheme::HTTP {
            builder.https_or_http()
        } else {
            builder.https_only()
        };
        Self {
            inner: builder.enable_http1().wrap_connector(tcp),
            timeout,
        }
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Listening>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<TokioIo<Listening>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = self.timeout;
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(stream) => Ok(TokioIo::new(Listening {
                    stream: TokioIo::new(stream?),
                    heard: Heard::default(),
                })),
                Err(_elapsed) => Err(ConnectTimedOut(limit).into()),
            }
        })
    }
}

// === impl Heard ===

impl Heard {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, heard: bool) {
        self.0.store(heard, Ordering::Release);
    }
}

// === impl Listening ===

impl Listening {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<Stream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Connection for Listening {
    fn connected(&self) -> Connected {
        self.stream.inner().connected().extra(self.heard.clone())
    }
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.as_mut().stream().poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.heard.set(true);
        }
        Poll::Ready(Ok(()))
    }
}

/// A request goes out only on a connection whose last answer is over, so a write is the beginning of the next exchange.
impl AsyncWrite for Listening {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard.set(false);
        self.stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.heard.set(false);
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
