//! The settings the program trusts: one small struct per room, already checked.
//!
//! [`load`] reads `gateway.toml` and the environment and either returns [`Settings`] or every fault at once;
//! [`load_admin`] does so for `[admin]` alone. `raw` is what the file says, `document` how it is read, `limits` which
//! defaults and bounds there are, `unavailable` what this version refuses; each section has a file that checks it, and
//! `across` looks at them together. Secrets are not read here: settings say where they are.

mod across;
mod admin;
mod auth;
mod budget;
mod cache;
mod credential;
mod document;
mod endpoint;
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
mod settings;
mod share;
mod unavailable;
mod unknown;
mod upstream;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use auth::is_client_name;
use document::File;
pub use faults::{Fault, Faults};
pub use item::written;
use place::Place;
use raw::RawAuthMode;
pub use settings::{
    AccessLog, AdminSettings, AuthMode, AuthSettings, BudgetMode, BudgetSettings, CacheSettings,
    CallerFields, ClientCertificates, ClientSettings, CredentialSettings, LogFormat, LogSettings,
    PasswordSettings, SecretSource, ServerSettings, Settings, SweepMode, SweepSettings,
    TlsSettings, UpstreamSettings,
};

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
    check(file.map(open).transpose()?.as_ref(), upstream, environment)
}

/// As [`load`], but only `[admin]` is judged: for whoever wants to find a running gateway, and does not start one.
///
/// # Errors
/// Every fault of `[admin]` at once; only a file that cannot be read or is not TOML is a fault alone.
pub fn load_admin(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<AdminSettings, Faults> {
    check_admin(file.map(open).transpose()?.as_ref(), environment)
}

fn open(path: &Path) -> Result<File, Faults> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(File { name, text }),
        Err(error) => Err(Faults::of_file(
            Place::File(name.into()),
            format!("cannot be read: {error}"),
        )),
    }
}

fn check_admin(
    file: Option<&File>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<AdminSettings, Faults> {
    let (raw, mut report) = document::read(file, environment)?;
    let settings = admin::check(&raw.admin, &mut report);
    let faults = report.faults_below("admin");
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(Faults::new(faults))
    }
}

fn check(
    file: Option<&File>,
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
    let admin = admin::check(&raw.admin, &mut report);
    admin::check_apart(&admin, server.listen, &mut report);
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
