//! What the operator reads: each change of how things stand once, not each try.

use std::sync::LazyLock;

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

use super::{DAY, HOUR, PASSWORD, SECOND, Says, Scene, token, unavailable};
use crate::clock::Clock;
use crate::config::{AccessLog, LogFormat, LogSettings};
use crate::credential::issue::IssueFault;
use crate::telemetry::lines::Lines;
use crate::telemetry::lines::memory::Memory;
use crate::telemetry::logging::subscriber;

/// `tracing` asks one subscriber that is alone about a new place of logging on whatever thread comes to that place first, and
/// remembers its answer for all; among several it asks each.
static NEVER_ALONE: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::default())));

#[tokio::test]
async fn an_outage_and_its_end_are_a_line_each_and_no_line_has_a_secret() {
    LazyLock::force(&NEVER_ALONE);
    let memory = Memory::default();
    let lines = Lines::start(memory.clone()).unwrap();
    let settings = LogSettings {
        format: LogFormat::Json,
        level: tracing::Level::INFO,
        access: AccessLog::Off,
    };
    let subscriber = subscriber(&settings, lines.clone(), Clock::manual());
    let logging = tracing::subscriber::set_default(subscriber);
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
    drop(logging);
    assert!(lines.flush(20 * SECOND));
    let text = memory.text();
    let told = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (text("level"), text("message"), text("fault"))
    });
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
    assert_eq!(told.collect::<Vec<(String, String, String)>>(), expected);
    assert!(!text.contains(PASSWORD));
    for nth in 1..=scene.asked() {
        assert!(!text.contains(&token(nth)));
    }
}
