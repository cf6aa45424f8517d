//! A day of `kind = "metadata"`: temporary keys of a cloud server, of an hour each. The next set is handed out in the last ten
//! minutes of the one before.

use std::time::Duration;

use jobgate::config::CredentialSettings;
use jobgate::credential::Credential;
use jobgate::sandbox::{Metadata, Outage, SandboxSettings};

use super::{Day, HEALED, HOUR, MINUTE, STEP, STORED, Sky, most_within};
use crate::sandbox::Double;
use crate::support::open_with;

const GENERATIONS: [Metadata; 2] = [Metadata::New, Metadata::Old];
/// The longest pause between two questions that fail, and the steps around it.
const PAUSE: Duration = Duration::from_secs(300 + 2 * 31);

pub(super) fn open(double: &Double) -> Credential {
    let settings = CredentialSettings::Metadata {
        endpoint: double.url.parse().unwrap(),
        project_id: None,
    };
    open_with(settings, &double.clock, &|_| None)
}

async fn begin(metadata: Metadata) -> Day {
    let settings = SandboxSettings {
        metadata,
        ..SandboxSettings::default()
    };
    Day::begin(settings, open).await
}

#[tokio::test]
async fn a_calm_day_has_a_few_questions_an_hour_and_not_one_refusal() {
    for generation in GENERATIONS {
        let mut day = begin(generation).await;
        day.calm(24 * HOUR).await;
        let stats = day.identity();
        assert!((24..=30).contains(&stats.key_sets), "{stats:?}");
        assert!(most_within(&day.questions, HOUR) <= 6, "{stats:?}");
        // a session lasts for six hours; the old generation is asked for one each time
        let sessions = match generation {
            Metadata::Old => stats.key_calls,
            Metadata::New | Metadata::NoAgency => 4,
        };
        assert!(
            (sessions..=sessions + 1).contains(&stats.session_calls),
            "{stats:?}"
        );
        let given = day.renewals("issued").await + day.renewals("unchanged").await;
        assert!(given > 48.0, "{given}");
        assert_eq!(day.renewals("issued").await, stats.key_sets as f64);
        assert_eq!((day.unauthorised(), stats.token_calls), (0, 0));
        assert!(day.credential().await["why"].is_null());
        day.end().await;
    }
}

#[tokio::test]
async fn keys_that_die_early_cost_one_refusal_each_call_and_no_repeat() {
    for generation in GENERATIONS {
        let mut day = begin(generation).await;
        for _ in 0..4 {
            day.calm(25 * MINUTE).await;
            let before = (day.double.sandbox.stats(), day.identity());
            day.double.sandbox.identity().revoke_keys();
            day.step(Sky::Mixed).await;
            let after = day.double.sandbox.stats();
            let (refused, sent) = (
                after.unauthorised - before.0.unauthorised,
                after.requests - before.0.requests,
            );
            assert!((1..=STORED as u64).contains(&refused), "{refused}");
            assert!(sent <= STORED as u64, "{sent}: nothing is repeated");
            let sets = before.1.key_sets + 1;
            let given = || async { day.renewals("issued").await >= sets as f64 };
            day.gateway.until("new keys are there", given).await;
            day.heals(STEP).await;
            day.last(HEALED, Sky::Mixed).await;
            assert_eq!(day.stranger().await.0, 200);
            assert_eq!(day.identity().key_sets, sets, "one question");
        }
        assert!(most_within(&day.refusals, 5 * MINUTE) <= STORED);
        day.end().await;
    }
}

#[tokio::test]
async fn an_hour_without_the_service_across_an_expiry_is_bridged_with_stored_answers() {
    for (generation, outage) in [
        (Metadata::New, Outage::Unavailable),
        (Metadata::Old, Outage::Unavailable),
        (Metadata::New, Outage::Reset),
        (Metadata::Old, Outage::Reset),
        (Metadata::New, Outage::Silence),
    ] {
        let mut day = begin(generation).await;
        day.calm(2 * HOUR + 30 * MINUTE).await;
        day.double.sandbox.identity().set_outage(Some(outage));
        let before = day.identity();
        day.until("the keys have expired", HOUR, Sky::Mixed, |ready, _| {
            ready["available"] == false
        })
        .await;
        let sent = day.double.sandbox.stats().requests;
        day.last(30 * MINUTE, Sky::Foul).await;
        assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
        assert_eq!(day.double.sandbox.stats().requests, sent, "nothing is sent");
        assert_eq!(day.identity().key_sets, before.key_sets);
        if outage == Outage::Silence {
            // a question takes seconds of true time
            let told = || async { day.renewals("unavailable").await >= 1.0 };
            day.gateway.until("the service is given up", told).await;
        }
        let why = day.credential().await["why"].to_string();
        assert!(
            why.contains("the metadata service has given no credential for"),
            "{why}"
        );

        day.double.sandbox.identity().set_outage(None);
        day.heals(PAUSE).await;
        day.last(HEALED, Sky::Mixed).await;
        assert_eq!(day.stranger().await.0, 200);
        day.calm(3 * HOUR).await;
        assert!(
            most_within(&day.refusals, 5 * MINUTE) <= 4,
            "the key is not locked"
        );
        day.end().await;
    }
}

#[tokio::test]
async fn an_agency_that_is_taken_away_is_missed_and_found_again() {
    let mut day = begin(Metadata::New).await;
    day.double
        .sandbox
        .identity()
        .set_metadata(Metadata::NoAgency);
    day.until("the keys have expired", 2 * HOUR, Sky::Mixed, |ready, _| {
        ready["available"] == false
    })
    .await;
    day.last(HOUR, Sky::Foul).await;
    let why = day.credential().await["why"].to_string();
    assert!(why.contains("the cloud server has no agency"), "{why}");
    assert!(most_within(&day.questions, HOUR) <= 13);
    day.double.sandbox.identity().set_metadata(Metadata::New);
    day.heals(PAUSE).await;
    day.last(HEALED, Sky::Mixed).await;
    day.calm(2 * HOUR).await;
    day.end().await;
}
