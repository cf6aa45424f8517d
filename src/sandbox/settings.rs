//! What a sandbox is set up with. A scenario file may say otherwise of most of it.

use std::time::Duration;

use secrecy::SecretString;

use super::identity::{Metadata, SandboxAccount};
use super::limits::Quotas;
use super::quota::Quota;
use super::scenario::Scenario;

/// What a [`Sandbox`](super::Sandbox) is set up with.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// Calls a user may make in any `window`, unless the scenario says otherwise; the throttle's text names it.
    pub requests: u32,
    /// The window, sliding.
    pub window: Duration,
    /// List calls a user may make in any `window` besides, unless the scenario says otherwise.
    pub list_requests: u32,
    /// True: `requests` is for lists and calls for jobs together, unless the scenario says otherwise.
    pub shared: bool,
    /// The one credential that is accepted although nobody issued it.
    pub credential: SandboxCredential,
    /// Who may have tokens for a password.
    pub account: SandboxAccount,
    /// How long a token lives that IAM issues, unless the scenario says otherwise.
    pub token_lifetime: Duration,
    /// How long temporary keys of the metadata service live, unless the scenario says otherwise.
    pub key_lifetime: Duration,
    /// Which metadata service there is, unless the scenario says otherwise.
    pub metadata: Metadata,
    /// What is done to which calls, from the start.
    pub scenario: Scenario,
}

/// The credential a [`Sandbox`](super::Sandbox) accepts from the start, in both its forms.
#[derive(Clone, Debug)]
pub struct SandboxCredential {
    /// AK.
    pub access_key: String,
    /// SK: signatures are verified with it.
    pub secret_key: SecretString,
    /// Accepted as `X-Auth-Token`; it never expires.
    pub token: SecretString,
}

// === impl SandboxSettings ===

impl Default for SandboxSettings {
    /// The policy's name, `ten_50_min`, read as 50 calls a minute of each kind; the credential of the documents; tokens
    /// of a day, as IAM's, and temporary keys of an hour, as the metadata service's.
    fn default() -> Self {
        Self {
            requests: 50,
            window: Duration::from_mins(1),
            list_requests: 50,
            shared: false,
            credential: SandboxCredential::default(),
            account: SandboxAccount::default(),
            token_lifetime: Duration::from_hours(24),
            key_lifetime: Duration::from_hours(1),
            metadata: Metadata::default(),
            scenario: Scenario::default(),
        }
    }
}

impl SandboxSettings {
    /// Calls in a window and the window, as far as a scenario does not say otherwise.
    fn quota_under(&self, scenario: &Scenario) -> (u32, Duration) {
        (
            scenario.requests.unwrap_or(self.requests),
            scenario.window.unwrap_or(self.window),
        )
    }

    /// Quotas that nothing has been spent of.
    pub(super) fn quotas_under(&self, scenario: &Scenario) -> Quotas {
        let (requests, window) = self.quota_under(scenario);
        let list_requests = scenario.list_requests.unwrap_or(self.list_requests);
        Quotas {
            jobs: Quota::new(requests, window),
            lists: Quota::new(list_requests, window),
            shared: scenario.shared.unwrap_or(self.shared),
        }
    }

    /// Calls a user may make, and the window, with the scenario counted in.
    #[must_use]
    pub fn quota(&self) -> (u32, Duration) {
        self.quota_under(&self.scenario)
    }
}

// === impl SandboxCredential ===

impl Default for SandboxCredential {
    /// The made-up credential that docs/sandbox.md names: it opens nothing but a sandbox.
    fn default() -> Self {
        Self {
            access_key: "JOBGATESANDBOXACCESS".to_owned(),
            secret_key: "jobgate-sandbox-secret-key-opens-nothing".into(),
            token: "jobgate-sandbox-token".into(),
        }
    }
}
