//! A day of a permanent AK/SK that upstream stops accepting at noon: never five failures in five minutes, which is what its lock
//! is about.

use std::time::Duration;

use jobgate::credential::Credential;
use jobgate::sandbox::{SandboxCredential, SandboxSettings};
use secrecy::ExposeSecret as _;

use super::{Day, HEALED, HOUR, MINUTE, STEP, STORED, Sky, most_within};

/// The longest pause of a refused credential, and the steps around it.
const PAUSE: Duration = Duration::from_secs(900 + 2 * 31);
/// Failures of a key within five minutes that upstream forgives, less one for whoever else uses the key.
const FORGIVEN: usize = 4;

async fn begin() -> Day {
    let SandboxCredential {
        access_key,
        secret_key,
        ..
    } = SandboxCredential::default();
    let open = |_: &_| Credential::from_keys(&access_key, secret_key.expose_secret()).unwrap();
    Day::begin(SandboxSettings::default(), open).await
}

#[tokio::test]
async fn a_key_that_is_refused_at_noon_rests_and_is_used_again_within_a_pause_of_its_repair() {
    let secret_key = SandboxCredential::default().secret_key;
    let mut day = begin().await;
    day.calm(12 * HOUR).await;
    assert_eq!(day.unauthorised(), 0);

    day.double
        .sandbox
        .identity()
        .set_secret_key("another-secret-key");
    let noon = day.double.sandbox.stats();
    day.step(Sky::Foul).await;
    assert!(
        day.unauthorised() <= STORED as u64,
        "all under way, nothing repeated"
    );
    for quarter in 0..10 {
        for _ in 0..20 {
            let told = day.stranger().await;
            // whoever causes a try is told of its refusal, the others of the pause
            let known = [(502, "JG.5022"), (503, "JG.5033")];
            assert!(
                known
                    .iter()
                    .any(|(status, code)| told == (*status, (*code).to_owned())),
                "{told:?}"
            );
        }
        let ready = day.gateway.admin("/readyz").await;
        assert_eq!(ready.status, 200);
        let why = ready.text();
        assert!(
            why.contains("upstream refused the gateway's credential (APIGW.0301")
                && why.contains("next try in"),
            "{why}"
        );
        let credential = day.credential().await;
        assert_eq!(
            (&credential["available"], &credential["proven"]),
            (&true.into(), &false.into())
        );
        let held = day
            .gateway
            .metric(r#"jobgate_hold_seconds{kind="credential"}"#)
            .await;
        assert!(0.0 < held && held <= 900.0, "{quarter}: {held}");
        day.last(15 * MINUTE, Sky::Foul).await;
    }
    let stats = day.double.sandbox.stats();
    let refused = stats.unauthorised - noon.unauthorised;
    assert_eq!(stats.requests - noon.requests, refused);
    assert!((8..=20).contains(&refused), "{refused}");
    assert!(
        most_within(&day.refusals, 5 * MINUTE) <= FORGIVEN,
        "{:?}",
        day.refusals
    );

    day.double.sandbox.identity().set_secret_key(secret_key);
    day.heals(PAUSE).await;
    day.last(HEALED, Sky::Mixed).await;
    assert_eq!(day.stranger().await.0, 200);
    let refused = day.unauthorised();
    day.calm(9 * HOUR).await;
    assert_eq!(day.unauthorised(), refused);
    let refusals = r#"jobgate_upstream_calls_total{result="credential_refused"}"#;
    assert_eq!(day.gateway.metric(refusals).await, refused as f64);
    assert_eq!(day.questions.len(), 0, "nobody else was asked");
    day.end().await;
}

#[tokio::test]
async fn failures_that_come_and_go_all_day_are_never_five_in_five_minutes() {
    let secret_key = SandboxCredential::default().secret_key;
    let mut day = begin().await;
    for wrong_for in (1..=40).chain([1; 40]) {
        day.double
            .sandbox
            .identity()
            .set_secret_key("another-secret-key");
        day.last(wrong_for * STEP, Sky::Mixed).await;
        day.double
            .sandbox
            .identity()
            .set_secret_key(secret_key.clone());
        day.last(6 * STEP, Sky::Mixed).await;
    }
    assert!(day.unauthorised() > 40, "{}", day.unauthorised());
    assert!(most_within(&day.refusals, 5 * MINUTE) <= FORGIVEN);
    day.heals(PAUSE).await;
    day.last(HEALED, Sky::Mixed).await;
    day.calm(HOUR).await;
    day.end().await;
}
