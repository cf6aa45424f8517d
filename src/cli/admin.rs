//! How a command asks a running gateway: one question to its admin listener, and one answer for people or as it came.
//! Where the listener is and what opens it is found out in `find`.

mod find;

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Authority;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::find::Token;
use super::Failed;
use super::running::control_runtime;
use super::terminal::harmless;

/// The whole of a question and its answer. The longest is a walk over a full store: well below a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Largest answer read, in bytes: statistics of 65 000 clients are about half of it.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// A gateway that runs.
pub(super) struct Gateway {
    /// Host and port of its admin listener.
    address: Authority,
    /// What opens its API, as far as this command knows.
    token: Option<Token>,
}

/// The body of every error.
#[derive(Deserialize)]
struct Problem {
    error_code: String,
    error_msg: String,
}

// === impl Gateway ===

impl Gateway {
    /// Asks, and gives the body of a good answer.
    pub(super) fn ask(&self, method: &Method, path: &str) -> Result<Bytes, Failed> {
        let asked = control_runtime()?
            .block_on(async { timeout(PATIENCE, self.exchange(method, path)).await });
        let (status, body) = asked.with_context(|| {
            format!(
                "what listens at http://{} does not answer within {PATIENCE:?}",
                self.address
            )
        })??;
        if status.is_success() {
            return Ok(body);
        }
        let Problem {
            error_code,
            error_msg,
        } = self.read(&body)?;
        let address = &self.address;
        let text = harmless(&format!("{error_msg} ({error_code})"));
        let hint = match status {
            StatusCode::UNAUTHORIZED => format!("\n{}", find::told_of(self.token.as_ref())),
            _ => String::new(),
        };
        Err(anyhow::anyhow!("http://{address} refuses: {text}{hint}").into())
    }

    /// The value that an answer holds.
    pub(super) fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, Failed> {
        let read = serde_json::from_slice(body).with_context(|| {
            format!(
                "what listens at http://{} is no admin listener of this version of jobgate",
                self.address
            )
        });
        read.map_err(Failed::from)
    }

    async fn exchange(&self, method: &Method, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        let port = self.address.port_u16().unwrap_or(80); // RFC 9110 §4.2.1
        let stream = TcpStream::connect(format!("{}:{port}", self.address.host())).await;
        let stream = stream.with_context(|| {
            format!(
                "no gateway answers at http://{}: is it running, and is this its admin.listen? (--admin URL names another)",
                self.address
            )
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = self.request(method, path)?;
        let exchange = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
            anyhow::Ok((head.status, body))
        };
        // the connection ends when the exchange drops its sender; how it ended is told by the exchange
        let (answered, _closed) = tokio::join!(exchange, connection);
        answered.with_context(|| {
            format!(
                "what listens at http://{} does not speak HTTP",
                self.address
            )
        })
    }

    fn request(&self, method: &Method, path: &str) -> anyhow::Result<Request<Empty<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.as_str());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, &token.authorization);
        }
        Ok(request.body(Empty::new())?)
    }
}
