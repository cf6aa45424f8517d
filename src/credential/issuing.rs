//! A credential that an identity service gives and the [keeper](super::keeper) renews: the side of those who use it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, SetOnce, oneshot};

use super::Generation;
use super::fault::CredentialFault;
use super::health::{Health, Renewals, Trouble};
use super::held::Held;
use super::issue::{IssueFault, Issued, Issuer};
use super::keys::Signer;
use super::source::Source;
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::hold::CredentialKind;
use crate::policy::renewal::{Due, Why};

/// The credential, whoever gives it, and what users and keeper tell each other.
pub(super) struct Issuing {
    pub(super) service: Service,
    pub(super) issuer: Asked,
    pub(super) held: Held,
    pub(super) clock: Clock,
    signer: Signer,
    /// Of a password: watched, and searched for in answers.
    password: Option<Arc<Source>>,
    /// The longest that a call waits for the service: `upstream.timeout`.
    patience: Duration,
    /// Set once the service was asked for the first time, whatever came of it.
    pub(super) tried: SetOnce<()>,
    refusals: Mutex<Vec<Refusal>>,
    /// There are refusals.
    pub(super) poked: Notify,
    told: Mutex<Told>,
}

/// Who gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Tokens, for a user's password.
    Iam,
    /// Temporary keys of a cloud server.
    Metadata,
}

/// The service, or what plays it in a test.
pub(super) enum Asked {
    Service(Box<Issuer>),
    #[cfg(test)]
    Played(Arc<super::keeper::tests::Played>),
}

/// Upstream refused a credential.
pub(super) struct Refusal {
    pub(super) generation: Generation,
    /// Somebody waits to hear whether there is another one.
    pub(super) waiting: Option<oneshot::Sender<bool>>,
}

/// What the keeper last told.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) due: Due,
    pub(super) trouble: Option<Trouble>,
    pub(super) renewals: Renewals,
}

// === impl Issuing ===

impl Issuing {
    pub(super) fn new(
        service: Service,
        issuer: Asked,
        password: Option<Arc<Source>>,
        signer: Signer,
        patience: Duration,
        clock: Clock,
    ) -> Self {
        let due = Due {
            at: None,
            why: Why::First,
        };
        Self {
            service,
            issuer,
            held: Held::default(),
            clock,
            signer,
            password,
            patience,
            tried: SetOnce::new(),
            refusals: Mutex::default(),
            poked: Notify::new(),
            told: Mutex::new(Told {
                due,
                trouble: None,
                renewals: Renewals::default(),
            }),
        }
    }

    pub(super) fn kind(&self) -> CredentialKind {
        match self.service {
            Service::Iam => CredentialKind::Renewable,
            Service::Metadata => CredentialKind::Lockable,
        }
    }

    pub(super) fn password(&self) -> Option<&Source> {
        self.password.as_deref()
    }

    /// Waits for the end of the very first question, but not for ever: a gateway that has just started has none yet.
    pub(super) async fn ready(&self) {
        let _ = tokio::time::timeout(self.patience, self.tried.wait()).await; // what is held tells the rest
    }

    pub(super) fn authorise(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        let Some(given) = self.held.current() else {
            return Err(self.unavailable("none was given yet"));
        };
        if given.is_over(&self.clock) {
            return Err(self.unavailable("the last one has expired"));
        }
        given.material.put_on(request, &self.signer, host, wall)?;
        Ok(given.generation)
    }

    /// Upstream refused it: is there another one now? Of a token many may ask at once, and wait for one question to the
    /// service. Keys are never repeated, so nobody waits for them.
    pub(super) async fn renew(&self, refused: Generation) -> bool {
        let (waiting, answer) = match self.kind() {
            CredentialKind::Lockable => (None, None),
            CredentialKind::Renewable => {
                let (waiting, answer) = oneshot::channel();
                (Some(waiting), Some(answer))
            }
        };
        self.refusals().push(Refusal {
            generation: refused,
            waiting,
        });
        self.poked.notify_one();
        match answer {
            None => false,
            Some(answer) => {
                let answer = tokio::time::timeout(self.patience, answer).await;
                matches!(answer, Ok(Ok(true)))
            }
        }
    }

    /// What upstream refused since the last look.
    pub(super) fn hear(&self) -> Vec<Refusal> {
        mem::take(&mut *self.refusals())
    }

    /// Changes what is told.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
    }

    /// Which one is held, after a look at what it is asked for with.
    pub(super) fn generation(&self) -> Result<Option<Generation>, CredentialFault> {
        if let Some(password) = &self.password {
            password.current()?;
        }
        Ok(self.held.current().map(|given| given.generation))
    }

    pub(super) fn health(&self) -> Health {
        let told = self.told().clone();
        let given = self.held.current();
        let now = self.clock.now();
        let available = (given.as_ref()).is_some_and(|given| !given.is_over(&self.clock));
        let why = match &told.trouble {
            Some(trouble) => Some(trouble.tell(self.service.name(), told.due, now)),
            None if given.is_none() => Some(format!(
                "{} is being asked for the first time",
                self.service.name()
            )),
            None => told.due.tell_spent(self.service.name(), now),
        };
        let expired_since = (given.as_ref())
            .filter(|given| given.left(&self.clock).is_zero())
            .map(|given| given.expires_at)
            .map(|at| self.clock.wall().duration_since(at).unwrap_or_default());
        Health {
            expired_since,
            kind: self.service.kind(),
            available,
            expires_at: given.as_ref().map(|given| given.expires_at),
            expires_in: given.as_ref().map(|given| given.left(&self.clock)),
            why,
            renewals: told.renewals,
        }
    }

    /// Why the service gave nothing when it was last asked.
    pub(super) fn fault(&self) -> Option<IssueFault> {
        let told = self.told();
        told.trouble.as_ref().map(|trouble| trouble.fault.clone())
    }

    fn unavailable(&self, what: &str) -> Error {
        let why = self.health().why;
        let why = why.map(|why| format!("; {why}")).unwrap_or_default();
        Error::CredentialUnavailable(format!("{what}{why}").into())
    }

    fn refusals(&self) -> MutexGuard<'_, Vec<Refusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Service ===

impl Service {
    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Iam => "IAM",
            Self::Metadata => "the metadata service",
        }
    }

    /// `upstream.credential.kind`
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Iam => "password",
            Self::Metadata => "metadata",
        }
    }
}

// === impl Asked ===

impl Asked {
    pub(super) async fn issue(&self) -> Result<Issued, IssueFault> {
        match self {
            Self::Service(issuer) => issuer.issue().await,
            #[cfg(test)]
            Self::Played(played) => played.issue().await,
        }
    }

    /// Which words it is asked with.
    pub(super) fn words(&self) -> Generation {
        match self {
            Self::Service(issuer) => issuer.generation(),
            #[cfg(test)]
            Self::Played(played) => played.words(),
        }
    }
}
