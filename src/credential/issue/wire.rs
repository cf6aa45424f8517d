//! One question to an identity service and its whole answer, within limits of time and size.
//!
//! A connection lives for one exchange and is driven by whoever asks, so there is no pool to keep clean, no task to own,
//! and nothing of the exchange outlives it. Trust and connecting are upstream's own. Deliberately not here: redirects (an
//! answer like any other), repeats, and proxies, the environment's included.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use headers::{Date, Header as _, HeaderMapExt as _};
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, RETRY_AFTER, USER_AGENT};
use http::response::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use tower::ServiceExt as _;

use super::IssueFault;
use crate::config::UpstreamSettings;
use crate::error::Error;
use crate::upstream::{
    Connector, TrustFault, USER_AGENT_VALUE, chain, check_head, client_config, read_body,
};

/// Bytes of an answer's head, what the last read brought on top included: tokens come in one, and the longest that is
/// documented has 100 000 characters.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Bytes of an answer's body. Without its catalogue, IAM's has a few KiB.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The way to one identity service.
pub(super) struct Wire {
    service: &'static str,
    connector: Connector,
    endpoint: Uri,
    host: HeaderValue,
    /// From the first step of connecting to the last byte.
    timeout: Duration,
}

/// An answer of any final status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Whole; empty if the status says a refusal (4xx) and the body cannot be read.
    pub(super) body: Bytes,
}

// === impl Wire ===

impl Wire {
    /// To `endpoint`, scheme and authority, which is trusted and waited for as upstream is; faults call it `service`.
    pub(super) fn trusted(
        service: &'static str,
        endpoint: &Uri,
        upstream: &UpstreamSettings,
    ) -> Result<Self, TrustFault> {
        let scheme = endpoint.scheme().unwrap_or(&Scheme::HTTPS);
        let tls = client_config(scheme, upstream.ca_file.as_deref())?;
        let connector = Connector::new(scheme, tls, upstream.connect_timeout);
        Ok(Self::over(connector, service, endpoint, upstream.timeout))
    }

    /// To a service on this very machine's link that speaks nothing but plain HTTP.
    pub(super) fn in_the_clear(service: &'static str, endpoint: &Uri, timeout: Duration) -> Self {
        let tls = client_config(&Scheme::HTTP, None).expect("without TLS no certificate is needed");
        let connector = Connector::new(&Scheme::HTTP, tls, timeout);
        Self::over(connector, service, endpoint, timeout)
    }

    fn over(
        connector: Connector,
        service: &'static str,
        endpoint: &Uri,
        timeout: Duration,
    ) -> Self {
        let host = endpoint.authority().map_or("", Authority::as_str);
        Self {
            service,
            connector,
            endpoint: endpoint.clone(),
            host: HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("")),
            timeout,
        }
    }

    pub(super) fn service(&self) -> &'static str {
        self.service
    }

    /// Sends `question`, whose URI is path and query, with the headers it has and four more.
    ///
    /// A refusal is an answer even if its body is cut off, late, too large or encoded: the body is for the log, and to ask
    /// again for its sake could lock the user.
    pub(super) async fn ask(&self, mut question: Request<Bytes>) -> Result<Answer, IssueFault> {
        let headers = question.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let mut head = None;
        let exchange = self.exchange(question.map(Full::new), &mut head);
        let body = match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(format!("no whole answer within {:?}", self.timeout).into()),
        };
        match (head, body) {
            (Some(head), Ok(body)) => Ok(Answer::new(head, body)),
            (Some(head), Err(_)) if head.status.is_client_error() => {
                Ok(Answer::new(head, Bytes::new()))
            }
            (_, outcome) => {
                let why = outcome.err().unwrap_or_default();
                Err(IssueFault::unavailable(format!("{}: {why}", self.service)))
            }
        }
    }

    /// Gives the body; the head as soon as it is there.
    async fn exchange(
        &self,
        question: Request<Full<Bytes>>,
        head: &mut Option<Parts>,
    ) -> Result<Bytes, Arc<str>> {
        let connecting = self.connector.clone().oneshot(self.endpoint.clone());
        let stream = connecting
            .await
            .map_err(|error| format!("no connection: {}", chain(&*error)))?;
        let mut http = http1::Builder::new();
        let (mut sender, connection) = http
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(stream)
            .await
            .map_err(|error| no_answer(&error))?;
        let answered = async {
            let response = sender.send_request(question).await;
            let (parts, body) = response.map_err(|error| no_answer(&error))?.into_parts();
            let readable = check_head(&parts);
            *head = Some(parts);
            readable.map_err(detail)?;
            read_body(body, MAX_BODY_BYTES).await.map_err(detail)
        };
        let driven = async {
            let _what_the_sender_is_told = connection.await;
            pending().await
        };
        tokio::select! {
            outcome = answered => outcome,
            never = driven => never,
        }
    }
}

fn no_answer(error: &hyper::Error) -> Arc<str> {
    format!("no readable answer: {}", chain(error)).into()
}

fn detail(error: Error) -> Arc<str> {
    match error {
        Error::NotSuccess { detail, .. } => detail,
        other => other.to_string().into(),
    }
}

// === impl Answer ===

impl Answer {
    fn new(head: Parts, body: Bytes) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// The service's clock.
    pub(super) fn date(&self) -> Option<SystemTime> {
        self.headers.typed_get::<Date>().map(SystemTime::from)
    }

    /// `Retry-After` (RFC 9110 §10.2.3), a date by the service's own clock, or by ours (`wall`) if it shows none.
    pub(super) fn retry_after(&self, wall: SystemTime) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?;
        let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
        seconds.map(Duration::from_secs).or_else(|| {
            let date = Date::decode(&mut std::iter::once(value)).ok()?;
            let now = self.date().unwrap_or(wall);
            SystemTime::from(date).duration_since(now).ok()
        })
    }
}
