//! `[auth]` and `[[clients]]`: who may ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::place::{child, element};
use super::raw::{RawAuth, RawAuthMode, RawClient};
use super::report::Report;
use super::section::Section;
use super::share;
use super::{AuthMode, AuthSettings, ClientSettings, ServerSettings, limits, unavailable};
use crate::policy::allowance::Allowance;

/// Characters in a client's name.
const NAME_CHARS: RangeInclusive<usize> = 1..=64;

/// Checks who may ask; `default` is the mode when none is written.
pub(super) fn check(
    raw: &RawAuth,
    raw_clients: &[RawClient],
    default: RawAuthMode,
    server: &ServerSettings,
    report: &mut Report,
) -> AuthSettings {
    let clients = check_clients(raw_clients, report);
    let mut section = Section::of(report, "auth");
    let has_clients = !raw_clients.is_empty();
    let mode = match section.or("mode", &raw.mode, default) {
        RawAuthMode::Keys => {
            check_keys(has_clients, server, &mut section);
            AuthMode::Keys
        }
        RawAuthMode::Open => {
            check_open(server.listen, &mut section);
            AuthMode::Open
        }
        RawAuthMode::OpenToNetwork => {
            section.report.warn(
                "auth.mode is \"open-to-network\": \
                 everybody who reaches server.listen sees every job and spends the quota",
            );
            AuthMode::Open
        }
    };
    if mode == AuthMode::Open && has_clients {
        report.warn("auth.mode asks nobody for a key, so [[clients]] has no effect");
    }
    AuthSettings { mode, clients }
}

fn check_keys(has_clients: bool, server: &ServerSettings, section: &mut Section<'_>) {
    if !has_clients {
        section.fault(
            "mode",
            "\"keys\" needs at least one [[clients]] entry; `jobgate key new NAME` prints one to paste",
        );
    }
    if !server.listen.ip().is_loopback() && server.tls.is_none() {
        section.report.warn(
            "server.listen is off loopback without server.tls: \
             client keys cross the network in the clear",
        );
    }
}

fn check_open(listen: SocketAddr, section: &mut Section<'_>) {
    if !listen.ip().is_loopback() {
        let message = format!(
            "\"open\" is for loopback listeners, server.listen is {listen}; \
             to let everybody in who reaches it, write \"open-to-network\""
        );
        section.fault("mode", message);
    }
}

/// Checks every entry, and what may not be twice among them.
fn check_clients(raw: &[RawClient], report: &mut Report) -> Vec<ClientSettings> {
    if raw.len() > limits::CLIENTS {
        let message = format!("must be at most {} entries", limits::CLIENTS);
        report.fault("clients", message);
    }
    let mut names = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut clients = Vec::new();
    for (nth, raw) in raw.iter().enumerate() {
        let path = element("clients", nth);
        let Some(client) = check_client(raw, &mut Section::of(report, path.as_str())) else {
            continue;
        };
        let name_path = child(&path, "name");
        if let Some(first) = names.insert(client.name.clone(), nth) {
            let first = report
                .places
                .place(&child(&element("clients", first), "name"));
            report.fault(
                &name_path,
                format!("is already the name of a client, see {first}"),
            );
        }
        for (key, hash) in client.key_sha256.iter().enumerate() {
            let hash_path = element(&child(&path, "key_sha256"), key);
            if let Some(first) = keys.insert(*hash, hash_path.clone()) {
                report.quiet_fault(&hash_path, format!("is the same key as {first}"));
            }
        }
        clients.push(client);
    }
    share::check(raw, report);
    clients
}

fn check_client(raw: &RawClient, section: &mut Section<'_>) -> Option<ClientSettings> {
    section.refuse("secret_env", &raw.secret_env, &unavailable::VIRTUAL_KEYS);
    section.refuse("secret_file", &raw.secret_file, &unavailable::VIRTUAL_KEYS);
    section.refuse("rate", &raw.rate, &unavailable::CLIENT_RATE);
    section.refuse("jobs", &raw.jobs, &unavailable::CLIENT_JOBS);
    let refresh = section.optional("refresh", &raw.refresh);
    let max_stale = section.between("max_stale", &raw.max_stale, &limits::MAX_STALE);
    let share = section.between("share", &raw.share, &limits::SHARE);
    let name = section.required("name", &raw.name);
    if name.as_deref().is_some_and(|name| !is_client_name(name)) {
        section.fault("name", "must be 1 to 64 letters, digits and . _ -");
    }
    let hashes = section.required("key_sha256", &raw.key_sha256)?;
    if hashes.is_empty() {
        section.fault(
            "key_sha256",
            "must hold at least one key; `jobgate key new NAME` prints one",
        );
    }
    let key_sha256 = hashes
        .iter()
        .enumerate()
        .filter_map(|(nth, hash)| sha256(hash, nth, section))
        .collect();
    Some(ClientSettings {
        name: name?,
        key_sha256,
        refresh: refresh.map_or(Allowance::DEFAULT, |rate| rate.0),
        share,
        max_stale: max_stale.map(|time| time.0),
    })
}

/// Whether a client may be called so: 1–64 of `[A-Za-z0-9._-]`, and not `-`, which stands for nobody in logs and metrics.
#[must_use]
pub fn is_client_name(name: &str) -> bool {
    name != "-"
        && NAME_CHARS.contains(&name.len())
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c))
}

fn sha256(text: &str, nth: usize, section: &mut Section<'_>) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex::decode_to_slice(text, &mut hash).is_ok() {
        return Some(hash);
    }
    section.fault(
        &element("key_sha256", nth),
        "not the SHA-256 of a key in 64 hexadecimal digits; `jobgate key new NAME` prints one",
    );
    None
}
