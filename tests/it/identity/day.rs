//! A day: its steps, what clients ask and are told, and the promises that are checked at its end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jobgate::credential::Credential;
use jobgate::policy::renewal::MOST_CALLS;
use jobgate::sandbox::{IdentityStats, SandboxSettings};
use serde_json::Value;

use super::sky::Sky;
use super::{CALM_STEP, PROMISED, STEP, STORED, most_within};
use crate::sandbox::Double;
use crate::support::{Running, nth_job};

/// How long an answer may be served for want of a better one.
const STALE: Duration = Duration::from_secs(3 * 3_600);

/// A day under way.
pub(super) struct Day {
    pub(super) double: Double,
    pub(super) gateway: Running,
    /// When an identity service was asked.
    pub(super) questions: Vec<Instant>,
    /// When upstream refused a credential.
    pub(super) refusals: Vec<Instant>,
    /// Jobs that were asked for and are not stored.
    strangers: usize,
}

// === impl Day ===

impl Day {
    /// Begins with stored answers; `credential` opens the one that the double's identities are for.
    pub(super) async fn begin(
        settings: SandboxSettings,
        open: impl FnOnce(&Double) -> Credential,
    ) -> Self {
        let day = Self::before_dawn(settings, open, |_| {}).await;
        day.ask(Sky::Fair).await;
        day
    }

    /// Begins with nothing; the double is first made what the test wants.
    pub(super) async fn before_dawn(
        settings: SandboxSettings,
        open: impl FnOnce(&Double) -> Credential,
        change: impl FnOnce(&Double),
    ) -> Self {
        let settings = SandboxSettings {
            requests: 10_000,
            ..settings
        };
        let double = Double::with(settings).await;
        change(&double);
        let credential = open(&double);
        Self::of(double, credential)
    }

    pub(super) fn of(double: Double, credential: Credential) -> Self {
        let gateway = double
            .gateway()
            .with_credential(credential)
            .with(|settings| settings.cache.stale_if_error = STALE)
            .start();
        Self {
            double,
            gateway,
            questions: Vec::new(),
            refusals: Vec::new(),
            strangers: 1_000,
        }
    }

    pub(super) fn identity(&self) -> IdentityStats {
        self.double.sandbox.identity().stats()
    }

    pub(super) fn unauthorised(&self) -> u64 {
        self.double.sandbox.stats().unauthorised
    }

    /// So long in fair weather, in longer steps.
    pub(super) async fn calm(&mut self, long: Duration) {
        let end = self.double.clock.now() + long;
        while self.double.clock.now() < end {
            self.move_by(CALM_STEP, Sky::Fair).await;
        }
    }

    /// So long, in steps.
    pub(super) async fn last(&mut self, long: Duration, sky: Sky) {
        let end = self.double.clock.now() + long;
        while self.double.clock.now() < end {
            self.step(sky).await;
        }
    }

    /// Until something is so; it must be within this time.
    pub(super) async fn until(
        &mut self,
        what: &str,
        within: Duration,
        sky: Sky,
        is_so: impl Fn(&Value, &IdentityStats) -> bool,
    ) {
        let began = self.double.clock.now();
        loop {
            let ready = self.credential().await;
            if is_so(&ready, &self.identity()) {
                return;
            }
            let took = self.double.clock.now() - began;
            assert!(took <= within, "{what}: not within {within:?}: {ready}");
            self.step(sky).await;
        }
    }

    /// Upstream takes the credential again.
    pub(super) async fn heals(&mut self, within: Duration) {
        self.until("it heals", within, Sky::Mixed, |ready, _| {
            ready["available"] == true && ready["proven"] == true && ready["held_seconds"] == 0.0
        })
        .await;
    }

    pub(super) async fn step(&mut self, sky: Sky) {
        self.move_by(STEP, sky).await;
    }

    async fn move_by(&mut self, step: Duration, sky: Sky) {
        self.note();
        self.double.clock.advance(step);
        self.ask(sky).await;
        self.note();
    }

    /// Whatever came since the last look came at this very moment: time moves by steps alone.
    pub(super) fn note(&mut self) {
        let now = self.double.clock.now();
        let IdentityStats {
            token_calls,
            session_calls,
            key_calls,
            ..
        } = self.identity();
        let asked = token_calls + key_calls.max(session_calls);
        self.questions.resize(usize::try_from(asked).unwrap(), now);
        let refused = usize::try_from(self.unauthorised()).unwrap();
        self.refusals.resize(refused, now);
    }

    /// Clients ask for the stored jobs, all at once.
    pub(super) async fn ask(&self, sky: Sky) {
        let ids: Vec<_> = (0..STORED).map(nth_job).collect();
        for answer in join_all(ids.iter().map(|id| self.gateway.job(id))).await {
            sky.check(&answer);
        }
    }

    /// A client asks for a job that is not stored; what it is told.
    pub(super) async fn stranger(&mut self) -> (u16, String) {
        self.strangers += 1;
        let answer = self.gateway.job(&nth_job(self.strangers)).await;
        if answer.status != 200 {
            let wait: u64 = answer.header("retry-after").parse().unwrap_or_default();
            assert!(answer.code() != "JG.5033" || wait > 0, "{}", answer.text());
        }
        (answer.status.as_u16(), answer.code())
    }

    /// `/readyz` of the credential; the gateway is ready whatever the credential does.
    pub(super) async fn credential(&self) -> Value {
        let ready = self.gateway.admin("/readyz").await;
        assert_eq!(ready.status, 200, "or every replica would go at once");
        let mut ready: Value = serde_json::from_slice(&ready.body).unwrap();
        ready["credential"].take()
    }

    pub(super) async fn renewals(&self, result: &str) -> f64 {
        let name = format!(r#"jobgate_credential_renewals_total{{result="{result}"}}"#);
        self.gateway.metric(&name).await
    }

    /// The promises that hold on any day; gives the log.
    pub(super) async fn end(mut self) -> String {
        self.note();
        let most = most_within(&self.questions, PROMISED);
        assert!(most <= MOST_CALLS, "{most} questions within an hour");
        assert_eq!(self.double.sandbox.stats().throttled, 0);
        self.gateway.end().await
    }
}
