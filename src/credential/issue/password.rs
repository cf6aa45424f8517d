//! `POST /v3/auth/tokens`: a token of IAM for a user's password, scoped to one project.
//!
//! The password is read anew for each question, so a rewritten file counts from the next one on. IAM says no in two ways:
//! 400, 401 and 404 will be the same answer next time, and each 401 is a step towards the lock-out; 403 may heal.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::keys::time;
use super::login::Login;
use super::refusal::{describe, unavailable};
use super::wire::{Answer, Wire};
use super::{IssueFault, Issued, Material};
use crate::clock::Clock;
use crate::config::{PasswordSettings, UpstreamSettings};
use crate::credential::secret::Secret;
use crate::credential::source::{Generation, Source};
use crate::upstream::{TrustFault, chain};

/// `nocatalog` leaves out the list of all services of the cloud, tens of KB that nobody here reads.
const TOKENS: &str = "/v3/auth/tokens?nocatalog=true";

/// As the vendor's documents spell it.
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf8");

/// The header a token comes in.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Whose tokens, and where the password is.
pub(super) struct Password {
    wire: Wire,
    domain: String,
    user: String,
    project: String,
    password: Arc<Source>,
    clock: Clock,
}

// === impl Password ===

impl Password {
    pub(super) fn new(
        settings: &PasswordSettings,
        upstream: &UpstreamSettings,
        password: Arc<Source>,
        clock: &Clock,
    ) -> Result<Self, TrustFault> {
        Ok(Self {
            wire: Wire::trusted("IAM", &settings.iam_endpoint, upstream)?,
            domain: settings.domain.clone(),
            user: settings.user.clone(),
            project: settings.project.clone(),
            password,
            clock: clock.clone(),
        })
    }

    pub(super) fn generation(&self) -> Generation {
        self.password.generation()
    }

    pub(super) async fn issue(&self) -> Result<Issued, IssueFault> {
        let password = self.password.current();
        let (password, _) = password.map_err(|fault| IssueFault::unavailable(chain(&fault)))?;
        let answer = self.wire.ask(self.question(&password)).await?;
        self.judge(&answer, &password)
    }

    fn judge(&self, answer: &Answer, password: &Secret) -> Result<Issued, IssueFault> {
        let private = [password.expose(), &self.user, &self.domain];
        let because = |why: &str| {
            format!("{why}: {}", describe(self.wire.service(), answer, &private)).into()
        };
        match answer.status.as_u16() {
            201 => self.granted(answer),
            400 => Err(IssueFault::Refused(because(
                "malformed domain, user or project",
            ))),
            401 => Err(IssueFault::Refused(because(
                "wrong domain, user or password",
            ))),
            403 => Err(IssueFault::Forbidden(because(
                "the user is locked, without rights, or without programmatic access",
            ))),
            404 => Err(IssueFault::Refused(because(
                "no such project, or not the address of IAM",
            ))),
            _ => Err(unavailable(
                self.wire.service(),
                answer,
                &private,
                self.clock.wall(),
            )),
        }
    }

    /// A token that lacks the project is refused by upstream, each time: no use to wait for another.
    fn granted(&self, answer: &Answer) -> Result<Issued, IssueFault> {
        let unusable = |what: &str| IssueFault::unavailable(format!("IAM answered 201 {what}"));
        let granted: Granted =
            serde_json::from_slice(&answer.body).or(Err(unusable("without a readable body")))?;
        if granted.token.project.is_none() {
            return Err(IssueFault::Refused("the token has no project scope".into()));
        }
        let token = token(answer).ok_or_else(|| unusable("without one usable X-Subject-Token"))?;
        let expires_at = granted.token.expires_at.as_deref().and_then(time);
        let expires_at = expires_at.ok_or_else(|| unusable("without a readable expires_at"))?;
        let material = Material::Token(token);
        Issued::new(material, expires_at, answer, self.clock.wall())
            .ok_or_else(|| unusable("with a token that has expired"))
    }

    fn question(&self, password: &Secret) -> Request<Bytes> {
        let login = Login {
            domain: &self.domain,
            user: &self.user,
            password: password.expose(),
            project: &self.project,
        };
        let mut question = Request::new(login.body());
        *question.method_mut() = Method::POST;
        *question.uri_mut() = Uri::from_static(TOKENS);
        let headers = question.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        question
    }
}

/// Exactly one, since of two nobody could say which.
fn token(answer: &Answer) -> Option<Secret> {
    let mut values = answer.headers.get_all(SUBJECT_TOKEN).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    Secret::parse(value.to_str().ok()?).ok()
}

/// What is read of `{"token":{…}}`.
#[derive(Deserialize)]
struct Granted {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    expires_at: Option<String>,
    project: Option<IgnoredAny>,
}
