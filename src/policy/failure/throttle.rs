//! How long upstream throttles: the window that stands in its text, for want of a `Retry-After`.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

/// Longest window that is told onward. A longer one, or one that is no number of ours, becomes this: about 136 years,
/// so no sum of times overflows. How much of it is believed is for [`hold`](crate::policy::hold) to say.
pub(super) const MAX_WINDOW: Duration = Duration::from_secs(u32::MAX as u64);

static WINDOW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\btime\s*:\s*([0-9]+)\s*(second|minute|hour|day)")
        .expect("the pattern is a constant that the tests compile")
});

/// The window of a text such as `policy user over ratelimit,limit:10,time:1 minute`; `None` if it names none, or 0.
#[must_use]
pub(super) fn throttle_window(text: &str) -> Option<Duration> {
    let (_, [number, unit]) = WINDOW.captures(text)?.extract();
    let unit_secs: u64 = match unit.to_ascii_lowercase().as_str() {
        "second" => 1,
        "minute" => 60,
        "hour" => 60 * 60,
        _ => 24 * 60 * 60, // the pattern leaves only "day"
    };
    let number = number.parse().unwrap_or(u64::MAX); // digits only, so it can only be too large
    let window = Duration::from_secs(number.saturating_mul(unit_secs));
    (!window.is_zero()).then_some(window.min(MAX_WINDOW))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{prop_assert, proptest};

    use super::{MAX_WINDOW, throttle_window};

    #[test]
    fn a_window_is_read_from_the_text_and_saturates() {
        let secs = |secs| Some(Duration::from_secs(secs));
        for (text, window) in [
            (
                "policy user over ratelimit,limit:10,time:1 minute",
                secs(60),
            ),
            (
                "policy api over ratelimit,limit:2000,time:30 second",
                secs(30),
            ),
            ("limit:1,time:2 hour", secs(7_200)),
            ("limit:1,time:1 day", secs(86_400)),
            ("LIMIT:1,TIME: 3 Minutes", secs(180)),
            ("remain:9,limit:10,time:10 second", secs(10)),
            ("time:1minute", secs(60)),
            ("time:0 second", None),
            ("time:1 week", None),
            ("time:-1 second", None),
            ("time:x second", None),
            ("uptime:1 minute", None),
            ("limit:10", None),
            ("", None),
            ("time:4294967295 second", Some(MAX_WINDOW)),
            ("time:4294967296 second", Some(MAX_WINDOW)),
            ("time:18446744073709551615 day", Some(MAX_WINDOW)),
            ("time:99999999999999999999999999 second", Some(MAX_WINDOW)),
        ] {
            assert_eq!(throttle_window(text), window, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_window_is_more_than_nothing_and_at_most_the_longest(text in "(limit:[0-9]{0,30},)?time:[0-9]{0,30} ?(second|minute|hour|day)") {
            if let Some(window) = throttle_window(&text) {
                prop_assert!(!window.is_zero() && window <= MAX_WINDOW);
            }
        }
    }
}
