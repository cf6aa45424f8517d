//! The password is changed at IAM before it is in the file.

use super::super::{HEALED, HOUR, STEP, Sky};
use super::{LIFETIME, PasswordFile, begin};
use crate::told::Told;

const NEW_PASSWORD: &str = "the-password-after-the-rotation";

#[tokio::test]
async fn a_rotated_password_is_tried_once_until_its_file_changes_and_the_user_is_never_locked() {
    let (log, file) = (Told::begin(), PasswordFile::new());
    let mut day = begin(&file).await;
    day.double.sandbox.identity().set_password(NEW_PASSWORD);
    day.until(
        "IAM refuses the password",
        LIFETIME,
        Sky::Fair,
        |_, stats| stats.wrong_passwords == 1,
    )
    .await;
    day.until(
        "the token has expired",
        LIFETIME / 2,
        Sky::Mixed,
        |ready, _| ready["available"] == false,
    )
    .await;
    day.last(HOUR, Sky::Foul).await;
    assert_eq!(day.stranger().await, (503, "JG.5033".to_owned()));
    let why = day.credential().await["why"].to_string();
    assert!(
        why.contains("not asked again until the password's file changes"),
        "{why}"
    );
    assert_eq!(day.renewals("refused").await, 1.0);
    assert_eq!(
        (day.identity().token_calls, day.identity().wrong_passwords),
        (2, 1)
    );

    file.write("not-the-new-password-either");
    day.until(
        "the next one is refused",
        3 * STEP,
        Sky::Foul,
        |_, stats| stats.wrong_passwords == 2,
    )
    .await;
    day.last(HOUR / 2, Sky::Foul).await;
    assert_eq!(day.identity().token_calls, 3);

    file.write(NEW_PASSWORD);
    day.heals(3 * STEP).await;
    day.last(HEALED, Sky::Mixed).await;
    day.calm(8 * HOUR).await;
    let stats = day.identity();
    assert_eq!((stats.wrong_passwords, stats.locked), (2, 0));
    let changed = |line: &&String| *line == "the password changed";
    assert_eq!(log.lines().iter().filter(changed).count(), 2);
    let refused = |line: &&String| line.starts_with("IAM gave no credential fault=wrong ");
    assert_eq!(
        log.lines().iter().filter(refused).count(),
        2,
        "each refused password is told once"
    );
    assert!(!log.lines().concat().contains(NEW_PASSWORD));
    assert!(!day.end().await.contains(NEW_PASSWORD));
}
