//! The settings the program trusts: one small struct per room, already checked.
//!
//! [`load`] reads `gateway.toml` and the environment and either returns [`Settings`] or every fault at once. `raw` is
//! what the file says, `document` how it is read, `limits` which defaults and bounds there are, `unavailable` what this
//! version refuses; each section has a file that checks it, and `across` looks at them together. Secrets are not read here: settings say where they are.

mod across;
mod admin;
mod auth;
mod budget;
mod cache;
mod credential;
mod document;
mod faults;
mod hosts;
mod item;
mod limits;
mod log;
mod place;
mod raw;
mod report;
mod secret;
mod section;
mod server;
mod unavailable;
mod unknown;
mod upstream;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;

pub use auth::is_client_name;
use document::File;
pub use faults::{Fault, Faults};
use place::Place;
use raw::RawAuthMode;

/// Settings, and what is odd about them without being wrong.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the program may trust.
    pub settings: Settings,
    /// For the operator, one sentence each.
    pub warnings: Vec<String>,
}

/// Who says where upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFrom {
    /// `[upstream]`, which must name endpoint and credential.
    Configuration,
    /// The built-in sandbox: endpoint, region and credential of `[upstream]` are ignored. The settings hold
    /// stand-ins that lead nowhere, to be replaced when the sandbox runs. Without a file the default of `auth.mode`
    /// is `"open"`.
    Sandbox,
}

/// Reads the file, if there is one, and the environment over it, and checks the whole.
///
/// # Errors
/// Every fault at once; only a file that cannot be read or is not TOML is a fault alone.
pub fn load(
    file: Option<&Path>,
    upstream: UpstreamFrom,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Checked, Faults> {
    let Some(path) = file else {
        return check(None, upstream, environment);
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Faults::of_file(
            Place::File(name.as_str().into()),
            format!("cannot be read: {error}"),
        )
    })?;
    check(Some(&File { name, text: &text }), upstream, environment)
}

fn check(
    file: Option<&File<'_>>,
    from: UpstreamFrom,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Checked, Faults> {
    let (raw, mut report) = document::read(file, environment)?;
    let default_mode = match (from, file) {
        (UpstreamFrom::Sandbox, None) => RawAuthMode::Open,
        (UpstreamFrom::Sandbox, Some(_)) | (UpstreamFrom::Configuration, _) => RawAuthMode::Keys,
    };
    cache::check_store(&raw.store, &mut report);
    log::check_reload(&raw.reload, &mut report);
    let server = server::check(&raw.server, &mut report);
    let admin = admin::check(&raw.admin, server.listen, &mut report);
    let upstream = upstream::check(&raw.upstream, from, &mut report);
    let cache = cache::check(&raw.cache, &mut report);
    let budget = budget::check(&raw.budget, &mut report);
    let auth = auth::check(&raw.auth, &raw.clients, default_mode, &server, &mut report);
    let log = log::check(&raw.log, &mut report);
    let Some(upstream) = upstream.filter(|_| report.faults.is_empty()) else {
        return Err(Faults::new(report.faults));
    };
    let settings = Settings {
        server,
        admin,
        upstream,
        cache,
        budget,
        auth,
        log,
    };
    across::check(&settings, &mut report);
    Ok(Checked {
        settings,
        warnings: report.warnings,
    })
}

/// Everything `gateway.toml` can say, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`
    pub server: ServerSettings,
    /// `[admin]`
    pub admin: AdminSettings,
    /// `[upstream]`
    pub upstream: UpstreamSettings,
    /// `[cache]`
    pub cache: CacheSettings,
    /// `[budget]`
    pub budget: BudgetSettings,
    /// `[auth]` and `[[clients]]`
    pub auth: AuthSettings,
    /// `[log]`
    pub log: LogSettings,
}

/// `[server]`: the listener that clients use.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// `server.listen`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `server.workers`: threads that serve clients; 0 in the file means one per core.
    pub workers: usize,
    /// `server.base_path`: empty, or begins with `/` and does not end with one.
    pub base_path: String,
    /// `server.max_connections`.
    pub max_connections: usize,
    /// `server.max_waiting`: requests waiting for upstream, over all jobs.
    pub max_waiting: usize,
    /// `server.header_timeout`: a whole request head must arrive within this; also bounds the TLS handshake.
    pub header_timeout: Duration,
    /// `server.max_header_bytes`.
    pub max_header_bytes: usize,
    /// `server.idle_timeout`: how long a kept-alive connection may be silent.
    pub idle_timeout: Duration,
    /// `server.request_timeout`: the longest a client waits for an answer.
    pub request_timeout: Duration,
    /// `server.drain_delay`: not ready but still accepting, before the drain.
    pub drain_delay: Duration,
    /// `server.drain_timeout`.
    pub drain_timeout: Duration,
    /// `server.allowed_hosts`, lower case; empty: any well-formed Host.
    pub allowed_hosts: Vec<String>,
    /// `server.tls`.
    pub tls: Option<TlsSettings>,
}

/// `server.tls`: files, PEM.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The certificate chain, leaf first.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// `[admin]`: the operator's listener.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// `admin.listen`; `None` (in the file `""`) is off.
    pub listen: Option<SocketAddr>,
    /// `admin.allowed_hosts`, lower case: besides the listen address and localhost.
    pub allowed_hosts: Vec<String>,
    /// `admin.token_env` or `admin.token_file`; must be set if `listen` is off loopback.
    pub token: Option<SecretSource>,
}

/// `[upstream]`: where job info comes from.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// `upstream.endpoint`, or the endpoint of `upstream.region`: scheme and authority, nothing else.
    pub endpoint: Uri,
    /// `upstream.connect_timeout`: TCP and TLS together.
    pub connect_timeout: Duration,
    /// `upstream.timeout`: from the first byte sent to the last byte read, connecting included.
    pub timeout: Duration,
    /// `upstream.max_body` in bytes.
    pub max_body: usize,
    /// `upstream.max_in_flight`.
    pub max_in_flight: usize,
    /// `upstream.ca_file`: trusted instead of the system's store.
    pub ca_file: Option<PathBuf>,
    /// `[upstream.credential]`.
    pub credential: CredentialSettings,
}

/// `[upstream.credential]`: which one, and where its secrets are; never the secrets themselves.
#[derive(Clone, Debug)]
pub enum CredentialSettings {
    /// `kind = "aksk"`: requests are signed.
    AkSk {
        /// `access_key_env`: name of the environment variable.
        access_key_env: String,
        /// `secret_key_env` or `secret_key_file`.
        secret_key: SecretSource,
        /// `security_token_env` or `security_token_file`: with temporary keys.
        security_token: Option<SecretSource>,
        /// `project_id`: sent and signed as `X-Project-Id`.
        project_id: Option<String>,
    },
    /// `kind = "token"`: sent as `X-Auth-Token`.
    Token(SecretSource),
}

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `*_env`: an environment variable, read once at start.
    Env(String),
    /// `*_file`: a file, read again when it changes.
    File(PathBuf),
}

/// `[cache]`
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// `cache.max_memory` in bytes, counting everything an entry costs.
    pub max_memory: u64,
    /// `cache.ttl`: freshness lifetime of a finished job.
    pub ttl: Duration,
    /// `cache.ttl_running`: of one that is not, or of which it is not known.
    pub ttl_running: Duration,
    /// `cache.ttl_not_found`: how long a first «no such job» is remembered; zero: not at all.
    pub ttl_not_found: Duration,
    /// `cache.stale_while_revalidate`: past its lifetime, an answer is served at once for this long, and refreshed behind.
    pub stale_while_revalidate: Duration,
    /// `cache.stale_if_error`: past its lifetime, an answer is served for this long when upstream fails.
    pub stale_if_error: Duration,
}

/// `[budget]`
#[derive(Clone, Debug)]
pub struct BudgetSettings {
    /// `budget.requests`: upstream calls per window.
    pub requests: NonZeroU32,
    /// `budget.window`.
    pub window: Duration,
}

/// `[auth]` and `[[clients]]`: who may ask.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// `auth.mode`.
    pub mode: AuthMode,
    /// `[[clients]]`, in file order; names are unique.
    pub clients: Vec<ClientSettings>,
}

/// `auth.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// A known client key is required.
    Keys,
    /// Nobody is asked for a key (`open` on loopback, `open-to-network` elsewhere).
    Open,
}

/// One `[[clients]]` entry.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// `name`: 1–64 of `[A-Za-z0-9._-]`.
    pub name: String,
    /// `key_sha256`: SHA-256 of each key; several while rotating.
    pub key_sha256: Vec<[u8; 32]>,
    /// `refresh`: how often it may force a look.
    pub refresh: Allowance,
    /// `max_stale`: how long past its lifetime an answer may be for this client; `None`: as `[cache]` says.
    pub max_stale: Option<Duration>,
}

/// How often something may be done: `"10/m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many times; 0 is never.
    pub times: u32,
    /// In each such stretch of time.
    pub per: Duration,
}

// === impl Allowance ===

impl Allowance {
    /// What a client has that `refresh` says nothing of, and everybody together in open mode: ten a minute, a fifth of
    /// the quota at most.
    pub const DEFAULT: Self = Self {
        times: 10,
        per: Duration::from_secs(60),
    };
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `log.format`
    pub format: LogFormat,
    /// `log.level`
    pub level: tracing::Level,
    /// `log.access`
    pub access: AccessLog,
}

/// `log.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `log.access`: which requests get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Every request.
    All,
    /// Those answered with a status of 400 or more.
    Errors,
    /// None.
    Off,
}
