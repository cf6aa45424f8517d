//! Is the credential here? Of one that is kept in files, how old they are is told, since somebody else renews them.
//!
//! Nothing of a secret is told, and no access key: only where they are.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use http::Uri;

use super::tell::{Told, Verdict};
use crate::config::{CredentialSettings, SecretSource, written};
use crate::credential::Credential;
use crate::policy::diagnosis::{Advice, Held};
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

/// The identity service that is asked for it, if there is one that is reached as upstream is.
pub(super) fn issuer(settings: &CredentialSettings) -> Option<&Uri> {
    match settings {
        CredentialSettings::Password(password) => Some(&password.iam_endpoint),
        CredentialSettings::AkSk { .. }
        | CredentialSettings::KeysFile { .. }
        | CredentialSettings::Token(_)
        | CredentialSettings::Metadata { .. } => None,
    }
}

/// Reads it; `None` if it cannot be read.
pub(super) fn open(
    settings: &CredentialSettings,
    env: &dyn Fn(&str) -> Option<String>,
    now: SystemTime,
) -> (Option<Credential>, Told) {
    match Credential::open(settings, env) {
        Ok(credential) => (Some(credential), describe(settings, now)),
        Err(fault) => {
            let advice = Advice::new(
                "The credential is not here, or cannot be one.",
                "Set what is named above, for this command as for `jobgate serve`.",
            );
            (None, (chain(&fault), Verdict::Failed(advice)))
        }
    }
}

fn describe(settings: &CredentialSettings, now: SystemTime) -> Told {
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
        CredentialSettings::KeysFile { path, .. } => aged(
            format!("requests are signed; keys from {}", path.display()),
            Some(path),
            now,
        ),
        CredentialSettings::Token(token) => aged(
            format!("token from {}", place(token)),
            of_source(token),
            now,
        ),
        CredentialSettings::Password(_) => ("token from IAM".to_owned(), Verdict::Good),
        CredentialSettings::Metadata { .. } => {
            ("keys from the metadata service".to_owned(), Verdict::Good)
        }
    }
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
