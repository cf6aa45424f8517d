//! A credential that is kept good without anybody noticing.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{DAY, HOUR, MINUTE, PASSWORD, Renewed, SECOND, Says, Scene, Service, token};
use crate::error::Error;

#[tokio::test]
async fn a_token_of_a_day_is_renewed_hours_before_its_end_and_one_call_a_day_does() {
    let mut scene = Scene::password();
    scene.step().await;
    for _ in 0..10 * 24 * 60 {
        scene.pass(MINUTE, MINUTE).await;
        let left = scene.health().expires_in.unwrap();
        assert!(left > 5 * HOUR, "{left:?}");
        assert_eq!(
            scene.sent_token(),
            token(scene.asked()),
            "always the newest"
        );
    }
    assert!((14..=16).contains(&scene.asked()), "{}", scene.asked());
    assert_eq!(scene.count(Renewed::Issued), scene.asked() as u64);
}

#[tokio::test]
async fn keys_that_the_service_does_not_renew_yet_are_asked_for_now_and_then_until_it_does() {
    let mut scene = Scene::of(Service::Metadata, Says::Next(HOUR));
    scene.step().await;
    let first = scene.send().unwrap().1;
    scene.says(Says::This(1, scene.clock.wall() + HOUR));
    scene.pass(50 * MINUTE, SECOND).await; // the real one hands out the next set ten minutes ahead
    assert_eq!(
        scene.send().unwrap().1,
        first,
        "the same set is the same generation"
    );
    assert!((2..=3).contains(&scene.asked()), "{}", scene.asked());
    scene.says(Says::Next(HOUR));
    scene.pass(6 * MINUTE, SECOND).await;
    assert_ne!(scene.send().unwrap().1, first);
    assert!((3..=4).contains(&scene.asked()), "{}", scene.asked());
    assert!(scene.count(Renewed::Unchanged) >= 1);
}

#[tokio::test]
async fn the_first_request_after_a_start_waits_for_the_first_answer() {
    let mut scene = Scene::password();
    let error = scene.send().unwrap_err();
    assert!(matches!(error, Error::CredentialUnavailable(_)), "{error}");
    let credential = Arc::clone(&scene.credential);
    tokio::join!(credential.ready(), scene.step());
    assert_eq!(scene.sent_token(), token(1));
}

#[tokio::test]
async fn nobody_waits_for_a_service_that_has_failed_once() {
    let mut scene = Scene::password();
    scene.says(Says::Fault(super::unavailable()));
    scene.step().await;
    scene.credential.ready().await; // at once, or the test would take as long as the patience
    let error = scene.send().unwrap_err().to_string();
    assert!(error.contains("no connection"), "{error}");
}

#[tokio::test]
async fn the_task_works_by_its_clock_alone_and_ends_when_it_is_told() {
    let scene = Scene::password();
    let (stop, played) = (CancellationToken::new(), Arc::clone(&scene.played));
    let watch = async {
        played.heard.notified().await;
        scene.credential.ready().await;
        scene.clock.advance(15 * HOUR);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(played.asked.load(super::Ordering::Relaxed), 1, "too early");
        scene.clock.advance(4 * HOUR);
        played.heard.notified().await;
        stop.cancel();
    };
    tokio::join!(scene.keeper.run(stop.clone()), watch);
}

#[tokio::test]
async fn a_machine_that_slept_past_the_end_asks_at_once_and_sends_nothing_stale() {
    let mut scene = Scene::password();
    scene.step().await;
    // the monotonic clock stands still in sleep
    scene.clock.set_wall(scene.clock.wall() + 2 * DAY);
    let error = scene.send().unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
    assert_eq!(scene.health().expires_in, Some(Duration::ZERO));
    scene.step().await;
    assert_eq!((scene.asked(), scene.sent_token()), (2, token(2)));
}

#[tokio::test]
async fn a_machine_that_slept_asks_at_once_also_for_keys_that_had_come_back_unchanged() {
    let mut scene = Scene::of(Service::Metadata, Says::Next(DAY));
    scene.step().await;
    scene.says(Says::This(1, scene.clock.wall() + DAY));
    scene.pass(19 * HOUR, MINUTE).await;
    assert_eq!(scene.count(Renewed::Unchanged), 1);
    scene.clock.set_wall(scene.clock.wall() + 2 * DAY);
    scene.says(Says::Next(DAY));
    scene.step().await;
    assert_eq!((scene.asked(), scene.sent_token()), (3, token(3)));
}

#[tokio::test]
async fn what_was_given_stays_a_secret_when_it_is_replaced_and_so_does_the_password() {
    let mut scene = Scene::password();
    scene.step().await;
    scene.pass(3 * DAY, MINUTE).await;
    assert!(scene.asked() >= 4);
    for nth in 1..=scene.asked() {
        assert!(scene.credential.echoed_in(token(nth).as_bytes()), "{nth}");
    }
    assert!(scene.credential.echoed_in(PASSWORD.as_bytes()));
    assert!(!scene.credential.echoed_in(b"the-token-of-question-9999"));
}
