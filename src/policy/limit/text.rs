//! The limit that stands in a text of upstream: `policy user over ratelimit,limit:10,time:1 minute` in a throttle (for want
//! of a `Retry-After`), `remain:9,limit:10,time:10 second` in a header.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::Limit;
use crate::policy::budget::REMEMBERED;

/// Longest window that is told onward. A longer one, or one that is no number of ours, becomes this: about 136 years,
/// so no sum of times overflows. How much of it is believed is for [`hold`](crate::policy::hold) to say.
const MAX_WINDOW: Duration = Duration::from_secs(u32::MAX as u64);

/// The longest window of a limit that is believed, far beyond any that is documented for this API. One misread text must
/// not silence the gateway for a day; longer throttles are met by the growing pauses of [`hold`](crate::policy::hold).
pub(in crate::policy) const LONGEST_WINDOW: Duration = Duration::from_secs(60 * 60);

static WINDOW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\btime\s*:\s*([0-9]+)\s*(second|minute|hour|day)")
        .expect("the pattern is a constant that the tests compile")
});

static REQUESTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\blimit\s*:\s*([^,\s]*)")
        .expect("the pattern is a constant that the tests compile")
});

/// Why no limit was taken from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotNamed {
    /// It names none.
    Nothing,
    /// No calls at all, more than can be counted, no readable number, no window or one over an hour.
    Absurd,
}

/// The limit that a text names.
pub(super) fn named_in(text: &str) -> Result<Limit, NotNamed> {
    let requests = REQUESTS.captures(text).ok_or(NotNamed::Nothing)?;
    let (_, [requests]) = requests.extract();
    let requests: NonZeroU32 = requests.parse().map_err(|_not_one| NotNamed::Absurd)?;
    let window = throttle_window(text).filter(|window| *window <= LONGEST_WINDOW);
    let window = window.ok_or(NotNamed::Absurd)?;
    if requests.get() > REMEMBERED {
        return Err(NotNamed::Absurd);
    }
    Ok(Limit { requests, window })
}

/// The window that a text names; `None` if it names none, or 0.
pub(in crate::policy) fn throttle_window(text: &str) -> Option<Duration> {
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

    use super::{LONGEST_WINDOW, MAX_WINDOW, NotNamed, REMEMBERED, named_in, throttle_window};

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

    #[test]
    fn a_limit_is_read_only_if_it_can_be_meant() {
        let (nothing, absurd) = (Err(NotNamed::Nothing), Err(NotNamed::Absurd));
        for (text, named) in [
            (
                "policy user over ratelimit,limit:10,time:1 minute",
                Ok((10, 60)),
            ),
            ("remain:9,limit:10,time:10 second", Ok((10, 10))),
            ("remain:9, limit: 7, time: 3 second", Ok((7, 3))),
            ("limit:1,time:60 minute", Ok((1, 3_600))),
            ("limit:10000,time:1 second", Ok((10_000, 1))),
            ("limit:10001,time:1 second", absurd),
            ("limit:1,time:61 minute", absurd),
            ("limit:1,time:1 day", absurd),
            ("limit:0,time:1 minute", absurd),
            ("limit:-3,time:1 minute", absurd),
            ("limit:1e3,time:1 minute", absurd),
            ("limit:ten,time:1 minute", absurd),
            ("limit:,time:1 minute", absurd),
            ("limit:99999999999999999999,time:1 minute", absurd),
            ("limit:10", absurd),
            ("limit:10,time:0 minute", absurd),
            ("limit:10,time:1 fortnight", absurd),
            ("too many requests", nothing),
            ("time:1 minute", nothing),
            ("", nothing),
        ] {
            let read = named_in(text);
            let read = read.map(|limit| (limit.requests.get(), limit.window.as_secs()));
            assert_eq!(read, named, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_window_is_more_than_nothing_and_at_most_the_longest(text in "(limit:[0-9]{0,30},)?time:[0-9]{0,30} ?(second|minute|hour|day)") {
            if let Some(window) = throttle_window(&text) {
                prop_assert!(!window.is_zero() && window <= MAX_WINDOW);
            }
        }

        #[test]
        fn any_limit_can_be_counted(text in "\\PC*(limit:[0-9-]{0,12},?)?(time:[0-9]{0,12} ?(second|minute|hour|day))?\\PC*") {
            if let Ok(limit) = named_in(&text) {
                prop_assert!(limit.requests.get() <= REMEMBERED);
                prop_assert!(!limit.window.is_zero() && limit.window <= LONGEST_WINDOW);
            }
        }
    }
}
