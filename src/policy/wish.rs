//! What a client asks of the age of its answer: `Cache-Control` in a request (RFC 9111 §5.2.1).
//!
//! Stricter than the RFC allows is never needed, laxer it is in this: an age bound that cannot be met is not refused, the client
//! gets what is stored, and `Age` says how old that is. `no-store`, `no-transform` and `min-fresh` are ignored, and so is
//! `Pragma` (§5.4).

use std::time::Duration;

use headers::{CacheControl, Header as _};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderValue};

/// Bounds on the age of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// No older than this, else upstream is asked; zero (also from `no-cache`): upstream is asked in any case.
    pub max_age: Option<Duration>,
    /// No longer past its lifetime than this.
    pub max_stale: Option<Duration>,
    /// What is stored or nothing.
    pub only_if_cached: bool,
}

// === impl Wish ===

impl Wish {
    /// What the headers of a request ask for; what cannot be read asks for nothing.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(CACHE_CONTROL) {
            return Self::default();
        }
        let lines = headers.get_all(CACHE_CONTROL).iter();
        let texts = lines.filter_map(|line| line.to_str().ok());
        let directives = texts.flat_map(|text| text.split(','));
        directives
            .map(Self::of_directive)
            .fold(Self::default(), Self::and)
    }

    /// One directive. Each is read alone, so that one which nobody understands does not take the others with it.
    fn of_directive(text: &str) -> Self {
        // directives are the same in any case (RFC 9111 §5.2); the reader knows them in lower case
        let value = HeaderValue::try_from(text.trim().to_ascii_lowercase());
        let Ok(Ok(asked)) = value.map(|value| CacheControl::decode(&mut [value].iter())) else {
            return Self::default();
        };
        let no_cache = asked.no_cache().then_some(Duration::ZERO);
        Self {
            max_age: no_cache.or(asked.max_age()),
            max_stale: asked.max_stale(),
            only_if_cached: asked.only_if_cached(),
        }
    }

    /// Both: of two bounds the tighter one.
    fn and(self, other: Self) -> Self {
        let tighter = |one: Option<Duration>, two| one.into_iter().chain(two).min();
        Self {
            max_age: tighter(self.max_age, other.max_age),
            max_stale: tighter(self.max_stale, other.max_stale),
            only_if_cached: self.only_if_cached || other.only_if_cached,
        }
    }

    /// The same, with the client's own bound from the configuration.
    #[must_use]
    pub fn within(self, max_stale: Option<Duration>) -> Self {
        let bounds = self.max_stale.into_iter().chain(max_stale);
        Self {
            max_stale: bounds.min(),
            ..self
        }
    }

    /// Whether an answer of this age is too old to be taken unasked.
    #[must_use]
    pub fn is_younger_than(&self, age: Duration) -> bool {
        self.max_age
            .is_some_and(|bound| bound.is_zero() || age > bound)
    }

    /// Whether an answer may be this long past its lifetime.
    #[must_use]
    pub fn takes(&self, late: Duration) -> bool {
        self.max_stale.is_none_or(|bound| late <= bound)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use http::header::{CACHE_CONTROL, HeaderValue};

    use super::Wish;

    fn wish(lines: &[&'static str]) -> Wish {
        let lines = lines
            .iter()
            .map(|line| (CACHE_CONTROL, HeaderValue::from_static(line)));
        Wish::of(&lines.collect::<HeaderMap>())
    }

    #[test]
    fn directives_are_read_and_what_is_not_understood_asks_for_nothing() {
        let (nothing, seconds) = (Wish::default(), Duration::from_secs);
        let (fresh, cached) = (
            Wish {
                max_age: Some(Duration::ZERO),
                ..nothing
            },
            Wish {
                only_if_cached: true,
                ..nothing
            },
        );
        for (lines, expected) in [
            (&[][..], nothing),
            (&[""], nothing),
            (&["no-cache"], fresh),
            (&["No-Cache"], fresh),
            (&["max-age=0"], fresh),
            (&["max-age=60, no-cache"], fresh),
            (&["max-age=60", "no-cache"], fresh),
            (
                &["max-age=60"],
                Wish {
                    max_age: Some(seconds(60)),
                    ..nothing
                },
            ),
            (
                &["max-age=\"60\""],
                Wish {
                    max_age: Some(seconds(60)),
                    ..nothing
                },
            ),
            (
                &["max-stale=5"],
                Wish {
                    max_stale: Some(seconds(5)),
                    ..nothing
                },
            ),
            (&["max-stale"], nothing),
            (&["only-if-cached"], cached),
            (&["no-store, min-fresh=5, foo=bar"], nothing),
            (&["max-age=abc"], nothing),
            (&["max-age=0x10, no-cache"], fresh),
            (&["only-if-cached, max-age=x"], cached),
            (&["max-age=-1"], nothing),
            (&["max-age=99999999999999999999"], nothing),
        ] {
            assert_eq!(wish(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_tighter_bound_on_staleness_counts() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (asked, own, expected) in [
            (None, None, None),
            (Some(5), None, Some(5)),
            (None, Some(9), Some(9)),
            (Some(5), Some(9), Some(5)),
        ] {
            let wish = Wish {
                max_stale: asked.and_then(seconds),
                ..Wish::default()
            };
            assert_eq!(
                wish.within(own.and_then(seconds)).max_stale,
                expected.and_then(seconds)
            );
        }
    }
}
