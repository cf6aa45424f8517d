//! Addresses of services: scheme and host, nothing else, and in the clear only where nobody listens or somebody wants it so.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use super::section::Section;

/// An address that the credential is sent to: scheme and host, in the clear only on purpose.
pub(super) fn of_endpoint(
    key: &str,
    text: &str,
    allow_plaintext: bool,
    section: &mut Section<'_>,
) -> Option<Uri> {
    let Some(uri) = bare_uri(text) else {
        section.fault(
            key,
            "must be scheme and host, with a port if need be, and nothing else; \
             write for example \"https://build.example.com\"",
        );
        return None;
    };
    let plaintext = uri.scheme() == Some(&Scheme::HTTP);
    if plaintext && !is_loopback(&uri) && !allow_plaintext {
        section.fault(
            key,
            "http:// would send the credential in the clear; use https://, or set upstream.allow_plaintext = true",
        );
        return None;
    }
    if plaintext && !is_loopback(&uri) {
        let path = section.path(key);
        section.report.warn(format!(
            "{path} is http://: the credential crosses the network in the clear"
        ));
    }
    Some(uri)
}

/// Scheme and authority: no user, path, query or fragment.
pub(super) fn bare_uri(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme()?;
    let known = *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
    let nothing_else = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let bare = !text.contains(['@', '#']) && uri.host().is_some_and(|host| !host.is_empty());
    (known && nothing_else && bare).then_some(uri)
}

pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether packets to it stay on the machine's own link (RFC 3927, RFC 4291 §2.5.6).
pub(super) fn is_link_local(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_unicast_link_local(),
        Err(_) => false,
    }
}
