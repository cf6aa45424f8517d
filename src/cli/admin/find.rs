//! Where a running gateway's admin listener is, and what opens it: by `--admin` and `--config`, else by the configuration
//! file in the working directory, else by the defaults. Of the file only `[admin]` is judged.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use jobgate::config::{self, AdminSettings, SecretSource};
use jobgate::credential::AdminToken;

use super::super::{AdminArgs, DEFAULT_CONFIG, Failed};
use super::Gateway;

/// The variable that holds the token where no configuration file says another.
const TOKEN_VARIABLE: &str = "JOBGATE_ADMIN_TOKEN";

/// What opens the admin API, and where it was found.
pub(super) struct Token {
    source: SecretSource,
    /// Presents it.
    pub(super) authorization: HeaderValue,
}

// === impl Gateway ===

impl Gateway {
    /// The one that is meant.
    pub(in super::super) fn find(args: &AdminArgs) -> Result<Self, Failed> {
        let (address, token) = match &args.admin {
            Some(url) => {
                let address = address_of(url)?;
                let file = args.config.as_deref();
                let settings = file.map(|file| config::load_admin(Some(file), std::env::vars_os()));
                (address, settings.transpose()?.and_then(|admin| admin.token))
            }
            None => {
                let settings = settings(args.config.as_deref())?;
                (address_in(&settings)?, settings.token)
            }
        };
        let token = token
            .or_else(variable_if_set)
            .map(Token::open)
            .transpose()?;
        Ok(Self { address, token })
    }
}

// === impl Token ===

impl Token {
    fn open(source: SecretSource) -> anyhow::Result<Self> {
        let token = AdminToken::open(&source, &|name| std::env::var(name).ok());
        let authorization = token.and_then(|token| token.authorization());
        Ok(Self {
            authorization: authorization.context("the admin token")?,
            source,
        })
    }
}

/// What somebody wants to know whose token was missing or wrong.
pub(super) fn told_of(token: Option<&Token>) -> String {
    match token.map(|token| &token.source) {
        None => format!(
            "No token was sent: it is looked for where admin.token_env or admin.token_file of the configuration (--config FILE) \
             says, else in the environment variable {TOKEN_VARIABLE}."
        ),
        Some(SecretSource::Env(name)) => {
            format!("The token sent is that of the environment variable {name}.")
        }
        Some(SecretSource::File(path)) => {
            format!("The token sent is that of the file {}.", path.display())
        }
    }
}

fn settings(file: Option<&Path>) -> Result<AdminSettings, config::Faults> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = file.or_else(|| default.exists().then_some(default));
    config::load_admin(file, std::env::vars_os())
}

fn variable_if_set() -> Option<SecretSource> {
    std::env::var_os(TOKEN_VARIABLE).map(|_| SecretSource::Env(TOKEN_VARIABLE.to_owned()))
}

/// Host and port of a URL. The listener speaks plain HTTP; from further away it is reached through a tunnel.
fn address_of(url: &Uri) -> Result<Authority, Failed> {
    if url.scheme() == Some(&Scheme::HTTPS) {
        return Err(Failed::Wrong(format!(
            "--admin {url}: the admin listener speaks plain HTTP; write http:// in place of https://"
        )));
    }
    let is_plain = url.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP);
    match url.authority() {
        Some(address) if is_plain && url.path().trim_start_matches('/').is_empty() => {
            Ok(address.clone())
        }
        Some(_) | None => Err(Failed::Wrong(format!(
            "--admin takes an address such as http://127.0.0.1:9090, not {url}"
        ))),
    }
}

/// Where the settings say that it listens.
fn address_in(settings: &AdminSettings) -> Result<Authority, Failed> {
    let Some(listen) = settings.listen else {
        let text = "admin.listen is off, so there is nobody to ask";
        return Err(Failed::Wrong(text.to_owned()));
    };
    if listen.port() == 0 {
        let text = "admin.listen leaves the port to the system: name the address that `jobgate serve` printed, with --admin";
        return Err(Failed::Wrong(text.to_owned()));
    }
    let address = reachable(listen).to_string();
    Ok(address.parse().context("admin.listen")?)
}

/// Where a listener is reached from its own machine that listens on every address.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    listen
}
