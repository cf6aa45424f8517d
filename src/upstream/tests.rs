//! Real sockets against a server that says what a script tells it; each test counts the requests that server saw.

mod answers;
mod misbehaviour;
pub(crate) mod script;
pub(crate) mod tls;

use std::time::Duration;

use http::Request;
use tower::Service as _;

use self::script::Script;
use super::{Answer, Upstream};
use crate::clock::Clock;
use crate::config::{CredentialSettings, SecretSource, UpstreamSettings};
use crate::error::Error;

const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Limits of time so wide that only a hang meets them.
fn settings(endpoint: &str) -> UpstreamSettings {
    UpstreamSettings {
        endpoint: endpoint.parse().unwrap(),
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        max_body: 100,
        max_in_flight: 4,
        ca_file: None,
        credential: CredentialSettings::Token(SecretSource::Env("TOKEN".to_owned())),
    }
}

fn plain(script: &Script) -> UpstreamSettings {
    settings(&format!("http://{}", script.address()))
}

fn build(settings: &UpstreamSettings) -> Upstream {
    Upstream::new(settings, Clock::system()).unwrap_or_else(|fault| panic!("{fault}"))
}

async fn ask(upstream: &Upstream) -> Result<Answer, Error> {
    let request = Request::get(PATH).body(()).unwrap();
    upstream.clone().call(request).await
}

#[track_caller]
fn assert_not_success(outcome: Result<Answer, Error>, why: &str) {
    match outcome {
        Err(Error::NotSuccess { detail, .. }) => {
            assert!(detail.contains(why), "{detail:?}, not {why:?}")
        }
        other => panic!("{other:?}, not {why:?}"),
    }
}
