//! `[admin]`: the operator's listener, with a token wherever others than this machine reach it, or off.

use std::net::{IpAddr, SocketAddr};

use super::item::SocketOrOff;
use super::raw::RawAdmin;
use super::report::Report;
use super::section::Section;
use super::{AdminSettings, hosts, limits, secret};

/// Checks `[admin]` by itself.
pub(super) fn check(raw: &RawAdmin, report: &mut Report) -> AdminSettings {
    let mut section = Section::of(report, "admin");
    let SocketOrOff(listen) = section.or(
        "listen",
        &raw.listen,
        SocketOrOff(Some(limits::ADMIN_LISTEN)),
    );
    let token = secret::source(&mut section, "token", &raw.token_env, &raw.token_file);
    if let Some(listen) = listen {
        let says_token = raw.token_env.is_some() || raw.token_file.is_some();
        check_reach(listen, says_token, &mut section);
    }
    AdminSettings {
        listen,
        allowed_hosts: hosts::allowed(&mut section, &raw.allowed_hosts),
        token,
    }
}

/// Checks that both listeners can be had; `served` is the address that clients use.
pub(super) fn check_apart(admin: &AdminSettings, served: SocketAddr, report: &mut Report) {
    if admin.listen.is_some_and(|listen| overlap(listen, served)) {
        let message = format!(
            "must not take the port of server.listen, {served}; 0.0.0.0 and [::] take one on every address"
        );
        Section::of(report, "admin").fault("listen", message);
    }
}

fn check_reach(listen: SocketAddr, says_token: bool, section: &mut Section<'_>) {
    if listen.ip().is_loopback() {
        return;
    }
    if says_token {
        section.report.warn(
            "admin.listen is off loopback and speaks plain HTTP: \
             its token crosses the network in the clear",
        );
    } else {
        section.fault(
            "listen",
            "off loopback a token is required: set admin.token_env or admin.token_file, \
             or listen on a loopback address such as \"127.0.0.1:9090\"",
        );
    }
}

/// Whether the system refuses one of two listeners because of the other.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() == other.port() && one.port() != 0 && (a == b || covers(a, b) || covers(b, a))
}

/// Whether `wide` takes a port on `ip` as well: `0.0.0.0` on all of IPv4, `::` on all there are.
fn covers(wide: IpAddr, ip: IpAddr) -> bool {
    wide.is_unspecified() && (wide.is_ipv6() || ip.is_ipv4())
}
