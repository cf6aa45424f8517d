//! The innermost service: one request out, one whole answer in, within limits of time and size.
//!
//! Requests are built from nothing: the caller gives method, path and the headers of the credential; scheme, authority
//! and everything else is fixed here. One that names another host is not sent: its credential is not for this one. The
//! answer comes whole or not at all. A connection on which anything went wrong is never used again, because what it would
//! say next may belong to another request.
//!
//! Reads: nothing but the request. Produces: [`Error::Unreachable`], [`Error::ConnectionLost`], [`Error::TimedOut`] and
//! [`Error::NotSuccess`]. Deliberately not here: retries (each attempt is paid, so the ledger must see each), redirects
//! (a 3xx is an answer), and what an answer means.

mod answer;
mod connector;
mod failure;
mod trust;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_util::sync::CancellationToken;

pub use self::answer::Answer;
pub(crate) use self::answer::{check_head, read_body};
pub(crate) use self::connector::Connector;
pub(crate) use self::failure::chain;
pub use self::trust::TrustFault;
pub(crate) use self::trust::client_config;
use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::error::Error;

/// How long a connection may wait for its next request. Common load balancers and web servers close idle connections
/// after 60 s or more; ours go first, so that no paid request meets a connection that is being closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Bytes after which an answer whose head is not over is given up; what the last read brought on top is at most as much
/// again. hyper itself allows at most 100 header fields. Real heads have below 1 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How the gateway names itself, to whomever it calls.
pub(crate) const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("jobgate/", env!("CARGO_PKG_VERSION")));

/// Asks upstream's API gateway to name its limits in the head of each answer.
const MODE: HeaderName = HeaderName::from_static("x-apig-mode");
const MODE_VALUE: HeaderValue = HeaderValue::from_static("debug");

/// The client of the one upstream. Clones share connections and limits.
#[derive(Clone)]
pub struct Upstream {
    inner: Arc<Inner>,
    asks_for_limits: bool,
}

struct Inner {
    client: Client<Connector, Empty<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    timeout: Duration,
    max_body: usize,
    clock: Clock,
}

/// Why the client of the upstream cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamFault {
    /// The endpoint is not `http://` or `https://` and a host. Not shown: it may hold a password, which is a fault too.
    #[error("upstream.endpoint must be http:// or https:// and a host, without a user name")]
    Endpoint,
    /// Nothing to check the upstream's certificate against.
    #[error(transparent)]
    Trust(#[from] TrustFault),
}

// === impl Upstream ===

impl Upstream {
    /// Reads the trusted certificates; connects when first called, on the runtime it is called on.
    ///
    /// # Errors
    /// An endpoint without scheme or host, or no certificate to trust.
    pub fn new(settings: &UpstreamSettings, clock: Clock) -> Result<Self, UpstreamFault> {
        let (scheme, authority, host) =
            endpoint(&settings.endpoint).ok_or(UpstreamFault::Endpoint)?;
        let tls = client_config(&scheme, settings.ca_file.as_deref())?;
        let connector = Connector::new(&scheme, tls, settings.connect_timeout);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(settings.max_in_flight)
            .retry_canceled_requests(false) // each attempt is paid: only the ledger repeats
            .set_host(false) // signed, so it is set here and nowhere else
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        let inner = Inner {
            client,
            scheme,
            authority,
            host,
            timeout: settings.timeout,
            max_body: settings.max_body,
            clock,
        };
        Ok(Self {
            inner: Arc::new(inner),
            asks_for_limits: false,
        })
    }

    /// The same; each call asks upstream to name its limits, if `asks`.
    #[must_use]
    pub fn asking_for_limits(self, asks: bool) -> Self {
        Self {
            asks_for_limits: asks,
            ..self
        }
    }

    /// What the `Host` header says, port included when the endpoint names one: what a signature must cover.
    #[must_use]
    pub fn host(&self) -> &str {
        self.inner.authority.as_str()
    }
}

impl tower::Service<Request<()>> for Upstream {
    type Response = Answer;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Answer, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<()>) -> Self::Future {
        if self.asks_for_limits {
            request.headers_mut().insert(MODE, MODE_VALUE);
        }
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.call(request).await })
    }
}

// === impl Inner ===

impl Inner {
    async fn call(&self, request: Request<()>) -> Result<Answer, Error> {
        let mut request = self.outgoing(request)?;
        let connection = capture_connection(&mut request);
        let exchange = self.exchange(request, &connection);
        let outcome = match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Error::TimedOut),
        };
        if outcome.is_err() {
            poison(&connection);
        }
        outcome
    }

    /// The request as it goes out.
    fn outgoing(&self, request: Request<()>) -> Result<Request<Empty<Bytes>>, Error> {
        let (given, ()) = request.into_parts();
        if !self.is_host_of(&given) {
            return Err(Error::Internal("a request for another host".into()));
        }
        let path = given.uri.into_parts().path_and_query;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
            .build()
            .map_err(failure::internal)?;
        let mut request = Request::new(Empty::new());
        *request.method_mut() = given.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = given.headers;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        Ok(request)
    }

    fn is_host_of(&self, given: &Parts) -> bool {
        let authority = given.uri.authority();
        authority.is_none_or(|authority| *authority == self.authority)
            && (given.headers.get_all(HOST).iter()).all(|host| *host == self.host)
    }

    async fn exchange(
        &self,
        mut request: Request<Empty<Bytes>>,
        connection: &CaptureConnection,
    ) -> Result<Answer, Error> {
        let interim = CancellationToken::new();
        let seen = interim.clone();
        hyper::ext::on_informational(&mut request, move |_| seen.cancel());

        let sent = self.clock.now();
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| failure::of_request(&error, connection))?;
            let (head, body) = response.into_parts();
            answer::check_head(&head)?;
            let body = answer::read_body(body, self.max_body).await?;
            Ok(Answer::new(&head, body, sent))
        };
        // an interim answer may also come in the same packet as the final one: then both are ready
        match interim.run_until_cancelled(exchange).await {
            Some(outcome) if !interim.is_cancelled() => outcome,
            Some(_) | None => Err(Error::not_success("an interim (1xx) answer")),
        }
    }
}

/// The parts of an endpoint, and its authority as a `Host` header.
fn endpoint(uri: &Uri) -> Option<(Scheme, Authority, HeaderValue)> {
    let parts = uri.clone().into_parts();
    let scheme = parts
        .scheme
        .filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS)?;
    let authority = parts
        .authority
        .filter(|authority| !authority.as_str().contains('@'))?;
    let host = HeaderValue::from_str(authority.as_str()).ok()?;
    Some((scheme, authority, host))
}

/// Takes the connection, if there was one, out of use.
fn poison(connection: &CaptureConnection) {
    if let Some(connected) = connection.connection_metadata().as_ref() {
        connected.poison();
    }
}

#[cfg(test)]
pub(crate) mod tests;
