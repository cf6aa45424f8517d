//! Everything `gateway.toml` can say, checked: one small struct for each room, whose documentation names the key.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::policy::allowance::Allowance;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;
use crate::policy::ladder::Windows;

pub use crate::policy::normalise::CallerFields;

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
    /// Whether clients show certificates, and whose are believed; `None`: they are not asked.
    pub clients: Option<ClientCertificates>,
}

/// `server.tls.client_ca_file`: a client may be named by its certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// The authorities whose certificates are believed.
    pub ca_file: PathBuf,
    /// `server.tls.client_auth`: without a certificate there is no connection.
    pub required: bool,
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
    /// `kind = "aksk"` with `keys_file`: the same, all keys of one file that another process renews.
    KeysFile {
        /// JSON, as IAM and the metadata service answer.
        path: PathBuf,
        /// `project_id`: sent and signed as `X-Project-Id`.
        project_id: Option<String>,
    },
    /// `kind = "token"`: sent as `X-Auth-Token`.
    Token(SecretSource),
    /// `kind = "password"`: tokens from IAM.
    Password(PasswordSettings),
    /// `kind = "metadata"`: temporary keys of the cloud server's agency.
    Metadata {
        /// `metadata_endpoint`: scheme and authority, nothing else.
        endpoint: Uri,
        /// `project_id`: sent and signed as `X-Project-Id`.
        project_id: Option<String>,
    },
}

/// `kind = "password"`: whose tokens IAM is asked for.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// `iam_endpoint`, or the endpoint of `upstream.region`: scheme and authority, nothing else.
    pub iam_endpoint: Uri,
    /// `domain`: the account's name.
    pub domain: String,
    /// `user`: the IAM user's name.
    pub user: String,
    /// `password_env` or `password_file`.
    pub password: SecretSource,
    /// `project`: the name of the project that tokens are for; the region's name unless it is written.
    pub project: String,
}

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `*_env`: an environment variable, read once at start.
    Env(String),
    /// `*_file`: a file, read again when it changes.
    File(PathBuf),
}

// === impl SecretSource ===

impl SecretSource {
    /// The key that says it: `admin.token_env` or `admin.token_file`, if the secret is `admin.token`.
    #[must_use]
    pub fn key(&self, secret: &str) -> String {
        match self {
            Self::Env(_) => format!("{secret}_env"),
            Self::File(_) => format!("{secret}_file"),
        }
    }
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
    /// `cache.caller_fields`: what clients see of the fields that are about the central user.
    pub caller_fields: CallerFields,
}

// === impl CacheSettings ===

impl CacheSettings {
    /// How long answers are fresh.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            finished: self.ttl,
            running: self.ttl_running,
        }
    }

    /// How long past their lifetime they may be served.
    #[must_use]
    pub fn windows(&self) -> Windows {
        Windows {
            while_revalidate: self.stale_while_revalidate,
            if_error: self.stale_if_error,
        }
    }
}

/// `[budget]`
#[derive(Clone, Debug)]
pub struct BudgetSettings {
    /// `budget.mode`: who decides when a job is looked at.
    pub mode: BudgetMode,
    /// `budget.requests`: upstream calls per window.
    pub requests: NonZeroU32,
    /// `budget.window`.
    pub window: Duration,
    /// `budget.learn`: a lower limit that upstream names is adopted.
    pub learn: bool,
    /// `[budget.sweep]`
    pub sweep: SweepSettings,
}

/// `budget.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetMode {
    /// The budget: each call goes where it prevents the most wrong answers.
    Budget,
    /// The clients: plain fixed lifetimes.
    Ttl,
}

/// `[budget.sweep]`
#[derive(Clone, Debug)]
pub struct SweepSettings {
    /// `budget.sweep.mode`; off, whatever the file says, if `budget.mode` is `ttl`.
    pub mode: SweepMode,
    /// `budget.sweep.projects`: CodeArts project ids of 32 letters and digits, each once; at least one in mode `projects`.
    pub projects: Vec<String>,
    /// `budget.sweep.requests`: list calls per window.
    pub requests: NonZeroU32,
    /// `budget.sweep.shared`: upstream counts lists and job calls together.
    pub shared: bool,
}

/// `budget.sweep.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepMode {
    /// `recent`, as long as it saves calls.
    Auto,
    /// The list of all jobs, the last built first.
    Recent,
    /// The list of each configured project.
    Projects,
    /// No list calls.
    Off,
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
    /// `secret_env` and `secret_file`: secrets of its virtual AK/SK, whose access key is its name; several while rotating.
    pub secrets: Vec<SecretSource>,
    /// `rate`: all its requests; `None`: as often as it likes.
    pub rate: Option<Allowance>,
    /// `jobs`: the only ids it may see; `None`: all.
    pub jobs: Option<Vec<JobId>>,
    /// `refresh`: how often it may force a look.
    pub refresh: Allowance,
    /// `share`: of the budget, when clients compete for it; all together at most 1. `None`: an equal part of what the others leave.
    pub share: Option<f64>,
    /// `max_stale`: how long past its lifetime an answer may be for this client; `None`: as `[cache]` says.
    pub max_stale: Option<Duration>,
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
