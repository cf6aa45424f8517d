//! `POST /v3/auth/tokens`: a token of IAM for a user's password, scoped to one project.
//!
//! The password is read anew for each question, so a rewritten file counts from the next one on. IAM says no in two ways:
//! 400, 401 and 404 will be the same answer next time, and each 401 is a step towards the lock-out; 403 may heal.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::uri::Scheme as UriScheme;
use http::{HeaderName, HeaderValue, Request};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::time;
use super::refusal::{describe, unavailable};
use super::wire::{Answer, Wire};
use super::{IssueFault, Issued, Material};
use crate::clock::Clock;
use crate::config::{PasswordSettings, UpstreamSettings};
use crate::credential::secret::Secret;
use crate::credential::source::{Generation, Source};
use crate::upstream::{TrustFault, chain, client_config};

/// `nocatalog` leaves out the list of all services of the cloud, tens of KB that nobody here reads.
const TOKENS: &str = "/v3/auth/tokens?nocatalog=true";

/// As the vendor's documents spell it.
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf8");

/// The header a token comes in.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Bytes of a question without its four words; the longest that the escapes of JSON make of one byte is six.
const FRAME_BYTES: usize = 256;
const MAX_BYTES_OF_ONE: usize = 6;

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
        let endpoint = &settings.iam_endpoint;
        let scheme = endpoint.scheme().unwrap_or(&UriScheme::HTTPS);
        let tls = client_config(scheme, upstream.ca_file.as_deref())?;
        let (connect_timeout, timeout) = (upstream.connect_timeout, upstream.timeout);
        Ok(Self {
            wire: Wire::new("IAM", endpoint, tls, connect_timeout, timeout),
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
        let answer = self.wire.ask(self.question(&password)?).await?;
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
                "domain, user or project is none that can be",
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

    fn question(&self, password: &Secret) -> Result<Request<Bytes>, IssueFault> {
        let internal = |error: &dyn std::fmt::Display| {
            IssueFault::unavailable(format!("cannot ask IAM: {error}"))
        };
        let body = self.body(password).map_err(|error| internal(&error))?;
        Request::post(TOKENS)
            .header(CONTENT_TYPE, JSON)
            .header(ACCEPT, "application/json")
            .body(body)
            .map_err(|error| internal(&error))
    }

    /// Wiped once the last who holds it lets go: the HTTP library, when it is sent or given up. There are no other copies:
    /// the vector never grows, and what goes over TCP goes out from it without a buffer between.
    fn body(&self, password: &Secret) -> serde_json::Result<Bytes> {
        let password = password.expose();
        let words = [&self.domain, &self.user, &self.project, password];
        let longest: usize = words.iter().map(|word| word.len() * MAX_BYTES_OF_ONE).sum();
        let mut body = Zeroizing::new(Vec::with_capacity(FRAME_BYTES + longest));
        serde_json::to_writer(&mut *body, &Login::new(self, password))?;
        Ok(Bytes::from_owner(body))
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

/// `{"auth":{"identity":{"methods":["password"],"password":{"user":{…}}},"scope":{"project":{"name":"…"}}}}`
#[derive(Serialize)]
struct Login<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Identity<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'a str; 1],
    password: ByPassword<'a>,
}

#[derive(Serialize)]
struct ByPassword<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a str,
    password: &'a str,
    domain: Named<'a>,
}

#[derive(Serialize)]
struct Scope<'a> {
    project: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

// === impl Login ===

impl<'a> Login<'a> {
    fn new(of: &'a Password, password: &'a str) -> Self {
        let user = User {
            name: &of.user,
            password,
            domain: Named { name: &of.domain },
        };
        let identity = Identity {
            methods: ["password"],
            password: ByPassword { user },
        };
        let project = Named { name: &of.project };
        let scope = Scope { project };
        Self {
            auth: Auth { identity, scope },
        }
    }
}
