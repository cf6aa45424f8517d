//! Upstream refuses what the identity service gave.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{HOUR, SECOND, Says, Scene, Service, token, unavailable};

/// That many calls are refused at once; what each of them is told of a renewal.
async fn refuse(scene: &mut Scene, calls: usize) -> Vec<bool> {
    let used = scene.send().unwrap().1;
    let credential = Arc::clone(&scene.credential);
    let asking = join_all((0..calls).map(|_| credential.renew(401, used)));
    tokio::join!(asking, scene.step()).0
}

#[tokio::test]
async fn fifty_refused_calls_share_one_renewal() {
    let mut scene = Scene::password();
    scene.step().await;
    assert_eq!(refuse(&mut scene, 50).await, [true; 50]);
    assert_eq!((scene.asked(), scene.sent_token()), (2, token(2)));
}

#[tokio::test]
async fn a_call_that_was_refused_with_a_former_token_needs_no_question() {
    let mut scene = Scene::password();
    scene.step().await;
    let former = scene.send().unwrap().1;
    assert_eq!(refuse(&mut scene, 1).await, [true]);
    let credential = Arc::clone(&scene.credential);
    let (told, ()) = tokio::join!(credential.renew(401, former), scene.step());
    assert!(told);
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_renewed_a_minute_later_which_ends_the_rest() {
    let mut scene = Scene::password();
    scene.step().await;
    assert_eq!(refuse(&mut scene, 1).await, [true]);
    assert_eq!(refuse(&mut scene, 3).await, [false; 3], "no cure");
    scene.rest.begin();
    scene.pass(59 * SECOND, SECOND).await;
    assert_eq!((scene.asked(), scene.rest.times_woken()), (2, 0));
    scene.pass(SECOND, SECOND).await;
    assert_eq!((scene.asked(), scene.rest.times_woken()), (3, 1));
    scene.rest.begin(); // not for what was not refused
    scene.pass(10 * SECOND, SECOND).await;
    assert_eq!((scene.asked(), scene.rest.times_woken()), (3, 1));
}

#[tokio::test]
async fn a_late_word_of_a_former_token_does_not_end_the_rest_of_the_one_that_was_refused_since() {
    let mut scene = Scene::password();
    scene.step().await;
    let former = scene.send().unwrap().1;
    assert_eq!(refuse(&mut scene, 1).await, [true]);
    assert_eq!(refuse(&mut scene, 1).await, [false], "no cure");
    scene.rest.begin();
    let credential = Arc::clone(&scene.credential);
    tokio::join!(credential.renew(401, former), scene.step());
    assert_eq!((scene.asked(), scene.rest.times_woken()), (2, 0));
}

#[tokio::test]
async fn a_service_that_is_away_gives_no_hope_and_is_not_hurried() {
    let mut scene = Scene::password();
    scene.step().await;
    scene.says(Says::Fault(unavailable()));
    assert_eq!(refuse(&mut scene, 5).await, [false; 5]);
    assert_eq!(refuse(&mut scene, 5).await, [false; 5]);
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn a_user_without_the_right_is_not_helped_by_another_token() {
    let mut scene = Scene::password();
    scene.step().await;
    let used = scene.send().unwrap().1;
    for status in [200, 403, 404, 429, 500] {
        assert!(!scene.credential.renew(status, used).await);
    }
    scene.step().await;
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn refused_keys_are_asked_for_but_never_repeated_and_only_others_end_the_rest() {
    let mut scene = Scene::of(Service::Metadata, Says::Next(HOUR));
    scene.step().await;
    scene.says(Says::This(1, scene.clock.wall() + HOUR));
    let used = scene.send().unwrap().1;
    assert!(!scene.credential.renew(401, used).await, "without waiting");
    scene.rest.begin();
    scene.step().await;
    assert_eq!((scene.asked(), scene.rest.times_woken()), (2, 0));

    scene.pass(60 * SECOND, SECOND).await;
    scene.says(Says::Next(HOUR));
    assert!(!scene.credential.renew(401, used).await);
    scene.step().await;
    assert_eq!((scene.asked(), scene.rest.times_woken()), (3, 1));
    scene.rest.begin(); // the new ones were not refused, so this is about something else
    scene.step().await;
    assert_eq!(scene.rest.times_woken(), 1);
}
