//! Starts while an identity service is down: everybody is told so, at once or within the bound, and it heals by itself.

use std::time::Duration;

use futures_util::future::join_all;
use jobgate::sandbox::{Metadata, Outage, SandboxSettings};

use super::metadata;
use super::password::PasswordFile;
use super::{Day, HEALED, MINUTE, STEP, STORED};
use crate::support::nth_job;

/// The longest pause between two questions that fail, and the steps around it.
const PAUSE: Duration = Duration::from_secs(300 + 2 * 31);

/// A step in which nobody asks.
async fn wait(day: &mut Day) {
    day.note();
    day.double.clock.advance(STEP);
    day.credential().await;
}

async fn is_survived(mut day: Day, service: &str) {
    let ids: Vec<_> = (0..50).map(nth_job).collect();
    for answer in join_all(ids.iter().map(|id| day.gateway.job(id))).await {
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (503, "JG.5033".to_owned()));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=300).contains(&wait), "{wait}");
    }
    day.note();
    assert!(day.questions.len() <= 1, "one question for all");
    for _ in 0..20 {
        assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
    }
    let failed = || async { day.renewals("unavailable").await >= 1.0 };
    day.gateway.until("the question has failed", failed).await;
    let ready = day.credential().await;
    assert_eq!(ready["available"], false);
    let why = ready["why"].as_str().unwrap();
    assert!(
        why.starts_with(&format!("{service} has given no credential for")),
        "{why}"
    );
    assert_eq!(day.double.sandbox.stats().requests, 0, "nothing is sent");

    day.double.sandbox.identity().set_outage(None);
    let healed = day.gateway.clock.now();
    while day.credential().await["available"] == false {
        assert!(day.gateway.clock.now() - healed <= PAUSE);
        wait(&mut day).await;
    }
    wait(&mut day).await;
    wait(&mut day).await;
    for n in 0..STORED {
        assert_eq!(day.gateway.job(&nth_job(n)).await.status, 200);
    }
    day.calm(40 * MINUTE).await;
    assert_eq!(day.unauthorised(), 0);
    day.calm(HEALED).await;
    day.end().await;
}

#[tokio::test]
async fn a_start_without_iam_tells_everybody_and_heals() {
    for outage in [Outage::Unavailable, Outage::Reset, Outage::Silence] {
        let file = PasswordFile::new();
        let open = |double: &_| file.open(double);
        let day = Day::before_dawn(SandboxSettings::default(), open, |double| {
            double.sandbox.identity().set_outage(Some(outage));
        });
        is_survived(day.await, "IAM").await;
    }
}

#[tokio::test]
async fn a_start_without_the_metadata_service_tells_everybody_and_heals() {
    for (generation, outage) in [
        (Metadata::New, Outage::Unavailable),
        (Metadata::Old, Outage::Reset),
        (Metadata::New, Outage::Silence),
    ] {
        let settings = SandboxSettings {
            metadata: generation,
            ..SandboxSettings::default()
        };
        let day = Day::before_dawn(settings, metadata::open, |double| {
            double.sandbox.identity().set_outage(Some(outage));
        });
        is_survived(day.await, "the metadata service").await;
    }
}
