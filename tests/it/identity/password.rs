//! A day of `kind = "password"`: tokens that IAM gives.

mod outage;
mod rotation;

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use jobgate::config::{CredentialSettings, PasswordSettings, SecretSource};
use jobgate::credential::Credential;
use jobgate::policy::renewal::MOST_CALLS;
use jobgate::sandbox::{SandboxAccount, SandboxSettings};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{Day, HEALED, HOUR, MINUTE, PROMISED, Sky, most_within};
use crate::sandbox::Double;
use crate::support::{nth_job, open_with};
use crate::told::Told;

/// How long tokens live here: renewed a third to a quarter of it before their end.
const LIFETIME: Duration = Duration::from_secs(4 * 3_600);
/// The file that the password is in.
pub(super) struct PasswordFile(TempDir);

// === impl PasswordFile ===

impl PasswordFile {
    pub(super) fn new() -> Self {
        let file = Self(TempDir::new().unwrap());
        file.write(SandboxAccount::default().password.expose_secret());
        file
    }

    /// Whole or not at all.
    fn write(&self, password: &str) {
        let next = self.0.path().join("next");
        fs::write(&next, password).unwrap();
        fs::rename(next, self.0.path().join("password")).unwrap();
    }

    pub(super) fn open(&self, double: &Double) -> Credential {
        let SandboxAccount {
            domain,
            user,
            project,
            ..
        } = SandboxAccount::default();
        let settings = CredentialSettings::Password(PasswordSettings {
            iam_endpoint: double.url.parse().unwrap(),
            domain,
            user,
            password: SecretSource::File(self.0.path().join("password")),
            project,
        });
        open_with(settings, &double.clock, &|_| None)
    }
}

async fn begin(file: &PasswordFile) -> Day {
    let settings = SandboxSettings {
        token_lifetime: LIFETIME,
        ..SandboxSettings::default()
    };
    Day::begin(settings, |double| file.open(double)).await
}

#[tokio::test]
async fn a_calm_day_has_a_question_for_each_token_and_not_one_refusal() {
    let file = PasswordFile::new();
    let log = Told::begin();
    let mut day = begin(&file).await;
    day.calm(24 * HOUR).await;
    // renewed after 160 to 180 minutes each
    let stats = day.identity();
    assert!((9..=10).contains(&stats.token_calls), "{stats:?}");
    assert_eq!((stats.tokens, day.unauthorised()), (stats.token_calls, 0));
    assert_eq!(most_within(&day.questions, LIFETIME / 2), 1);
    assert!(day.credential().await["why"].is_null());
    let told = "IAM gave a credential credential.lifetime_seconds=14400";
    assert_eq!(log.lines(), vec![told; log.lines().len()]);
    assert_eq!(log.lines().len() as u64, stats.tokens);
    day.end().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_costs_one_question_and_fifty_clients_share_it() {
    let file = PasswordFile::new();
    let mut day = begin(&file).await;
    day.calm(HOUR).await;
    let before = (day.double.sandbox.stats(), day.identity());

    day.double.sandbox.identity().revoke_tokens();
    assert_eq!(day.stranger().await.0, 200);
    let alone = (day.double.sandbox.stats(), day.identity());
    assert_eq!(alone.0.requests - before.0.requests, 2, "one repeat");
    assert_eq!(alone.0.unauthorised - before.0.unauthorised, 1);
    assert_eq!(alone.1.token_calls - before.1.token_calls, 1);

    day.calm(2 * MINUTE).await;
    let before = (day.double.sandbox.stats(), day.identity());
    day.double.sandbox.identity().revoke_tokens();
    let ids: Vec<_> = (2_000..2_050).map(nth_job).collect();
    for answer in join_all(ids.iter().map(|id| day.gateway.job(id))).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let after = (day.double.sandbox.stats(), day.identity());
    assert_eq!(after.1.token_calls - before.1.token_calls, 1);
    let refused = after.0.unauthorised - before.0.unauthorised;
    assert!((1..=50).contains(&refused), "{refused}");
    assert_eq!(after.0.answered - before.0.answered, 50, "each once");
    day.calm(HOUR).await;
    assert_eq!(day.identity().token_calls, after.1.token_calls);
    day.end().await;
}

#[tokio::test]
async fn tokens_that_die_all_the_time_do_not_break_the_promise_to_iam() {
    let file = PasswordFile::new();
    let mut day = begin(&file).await;
    let end = day.double.clock.now() + 3 * HOUR;
    while day.double.clock.now() < end {
        day.double.sandbox.identity().revoke_tokens();
        day.step(Sky::Mixed).await;
    }
    let most = most_within(&day.questions, PROMISED);
    assert!((MOST_CALLS / 2..=MOST_CALLS).contains(&most), "{most}");
    let why = day.credential().await["why"].to_string();
    assert!(
        why.contains("IAM was asked 30 times within an hour"),
        "{why}"
    );
    day.heals(HOUR).await;
    day.last(HEALED, Sky::Mixed).await;
    day.calm(LIFETIME).await;
    day.end().await;
}
