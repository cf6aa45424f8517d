//! One key's value: taken from the file as it is, understood later, so that a wrong type is one fault among others.
//!
//! The types of the values are here too, each with the sentence that a reader gets who wrote something else. Bounds
//! are not: see `limits`.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::policy::allowance::Allowance;

/// A value as written, of which a `T` is expected.
#[derive(Debug)]
pub(super) struct Item<T> {
    written: toml::Value,
    expected: PhantomData<T>,
}

/// A type that a key can have.
pub(super) trait Value: DeserializeOwned {
    /// The words that this version takes, if it is a closed set.
    fn words() -> &'static [&'static str];

    /// Why something else is refused.
    fn refusal() -> String {
        match Self::words() {
            [word] => format!("must be \"{word}\""),
            words => format!("must be one of \"{}\"", words.join("\", \"")),
        }
    }
}

/// A duration: `"30s"`, `"250ms"`, `"1h 30m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) Duration);

/// A size in bytes: `"256MiB"`, `"64KiB"`, `"1MB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size(pub(super) u64);

/// How often something may be done: `"10/m"`, with `s`, `m` or `h`; `"0/m"` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(pub(super) Allowance);

/// The same, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace(pub(super) Allowance);

/// An address to listen on; `""` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketOrOff(pub(super) Option<SocketAddr>);

// === impl Item ===

impl<T: Value> Item<T> {
    /// What is written, if it is a `T`.
    pub(super) fn parse(&self) -> Option<T> {
        T::deserialize(self.written.clone()).ok()
    }
}

impl<'de, T> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            written: toml::Value::deserialize(deserializer)?,
            expected: PhantomData,
        })
    }
}

// === impl Time ===

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0))
    }
}

/// A duration as the file writes it: `7d`, `1h 30m`. The formatter's long words for days are the only ones below a month.
#[must_use]
pub fn written(time: Duration) -> String {
    let text = humantime::format_duration(time).to_string();
    text.replace("days", "d").replace("day", "d")
}

// === impl Size ===

impl Size {
    /// The size as the program counts memory.
    pub(super) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<ByteSize>()
            .map(|size| Self(size.as_u64()))
            .map_err(D::Error::custom)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [
            (bytesize::PIB, "PiB"),
            (bytesize::TIB, "TiB"),
            (bytesize::GIB, "GiB"),
            (bytesize::MIB, "MiB"),
            (bytesize::KIB, "KiB"),
        ] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}B", self.0)
    }
}

// === impl Rate ===

impl Rate {
    /// Times in one stretch: more than any client asks; a greater number is a slip.
    const MAX_TIMES: u32 = 10_000;

    fn of(text: &str) -> Option<Self> {
        let (times, unit) = text.split_once('/')?;
        let per = Duration::from_secs(match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return None,
        });
        let times = times.parse().ok()?;
        let is_plain = text.starts_with(|c: char| c.is_ascii_digit());
        (is_plain && times <= Self::MAX_TIMES).then_some(Self(Allowance { times, per }))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of(&text).ok_or_else(|| D::Error::custom("not a rate"))
    }
}

// === impl Pace ===

impl<'de> Deserialize<'de> for Pace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Rate(allowance) = Rate::deserialize(deserializer)?;
        if allowance.times == 0 {
            return Err(D::Error::custom("never"));
        }
        Ok(Self(allowance))
    }
}

// === impl SocketOrOff ===

impl<'de> Deserialize<'de> for SocketOrOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(D::Error::custom)?;
        Ok(Self(Some(address)))
    }
}

// === impl Value ===

/// The types without words, and the sentence for each.
macro_rules! values {
    ($($type:ty => $refusal:expr;)+) => {$(
        impl Value for $type {
            fn words() -> &'static [&'static str] {
                &[]
            }

            fn refusal() -> String {
                $refusal.to_owned()
            }
        }
    )+};
}

values! {
    Time => "not a duration; write for example \"30s\"";
    Size => "not a size; write for example \"256MiB\"";
    Rate => "must be 0 to 10000 times per s, m or h; write for example \"10/m\", or \"0/m\" for never";
    Pace => "must be 1 to 10000 times per s, m or h; write for example \"20/s\"";
    SocketAddr => "not an IP address and a port; write for example \"127.0.0.1:8080\"";
    SocketOrOff => "not an IP address and a port; write for example \"127.0.0.1:9090\", or \"\" for off";
    String => "not a text; write it in double quotes";
    Vec<String> => "not a list of texts; write for example [\"one\", \"two\"]";
    bool => "must be true or false";
    u32 => "not a whole number";
    usize => "not a whole number";
    f64 => "not a number";
}
