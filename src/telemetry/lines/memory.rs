//! A sink that remembers, for tests, and what was logged into it.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

use super::Lines;
use crate::clock::Clock;
use crate::config::{AccessLog, LogFormat, LogSettings};
use crate::telemetry::logging::subscriber;

/// Bytes written so far; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

// === impl Memory ===

impl Memory {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `tracing` asks one subscriber that is alone about a new place of logging on whatever thread comes to that place first, and
/// remembers its answer for all; among several it asks each.
static NEVER_ALONE: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::default())));

/// Level, text and one field of each line that `act` writes.
pub(crate) fn logged(field: &str, act: impl FnOnce()) -> Vec<(String, String, String)> {
    LazyLock::force(&NEVER_ALONE);
    let memory = Memory::default();
    let lines = Lines::start(memory.clone()).unwrap();
    let settings = LogSettings {
        format: LogFormat::Json,
        level: tracing::Level::INFO,
        access: AccessLog::Off,
    };
    let subscriber = subscriber(&settings, lines.clone(), Clock::manual());
    tracing::subscriber::with_default(subscriber, act);
    assert!(lines.flush(Duration::from_secs(20)));
    let text = memory.text();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (text("level"), text("message"), text(field))
    });
    lines.collect()
}
