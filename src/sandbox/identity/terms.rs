//! What a scenario file's `[identity]` may say.

use std::time::Duration;

use serde::Deserialize;

/// The metadata service that the sandbox plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// It tells keys only within a session.
    #[default]
    New,
    /// It knows no sessions.
    Old,
    /// It is new, but the server has no agency: there are no keys.
    #[serde(rename = "none")]
    NoAgency,
}

/// Where it differs from the sandbox's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::sandbox) struct Terms {
    /// How long tokens live that are issued from now on.
    pub(in crate::sandbox) token_lifetime: Option<Duration>,
    /// How long temporary keys live that are made from now on.
    pub(in crate::sandbox) key_lifetime: Option<Duration>,
    /// Which metadata service there is.
    pub(in crate::sandbox) metadata: Option<Metadata>,
}
