//! `[server]` and `server.tls`: the listener that clients use.

use std::path::PathBuf;

use super::item::Time;
use super::raw::{Key, RawClientAuth, RawServer, RawTls};
use super::report::Report;
use super::section::Section;
use super::{ClientCertificates, ServerSettings, TlsSettings, hosts, limits, unavailable};

/// Checks `[server]`.
pub(super) fn check(raw: &RawServer, report: &mut Report) -> ServerSettings {
    let tls = raw.tls.as_ref().and_then(|raw| check_tls(raw, report));
    let mut section = Section::of(report, "server");
    section.only(
        "max_wait",
        &raw.max_wait,
        &limits::NO_WINDOW,
        &unavailable::LONG_POLLS,
    );
    section.only(
        "trusted_proxies",
        &raw.trusted_proxies,
        &Vec::new(),
        &unavailable::FORWARDED_FOR,
    );
    let settings = ServerSettings {
        listen: section.or("listen", &raw.listen, limits::LISTEN),
        workers: workers(section.within("workers", &raw.workers, &limits::WORKERS)),
        base_path: base_path(&mut section, &raw.base_path),
        max_connections: section.within(
            "max_connections",
            &raw.max_connections,
            &limits::MAX_CONNECTIONS,
        ),
        max_waiting: section.within("max_waiting", &raw.max_waiting, &limits::MAX_WAITING),
        header_timeout: section.duration(
            "header_timeout",
            &raw.header_timeout,
            &limits::HEADER_TIMEOUT,
        ),
        max_header_bytes: section
            .within(
                "max_header_bytes",
                &raw.max_header_bytes,
                &limits::MAX_HEADER_BYTES,
            )
            .bytes(),
        idle_timeout: section.duration("idle_timeout", &raw.idle_timeout, &limits::IDLE_TIMEOUT),
        request_timeout: section.duration(
            "request_timeout",
            &raw.request_timeout,
            &limits::REQUEST_TIMEOUT,
        ),
        drain_delay: section.duration("drain_delay", &raw.drain_delay, &limits::DRAIN_DELAY),
        drain_timeout: section.duration(
            "drain_timeout",
            &raw.drain_timeout,
            &limits::DRAIN_TIMEOUT,
        ),
        allowed_hosts: hosts::allowed(&mut section, &raw.allowed_hosts),
        tls,
    };
    if settings.idle_timeout < limits::SDK_IDLE {
        report.warn(format!(
            "server.idle_timeout is {}: the official SDKs keep a connection silent for up to {} and then use it again",
            Time(settings.idle_timeout),
            Time(limits::SDK_IDLE)
        ));
    }
    settings
}

/// Both files or none.
fn check_tls(raw: &RawTls, report: &mut Report) -> Option<TlsSettings> {
    let mut section = Section::of(report, "server.tls");
    let cert_file = section
        .required("cert_file", &raw.cert_file)
        .map(PathBuf::from);
    let key_file = section
        .required("key_file", &raw.key_file)
        .map(PathBuf::from);
    let clients = client_certificates(raw, &mut section);
    Some(TlsSettings {
        cert_file: cert_file?,
        key_file: key_file?,
        clients,
    })
}

/// Whose certificates are believed, and whether there must be one.
fn client_certificates(raw: &RawTls, section: &mut Section<'_>) -> Option<ClientCertificates> {
    let ca_file = section.optional("client_ca_file", &raw.client_ca_file);
    let auth = section.optional("client_auth", &raw.client_auth);
    if raw.client_ca_file.is_none() && raw.client_auth.is_some() {
        section.fault(
            "client_auth",
            "has no effect without client_ca_file, whose certificates clients may show",
        );
    }
    Some(ClientCertificates {
        ca_file: PathBuf::from(ca_file?),
        required: auth != Some(RawClientAuth::Optional),
    })
}

/// 0 in the file is one per core.
fn workers(written: usize) -> usize {
    match written {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

fn base_path(section: &mut Section<'_>, raw: &Key<String>) -> String {
    let path = section.or("base_path", raw, String::new());
    if path.is_empty() {
        return path;
    }
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    let is_segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.bytes().all(plain);
    let is_path = path.len() <= limits::BASE_PATH_BYTES
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(is_segment));
    if !is_path {
        section.fault(
            "base_path",
            format!(
                "must be empty or segments of letters, digits and -._~ like \"/build/api\", at most {} bytes",
                limits::BASE_PATH_BYTES
            ),
        );
    }
    path
}
