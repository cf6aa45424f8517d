//! `[upstream]`: where job info comes from, and how long that may take.

use std::path::PathBuf;

use http::Uri;

use super::credential;
use super::endpoint::of_endpoint;
use super::raw::RawUpstream;
use super::report::Report;
use super::section::Section;
use super::unknown::closest;
use super::{CredentialSettings, UpstreamFrom, UpstreamSettings, limits, unavailable};

/// The regions whose endpoint follows from the name (the table of the official SDKs); any other needs `endpoint`.
pub(super) const REGIONS: [&str; 12] = [
    "cn-north-1",
    "cn-north-4",
    "cn-east-2",
    "cn-east-3",
    "cn-south-1",
    "cn-south-2",
    "cn-southwest-2",
    "ap-southeast-3",
    "sa-brazil-1",
    "la-north-2",
    "la-south-2",
    "tr-west-1",
];

/// Checks `[upstream]`; `None` only after a fault.
pub(super) fn check(
    raw: &RawUpstream,
    from: UpstreamFrom,
    report: &mut Report,
) -> Option<UpstreamSettings> {
    let target = match from {
        UpstreamFrom::Configuration => written_target(raw, report),
        UpstreamFrom::Sandbox => Some(sandbox_target()),
    };
    let mut section = Section::of(report, "upstream");
    section.refuse("proxy", &raw.proxy, &unavailable::PROXY);
    let timeout = section.within("timeout", &raw.timeout, &limits::TIMEOUT);
    let connect_timeout = section.no_longer_than(
        "connect_timeout",
        &raw.connect_timeout,
        &limits::CONNECT_TIMEOUT,
        ("timeout", timeout),
    );
    let max_body = section
        .within("max_body", &raw.max_body, &limits::MAX_BODY)
        .bytes();
    let max_in_flight = section.within("max_in_flight", &raw.max_in_flight, &limits::MAX_IN_FLIGHT);
    let ca_file = section.optional("ca_file", &raw.ca_file).map(PathBuf::from);
    let (endpoint, credential) = target?;
    Some(UpstreamSettings {
        endpoint,
        connect_timeout: connect_timeout.0,
        timeout: timeout.0,
        max_body,
        max_in_flight,
        ca_file,
        credential,
    })
}

fn written_target(raw: &RawUpstream, report: &mut Report) -> Option<(Uri, CredentialSettings)> {
    let endpoint = endpoint(raw, &mut Section::of(report, "upstream"));
    let credential = credential::check(raw, report);
    Some((endpoint?, credential?))
}

/// Stands in until the sandbox runs and says its address and keys. `.invalid` never resolves (RFC 6761 §6.4).
fn sandbox_target() -> (Uri, CredentialSettings) {
    let credential = credential::sandbox();
    (Uri::from_static("http://sandbox.invalid"), credential)
}

fn endpoint(raw: &RawUpstream, section: &mut Section<'_>) -> Option<Uri> {
    let allow_plaintext = section.or("allow_plaintext", &raw.allow_plaintext, false);
    match section.at_most_one(("region", &raw.region), ("endpoint", &raw.endpoint)) {
        (Some(region), _) => of_region(&region, section),
        (None, Some(endpoint)) => of_endpoint("endpoint", &endpoint, allow_plaintext, section),
        (None, None) => {
            if raw.region.is_none() && raw.endpoint.is_none() {
                section.own_fault(
                    "region or endpoint must be set; write for example region = \"cn-north-4\"",
                );
            }
            None
        }
    }
}

fn of_region(region: &str, section: &mut Section<'_>) -> Option<Uri> {
    if REGIONS.contains(&region) {
        return format!("https://cloudbuild-ext.{region}.myhuaweicloud.com")
            .parse()
            .ok();
    }
    let hint = closest(region, &REGIONS)
        .map(|near| format!("did you mean \"{near}\"? "))
        .unwrap_or_default();
    let known = REGIONS.join(", ");
    section.fault(
        "region",
        format!("unknown region; {hint}Known are {known}; any other needs upstream.endpoint in its place"),
    );
    None
}
