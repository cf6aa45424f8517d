//! The parameters of acts, each within its bounds from the moment it is read.

use std::time::Duration;

use bytesize::ByteSize;
use http::StatusCode;
use serde::Deserialize;

use crate::config::written;
use crate::policy::job::JobId;
use crate::sandbox::catalogue::{Example, find};
use crate::sandbox::life::ITEM_FIELDS;

/// Longest time that an act may take or name: an hour is more than any client waits.
pub(in crate::sandbox) const MAX_PAUSE: Duration = Duration::from_hours(1);

/// Largest body: 1 GiB, 16 times what the gateway can be set to take.
const MAX_BODY_BYTES: u64 = 1 << 30;

/// Length of a job id, up to which the name of a recorded answer is filled with zeros.
const ID_CHARS: usize = 32;

/// Where in an answer something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum At {
    /// Before its first byte.
    Start,
    /// In the middle of its head.
    Head,
    /// In the middle of its body.
    Body,
}

/// A time of at most an hour: `"30s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sandbox) struct Pause(pub(in crate::sandbox) Duration);

/// A size of at most 1 GiB: `"80MiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sandbox) struct Size(pub(in crate::sandbox) u64);

/// A final status, 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub(in crate::sandbox) struct Status(pub(in crate::sandbox) StatusCode);

/// The id of a recorded answer; in a file it may stand without the zeros at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sandbox) struct Recorded(JobId);

/// A field of a list's items.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sandbox) struct Field(pub(in crate::sandbox) String);

// === impl Pause ===

impl TryFrom<String> for Pause {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        bounded_time(&text, MAX_PAUSE).map(Self)
    }
}

/// A time as it is written, if it is no longer than `max`.
pub(in crate::sandbox) fn bounded_time(text: &str, max: Duration) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time <= max => Ok(time),
        Ok(_) => Err(format!("must be at most {}", written(max))),
        Err(_) => Err("not a duration; write for example \"30s\"".to_owned()),
    }
}

// === impl Size ===

impl TryFrom<String> for Size {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.parse::<ByteSize>() {
            Ok(size) if size.as_u64() <= MAX_BODY_BYTES => Ok(Self(size.as_u64())),
            Ok(_) => Err("must be at most 1GiB"),
            Err(_) => Err("not a size; write for example \"80MiB\""),
        }
    }
}

// === impl Status ===

impl TryFrom<u16> for Status {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, &'static str> {
        match StatusCode::from_u16(number) {
            Ok(status) if (200..600).contains(&number) => Ok(Self(status)),
            Ok(_) | Err(_) => Err("must be a status from 200 to 599"),
        }
    }
}

// === impl Recorded ===

impl Recorded {
    /// What was recorded.
    pub(in crate::sandbox) fn example(self) -> Option<&'static Example> {
        find(self.0.as_str())
    }
}

impl TryFrom<String> for Recorded {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, &'static str> {
        JobId::parse(&format!("{name:0<ID_CHARS$}"))
            .ok()
            .filter(|id| find(id.as_str()).is_some())
            .map(Self)
            .ok_or("must be the id of a recorded answer; the sandbox lists them at /")
    }
}

// === impl Field ===

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if ITEM_FIELDS.contains(&name.as_str()) {
            return Ok(Self(name));
        }
        let fields = ITEM_FIELDS.join(", ");
        Err(format!("no field of a list; there are {fields}"))
    }
}
