//! The diagnostic log: `tracing` events as lines of the one stream, in the format that `log.format` names.
//!
//! What operators did ([`AUDIT`]) is always written. Only the gateway's own events follow `log.level`. Its dependencies are held at WARN whatever the
//! level and whatever the environment says: at their lower levels they print request heads, and ours carry the
//! credential. Fields are dotted (`job.id`, `upstream.status`), as in the access log.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::lines::Lines;
use super::stamp::Rfc3339;
use crate::clock::Clock;
use crate::config::{LogFormat, LogSettings};

/// The most that a dependency may say.
const DEPENDENCIES_AT_MOST: Level = Level::WARN;

/// The target of the lines that tell what an operator did; no level silences it.
pub const AUDIT: &str = "jobgate::audit";

/// The time of a diagnostic line, from the one clock.
struct Timestamps(Clock);

/// Sends the process's diagnostics to `lines`, for good.
///
/// # Errors
/// If something else already has.
pub fn install(settings: &LogSettings, lines: Lines, clock: Clock) -> Result<(), TryInitError> {
    subscriber(settings, lines, clock).try_init()
}

/// What [`install`] installs; a test keeps it to itself.
#[must_use]
pub fn subscriber(
    settings: &LogSettings,
    lines: Lines,
    clock: Clock,
) -> Box<dyn Subscriber + Send + Sync> {
    let levels = levels(settings.level);
    let layer = fmt::layer()
        .with_writer(lines)
        .with_timer(Timestamps(clock))
        .with_ansi(false);
    match settings.format {
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            Box::new(Registry::default().with(levels).with(layer))
        }
        LogFormat::Text => Box::new(Registry::default().with(levels).with(layer)),
    }
}

fn levels(ours: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::from_level(ours.min(DEPENDENCIES_AT_MOST)))
        .with_target(env!("CARGO_CRATE_NAME"), ours)
        .with_target(AUDIT, LevelFilter::TRACE) // the longer name decides
}

// === impl Timestamps ===

impl FormatTime for Timestamps {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        write!(out, "{}", Rfc3339(self.0.wall()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::Level;

    use super::{Lines, subscriber};
    use crate::clock::Clock;
    use crate::config::{AccessLog, LogFormat, LogSettings};
    use crate::telemetry::lines::memory::Memory;

    fn logged(format: LogFormat, level: Level, act: impl FnOnce()) -> String {
        let memory = Memory::default();
        let lines = Lines::start(memory.clone()).unwrap();
        let settings = LogSettings {
            format,
            level,
            access: AccessLog::All,
        };
        let subscriber = subscriber(&settings, lines.clone(), Clock::manual());
        tracing::subscriber::with_default(subscriber, act);
        assert!(lines.flush(Duration::from_secs(30)));
        memory.text()
    }

    #[test]
    fn an_event_is_one_line_with_dotted_fields() {
        let event = || {
            tracing::info!(
                job.id = "901878212b1a49be9c1a1054c272762a",
                upstream.status = 502,
                "look\nfailed"
            );
        };
        let json = logged(LogFormat::Json, Level::INFO, event);
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "look\nfailed");
        assert_eq!(line["job.id"], "901878212b1a49be9c1a1054c272762a");
        assert_eq!(line["upstream.status"], 502);
        let stamp = line["timestamp"].as_str().unwrap();
        assert_eq!((stamp.len(), stamp.get(23..)), (24, Some("Z")), "{stamp}");
        assert_eq!(json.matches('\n').count(), 1);

        let text = logged(LogFormat::Text, Level::INFO, event);
        assert!(
            text.contains("  INFO jobgate::telemetry::logging"),
            "{text}"
        );
        assert!(text.contains("upstream.status=502"), "{text}");
    }

    #[test]
    fn dependencies_stay_quiet_even_at_level_trace() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let log = logged(format, Level::TRACE, || {
                tracing::trace!("ours");
                tracing::info!(target: "h2::codec", "headers of a request");
                tracing::debug!(target: "hyper::proto", "headers of a request");
                tracing::trace!(target: "rustls::client", "headers of a request");
                tracing::warn!(target: "rustls::client", "a warning");
            });
            assert!(log.contains("ours") && log.contains("a warning"), "{log}");
            assert!(!log.contains("headers of a request"), "{log}");
        }
    }

    #[test]
    fn a_stricter_level_holds_for_everybody() {
        let log = logged(LogFormat::Text, Level::ERROR, || {
            tracing::warn!("ours");
            tracing::warn!(target: "rustls::client", "theirs");
            tracing::error!(target: "rustls::client", "grave");
        });
        assert!(!log.contains("ours") && !log.contains("theirs") && log.contains("grave"));
    }

    #[test]
    fn what_an_operator_did_is_written_at_every_level() {
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::TRACE] {
            let log = logged(LogFormat::Json, level, || {
                tracing::info!(target: super::AUDIT, act = "pause", "operator's act");
                tracing::info!(target: "jobgate::admin", "another room");
            });
            assert!(
                log.contains(r#""target":"jobgate::audit""#),
                "{level}: {log}"
            );
            assert_eq!(log.contains("another room"), level >= Level::INFO, "{log}");
        }
    }
}
