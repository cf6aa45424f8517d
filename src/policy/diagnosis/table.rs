//! Status, code and detail → finding. The first row that matches counts.

use std::ops::RangeInclusive;

use super::{Finding, Heard};
use crate::error::NO_SUCH_JOB;
use crate::policy::failure::{TOO_MANY_REQUESTS, is_of_build_service, number_of_gateway};

/// Which code.
#[derive(Clone, Copy)]
enum Code {
    /// Of the API gateway, with this number, or with one that begins like it.
    Gateway(&'static str),
    /// Of the build service, whatever its prefix.
    Ends(&'static str),
    /// Any of the build service.
    BuildService,
    /// Any, or none.
    Any,
    /// One of somebody whom nobody knows.
    Some,
}

/// A detail of a text; the empty one is in every text.
type Detail = &'static str;

type Row = (RangeInclusive<u16>, Code, Detail, Finding);

use Code::{Any, BuildService, Ends, Gateway};

/// Of details only what has been seen after "Incorrect IAM authentication information:" is matched. `ak AK not exist` comes here
/// as `***`, because cleaning blots it out whole.
const ROWS: &[Row] = &[
    // the build service: the credential was taken
    (422..=422, Ends(NO_SUCH_JOB), "", Finding::NoSuchJob),
    (500..=500, Ends(TOO_MANY_REQUESTS), "", Finding::Throttled),
    (404..=404, Ends("00060214"), "", Finding::NoSuchApi),
    (400..=499, BuildService, "", Finding::JobRefused),
    (200..=200, BuildService, "", Finding::JobRefused),
    (500..=599, BuildService, "", Finding::UpstreamFails),
    // the API gateway, of the credential
    (
        401..=401,
        Gateway("0301"),
        "verify aksk signature fail",
        Finding::BadSignature,
    ),
    (
        401..=401,
        Gateway("0301"),
        "failed to reach the limit",
        Finding::KeyLocked,
    ),
    (401..=401, Gateway("0301"), "not exist", Finding::UnknownKey),
    (
        401..=401,
        Gateway("0301"),
        "information: ***",
        Finding::UnknownKey,
    ),
    (
        401..=401,
        Gateway("0301"),
        "Get secretKey failed",
        Finding::UnknownKey,
    ),
    (
        401..=401,
        Gateway("0301"),
        "decrypt token fail",
        Finding::TokenUnreadable,
    ),
    (
        401..=401,
        Gateway("0301"),
        "get token error",
        Finding::TokenUnreadable,
    ),
    (401..=401, Gateway("0301"), "", Finding::Refused), // `Unauthorized`, and what is yet to be seen
    (401..=401, Gateway("0303"), "", Finding::NotAnApp),
    (401..=401, Gateway("0307"), "", Finding::TokenDead),
    (401..=401, Any, "", Finding::Refused), // 0305, 0311, IAM's own form, none
    (403..=403, Gateway("0302"), "", Finding::UserNotAllowed),
    (403..=403, Gateway("0304"), "", Finding::NotAnApp),
    (403..=403, Gateway("0306"), "", Finding::UserNotAllowed),
    (403..=403, Gateway("0310"), "", Finding::ProjectUnavailable),
    // … of the region, of the address
    (403..=403, Gateway("0801"), "", Finding::ServiceNotInRegion),
    (403..=403, Gateway("0802"), "", Finding::UserNotInRegion),
    (403..=403, Gateway("0401"), "", Finding::AddressNotLetIn),
    (403..=403, Gateway("0402"), "", Finding::AddressNotLetIn),
    (403..=403, Gateway("0404"), "", Finding::UpstreamFails),
    (403..=403, Code::Some, "", Finding::UserNotAllowed), // services on identity policies
    // … of the API
    (404..=404, Gateway("0101"), "", Finding::NoSuchApi),
    (404..=404, Gateway("0103"), "", Finding::UpstreamFails),
    (500..=500, Gateway("0103"), "", Finding::UpstreamFails),
    (400..=400, Gateway("010"), "", Finding::UpstreamFails), // 0104, 0105, 0106
    (400..=400, Gateway("0607"), "", Finding::WrongProtocol),
    (400..=400, Gateway("0201"), "", Finding::RequestRefused),
    (400..=400, Gateway("0602"), "", Finding::RequestRefused),
    // … of too many calls
    (429..=429, Any, "", Finding::Throttled),
    (405..=405, Gateway("0501"), "", Finding::QuotaUsedUp),
    (405..=405, Gateway("0502"), "", Finding::Frozen),
    // … of itself
    (503..=503, Gateway("0613"), "", Finding::IamDown),
    (500..=599, Any, "", Finding::UpstreamFails),
    // what was sent is too large, or changed on the way
    (413..=414, Any, "", Finding::RequestRefused),
    (431..=431, Any, "", Finding::RequestRefused),
    (494..=494, Any, "", Finding::RequestRefused),
    (405..=405, Gateway(""), "", Finding::RequestRefused),
    (400..=400, Code::Some, "", Finding::RequestRefused),
    (422..=422, Code::Some, "", Finding::RequestRefused),
    // somebody else, as in all other cases
    (300..=399, Any, "", Finding::Redirected),
];

pub(super) fn find(heard: &Heard<'_>) -> Finding {
    let row = ROWS.iter().find(|row| is_for(row, heard));
    row.map_or(Finding::NotUpstream, |(.., finding)| *finding)
}

fn is_for((status, code, detail, _): &Row, heard: &Heard<'_>) -> bool {
    status.contains(&heard.status)
        && code.matches(heard.code)
        && heard.text.unwrap_or_default().contains(detail)
}

// === impl Code ===

impl Code {
    fn matches(self, code: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Some => code.is_some(),
            Self::Gateway(number) => code
                .and_then(number_of_gateway)
                .is_some_and(|told| told.starts_with(number)),
            Self::BuildService => code.is_some_and(is_of_build_service),
            Self::Ends(end) => code.is_some_and(|code| code.ends_with(end)),
        }
    }
}
