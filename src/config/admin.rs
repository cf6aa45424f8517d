//! `[admin]`: the operator's listener, on this machine only or off.

use std::net::SocketAddr;

use super::item::SocketOrOff;
use super::raw::RawAdmin;
use super::report::Report;
use super::{AdminSettings, limits, unavailable};

/// Checks `[admin]`; `served` is the address that clients use.
pub(super) fn check(raw: &RawAdmin, served: SocketAddr, report: &mut Report) -> AdminSettings {
    let mut section = report.section("admin");
    section.only(
        "allowed_hosts",
        &raw.allowed_hosts,
        &Vec::new(),
        &unavailable::ADMIN_ACCESS,
    );
    section.refuse("token_env", &raw.token_env, &unavailable::ADMIN_ACCESS);
    section.refuse("token_file", &raw.token_file, &unavailable::ADMIN_ACCESS);
    let SocketOrOff(listen) = section.or(
        "listen",
        &raw.listen,
        SocketOrOff(Some(limits::ADMIN_LISTEN)),
    );
    if let Some(listen) = listen {
        if !listen.ip().is_loopback() {
            section.fault("listen", unavailable::ADMIN_TO_NETWORK.to_string());
        }
        if listen == served && listen.port() != 0 {
            section.fault("listen", "must not be the address of server.listen");
        }
    }
    AdminSettings {
        listen,
        allowed_hosts: Vec::new(),
        token: None,
    }
}
