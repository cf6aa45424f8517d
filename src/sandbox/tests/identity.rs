//! IAM and the metadata service over a socket, and what the build API makes of what they issue.

mod keys;
mod tokens;
mod trouble;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{Answer, Double, ID, bare, info, with_header};

const TOKENS: &str = "/v3/auth/tokens";
const PROJECTS: &str = "/v3/projects?name=cn-north-4";
const SESSION: &str = "/meta-data/latest/api/token";
const KEYS: &str = "/openstack/latest/securitykey";

const PASSWORD: &str = "jobgate-sandbox-password";

impl Double {
    /// Logs in for the project.
    async fn log_in(&self, password: &str) -> Answer {
        self.send(login(TOKENS, &user(password), project())).await
    }

    /// A token of the project.
    async fn token(&self) -> String {
        let answer = self.log_in(PASSWORD).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.header("x-subject-token").unwrap().to_owned()
    }

    /// What the build API says to this token.
    async fn opens(&self, token: &str) -> (u16, Option<String>) {
        let request = with_header(bare(Method::GET, &info(ID)), "x-auth-token", token);
        let answer = self.send(request).await;
        (
            answer.status,
            answer.json()["error_code"].as_str().map(str::to_owned),
        )
    }

    async fn put_session(&self, ttl: &str) -> Answer {
        let request = bare(Method::PUT, SESSION);
        let request = with_header(request, "x-metadata-token-ttl-seconds", ttl);
        self.send(request).await
    }

    /// Keys as they are told within a session.
    async fn keys(&self) -> Value {
        let session = self.put_session("21600").await;
        let request = with_header(bare(Method::GET, KEYS), "x-metadata-token", session.text());
        let answer = self.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["credential"].clone()
    }
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn user(password: &str) -> Value {
    let domain = json!({"name": "jobgate-sandbox"});
    json!({"name": "sandbox-user", "password": password, "domain": domain})
}

fn project() -> Value {
    json!({"project": {"name": "cn-north-4"}})
}

/// A request for a token; a scope of null is none.
fn login(target: &str, user: &Value, scope: Value) -> Request<Full<Bytes>> {
    let password = json!({"user": user});
    let identity = json!({"methods": ["password"], "password": password});
    let mut auth = json!({"identity": identity});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    post(target, json!({"auth": auth}).to_string())
}

fn post(target: &str, body: String) -> Request<Full<Bytes>> {
    let request = with_header(
        bare(Method::POST, target),
        "content-type",
        "application/json;charset=utf8",
    );
    request.map(|_| Full::new(body.into()))
}
