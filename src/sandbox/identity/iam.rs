//! IAM: `POST /v3/auth/tokens`, a token for a password, and `GET /v3/projects`, the project of a region.

mod body;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret as _;

use self::body::{about_projects, about_token};
use super::account::Verdict;
use super::answer::{iam_error, of_iam};
use super::login::{self, Project, User};
use super::{Grant, SandboxAccount};
use crate::sandbox::Sandbox;
use crate::sandbox::answer::refuse;

/// The header a token comes in.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Why there is no token.
#[derive(Clone, Copy, Debug)]
enum NoToken {
    Unreadable,
    WrongPassword,
    Locked,
    NoSuchProject,
}

impl Sandbox {
    /// A token, if the password is right.
    pub(super) fn token(&self, query: Option<&str>, body: &[u8]) -> Response<Bytes> {
        let result = self.log_in(body);
        self.count_token(&result);
        result.map_or_else(NoToken::answer, |grant| self.issue(grant, query))
    }

    fn count_token(&self, result: &Result<Grant, NoToken>) {
        let stats = &mut self.state().authority.stats;
        match result {
            Ok(_) => stats.tokens += 1,
            Err(NoToken::Unreadable | NoToken::NoSuchProject) => stats.bad_requests += 1,
            Err(NoToken::WrongPassword) => stats.wrong_passwords += 1,
            Err(NoToken::Locked) => stats.locked += 1,
        }
    }

    fn issue(&self, grant: Grant, query: Option<&str>) -> Response<Bytes> {
        let settings = &self.0.settings;
        let issued_at = self.0.clock.wall();
        let state = self.state();
        let lifetime = state.scenario.identity().token_lifetime;
        let expires_at = issued_at + lifetime.unwrap_or(settings.token_lifetime);
        let token = state.authority.seal.issue(grant, expires_at);
        let times = [issued_at, expires_at];
        let is_short = pairs(query).any(|(name, value)| name == "nocatalog" && value == "true");
        let body = about_token(&settings.account, grant, times, is_short);
        let mut answer = of_iam(StatusCode::CREATED, &body);
        if let Ok(token) = HeaderValue::from_str(&token) {
            answer.headers_mut().insert(SUBJECT_TOKEN, token); // letters and digits
        }
        answer
    }

    /// The project, if its name is the one asked for. Whoever passes the API gateway may ask.
    pub(super) fn projects(&self, head: &Parts, body: &[u8]) -> Response<Bytes> {
        if let Err(refusal) = self.authenticate(head, body) {
            return refuse(&refusal);
        }
        let account = &self.0.settings.account;
        let is_asked_for =
            pairs(head.uri.query()).all(|(name, value)| name != "name" || value == account.project);
        of_iam(StatusCode::OK, &about_projects(account, is_asked_for))
    }

    /// The password first: who does not know it learns nothing of projects.
    fn log_in(&self, body: &[u8]) -> Result<Grant, NoToken> {
        let (user, project) = login::read(body).ok_or(NoToken::Unreadable)?;
        self.check_password(&user)?;
        match project {
            None => Ok(Grant::Domain),
            Some(project) if project.is_of(&self.0.settings.account) => Ok(Grant::Project),
            Some(_) => Err(NoToken::NoSuchProject),
        }
    }

    fn check_password(&self, user: &User) -> Result<(), NoToken> {
        let account = &self.0.settings.account;
        if (&user.name, &user.domain.name) != (&account.user, &account.domain) {
            return Err(NoToken::WrongPassword); // nobody who could be locked
        }
        let authority = &mut self.state().authority;
        let is_right = user.password == authority.password.expose_secret();
        match authority.lock.judge(is_right, self.0.clock.now()) {
            Verdict::Accepted => Ok(()),
            Verdict::Wrong => Err(NoToken::WrongPassword),
            Verdict::Locked => Err(NoToken::Locked),
        }
    }
}

// === impl NoToken ===

impl NoToken {
    fn answer(self) -> Response<Bytes> {
        let (status, message) = match self {
            Self::Unreadable => (StatusCode::BAD_REQUEST, "The request body is invalid."),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "The username or password is wrong.",
            ),
            Self::Locked => (StatusCode::FORBIDDEN, "The user is locked."),
            Self::NoSuchProject => (StatusCode::NOT_FOUND, "The project could not be found."),
        };
        iam_error(status, message)
    }
}

// === impl Project ===

impl Project {
    /// True if all that is said of it fits the account's project.
    fn is_of(&self, account: &SandboxAccount) -> bool {
        let fits =
            |said: &Option<String>, truth: &str| said.as_ref().is_none_or(|said| said == truth);
        fits(&self.id, &account.project_id) && fits(&self.name, &account.project)
    }
}

/// Names and values of a query, decoded.
fn pairs(query: Option<&str>) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}
