//! `[admin]`: the operator's listener, with a token wherever others than this machine reach it, or off.

use std::net::SocketAddr;

use super::item::SocketOrOff;
use super::raw::RawAdmin;
use super::report::Report;
use super::section::Section;
use super::{AdminSettings, hosts, limits, secret};

/// Checks `[admin]`; `served` is the address that clients use.
pub(super) fn check(raw: &RawAdmin, served: SocketAddr, report: &mut Report) -> AdminSettings {
    let mut section = Section::of(report, "admin");
    let SocketOrOff(listen) = section.or(
        "listen",
        &raw.listen,
        SocketOrOff(Some(limits::ADMIN_LISTEN)),
    );
    let token = secret::source(&mut section, "token", &raw.token_env, &raw.token_file);
    if let Some(listen) = listen {
        let says_token = raw.token_env.is_some() || raw.token_file.is_some();
        check_listen(listen, served, says_token, &mut section);
    }
    AdminSettings {
        listen,
        allowed_hosts: hosts::allowed(&mut section, &raw.allowed_hosts),
        token,
    }
}

fn check_listen(
    listen: SocketAddr,
    served: SocketAddr,
    says_token: bool,
    section: &mut Section<'_>,
) {
    if listen == served && listen.port() != 0 {
        section.fault("listen", "must not be the address of server.listen");
    }
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
