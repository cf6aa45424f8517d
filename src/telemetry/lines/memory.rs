//! A sink that remembers, for tests, and what was logged into it.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Level};

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
/// remembers its answer for all; among several it asks each. So no test may ever have the only one.
static NEVER_ALONE: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::default())));

/// What is logged on this thread while it lives.
pub(crate) struct Log {
    memory: Memory,
    lines: Lines,
    _installed: DefaultGuard,
}

// === impl Log ===

impl Log {
    pub(crate) fn install(level: Level) -> Self {
        LazyLock::force(&NEVER_ALONE);
        let memory = Memory::default();
        let lines = Lines::start(memory.clone()).unwrap();
        let settings = LogSettings {
            format: LogFormat::Json,
            level,
            access: AccessLog::Off,
        };
        let subscriber = subscriber(&settings, lines.clone(), Clock::manual());
        Self {
            memory,
            lines,
            _installed: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        assert!(self.lines.flush(Duration::from_secs(20)));
        self.memory.text()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// Level, text and one field of each line.
    pub(crate) fn told(&self, field: &str) -> Vec<(String, String, String)> {
        let told = self.lines().into_iter().map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (text("level"), text("message"), text(field))
        });
        told.collect()
    }
}

/// Level, text and one field of each line that `act` writes.
pub(crate) fn logged(field: &str, act: impl FnOnce()) -> Vec<(String, String, String)> {
    let log = Log::install(Level::INFO);
    act();
    log.told(field)
}
