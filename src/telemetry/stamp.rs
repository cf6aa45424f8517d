//! Timestamps of log lines: RFC 3339, UTC, milliseconds.
//!
//! A busy thread writes many lines in one millisecond, so the last text is kept and copied.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The last timestamp written, as text.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    millisecond: Option<u128>,
    text: String,
}

// === impl Stamp ===

impl Stamp {
    /// The text of `at`, for example `2026-11-24T08:03:53.123Z`.
    pub(super) fn of(&mut self, at: SystemTime) -> &str {
        let millisecond = at
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        if self.millisecond != Some(millisecond) {
            self.millisecond = Some(millisecond);
            self.text.clear();
            let _ = write!(self.text, "{}", Rfc3339(at)); // writing to a String cannot fail
        }
        &self.text
    }
}

/// Prints a moment as RFC 3339 in UTC with milliseconds; one outside of the years that jiff knows as the epoch.
#[derive(Debug)]
pub(super) struct Rfc3339(pub(super) SystemTime);

// === impl Rfc3339 ===

impl std::fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = Timestamp::try_from(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(f, "{at:.3}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Stamp;

    #[test]
    fn a_stamp_changes_with_the_millisecond_and_not_before() {
        let mut stamp = Stamp::default();
        let at = |micros: u64| UNIX_EPOCH + Duration::from_micros(1_780_000_000_000_000 + micros);
        assert_eq!(stamp.of(at(0)), "2026-05-28T20:26:40.000Z");
        assert_eq!(stamp.of(at(999)), "2026-05-28T20:26:40.000Z");
        assert_eq!(stamp.of(at(1000)), "2026-05-28T20:26:40.001Z");
        assert_eq!(
            stamp.of(at(0)),
            "2026-05-28T20:26:40.000Z",
            "also backwards"
        );
        assert_eq!(stamp.of(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
