//! `[auth]` and `[[clients]]`: who may ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use sha2::{Digest as _, Sha256};

use super::place::{child, element};
use super::raw::{Key, RawAuth, RawAuthMode, RawClient};
use super::report::Report;
use super::section::Section;
use super::{
    AuthMode, AuthSettings, ClientSettings, SecretSource, ServerSettings, limits, secret, share,
};
use crate::policy::allowance::Allowance;
use crate::policy::client::Fingerprint;
use crate::policy::job::JobId;

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
    let by_certificate = server.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
    let clients = check_clients(raw_clients, by_certificate, report);
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
fn check_clients(
    raw: &[RawClient],
    by_certificate: bool,
    report: &mut Report,
) -> Vec<ClientSettings> {
    if raw.len() > limits::CLIENTS {
        let message = format!("must be at most {} entries", limits::CLIENTS);
        report.fault("clients", message);
    }
    let mut names = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut clients = Vec::new();
    for (nth, raw) in raw.iter().enumerate() {
        let path = element("clients", nth);
        let mut section = Section::of(report, path.as_str());
        let Some(client) = check_client(raw, by_certificate, &mut section) else {
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
                let fingerprint = Fingerprint::of_digest(hash);
                report.quiet_fault(
                    &hash_path,
                    format!("is the same key as {first}, fingerprint {fingerprint}"),
                );
            }
        }
        clients.push(client);
    }
    share::check(raw, report);
    clients
}

fn check_client(
    raw: &RawClient,
    by_certificate: bool,
    section: &mut Section<'_>,
) -> Option<ClientSettings> {
    let refresh = section.optional("refresh", &raw.refresh);
    let rate = section.optional("rate", &raw.rate);
    let jobs = section.optional("jobs", &raw.jobs);
    let jobs = jobs.map(|ids| job_ids(&ids, section));
    let max_stale = section.between("max_stale", &raw.max_stale, &limits::MAX_STALE);
    let share = section.between("share", &raw.share, &limits::SHARE);
    let name = section.required("name", &raw.name);
    if name.as_deref().is_some_and(|name| !is_client_name(name)) {
        section.fault("name", "must be 1 to 64 letters, digits and . _ -");
    }
    let secrets = secrets(raw, section);
    let hashes = section.optional("key_sha256", &raw.key_sha256);
    let has_secret = raw.secret_env.is_some() || raw.secret_file.is_some();
    if raw.key_sha256.is_none() && !has_secret && !by_certificate {
        section.fault(
            "key_sha256",
            "must be set, or secret_env or secret_file in its place; `jobgate key new NAME` prints one to paste",
        );
    }
    if hashes.as_ref().is_some_and(Vec::is_empty) {
        section.fault(
            "key_sha256",
            "must hold at least one key; `jobgate key new NAME` prints one",
        );
    }
    let key_sha256 = hashes
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(|(nth, hash)| sha256(hash, nth, section))
        .collect();
    Some(ClientSettings {
        name: name?,
        key_sha256,
        secrets,
        rate: rate.map(|pace| pace.0),
        refresh: refresh.map_or(Allowance::DEFAULT, |rate| rate.0),
        share,
        jobs,
        max_stale: max_stale.map(|time| time.0),
    })
}

/// The secrets of a virtual AK/SK: either, or both while one replaces the other.
fn secrets(raw: &RawClient, section: &mut Section<'_>) -> Vec<SecretSource> {
    let none: Key<String> = None;
    let env = secret::source(section, "secret", &raw.secret_env, &none);
    let file = secret::source(section, "secret", &none, &raw.secret_file);
    env.into_iter().chain(file).collect()
}

fn job_ids(written: &[String], section: &mut Section<'_>) -> Vec<JobId> {
    if written.is_empty() || written.len() > limits::CLIENT_JOBS {
        let most = limits::CLIENT_JOBS;
        section.fault(
            "jobs",
            format!("must hold 1 to {most} ids; without the key the client may see every job"),
        );
    }
    let mut ids = Vec::new();
    for (nth, id) in written.iter().enumerate() {
        match JobId::parse(id) {
            Ok(job) if job.as_str() == id => ids.push(job),
            Ok(_) | Err(_) => {
                let message = "not a job id: exactly 32 letters and digits";
                section.fault(&element("jobs", nth), message);
            }
        }
    }
    ids
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
    let fault = match hex::decode_to_slice(text, &mut hash) {
        Ok(()) if hash == *Sha256::digest("") => {
            "the SHA-256 of an empty text, which is no key; was a variable not set when it was made?"
        }
        Ok(()) => return Some(hash),
        Err(_) => {
            "not the SHA-256 of a key in 64 hexadecimal digits; `jobgate key new NAME` prints one"
        }
    };
    section.fault(&element("key_sha256", nth), fault);
    None
}
