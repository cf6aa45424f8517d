//! What the operator reads: each change of how things stand once, not each try.

use tracing::Level;

use super::{DAY, HOUR, PASSWORD, SECOND, Says, Scene, token, unavailable};
use crate::credential::issue::IssueFault;
use crate::telemetry::lines::memory::Log;

#[tokio::test]
async fn an_outage_and_its_end_are_a_line_each_and_no_line_has_a_secret() {
    let log = Log::install(Level::INFO);
    let mut scene = Scene::password();
    scene.says(Says::Fault(unavailable()));
    scene.step().await;
    scene.pass(HOUR, SECOND).await;
    scene.says(Says::Next(DAY));
    scene.pass(HOUR, SECOND).await;
    scene.says(Says::Fault(IssueFault::Refused("wrong password".into())));
    scene.pass(DAY, 60 * SECOND).await;
    scene.change_words();
    scene.says(Says::Fault(IssueFault::Refused("also wrong".into())));
    scene.pass(DAY, 60 * SECOND).await;
    scene.change_words();
    scene.says(Says::Next(DAY));
    scene.step().await;
    let expected = [
        ("WARN", "IAM gave no credential", "no connection"),
        ("INFO", "IAM gave a credential", ""),
        ("WARN", "IAM gave no credential", "wrong password"),
        ("INFO", "the password changed", ""),
        ("WARN", "IAM gave no credential", "also wrong"),
        ("INFO", "the password changed", ""),
        ("INFO", "IAM gave a credential", ""),
    ];
    let expected =
        expected.map(|(level, message, fault)| (level.into(), message.into(), fault.into()));
    assert_eq!(log.told("fault"), expected);
    let text = log.text();
    assert!(!text.contains(PASSWORD));
    for nth in 1..=scene.asked() {
        assert!(!text.contains(&token(nth)));
    }
}
