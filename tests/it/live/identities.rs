//! Credentials that an identity service gives: it is asked once, and a refusal costs upstream no call.

use std::fs;

use jobgate::config::{CredentialSettings, PasswordSettings, SecretSource, Settings};
use jobgate::live::What;
use jobgate::sandbox::{Metadata, Outage, SandboxAccount};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{Trial, trial};
use crate::sandbox::Double;

/// The variables that hold the right password and a wrong one.
fn passwords(name: &str) -> Option<String> {
    let password = SandboxAccount::default().password;
    let password = password.expose_secret();
    match name {
        "RIGHT" => Some(password.to_owned()),
        "WRONG" => Some(format!("{password}?")),
        _ => None,
    }
}

fn before(double: &Double, change: impl FnOnce(&mut Settings)) -> Trial {
    let mut trial = trial(&double.url).with(change);
    trial.clock = double.clock.clone();
    trial.env = passwords;
    trial
}

fn with_password(double: &Double, variable: &str) -> Trial {
    let account = SandboxAccount::default();
    let credential = CredentialSettings::Password(PasswordSettings {
        iam_endpoint: double.url.parse().unwrap(),
        domain: account.domain,
        user: account.user,
        password: SecretSource::Env(variable.to_owned()),
        project: account.project,
    });
    before(double, |settings| settings.upstream.credential = credential)
}

fn with_metadata(double: &Double) -> Trial {
    let credential = CredentialSettings::Metadata {
        endpoint: double.url.parse().unwrap(),
        project_id: None,
    };
    before(double, |settings| settings.upstream.credential = credential)
}

#[tokio::test]
async fn a_password_is_exchanged_once_and_its_token_proven() {
    let double = Double::start().await;
    let tried = with_password(&double, "RIGHT").run().await;
    assert_eq!(tried.ended, Ok(()), "{:?}", tried.steps);
    tried.assert_good(What::Credential, "a token from IAM, good for another 1d");
    tried.assert_good(What::Jobs, "the credential sees ");
    let announced = tried.announced();
    assert_eq!(announced.len(), 3);
    assert!(
        announced[0].starts_with("IAM: POST /v3/auth/tokens, once"),
        "{announced:?}"
    );
    let reached = tried.path();
    let reached = reached.iter().filter(|what| **what == What::Tls).count();
    assert_eq!(reached, 2, "IAM is reached as upstream is");
    assert_eq!(double.sandbox.identity().stats().token_calls, 1);
    assert_eq!(double.sandbox.stats().requests, 2);
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_warns_of_the_lock() {
    let double = Double::start().await;
    let tried = with_password(&double, "WRONG").run().await;
    tried.assert_failed(What::Credential, "a few wrong passwords lock the user");
    tried.assert_failed(What::Credential, "IAM answered 401");
    let account = SandboxAccount::default();
    let told = format!("{:?}", tried.steps);
    for private in [
        account.password.expose_secret(),
        &account.user,
        &account.domain,
    ] {
        assert!(!told.contains(private), "{told}");
    }
    let stats = double.sandbox.identity().stats();
    assert_eq!((stats.token_calls, stats.wrong_passwords), (1, 1));
    assert_eq!(double.sandbox.stats().requests, 0);
}

#[tokio::test]
async fn a_locked_user_is_told_so() {
    let double = Double::start().await;
    for _ in 0..5 {
        with_password(&double, "WRONG").run().await;
    }
    let tried = with_password(&double, "RIGHT").run().await;
    tried.assert_failed(What::Credential, "locked after wrong passwords");
    assert_eq!(double.sandbox.stats().requests, 0);
}

#[tokio::test]
async fn an_iam_that_is_down_tells_nothing_of_the_password() {
    let double = Double::start().await;
    double
        .sandbox
        .identity()
        .set_outage(Some(Outage::Unavailable));
    let tried = with_password(&double, "RIGHT").run().await;
    tried.assert_failed(What::Credential, "tells nothing of user and password");
    assert_eq!(double.sandbox.identity().stats().token_calls, 1);
    assert_eq!(double.sandbox.stats().requests, 0);
}

#[tokio::test]
async fn an_iam_that_cannot_be_reached_is_not_asked() {
    let double = Double::start().await;
    let tried = with_password(&double, "RIGHT")
        .with(|settings| {
            if let CredentialSettings::Password(password) = &mut settings.upstream.credential {
                password.iam_endpoint = "https://iam.invalid".parse().unwrap();
            }
        })
        .run()
        .await;
    tried.assert_failed(What::Dns, "iam.invalid cannot be resolved");
    assert!(tried.announced().is_empty());
}

#[tokio::test]
async fn the_metadata_service_gives_keys_or_has_no_agency() {
    for generation in [Metadata::New, Metadata::Old] {
        let double = Double::start().await;
        double.sandbox.identity().set_metadata(generation);
        let tried = with_metadata(&double).run().await;
        assert_eq!(tried.ended, Ok(()), "{:?}", tried.steps);
        tried.assert_good(
            What::Credential,
            "temporary keys from the metadata service, good for another 1h",
        );
        assert_eq!(double.sandbox.identity().stats().key_calls, 1);
    }
    let double = Double::start().await;
    double.sandbox.identity().set_metadata(Metadata::NoAgency);
    let tried = with_metadata(&double).run().await;
    tried.assert_failed(What::Credential, "the cloud server has no agency");
    assert_eq!(double.sandbox.stats().requests, 0);

    double.sandbox.identity().set_outage(Some(Outage::Reset));
    let tried = with_metadata(&double).run().await;
    tried.assert_failed(What::Credential, "works only on a server of this cloud");
    assert_eq!(double.sandbox.stats().requests, 0);
}

#[tokio::test]
async fn keys_of_a_file_are_told_with_their_end_and_not_used_past_it() {
    let double = Double::start().await;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("keys.json");
    let run = async |expires_at: &str| {
        let keys = serde_json::json!({ "credential": {
            "access": "AKNOBODYKNOWSTHIS000", "secret": "s".repeat(40), "securitytoken": "t".repeat(64), "expires_at": expires_at,
        }});
        fs::write(&path, keys.to_string()).unwrap();
        let credential = CredentialSettings::KeysFile {
            path: path.clone(),
            project_id: None,
        };
        before(&double, |settings| {
            settings.upstream.credential = credential;
        })
        .run()
        .await
    };
    let tried = run("2020-01-08T03:50:07.574000Z").await;
    tried.assert_failed(What::Credential, "have expired");
    assert_eq!(double.sandbox.stats().requests, 0);

    let tried = run("2999-01-08T03:50:07.574000Z").await;
    tried.assert_good(What::Credential, "keys.json, good for another ");
    tried.assert_failed(What::Job, "does not know the temporary access key");
    assert_eq!(double.sandbox.stats().requests, 1);
}
