//! Is the credential here? Of one that is kept in files, how old they are is told, since somebody else renews them. One that an
//! identity service gives is asked for once, as announced; a refused password is never repeated.
//!
//! Nothing of a secret is told, and no access key: only where they are.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::tell::{Told, Verdict};
use crate::clock::Clock;
use crate::config::{CredentialSettings, SecretSource, UpstreamSettings, written};
use crate::credential::{Credential, IssueFault, Keeper};
use crate::policy::diagnosis::{Advice, Held, NotIssued};
use crate::upstream::chain;

/// How long tokens live, and the longest that temporary keys do: a file that is older holds a dead one.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// What the configuration says that it is.
pub(super) fn held(settings: &CredentialSettings) -> Held {
    match settings {
        CredentialSettings::AkSk {
            security_token: None,
            ..
        } => Held::Keys,
        CredentialSettings::AkSk { .. } | CredentialSettings::KeysFile { .. } => {
            Held::TemporaryKeys
        }
        CredentialSettings::Token(_) => Held::Token,
        CredentialSettings::Password(_) => Held::Password,
        CredentialSettings::Metadata { .. } => Held::Metadata,
    }
}

/// Reads it, or says what is missing. Nobody is asked for anything yet.
pub(super) fn open(
    upstream: &UpstreamSettings,
    env: &dyn Fn(&str) -> Option<String>,
    clock: &Clock,
) -> Result<Arc<Credential>, Told> {
    match Credential::open(upstream, env, clock) {
        Ok(credential) => Ok(Arc::new(credential)),
        Err(fault) => {
            let advice = Advice::new(
                "The credential is not here, or cannot be one.",
                "Set what is named above, for this command as for `jobgate serve`.",
            );
            Err((chain(&fault), Verdict::Failed(advice)))
        }
    }
}

/// The question that an identity service is about to be asked, if there is one.
pub(super) fn question(settings: &CredentialSettings) -> Option<String> {
    match settings {
        CredentialSettings::Password(_) => Some(
            "IAM: POST /v3/auth/tokens, once (a wrong password counts towards its lock)".to_owned(),
        ),
        CredentialSettings::Metadata { endpoint, .. } => Some(format!(
            "the metadata service at {} is asked for temporary keys, once",
            endpoint
                .authority()
                .map_or("", |authority| authority.as_str())
        )),
        CredentialSettings::AkSk { .. }
        | CredentialSettings::KeysFile { .. }
        | CredentialSettings::Token(_) => None,
    }
}

/// Asks it. One step of a keeper is one question.
pub(super) async fn ask(credential: &Arc<Credential>, clock: &Clock) {
    Keeper::new(Arc::clone(credential), (), clock.clone(), 0)
        .step()
        .await;
}

/// What there is now.
pub(super) fn describe(
    settings: &CredentialSettings,
    credential: &Credential,
    now: SystemTime,
) -> Told {
    match settings {
        CredentialSettings::AkSk {
            access_key_env,
            secret_key,
            security_token,
            ..
        } => {
            let said = format!(
                "requests are signed; access key from {access_key_env}, secret key from {}",
                place(secret_key)
            );
            match security_token {
                None => (said, Verdict::Good),
                Some(token) => {
                    let said = format!("{said}, security token from {}", place(token));
                    aged(said, of_source(token), now)
                }
            }
        }
        CredentialSettings::KeysFile { path, .. } => {
            let said = format!("requests are signed; keys from {}", path.display());
            match credential.health(now).expires_in {
                Some(left) => lasting(&said, left),
                None => aged(said, Some(path), now),
            }
        }
        CredentialSettings::Token(token) => aged(
            format!("token from {}", place(token)),
            of_source(token),
            now,
        ),
        CredentialSettings::Password(_) => issued("a token from IAM", settings, credential, now),
        CredentialSettings::Metadata { .. } => issued(
            "requests are signed; temporary keys from the metadata service",
            settings,
            credential,
            now,
        ),
    }
}

fn issued(
    what: &str,
    settings: &CredentialSettings,
    credential: &Credential,
    now: SystemTime,
) -> Told {
    if let Some(fault) = credential.issue_fault() {
        let trouble = match fault {
            IssueFault::Refused(_) => NotIssued::Refused,
            IssueFault::Forbidden(_) => NotIssued::Forbidden,
            IssueFault::Unavailable { .. } => NotIssued::Unavailable,
        };
        let advice = trouble.advice(held(settings));
        return (fault.to_string(), Verdict::Failed(advice));
    }
    match credential.health(now).expires_in {
        Some(left) => lasting(what, left),
        None => (what.to_owned(), Verdict::Good),
    }
}

/// What says when it ends. With nothing that has expired a call is made: upstream would count that as a failure of the key.
fn lasting(said: &str, left: Duration) -> Told {
    if left.is_zero() {
        let advice = Advice::new(
            "The keys have expired, by this machine's clock, so nothing is signed with them.",
            "Have the file renewed by whatever writes it; it is read again when it changes.",
        );
        let said = format!("{said}, which have expired");
        return (said, Verdict::Failed(advice));
    }
    let left = written(whole_seconds(left));
    (format!("{said}, good for another {left}"), Verdict::Good)
}

fn place(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => name.clone(),
        SecretSource::File(path) => path.display().to_string(),
    }
}

fn of_source(source: &SecretSource) -> Option<&Path> {
    match source {
        SecretSource::Env(_) => None,
        SecretSource::File(path) => Some(path),
    }
}

/// Beside what was said, how long ago a file of temporary secrets was written.
fn aged(said: String, file: Option<&Path>, now: SystemTime) -> Told {
    let modified = file.and_then(|path| fs::metadata(path).ok()?.modified().ok());
    let Some(age) = modified.and_then(|at| now.duration_since(at).ok()) else {
        return (said, Verdict::Good);
    };
    let said = format!("{said}, written {} ago", written(whole_seconds(age)));
    let verdict = if age > LONGEST_LIFE {
        Verdict::Doubtful(Advice::new(
            "The file is older than a token or temporary key lives, which is 24 hours at most.",
            "Have it renewed by whatever writes it; it is read again when it changes.",
        ))
    } else {
        Verdict::Good
    };
    (said, verdict)
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}
