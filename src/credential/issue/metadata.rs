//! Temporary keys of the agency that a cloud server has, from the metadata service on its own link.
//!
//! Newer servers want a session first (`PUT`), older ones know no such thing (404, 405 or 503) and answer without. A session
//! that is refused before its time is got anew, once. The service is asked in the clear, for it is one hop away and speaks
//! nothing else; no proxy is ever between.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};

use super::keys::read_keys;
use super::refusal::{describe, unavailable};
use super::wire::{Answer, Wire};
use super::{IssueFault, Issued};
use crate::clock::Clock;
use crate::credential::secret::check_header_text;

const SESSION: &str = "/meta-data/latest/api/token";
const SESSION_TTL: HeaderName = HeaderName::from_static("x-metadata-token-ttl-seconds");
const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-metadata-token");
const KEYS: &str = "/openstack/latest/securitykey";

/// How long a session is asked for, in seconds: what the vendor's SDKs ask for.
const SESSION_SECONDS: u16 = 21_600;

/// How long each of the questions may take: what the vendor's SDKs wait. The service is one hop away.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// What a 401 says where the server has no agency; the vendor's SDKs look for the same words.
const NO_AGENCY: &[u8] = b"Please configure Cloud Service Agency first";

/// A server's metadata service and the session with it.
pub(super) struct Metadata {
    wire: Wire,
    session: Mutex<Option<Session>>,
    clock: Clock,
}

#[derive(Clone)]
struct Session {
    token: HeaderValue,
    until: Instant,
}

// === impl Metadata ===

impl Metadata {
    pub(super) fn new(endpoint: &Uri, clock: &Clock) -> Self {
        Self::waiting(TIMEOUT, endpoint, clock)
    }

    pub(super) fn waiting(timeout: Duration, endpoint: &Uri, clock: &Clock) -> Self {
        Self {
            wire: Wire::in_the_clear("the metadata service", endpoint, timeout),
            session: Mutex::new(None),
            clock: clock.clone(),
        }
    }

    pub(super) async fn issue(&self) -> Result<Issued, IssueFault> {
        if let Some(session) = self.session() {
            let answer = self.ask_for_keys(Some(&session)).await?;
            if !is_session_refused(&answer) {
                return self.judge(&answer, Some(&session));
            }
        }
        let session = self.new_session().await?;
        let answer = self.ask_for_keys(session.as_ref()).await?;
        self.judge(&answer, session.as_ref())
    }

    fn session(&self) -> Option<Session> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        session.clone().filter(|session| now < session.until)
    }

    /// `None` of an old server.
    async fn new_session(&self) -> Result<Option<Session>, IssueFault> {
        let until = self.clock.now() + Duration::from_secs(SESSION_SECONDS.into());
        let mut question = Request::new(Bytes::new());
        *question.method_mut() = Method::PUT;
        *question.uri_mut() = Uri::from_static(SESSION);
        let headers = question.headers_mut();
        headers.insert(SESSION_TTL, HeaderValue::from(SESSION_SECONDS));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0)); // RFC 9110 §8.6; without it a server may answer 411
        let answer = self.wire.ask(question).await?;
        let session = match answer.status {
            StatusCode::OK => Some(Session {
                token: session_token(&answer)?,
                until,
            }),
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::SERVICE_UNAVAILABLE => None,
            _ => return Err(self.unavailable(&answer, None)),
        };
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone_from(&session);
        Ok(session)
    }

    async fn ask_for_keys(&self, session: Option<&Session>) -> Result<Answer, IssueFault> {
        let mut question = Request::new(Bytes::new());
        *question.uri_mut() = Uri::from_static(KEYS);
        if let Some(session) = session {
            let token = session.token.clone();
            question.headers_mut().insert(SESSION_TOKEN, token);
        }
        self.wire.ask(question).await
    }

    fn judge(&self, answer: &Answer, session: Option<&Session>) -> Result<Issued, IssueFault> {
        match answer.status {
            StatusCode::OK => self.granted(answer),
            StatusCode::UNAUTHORIZED if names_agency(answer) => Err(IssueFault::Refused(
                format!(
                    "the cloud server has no agency, give it one that may use CodeArts Build: {}",
                    describe(self.wire.service(), answer, &private(session))
                )
                .into(),
            )),
            _ => Err(self.unavailable(answer, session)),
        }
    }

    fn granted(&self, answer: &Answer) -> Result<Issued, IssueFault> {
        let unusable = |what: &dyn std::fmt::Display| {
            IssueFault::unavailable(format!("the metadata service gave unusable keys: {what}"))
        };
        let (keys, expires_at) = read_keys(&answer.body).map_err(|flaw| unusable(&flaw))?;
        let expires_at = expires_at.ok_or_else(|| unusable(&"without expires_at"))?;
        Issued::new(keys, expires_at, answer, self.clock.wall())
            .ok_or_else(|| unusable(&"they have expired"))
    }

    fn unavailable(&self, answer: &Answer, session: Option<&Session>) -> IssueFault {
        let wall = self.clock.wall();
        unavailable(self.wire.service(), answer, &private(session), wall)
    }
}

/// A service that answers a page, or anything else that no header can hold, is not the metadata service.
fn session_token(answer: &Answer) -> Result<HeaderValue, IssueFault> {
    let no_token = || IssueFault::unavailable("the metadata service gave no usable session token");
    let text = std::str::from_utf8(&answer.body).or(Err(no_token()))?;
    let text = text.trim_ascii();
    check_header_text(text).or(Err(no_token()))?;
    let mut token = HeaderValue::from_str(text).or(Err(no_token()))?;
    token.set_sensitive(true);
    Ok(token)
}

fn is_session_refused(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && !names_agency(answer)
}

fn names_agency(answer: &Answer) -> bool {
    let mut windows = answer.body.windows(NO_AGENCY.len());
    windows.any(|window| window == NO_AGENCY)
}

fn private(session: Option<&Session>) -> [&str; 1] {
    let token = session.and_then(|session| session.token.to_str().ok());
    [token.unwrap_or_default()]
}
