//! From what the configuration names to a credential.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::fault::CredentialFault;
use super::issue::Issuer;
use super::issuing::{Asked, Issuing, Service};
use super::keys::{KeyPair, KeysFile, Signer};
use super::source::{self, Source};
use super::{Credential, Scheme};
use crate::clock::Clock;
use crate::config::{CredentialSettings, PasswordSettings, SecretSource, UpstreamSettings};

// === impl Credential ===

impl Credential {
    /// Reads every secret that the settings of upstream name; `env` looks up an environment variable. Nobody is asked
    /// for anything yet: that begins with the [`Keeper`](super::Keeper).
    ///
    /// # Errors
    /// All variables that are not set; else the first secret that is unreadable or unusable, by its place.
    pub fn open(
        upstream: &UpstreamSettings,
        env: &dyn Fn(&str) -> Option<String>,
        clock: &Clock,
    ) -> Result<Self, CredentialFault> {
        let names = unset(&upstream.credential, env);
        if !names.is_empty() {
            return Err(CredentialFault::Unset { names });
        }
        let scheme = match &upstream.credential {
            CredentialSettings::AkSk {
                access_key_env,
                secret_key,
                security_token,
                project_id,
            } => {
                let keys = KeyPair::new(
                    &env(access_key_env).unwrap_or_default(), // it is set
                    &source::variable(access_key_env),
                    Source::open(secret_key, env)?,
                    open_optional(security_token.as_ref(), env)?,
                    Signer::new(project_id.as_deref())?,
                )?;
                Scheme::AkSk(Box::new(keys))
            }
            CredentialSettings::KeysFile { path, project_id } => {
                let signer = Signer::new(project_id.as_deref())?;
                Scheme::KeysFile(Box::new(KeysFile::open(path, signer)?))
            }
            CredentialSettings::Token(token) => Scheme::Token(Source::open(token, env)?),
            CredentialSettings::Password(settings) => {
                Scheme::Issued(Arc::new(password(settings, upstream, env, clock)?))
            }
            CredentialSettings::Metadata {
                endpoint,
                project_id,
            } => Scheme::Issued(Arc::new(Issuing::new(
                Service::Metadata,
                Asked::Service(Box::new(Issuer::metadata(endpoint, clock))),
                None,
                Signer::new(project_id.as_deref())?,
                upstream.timeout,
                clock.clone(),
            ))),
        };
        Ok(Self::of(scheme))
    }
}

fn password(
    settings: &PasswordSettings,
    upstream: &UpstreamSettings,
    env: &dyn Fn(&str) -> Option<String>,
    clock: &Clock,
) -> Result<Issuing, CredentialFault> {
    let password = Arc::new(Source::open(&settings.password, env)?);
    let issuer = Issuer::password(settings, upstream, Arc::clone(&password), clock)?;
    Ok(Issuing::new(
        Service::Iam,
        Asked::Service(Box::new(issuer)),
        Some(password),
        Signer::new(None)?,
        upstream.timeout,
        clock.clone(),
    ))
}

/// The variables that the settings name and nobody set: somebody who starts from nothing is told of all at once.
fn unset(settings: &CredentialSettings, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let (access_key, secrets) = match settings {
        CredentialSettings::AkSk {
            access_key_env,
            secret_key,
            security_token,
            ..
        } => (
            Some(access_key_env),
            [Some(secret_key), security_token.as_ref()],
        ),
        CredentialSettings::Token(token) => (None, [Some(token), None]),
        CredentialSettings::Password(settings) => (None, [Some(&settings.password), None]),
        CredentialSettings::KeysFile { .. } | CredentialSettings::Metadata { .. } => {
            (None, [None, None])
        }
    };
    let secrets = secrets
        .into_iter()
        .flatten()
        .filter_map(|secret| match secret {
            SecretSource::Env(name) => Some(name),
            SecretSource::File(_) => None,
        });
    access_key
        .into_iter()
        .chain(secrets)
        .filter(|name| env(name).map(Zeroizing::new).is_none())
        .cloned()
        .collect()
}

fn open_optional(
    settings: Option<&SecretSource>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Source>, CredentialFault> {
    settings.map(|source| Source::open(source, env)).transpose()
}
