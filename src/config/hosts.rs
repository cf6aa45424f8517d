//! `allowed_hosts`, which both listeners have: the names under which one answers.

use http::uri::Authority;

use super::place::element;
use super::raw::Key;
use super::section::Section;

/// The hosts in lower case, each with or without a port.
pub(super) fn allowed(section: &mut Section<'_>, raw: &Key<Vec<String>>) -> Vec<String> {
    let is_host = |host: &String| {
        host.parse::<Authority>()
            .is_ok_and(|authority| !authority.host().is_empty() && !host.contains('@'))
    };
    let mut hosts = section.or("allowed_hosts", raw, Vec::new());
    for (nth, host) in hosts.iter().enumerate() {
        if !is_host(host) {
            section.fault(
                &element("allowed_hosts", nth),
                "not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
            );
        }
    }
    hosts
        .iter_mut()
        .for_each(|host| host.make_ascii_lowercase());
    hosts
}
