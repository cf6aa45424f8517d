//! An identity service that fails or refuses.

use super::{DAY, HOUR, MINUTE, Renewed, SECOND, Says, Scene, Service, token, unavailable};
use crate::credential::issue::IssueFault;
use crate::policy::renewal::MOST_CALLS;

#[tokio::test]
async fn an_outage_of_an_hour_costs_few_questions_and_is_over_within_minutes_of_its_end() {
    let mut scene = Scene::password();
    scene.says(Says::Fault(unavailable()));
    scene.step().await;
    scene.pass(HOUR, SECOND).await;
    assert!(
        (10..=MOST_CALLS).contains(&scene.asked()),
        "{}",
        scene.asked()
    );
    let why = scene.why();
    let told = "IAM has given no credential for 3600 s (no connection): next try in ";
    assert!(why.starts_with(told), "{why}");
    assert!(!scene.health().available);

    let before = scene.asked();
    scene.says(Says::Next(DAY));
    scene.pass(5 * MINUTE, SECOND).await;
    assert_eq!(scene.asked(), before + 1);
    assert_eq!(
        (scene.sent_token(), scene.why()),
        (token(before + 1), String::new())
    );
}

#[tokio::test]
async fn an_outage_while_a_token_is_held_is_told_and_harms_nobody() {
    let mut scene = Scene::password();
    scene.step().await;
    scene.says(Says::Fault(unavailable()));
    scene.pass(19 * HOUR, SECOND).await;
    let health = scene.health();
    assert!(health.available && health.why.is_some());
    assert_eq!(scene.sent_token(), token(1));
    scene.says(Says::Next(DAY));
    scene.pass(5 * MINUTE, SECOND).await;
    assert_ne!(scene.sent_token(), token(1));
    assert_eq!(scene.health().why, None);
}

#[tokio::test]
async fn a_token_that_could_not_be_renewed_is_not_sent_once_it_is_over() {
    let mut scene = Scene::password();
    scene.step().await;
    scene.says(Says::Fault(unavailable()));
    scene.pass(DAY + MINUTE, MINUTE).await;
    assert_eq!(scene.sent_token(), token(1), "clocks differ by a minute");
    scene.pass(MINUTE, SECOND).await;
    let error = scene.send().unwrap_err().to_string();
    assert!(
        error.contains("expired") && error.contains("next try in"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_password_is_never_repeated_until_it_changes() {
    let mut scene = Scene::password();
    scene.says(Says::Fault(IssueFault::Refused("wrong password".into())));
    scene.step().await;
    scene.pass(3 * DAY, MINUTE).await;
    for _ in 0..20 {
        scene.step().await;
    }
    assert_eq!(scene.asked(), 1);
    let why = scene.why();
    assert!(
        why.contains("wrong password") && why.contains("not asked again until"),
        "{why}"
    );

    scene.change_words();
    scene.says(Says::Next(DAY));
    scene.step().await;
    assert_eq!((scene.asked(), scene.sent_token()), (2, token(2)));
    assert_eq!(scene.count(Renewed::Refused), 1);
}

#[tokio::test]
async fn a_password_file_that_changes_again_and_again_cannot_lock_the_user() {
    let mut scene = Scene::password();
    scene.says(Says::Fault(IssueFault::Refused("wrong password".into())));
    scene.step().await;
    for _ in 0..15 * 60 {
        scene.change_words();
        scene.pass(SECOND, SECOND).await;
    }
    assert!(
        scene.asked() <= 9,
        "{} in a quarter of an hour",
        scene.asked()
    );
}

#[tokio::test]
async fn a_user_who_is_not_allowed_is_asked_for_once_an_hour() {
    let mut scene = Scene::password();
    scene.says(Says::Fault(IssueFault::Forbidden("locked".into())));
    scene.step().await;
    let why = scene.why();
    let next = ": next try in 3600 s, or once the password's file changes";
    assert!(why.ends_with(next), "{why}");
    scene.pass(5 * HOUR + MINUTE, MINUTE).await;
    assert_eq!(scene.asked(), 6);
}

#[tokio::test]
async fn a_server_without_an_agency_is_looked_at_now_and_then() {
    let mut scene = Scene::of(
        Service::Metadata,
        Says::Fault(IssueFault::Refused("no agency".into())),
    );
    scene.step().await;
    scene.pass(HOUR, SECOND).await;
    assert!((11..=13).contains(&scene.asked()), "{}", scene.asked());
    assert!(scene.why().contains("no agency"));
}
