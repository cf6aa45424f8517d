//! The two services under a test's hand: what they did, and what they shall do.

use http::StatusCode;
use secrecy::SecretString;

use super::{Metadata, Service};
use crate::sandbox::Sandbox;
use crate::sandbox::perform::Reply;
use crate::sandbox::wire::{End, Play};

/// The IAM and the metadata service of a [`Sandbox`], from [`Sandbox::identity`].
#[derive(Clone, Copy, Debug)]
pub struct Identity<'s>(&'s Sandbox);

/// How both services are down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Every call is answered 503.
    Unavailable,
    /// Every call's connection is reset.
    Reset,
    /// No call is answered; connections stay open.
    Silence,
}

/// The calls for identities that were read so far, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityStats {
    /// Calls for a token, however they were answered.
    pub token_calls: u64,
    /// Of these, the ones that were given a token; it may have been lost on the way.
    pub tokens: u64,
    /// Of these, with a wrong password, or of somebody who is not the user.
    pub wrong_passwords: u64,
    /// Of these, refused because the user was locked.
    pub locked: u64,
    /// Of these, unreadable or for a project that is not there.
    pub bad_requests: u64,
    /// Calls for projects.
    pub project_calls: u64,
    /// Calls for a session of the metadata service.
    pub session_calls: u64,
    /// Calls for temporary keys.
    pub key_calls: u64,
    /// Sets of temporary keys that were made.
    pub key_sets: u64,
    /// Of all these calls, the ones that an outage or a scenario did something to.
    pub acts: u64,
}

impl Sandbox {
    /// The services that issue identities.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity(self)
    }
}

// === impl Identity ===

impl Identity<'_> {
    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> IdentityStats {
        let authority = &self.0.state().authority;
        IdentityStats {
            key_sets: authority.keys.made(),
            ..authority.stats
        }
    }

    /// Ends every token that IAM issued, and every session of the metadata service. The credential of the settings
    /// stays.
    pub fn revoke_tokens(&self) {
        self.0.state().authority.seal.revoke();
    }

    /// Ends every set of temporary keys; who asks next is given a new one.
    pub fn revoke_keys(&self) {
        self.0.state().authority.keys.revoke();
    }

    /// Both services fail like this, whatever the scenario says; `None`: they are well again.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.0.state().authority.outage = outage;
    }

    /// The user has another password from now on. Tokens and a lock stay as they are.
    pub fn set_password(&self, password: impl Into<SecretString>) {
        self.0.state().authority.password = password.into();
    }

    /// The access key of the settings has another secret key from now on. A lock stays as it is.
    pub fn set_secret_key(&self, secret_key: impl Into<SecretString>) {
        self.0.state().secret_key = secret_key.into();
    }

    /// There is this metadata service, whatever the scenario says.
    pub fn set_metadata(&self, metadata: Metadata) {
        self.0.state().authority.metadata = Some(metadata);
    }
}

// === impl IdentityStats ===

impl IdentityStats {
    /// What counts the calls of a service.
    pub(super) fn calls_of(&mut self, service: Service) -> &mut u64 {
        match service {
            Service::Tokens => &mut self.token_calls,
            Service::Projects => &mut self.project_calls,
            Service::Session => &mut self.session_calls,
            Service::Keys => &mut self.key_calls,
        }
    }
}

// === impl Outage ===

impl Outage {
    /// What comes of a call.
    pub(super) fn reply(self, service: Service) -> Reply {
        match self {
            Self::Unavailable => Reply::Answer(service.error(StatusCode::SERVICE_UNAVAILABLE)),
            Self::Reset => Reply::Play(Play::bytes("", End::Reset)),
            Self::Silence => Reply::Play(Play::bytes("", End::Silence)),
        }
    }
}
