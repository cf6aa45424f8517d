//! Can upstream be used as it is configured? Proven step by step, for `check --live`: name, connection, TLS, credential, and two calls
//! that are announced because they count against the quota.
//!
//! Each step is told as it ends; the first that makes the next pointless is the last. Nothing is repeated: a whole run makes
//! at most two calls upstream, and asks the identity service once if the credential is issued by one. A wrong password or
//! signature is therefore sent once, which locks nothing.
//!
//! The parts are those that serve clients ([`Upstream`], [`Credential`], whom TLS trusts), so what they prove here they will do
//! there. Deliberately not here: what is wrong with the configuration itself (see [`config`](crate::config)), and what an answer means (see
//! [`diagnosis`](crate::policy::diagnosis)).

mod call;
mod clock;
mod connect;
mod credential;
mod dns;
mod job;
mod jobs;
mod tell;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

use self::call::Caller;
pub use self::tell::{Halted, Step, Verdict, What};
use self::tell::{Teller, Told};
use crate::clock::Clock;
use crate::config::{CredentialSettings, Settings, SweepMode};
use crate::credential::Credential;
use crate::policy::diagnosis::Advice;
use crate::policy::job::JobId;
use crate::upstream::{Upstream, chain};

/// A job that does not exist: upstream says so only to a credential that it takes.
const MADE_UP_JOB: &str = "00000000000000000000000000000000";

/// The list of one entry, which tells how many there are.
const LIST: &str = "/v1/job/list?page_index=0&page_size=1";

/// What is to be proven, and with what.
pub struct Live<'a> {
    /// The configuration, checked.
    pub settings: &'a Settings,
    /// The job to ask for; `None` asks for one that does not exist.
    pub job: Option<JobId>,
    /// Time.
    pub clock: Clock,
    /// Looks up an environment variable, where secrets may be.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

// === impl Live ===

impl Live<'_> {
    /// Goes step by step, and tells each as it ends.
    ///
    /// # Errors
    /// A step failed that makes the next pointless; it has been told.
    pub async fn run(&self, tell: &mut dyn FnMut(Step)) -> Result<(), Halted> {
        let mut teller = Teller::new(tell);
        let upstream = &self.settings.upstream;
        self.reach(&upstream.endpoint, &mut teller).await?;
        let credential = self.credential(&mut teller).await?;
        let caller = self.caller(credential);
        let caller = caller.map_err(|told| teller.failed(What::Call, told))?;
        self.ask_for_job(&caller, &mut teller).await?;
        self.ask_for_jobs(&caller, &mut teller).await
    }

    /// Name, connection, TLS; then the connection is closed.
    async fn reach(&self, endpoint: &Uri, teller: &mut Teller<'_>) -> Result<(), Halted> {
        let upstream = &self.settings.upstream;
        let limit = upstream.connect_timeout;
        let place = Place::of(endpoint);
        let (addresses, told) = dns::look_up(&place, limit).await;
        teller.told(What::Dns, told)?;
        let began = self.clock.now();
        let (stream, addr) = match connect::connect(&addresses, limit).await {
            Ok(connected) => connected,
            Err(told) => return Err(teller.failed(What::Connect, told)),
        };
        let took = self.clock.now().saturating_duration_since(began);
        let said = format!("{addr}, in {}", brief(took));
        teller.told(What::Connect, (said, Verdict::Good))?;
        let ca_file = upstream.ca_file.as_deref();
        let shaken = tls::handshake(stream, &place, ca_file, limit, self.clock.wall()).await;
        teller.told(What::Tls, shaken)
    }

    async fn credential(&self, teller: &mut Teller<'_>) -> Result<Arc<Credential>, Halted> {
        let upstream = &self.settings.upstream;
        let settings = &upstream.credential;
        if let CredentialSettings::Password(password) = settings {
            self.reach(&password.iam_endpoint, teller).await?;
        }
        let opened = credential::open(upstream, self.env, &self.clock);
        let opened = opened.map_err(|told| teller.failed(What::Credential, told))?;
        if let Some(question) = credential::question(settings) {
            teller.announce(question);
            credential::ask(&opened, &self.clock).await;
        }
        let told = credential::describe(settings, &opened, self.clock.wall());
        teller.told(What::Credential, told)?;
        Ok(opened)
    }

    fn caller(&self, credential: Arc<Credential>) -> Result<Caller, Told> {
        match Upstream::new(&self.settings.upstream, self.clock.clone()) {
            Ok(upstream) => Ok(Caller {
                upstream: upstream.asking_for_limits(self.settings.budget.learn),
                credential,
                clock: self.clock.clone(),
            }),
            Err(fault) => {
                let wrong = "The client of the upstream cannot be built.";
                let advice = Advice::new(wrong, "Correct [upstream] of the configuration.");
                Err((chain(&fault), Verdict::Failed(advice)))
            }
        }
    }

    async fn ask_for_job(&self, caller: &Caller, teller: &mut Teller<'_>) -> Result<(), Halted> {
        let path = self.job.map_or_else(
            || format!("/v1/job/{MADE_UP_JOB}/info"),
            |job| job.info_path(),
        );
        teller.announce(format!("1 of 2: GET {path} (counts against the quota)"));
        let called = match caller.get(&path).await {
            Ok(called) => called,
            Err(told) => return Err(teller.failed(What::Job, told)),
        };
        let held = credential::held(&self.settings.upstream.credential);
        teller.told(What::Clock, clock::judge(called.clock_off, held))?;
        let told = job::judge(&called, held, self.job.is_none());
        teller.told(What::Job, told)
    }

    async fn ask_for_jobs(&self, caller: &Caller, teller: &mut Teller<'_>) -> Result<(), Halted> {
        teller.announce(format!(
            "2 of 2: GET {LIST} (counts against the quota of lists)"
        ));
        let called = match caller.get(LIST).await {
            Ok(called) => called,
            Err(told) => return Err(teller.failed(What::Jobs, told)),
        };
        let held = credential::held(&self.settings.upstream.credential);
        let sweeps = self.settings.budget.sweep.mode != SweepMode::Off;
        teller.told(What::Jobs, jobs::judge(&called, held, sweeps))
    }
}

/// Where a connection goes.
struct Place {
    scheme: Scheme,
    /// A name, or an address without brackets.
    host: String,
    port: u16,
}

// === impl Place ===

impl Place {
    /// The configuration has checked that scheme and host are there.
    fn of(endpoint: &Uri) -> Self {
        let scheme = endpoint.scheme().cloned().unwrap_or(Scheme::HTTPS);
        let port = if scheme == Scheme::HTTP { 80 } else { 443 };
        let host = endpoint.host().unwrap_or_default();
        Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: endpoint.port_u16().unwrap_or(port),
            scheme,
        }
    }
}

/// A time for people: to the millisecond.
fn brief(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}
