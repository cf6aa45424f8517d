//! Where identities come from: IAM, and the metadata service of a cloud server, on the same socket as the build API.
//!
//! * IAM (`iam`) gives a token for a password, and tells the project of a region.
//! * The metadata service (`metadata`) gives temporary keys to the server that it is asked from.
//!
//! The build API accepts what they issue until it expires or is revoked (`authenticate`). Little is kept: a token tells
//! itself what it is worth (`seal`), and of temporary keys no more than three sets are alive (`keys`).
//!
//! They are not behind the throttle, and their calls are counted by themselves ([`IdentityStats`]). There is one user,
//! one project and one server; IAM's other calls, among them the one for temporary keys, are not played.

mod account;
mod answer;
mod handle;
mod iam;
mod keys;
mod login;
mod metadata;
mod seal;
mod terms;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use secrecy::SecretString;

use self::account::PasswordLock;
pub use self::account::SandboxAccount;
pub use self::handle::{Identity, IdentityStats, Outage};
use self::keys::Keys;
pub(super) use self::seal::Grant;
use self::seal::{Seal, Unsealed};
pub use self::terms::Metadata;
pub(super) use self::terms::Terms;
use super::Sandbox;
use super::act::Act;
use super::answer::{recorded, refuse};
use super::perform::{Reply, carry};
use super::refusal::Refusal;
use super::scenario::Call;

/// A call for an identity, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// IAM: a token.
    Tokens,
    /// IAM: projects.
    Projects,
    /// Metadata: a session, without which the new generation says nothing.
    Session,
    /// Metadata: temporary keys.
    Keys,
}

/// What the two services remember.
pub(super) struct Authority {
    /// Temporary keys.
    pub(super) keys: Keys,
    seal: Seal,
    password: SecretString,
    lock: PasswordLock,
    outage: Option<Outage>,
    metadata: Option<Metadata>, // a test's word, before the scenario's
    stats: IdentityStats,
}

impl Sandbox {
    /// Answers a call for an identity, or does to it what was chosen.
    pub(super) fn identify(&self, service: Service, head: &Parts, body: &[u8]) -> Reply {
        if head.method != service.method() {
            return Reply::Answer(refuse(&Refusal::NoSuchMethod));
        }
        let (outage, act) = self.fault_of(service);
        if let Some(outage) = outage {
            return outage.reply(service);
        }
        let usual = || match service {
            Service::Tokens => self.token(head.uri.query(), body),
            Service::Projects => self.projects(head, body),
            Service::Session => self.session(head),
            Service::Keys => self.temporary_keys(head),
        };
        match act {
            None => Reply::Answer(usual()),
            Some(Act::Status(status)) => Reply::Answer(service.error(status.0)),
            Some(act) => carry(&act, usual, recorded),
        }
    }

    /// Counts a call, and says what shall go wrong with it.
    fn fault_of(&self, service: Service) -> (Option<Outage>, Option<Act>) {
        let now = self.0.clock.now();
        let mut state = self.state();
        let act = state.scenario.choose(service.call(), now).act;
        let outage = state.authority.outage;
        let stats = &mut state.authority.stats;
        *stats.calls_of(service) += 1;
        stats.acts += u64::from(outage.is_some() || act.is_some());
        (outage, act)
    }

    /// What a token of IAM is good for.
    pub(super) fn grant_of(&self, token: &[u8]) -> Result<Grant, Refusal> {
        let now = self.0.clock.wall();
        let opened = self.state().authority.seal.open(token, now);
        match opened {
            Ok(grant @ (Grant::Project | Grant::Domain)) => Ok(grant),
            Ok(Grant::Session) | Err(Unsealed::Damaged) => Err(Refusal::BadToken),
            Err(Unsealed::Dead) => Err(Refusal::DeadToken),
        }
    }
}

// === impl Service ===

impl Service {
    /// The service at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/v3/auth/tokens" => Some(Self::Tokens),
            "/v3/projects" => Some(Self::Projects),
            "/meta-data/latest/api/token" => Some(Self::Session),
            "/openstack/latest/securitykey" => Some(Self::Keys),
            _ => None,
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Tokens => Method::POST,
            Self::Session => Method::PUT,
            Self::Projects | Self::Keys => Method::GET,
        }
    }

    /// As rules of a scenario speak of it.
    fn call(self) -> Call<'static> {
        match self {
            Self::Tokens | Self::Projects => Call::Iam,
            Self::Session | Self::Keys => Call::Metadata,
        }
    }

    /// An error of no particular kind, in the form of the service.
    fn error(self, status: StatusCode) -> Response<Bytes> {
        let reason = status.canonical_reason().unwrap_or("Error");
        match self.call() {
            Call::Metadata => answer::of_metadata(status, reason),
            Call::Iam | Call::Job(_) | Call::List(_) => answer::iam_error(status, reason),
        }
    }
}

// === impl Authority ===

impl Authority {
    /// Services that have issued nothing.
    pub(super) fn new(account: &SandboxAccount) -> Self {
        Self {
            keys: Keys::default(),
            seal: Seal::new(),
            password: account.password.clone(),
            lock: PasswordLock::default(),
            outage: None,
            metadata: None,
            stats: IdentityStats::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn four_paths_lead_to_identities() {
        for (path, service) in [
            ("/v3/auth/tokens", Some(Service::Tokens)),
            ("/v3/projects", Some(Service::Projects)),
            ("/meta-data/latest/api/token", Some(Service::Session)),
            ("/openstack/latest/securitykey", Some(Service::Keys)),
            ("/v3/auth/tokens/", None),
            ("/v3/projects/abc", None),
            ("/v3.0/OS-CREDENTIAL/securitytokens", None),
            ("/openstack/latest", None),
            ("/v1/job/list", None),
            ("/", None),
        ] {
            assert_eq!(Service::at(path), service, "{path}");
        }
    }
}
