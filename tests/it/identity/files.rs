//! A day of credentials that another process renews: `keys_file` and `token_file`. The test plays that process.

mod other;

use std::fs;
use std::path::Path;
use std::time::Duration;

use self::other::{Other, What, half};
use super::{Day, HEALED, HOUR, MINUTE, STEP, STORED, Sky, most_within};

fn is_told(path: &Path, why: &str) {
    assert!(why.contains(path.to_str().unwrap()), "{why}");
}

#[tokio::test]
async fn a_calm_day_of_files_has_not_one_refusal() {
    for what in [What::Keys, What::Token] {
        let (other, mut day) = Other::begin(what).await;
        other.lasts(&mut day, 24 * HOUR).await;
        assert_eq!(day.unauthorised(), 0, "{what:?}");
        assert!(day.credential().await["why"].is_null());
        day.end().await;
    }
}

#[tokio::test]
async fn a_file_that_is_torn_or_gone_sends_nothing_and_heals_when_it_is_whole() {
    for what in [What::Keys, What::Token] {
        let (other, mut day) = Other::begin(what).await;
        for torn in ["", "{", "short", half(&other.get().await)] {
            if what == What::Token && torn.len() > 16 {
                continue; // half a token looks like a token: upstream must tell
            }
            fs::write(other.path(), torn).unwrap();
            foul(&other, &mut day, 5 * MINUTE).await;
        }
        fs::remove_file(other.path()).unwrap();
        foul(&other, &mut day, HOUR).await;
        assert_eq!(day.unauthorised(), 0);
        day.end().await;
    }
}

/// Nothing can be sent for so long, then it heals at once.
async fn foul(other: &Other, day: &mut Day, long: Duration) {
    let sent = day.double.sandbox.stats().requests;
    day.last(long, Sky::Foul).await;
    assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
    let ready = day.credential().await;
    assert_eq!(ready["available"], false);
    is_told(&other.path(), ready["why"].as_str().unwrap());
    assert_eq!(
        day.gateway.metric("jobgate_credential_available").await,
        0.0
    );
    assert_eq!(day.double.sandbox.stats().requests, sent, "nothing is sent");
    other.renew().await;
    day.heals(STEP).await;
    day.last(HEALED, Sky::Mixed).await;
    other.lasts(day, 9 * MINUTE).await;
}

#[tokio::test]
async fn a_process_that_renews_too_late_is_told_of_and_its_next_credential_is_used_at_once() {
    for what in [What::Keys, What::Token] {
        let (other, mut day) = Other::begin(what).await;
        day.calm(58 * MINUTE).await;
        day.last(5 * MINUTE, Sky::Mixed).await;
        day.last(HOUR, Sky::Foul).await;
        assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
        let ready = day.credential().await;
        assert_eq!(
            ready["available"],
            what == What::Token,
            "nobody says when a token ends"
        );
        assert_eq!(ready["proven"], false);
        let refused = day.unauthorised();
        let (in_five_minutes, in_all) = match what {
            What::Keys => (4, 4), // known to be over after a minute
            What::Token => (STORED + 3, STORED as u64 + 9), // tried at growing pauses
        };
        assert!(most_within(&day.refusals, 5 * MINUTE) <= in_five_minutes);
        assert!(refused <= in_all, "{what:?}: {refused}");

        other.renew().await;
        day.heals(STEP).await;
        day.last(HEALED, Sky::Mixed).await;
        other.lasts(&mut day, 2 * HOUR).await;
        assert_eq!(day.unauthorised(), refused);
        day.end().await;
    }
}

#[tokio::test]
async fn half_a_token_is_refused_once_and_the_whole_one_is_used_at_once() {
    let (other, mut day) = Other::begin(What::Token).await;
    for _ in 0..5 {
        let token = other.get().await;
        fs::write(other.path(), half(&token)).unwrap();
        day.step(Sky::Foul).await;
        other.write(&token);
        day.heals(STEP).await;
        day.last(HEALED, Sky::Mixed).await;
        day.calm(10 * MINUTE).await;
    }
    let refused = day.unauthorised();
    assert!((5..=5 * STORED as u64).contains(&refused), "{refused}");
    day.end().await;
}
