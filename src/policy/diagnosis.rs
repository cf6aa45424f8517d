//! What an answer to the central credential means, in words for an operator who is no expert of the cloud.
//!
//! [`find`] says which trouble an answer tells of, by a table: status and code, and for the one code that means many things
//! (`APIGW.0301`) the detail in its text. [`Finding::advice`] says of each what is wrong and what to do. Texts of upstream change
//! without notice; a detail that is not known any more is a refusal without a reason, and the operator sees the text itself.
//!
//! Deliberately not here: what a failure does to the calls (see [`hold`](super::hold)) and what a client is told (see
//! [`problem`](super::problem)). Nothing in the gateway decides by what is found here.

mod table;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use super::skew::EXPLAINS_REFUSAL;
use crate::error::ClockOff;

/// What the credential is, as the configuration says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Permanent access key and secret key.
    Keys,
    /// Temporary ones, with a security token that somebody else renews.
    TemporaryKeys,
    /// Temporary ones of the cloud server's agency.
    Metadata,
    /// A token that somebody else renews.
    Token,
    /// Tokens that IAM gives for a password.
    Password,
}

/// An answer that is no success, as far as it tells of its cause.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Its status.
    pub status: u16,
    /// The code in its body.
    pub code: Option<&'a str>,
    /// The text in its body, cleaned.
    pub text: Option<&'a str>,
}

/// Which trouble an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The signature's time: our clock is off by so much.
    ClockOff(ClockOff),
    /// The signature is wrong.
    BadSignature,
    /// The access key does not exist.
    UnknownKey,
    /// The access key is locked, after too many wrong signatures.
    KeyLocked,
    /// The token has expired, is revoked, or is for another region.
    TokenDead,
    /// The token cannot be read.
    TokenUnreadable,
    /// The request was taken for that of an app of the API gateway.
    NotAnApp,
    /// The credential is refused, and it is not said why.
    Refused,
    /// The user may not use the API.
    UserNotAllowed,
    /// The project is not available: arrears, or a wrong id.
    ProjectUnavailable,
    /// Calls that were bought are used up.
    QuotaUsedUp,
    /// Frozen, because the balance is used up.
    Frozen,
    /// The service is not available in the region.
    ServiceNotInRegion,
    /// The user may not use the region.
    UserNotInRegion,
    /// Our address is not let in.
    AddressNotLetIn,
    /// There is no such API at the endpoint.
    NoSuchApi,
    /// The endpoint speaks another protocol.
    WrongProtocol,
    /// The request itself is refused.
    RequestRefused,
    /// Too many calls.
    Throttled,
    /// The API gateway cannot ask IAM.
    IamDown,
    /// The API gateway, or what is behind it, fails.
    UpstreamFails,
    /// The answer leads elsewhere.
    Redirected,
    /// Somebody else answers: a proxy, a load balancer, a web site.
    NotUpstream,
    /// There is no such job for this user. The credential was taken.
    NoSuchJob,
    /// The build service refuses what it was asked for. The credential was taken.
    JobRefused,
}

/// How an identity service refused to give a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIssued {
    /// These words never will do.
    Refused,
    /// The user is locked, has no rights, or may not use programs.
    Forbidden,
    /// It does not answer, or fails.
    Unavailable,
}

/// What the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong: a sentence.
    pub wrong: Cow<'static, str>,
    /// What to do about it: a sentence or two.
    pub action: Cow<'static, str>,
}

/// Which trouble an answer tells of; `clock` is how far ours is off, as the answer's `Date` shows it. A 200 given here is one
/// that told of no success.
#[must_use]
pub fn find(heard: &Heard<'_>, held: Held, clock: Option<ClockOff>) -> Finding {
    let too_far = clock.filter(|off| off.0.unsigned_abs() > EXPLAINS_REFUSAL);
    match too_far {
        Some(off) if heard.status == 401 && held.signs() => Finding::ClockOff(off),
        Some(_) | None => table::find(heard),
    }
}

// === impl Held ===

impl Held {
    /// Are requests signed, with a time?
    #[must_use]
    pub fn signs(self) -> bool {
        match self {
            Self::Keys | Self::TemporaryKeys | Self::Metadata => true,
            Self::Token | Self::Password => false,
        }
    }
}

// === impl Finding ===

impl Finding {
    /// Does it show that the credential was taken? Only the build service knows whom it serves; it is asked last.
    #[must_use]
    pub fn credential_taken(self) -> bool {
        matches!(self, Self::NoSuchJob | Self::JobRefused)
    }
}

// === impl Advice ===

impl Advice {
    /// Both sentences.
    #[must_use]
    pub fn new(wrong: impl Into<Cow<'static, str>>, action: impl Into<Cow<'static, str>>) -> Self {
        Self {
            wrong: wrong.into(),
            action: action.into(),
        }
    }
}
