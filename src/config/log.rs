//! `[log]` and `[reload]`.

use super::raw::{RawAccessLog, RawLevel, RawLog, RawLogFormat, RawReload};
use super::report::Report;
use super::section::Section;
use super::{AccessLog, LogFormat, LogSettings, unavailable};

/// Checks `[log]`.
pub(super) fn check(raw: &RawLog, report: &mut Report) -> LogSettings {
    let mut section = Section::of(report, "log");
    LogSettings {
        format: match section.or("format", &raw.format, RawLogFormat::Json) {
            RawLogFormat::Json => LogFormat::Json,
            RawLogFormat::Text => LogFormat::Text,
        },
        level: match section.or("level", &raw.level, RawLevel::Info) {
            RawLevel::Error => tracing::Level::ERROR,
            RawLevel::Warn => tracing::Level::WARN,
            RawLevel::Info => tracing::Level::INFO,
            RawLevel::Debug => tracing::Level::DEBUG,
            RawLevel::Trace => tracing::Level::TRACE,
        },
        access: match section.or("access", &raw.access, RawAccessLog::All) {
            RawAccessLog::All => AccessLog::All,
            RawAccessLog::Errors => AccessLog::Errors,
            RawAccessLog::Off => AccessLog::Off,
        },
    }
}

/// Checks `[reload]`.
pub(super) fn check_reload(raw: &RawReload, report: &mut Report) {
    let mut section = Section::of(report, "reload");
    section.only("watch", &raw.watch, &false, &unavailable::WATCH);
}
