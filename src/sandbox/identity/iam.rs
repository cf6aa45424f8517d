//! IAM: `POST /v3/auth/tokens`, a token for a password, and `GET /v3/projects`, the project of a region.

use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::account::Verdict;
use super::answer::{iam_error, of_iam, told};
use super::login::{self, Project, User};
use super::{Grant, SandboxAccount};
use crate::sandbox::Sandbox;
use crate::sandbox::answer::refuse;

/// The header a token comes in.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Made-up ids of the account and the user.
const DOMAIN_ID: &str = "jobgatesandboxdomain000000000000";
const USER_ID: &str = "jobgatesandboxuser00000000000000";

/// Where the made-up services of the catalogue are: a name that never resolves (RFC 6761 §6.4).
const ELSEWHERE: &str = "sandbox.invalid";

/// Services in the catalogue. The real one has more than a hundred, and is tens of KB.
const SERVICES: [&str; 12] = [
    "codeartsbuild",
    "codeartsrepo",
    "codeartspipeline",
    "ecs",
    "evs",
    "iam",
    "ims",
    "obs",
    "rds",
    "smn",
    "vpc",
    "cts",
];

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
        let grant = self.log_in(body);
        let settings = &self.0.settings;
        let issued_at = self.0.clock.wall();
        let mut state = self.state();
        let lifetime = state.scenario.identity().token_lifetime;
        let expires_at = issued_at + lifetime.unwrap_or(settings.token_lifetime);
        let authority = &mut state.authority;
        match grant {
            Ok(grant) => {
                authority.stats.tokens += 1;
                let token = authority.seal.issue(grant, expires_at);
                let body = about(&settings.account, grant, [issued_at, expires_at], query);
                let mut answer = of_iam(StatusCode::CREATED, &body);
                if let Ok(token) = HeaderValue::from_str(&token) {
                    answer.headers_mut().insert(SUBJECT_TOKEN, token); // letters and digits
                }
                answer
            }
            Err(no_token) => {
                *no_token.counter(&mut authority.stats) += 1;
                no_token.answer()
            }
        }
    }

    /// The project, if its name is the one asked for. Whoever passes the API gateway may ask.
    pub(super) fn projects(&self, head: &Parts, body: &[u8]) -> Response<Bytes> {
        if let Err(refusal) = self.authenticate(head, body) {
            return refuse(&refusal);
        }
        let account = &self.0.settings.account;
        let query = head.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let is_asked_for = pairs.all(|(key, value)| key != "name" || value == account.project);
        let projects: Vec<_> = is_asked_for.then(|| project(account)).into_iter().collect();
        let links = json!({"next": null, "previous": null, "self": url("/v3/projects")});
        let body = json!({"links": links, "projects": projects});
        of_iam(StatusCode::OK, &body)
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

    fn counter(self, stats: &mut super::IdentityStats) -> &mut u64 {
        match self {
            Self::Unreadable | Self::NoSuchProject => &mut stats.bad_requests,
            Self::WrongPassword => &mut stats.wrong_passwords,
            Self::Locked => &mut stats.locked,
        }
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

/// What is told of a token; `nocatalog=true` in the query leaves out the catalogue.
fn about(
    account: &SandboxAccount,
    grant: Grant,
    [issued_at, expires_at]: [SystemTime; 2],
    query: Option<&str>,
) -> Value {
    let query = query.unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let is_short = pairs.any(|(key, value)| key == "nocatalog" && value == "true");
    let domain = json!({"id": DOMAIN_ID, "name": account.domain});
    let mut token = json!({
        "catalog": if is_short { Vec::new() } else { catalogue(account) },
        "expires_at": told(expires_at),
        "issued_at": told(issued_at),
        "methods": ["password"],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {
            "domain": domain,
            "id": USER_ID,
            "name": account.user,
            "password_expires_at": "",
        },
    });
    match grant {
        Grant::Project => {
            let (id, name) = (&account.project_id, &account.project);
            token["project"] = json!({"domain": domain, "id": id, "name": name});
        }
        Grant::Domain | Grant::Session => token["domain"] = domain,
    }
    json!({"token": token})
}

fn catalogue(account: &SandboxAccount) -> Vec<Value> {
    let (region, project) = (&account.project, &account.project_id);
    let services = SERVICES.into_iter().map(|service| {
        let endpoint = json!({
            "id": project,
            "interface": "public",
            "region": region,
            "region_id": region,
            "url": format!("https://{service}.{region}.{ELSEWHERE}/v1/{project}"),
        });
        json!({"endpoints": [endpoint], "id": project, "name": service, "type": service})
    });
    services.collect()
}

fn project(account: &SandboxAccount) -> Value {
    let id = &account.project_id;
    json!({
        "domain_id": DOMAIN_ID,
        "is_domain": false,
        "parent_id": DOMAIN_ID,
        "name": account.project,
        "description": "",
        "links": {"self": url(&format!("/v3/projects/{id}"))},
        "id": id,
        "enabled": true,
    })
}

fn url(path: &str) -> String {
    format!("https://iam.{ELSEWHERE}{path}")
}
