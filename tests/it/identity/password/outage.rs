//! IAM is down: across a renewal, and across the end of the token.

use std::time::Duration;

use jobgate::sandbox::Outage;

use super::super::{HEALED, HOUR, MINUTE, STORED, Sky};
use super::{Day, LIFETIME, PasswordFile, begin};
use crate::told::Told;

/// The longest pause between two questions that fail, and the steps around it.
const PAUSE: Duration = Duration::from_secs(300 + 2 * 31);

/// Until shortly before the planned renewal.
async fn until_renewal_is_near(day: &mut Day) {
    let left = (LIFETIME / 3 + 2 * MINUTE).as_secs_f64();
    day.until("a renewal is near", LIFETIME, Sky::Fair, |ready, _| {
        let expires_in = ready["expires_in_seconds"].as_f64().unwrap();
        (left - MINUTE.as_secs_f64()..=left).contains(&expires_in)
    })
    .await;
}

#[tokio::test]
async fn an_hour_without_iam_across_a_renewal_is_seen_by_nobody_but_the_operator() {
    for outage in [Outage::Unavailable, Outage::Reset] {
        let (log, file) = (Told::begin(), PasswordFile::new());
        let mut day = begin(&file).await;
        until_renewal_is_near(&mut day).await;
        day.double.sandbox.identity().set_outage(Some(outage));
        let before = day.identity();
        day.last(HOUR, Sky::Fair).await;
        let during = day.identity();
        let asked = during.token_calls - before.token_calls;
        assert!((10..=25).contains(&asked), "{asked}");
        assert_eq!(during.tokens, before.tokens);
        assert_eq!(day.renewals("unavailable").await, asked as f64);
        let ready = day.credential().await;
        assert_eq!(
            (&ready["available"], &ready["proven"]),
            (&true.into(), &true.into())
        );
        let why = ready["why"].as_str().unwrap();
        assert!(why.starts_with("IAM has given no credential for "), "{why}");

        day.double.sandbox.identity().set_outage(None);
        day.until("a new token", PAUSE, Sky::Fair, |ready, stats| {
            stats.tokens == before.tokens + 1 && ready["why"].is_null()
        })
        .await;
        day.calm(HOUR).await;
        assert_eq!(day.unauthorised(), 0, "no dead token was sent");
        let failed = |line: &&String| line.starts_with("IAM gave no credential fault=");
        assert_eq!(log.lines().iter().filter(failed).count(), 1, "told once");
        day.end().await;
    }
}

#[tokio::test]
async fn without_iam_across_an_expiry_stored_answers_go_on_and_it_heals_within_a_pause() {
    let file = PasswordFile::new();
    let mut day = begin(&file).await;
    until_renewal_is_near(&mut day).await;
    day.double
        .sandbox
        .identity()
        .set_outage(Some(Outage::Reset));
    day.until(
        "the token has expired",
        LIFETIME / 2,
        Sky::Mixed,
        |ready, _| ready["available"] == false,
    )
    .await;
    let sent = day.double.sandbox.stats().requests;
    for _ in 0..4 {
        day.last(HOUR / 4, Sky::Foul).await;
        assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
    }
    assert_eq!(day.double.sandbox.stats().requests, sent, "nothing is sent");
    assert_eq!(
        day.gateway.metric("jobgate_credential_available").await,
        0.0
    );

    day.double.sandbox.identity().set_outage(None);
    day.heals(PAUSE).await;
    day.last(HEALED, Sky::Mixed).await;
    assert_eq!(day.stranger().await.0, 200);
    day.calm(8 * HOUR).await;
    // all at once at its end, and one try each while clocks may differ
    let refused = day.unauthorised();
    assert!(refused <= STORED as u64 + 2, "{refused}");
    day.end().await;
}
