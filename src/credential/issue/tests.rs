//! Real sockets against a service that says what a script tells it. Each test counts what that service was asked.

mod metadata;
mod password;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{IssueFault, Issued, Issuer, Material};
use crate::clock::Clock;
use crate::config::{CredentialSettings, PasswordSettings, SecretSource, UpstreamSettings};
use crate::credential::source::Source;
use crate::upstream::tests::script::{Reply, Script, Then};

const USER: &str = "ci-reader";
const DOMAIN: &str = "acme \"cloud\" ünit";
const PASSWORD: &str = "correct-horse/battery=\"staple\"";
const TOKEN: &str = "MIIEIgYJKoZIhvcNAQcCoIIEEzCCBA8CAQExDTALBglghkgBZQMEAgEw";

/// `Sat, 04 Jan 2020 08:05:22 GMT`, an hour before what IAM's sample gives expires.
const DATE: &str = "Date: Sat, 04 Jan 2020 08:05:22 GMT\r\n";

/// A whole answer; `fields` is any number of lines, each with its end.
fn answer(status: u16, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} As Told\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// IAM's sample of a 201.
fn granted() -> String {
    let body = include_str!("../../../tests/samples/iam-token-response.json");
    answer(201, &format!("{DATE}X-Subject-Token: {TOKEN}\r\n"), body)
}

/// A service that gives each connection one answer, and none to those beyond.
async fn service(answers: Vec<String>) -> Script {
    let connection = |answer| vec![Reply::new(answer, Then::Keep)];
    Script::start(answers.into_iter().map(connection).collect()).await
}

/// Limits of time so wide that only a hang meets them.
fn upstream() -> UpstreamSettings {
    UpstreamSettings {
        endpoint: "http://upstream.invalid".parse().unwrap(),
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        max_body: 100,
        max_in_flight: 4,
        ca_file: None,
        credential: CredentialSettings::Token(SecretSource::Env("TOKEN".to_owned())),
    }
}

fn login(endpoint: &str) -> PasswordSettings {
    PasswordSettings {
        iam_endpoint: endpoint.parse().unwrap(),
        domain: DOMAIN.to_owned(),
        user: USER.to_owned(),
        password: SecretSource::Env("PASSWORD".to_owned()),
        project: "cn-north-4".to_owned(),
    }
}

fn fixed() -> Arc<Source> {
    Arc::new(Source::fixed(PASSWORD, "a test").unwrap_or_else(|fault| panic!("{fault}")))
}

/// An issuer that asks `script`.
fn iam(script: &Script, clock: &Clock) -> Issuer {
    let login = login(&format!("http://{}", script.address()));
    Issuer::password(&login, &upstream(), fixed(), clock).unwrap()
}

/// The fault; what was issued cannot be printed, so `unwrap_err` does not compile.
#[track_caller]
fn fault(outcome: Result<Issued, IssueFault>) -> IssueFault {
    outcome.err().expect("nothing is issued")
}

/// The token; a fault is shown.
#[track_caller]
fn token(outcome: Result<Issued, IssueFault>) -> (String, Duration, SystemTime) {
    let issued = outcome.unwrap_or_else(|fault| panic!("{fault}"));
    match issued.material {
        Material::Token(token) => (
            token.expose().to_owned(),
            issued.lifetime,
            issued.expires_at,
        ),
        Material::Keys { .. } => panic!("keys"),
    }
}

#[track_caller]
fn assert_unavailable(fault: &IssueFault, text: &str, after: Option<Duration>) {
    match fault {
        IssueFault::Unavailable { why, retry_after } => {
            assert!(why.contains(text), "{why:?}, not {text:?}");
            assert_eq!(*retry_after, after, "{why}");
        }
        other => panic!("{other:?}, not {text:?}"),
    }
    assert_tells_no_secret(fault);
}

/// Neither what is asked with nor what was given, however it is printed and whatever its case.
#[track_caller]
fn assert_tells_no_secret(fault: &IssueFault) {
    for printed in [fault.to_string(), format!("{fault:?}")] {
        let printed = printed.to_lowercase();
        for secret in [USER, DOMAIN, PASSWORD, TOKEN] {
            let secret = secret.to_lowercase();
            let escaped = secret.escape_debug().to_string();
            assert!(!printed.contains(&secret), "{printed}");
            assert!(!printed.contains(&escaped), "{printed}");
        }
    }
}
