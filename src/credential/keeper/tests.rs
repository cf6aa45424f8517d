//! The keeper with a played identity service and a clock moved by hand; each test counts what the service was asked.
//!
//! Most take its steps one by one, so that nothing happens in between.

mod files;
mod log;
mod outages;
mod refusals;
mod renewals;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Request};
use tokio::sync::Notify;

use super::{Keeper, Resting};
use crate::clock::Clock;
use crate::config::SecretSource;
use crate::credential::issue::{IssueFault, Issued, Material};
use crate::credential::issuing::{Asked, Issuing, Service};
use crate::credential::keys::Signer;
use crate::credential::secret::Secret;
use crate::credential::source::{Generation, Source};
use crate::credential::{Credential, Health, Renewed, Scheme};
use crate::error::Error;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const HOST: &str = "upstream.invalid";
const PASSWORD: &str = "a-password-of-the-tests";

/// Plays an identity service.
pub(in crate::credential) struct Played {
    says: Mutex<Says>,
    asked: AtomicUsize,
    /// Tells that it was asked.
    heard: Notify,
    /// Questions under way, of which there must be one at most.
    under_way: AtomicUsize,
    /// Other words each time that this moves on.
    words: Mutex<Generation>,
    clock: Clock,
}

/// What it says until told otherwise.
#[derive(Clone)]
enum Says {
    /// To each question another credential, by the question's number, good for so long.
    Next(Duration),
    /// The one of this number, which ends then.
    This(usize, SystemTime),
    Fault(IssueFault),
}

/// What rests, and how often it was woken.
#[derive(Clone, Default)]
struct Rest(Arc<(AtomicBool, AtomicUsize)>);

/// A credential, its keeper, and all that is around them.
struct Scene {
    clock: Clock,
    played: Arc<Played>,
    credential: Arc<Credential>,
    keeper: Keeper,
    rest: Rest,
}

// === impl Played ===

impl Played {
    pub(in crate::credential) async fn issue(&self) -> Result<Issued, IssueFault> {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        assert_eq!(self.under_way.fetch_add(1, Ordering::Relaxed), 0, "at once");
        self.heard.notify_one();
        tokio::task::yield_now().await; // others may go on meanwhile
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        let says = self.says.lock().unwrap().clone();
        let (nth, lifetime) = match says {
            Says::Next(lifetime) => (nth, lifetime),
            Says::This(nth, end) => (nth, end.duration_since(self.clock.wall()).unwrap()),
            Says::Fault(fault) => return Err(fault),
        };
        Ok(Issued {
            material: material(nth),
            lifetime,
            expires_at: self.clock.wall() + lifetime,
        })
    }

    pub(in crate::credential) fn words(&self) -> Generation {
        *self.words.lock().unwrap()
    }
}

fn token(nth: usize) -> String {
    format!("the-token-of-question-{nth:04}")
}

/// It plays keys with tokens, too: what is given makes no difference here.
fn material(nth: usize) -> Material {
    Material::Token(Secret::parse(&token(nth)).unwrap_or_else(|flaw| panic!("{flaw}")))
}

// === impl Rest ===

impl Rest {
    fn begin(&self) {
        self.0.0.store(true, Ordering::Relaxed);
    }

    fn times_woken(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

impl Resting for Rest {
    fn is_resting(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        self.0.0.store(false, Ordering::Relaxed);
        self.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Scene ===

impl Scene {
    /// Tokens of IAM, each good for a day.
    fn password() -> Self {
        Self::of(Service::Iam, Says::Next(DAY))
    }

    fn of(service: Service, says: Says) -> Self {
        let clock = Clock::manual();
        let played = Arc::new(Played {
            says: Mutex::new(says),
            asked: AtomicUsize::new(0),
            heard: Notify::new(),
            under_way: AtomicUsize::new(0),
            words: Mutex::default(),
            clock: clock.clone(),
        });
        let password = SecretSource::Env("PASSWORD".to_owned());
        let password = Source::open(&password, &|_| Some(PASSWORD.to_owned()));
        let password = (service == Service::Iam).then(|| Arc::new(password.ok().unwrap()));
        let issuing = Issuing::new(
            service,
            Asked::Played(Arc::clone(&played)),
            password,
            Signer::new(None).ok().unwrap(),
            20 * SECOND,
            clock.clone(),
        );
        let credential = Arc::new(Credential::of(Scheme::Issued(Arc::new(issuing))));
        let rest = Rest::default();
        let keeper = Keeper::new(Arc::clone(&credential), rest.clone(), clock.clone(), 7);
        Self {
            clock,
            played,
            credential,
            keeper,
            rest,
        }
    }

    fn says(&self, says: Says) {
        *self.played.says.lock().unwrap() = says;
    }

    fn change_words(&self) {
        let mut words = self.played.words.lock().unwrap();
        *words = words.next();
    }

    fn asked(&self) -> usize {
        self.played.asked.load(Ordering::Relaxed)
    }

    async fn step(&mut self) {
        self.keeper.step().await;
    }

    /// Lets time pass, with the keeper's steps this far apart.
    async fn pass(&mut self, time: Duration, apart: Duration) {
        let steps = time.as_secs() / apart.as_secs();
        for _ in 0..steps {
            self.clock.advance(apart);
            self.step().await;
        }
    }

    /// A request as it would be sent now.
    fn send(&self) -> Result<(HeaderMap, Generation), Error> {
        send(&self.credential, self.clock.wall())
    }

    /// The token that would be sent now.
    #[track_caller]
    fn sent_token(&self) -> String {
        let (headers, _) = self.send().unwrap();
        headers["x-auth-token"].to_str().unwrap().to_owned()
    }

    fn health(&self) -> Health {
        self.credential.health(self.clock.wall())
    }

    fn why(&self) -> String {
        self.health().why.unwrap_or_default()
    }

    fn count(&self, result: Renewed) -> u64 {
        self.health().renewals.count(result)
    }
}

fn send(credential: &Credential, wall: SystemTime) -> Result<(HeaderMap, Generation), Error> {
    let path = "/v1/job/901878212b1a49be9c1a1054c272762a/info";
    let mut request = Request::get(path).body(()).unwrap();
    let generation = credential.authorise(&mut request, HOST, wall)?;
    Ok((request.into_parts().0.headers, generation))
}

fn unavailable() -> IssueFault {
    IssueFault::Unavailable {
        why: "no connection".into(),
        retry_after: None,
    }
}
