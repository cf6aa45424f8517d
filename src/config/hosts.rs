//! `allowed_hosts`, which both listeners have: the names under which one answers.
//!
//! A request's host is compared with them letter by letter, so what no request can name is refused here: it would only
//! look as if it let something in.

use std::net::Ipv6Addr;

use http::uri::Authority;

use super::place::element;
use super::raw::Key;
use super::section::Section;

/// The hosts in lower case, each with or without a port.
pub(super) fn allowed(section: &mut Section<'_>, raw: &Key<Vec<String>>) -> Vec<String> {
    let mut hosts = section.or("allowed_hosts", raw, Vec::new());
    for (nth, host) in hosts.iter().enumerate() {
        if !is_host(host) {
            section.fault(&element("allowed_hosts", nth), refusal(host));
        }
    }
    hosts
        .iter_mut()
        .for_each(|host| host.make_ascii_lowercase());
    hosts
}

/// A name or an address, and perhaps a port.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let port = text.strip_prefix(authority.host());
    port.is_some_and(|port| port.is_empty() || is_port(port)) && is_name(authority.host())
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').filter(|port| !port.starts_with('+'));
    digits.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The letters of the domain name system, with the underscore that some networks use; or an IPv6 address in brackets.
fn is_name(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || b".-_".contains(&c))
        }
    }
}

fn refusal(host: &str) -> &'static str {
    if host.contains('*') {
        "wildcards mean nothing here; name each host, for example \"builds.example.com\""
    } else {
        "not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\""
    }
}
