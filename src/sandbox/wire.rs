//! The bare connection: what no HTTP library would send is written here, byte by byte if need be.
//!
//! The server hands a connection over by ending its service with a [`Play`] in place of an answer: it has read the
//! request and written nothing. A connection that was played on serves no further request.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::act::{At, MAX_PAUSE};

/// What happens on a connection in place of an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the answer is played on the bare connection")]
pub(super) struct Play {
    pieces: Vec<Piece>,
    end: End,
}

/// Bytes, and how they are written.
#[derive(Clone, Debug)]
enum Piece {
    Whole(Bytes),
    Slowly(Bytes, Duration),
    Spaces(u64),
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Closed in order.
    Close,
    /// Reset.
    Reset,
    /// Left open until the other end closes it.
    Silence,
}

// === impl Play ===

impl Play {
    /// These bytes, whatever they are.
    pub(super) fn bytes(bytes: impl Into<Bytes>, end: End) -> Self {
        Self {
            pieces: vec![Piece::Whole(bytes.into())],
            end,
        }
    }

    /// An answer up to a point. Up to there it looks like any other: only [`End::Close`] would be announced, and a
    /// break is not.
    pub(super) fn broken(answer: &Response<Bytes>, at: At, end: End) -> Self {
        Self::bytes(split(answer, at, End::Silence).0, end)
    }

    /// An answer that is whole up to a point and then comes byte by byte.
    pub(super) fn dripping(answer: &Response<Bytes>, at: At, pause: Duration) -> Self {
        let (whole, rest) = split(answer, at, End::Close);
        Self {
            pieces: vec![Piece::Whole(whole), Piece::Slowly(rest, pause)],
            end: End::Close,
        }
    }

    /// An answer whose body is filled up to a size; one that is larger stays as it is.
    pub(super) fn filled(answer: &Response<Bytes>, size: u64) -> Self {
        let length = answer.body().len() as u64;
        let size = size.max(length);
        Self {
            pieces: vec![
                Piece::Whole(head(answer, size, End::Close).into()),
                Piece::Spaces(size - length),
                Piece::Whole(answer.body().clone()),
            ],
            end: End::Close,
        }
    }

    /// Plays to the end, for an hour at most.
    pub(super) async fn on(self, stream: TcpStream) {
        let played = timeout(MAX_PAUSE, self.play(stream)).await;
        if let Ok(Err(error)) = played {
            tracing::debug!(%error, "the other end of a sandbox connection did not wait for all of the fault");
        }
    }

    async fn play(self, mut stream: TcpStream) -> io::Result<()> {
        for piece in &self.pieces {
            piece.write(&mut stream).await?;
        }
        match self.end {
            End::Close => stream.shutdown().await,
            End::Reset => stream.set_zero_linger(), // it is dropped next
            End::Silence => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
                Ok(())
            }
        }
    }
}

// === impl Piece ===

impl Piece {
    async fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Whole(bytes) => stream.write_all(bytes).await,
            Self::Slowly(bytes, pause) => {
                for byte in bytes {
                    sleep(*pause).await;
                    stream.write_u8(*byte).await?;
                }
                Ok(())
            }
            Self::Spaces(count) => {
                let mut spaces = tokio::io::repeat(b' ').take(*count);
                tokio::io::copy(&mut spaces, stream).await.map(drop)
            }
        }
    }
}

/// An answer as it stands on the wire.
pub(super) fn raw(answer: &Response<Bytes>, end: End) -> Vec<u8> {
    let body = answer.body();
    [&head(answer, body.len() as u64, end), body.as_ref()].concat()
}

/// A head that promises `length` bytes of body; it says that the connection will close only if it will.
fn head(answer: &Response<Bytes>, length: u64, end: End) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    if end == End::Close {
        head.extend(b"connection: close\r\n");
    }
    head.extend(format!("content-length: {length}\r\n\r\n").into_bytes());
    head
}

/// An answer in two parts.
fn split(answer: &Response<Bytes>, at: At, end: End) -> (Bytes, Bytes) {
    let head = head(answer, answer.body().len() as u64, end);
    let point = match at {
        At::Start => 0,
        At::Head => head.len() / 2,
        At::Body => head.len() + answer.body().len() / 2,
    };
    let mut rest = Bytes::from([head.as_slice(), answer.body().as_ref()].concat());
    let first = rest.split_to(point);
    (first, rest)
}
