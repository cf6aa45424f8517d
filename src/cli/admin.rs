//! How a command finds the admin listener of a running gateway, and asks it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jobgate::config::{self, AdminSettings, SecretSource, UpstreamFrom};
use jobgate::credential::AdminToken;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::running::control_runtime;
use super::terminal::harmless;
use super::{AdminArgs, DEFAULT_CONFIG, Failed};

/// The variable that holds the token where no configuration file says another.
const TOKEN_VARIABLE: &str = "JOBGATE_ADMIN_TOKEN";

/// The whole of a question and its answer. The longest is a walk over a full store: well below a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Largest answer read, in bytes: statistics of 65 000 clients are about half of it.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// A gateway that runs.
pub(super) struct Gateway {
    /// Host and port of its admin listener.
    address: Authority,
    /// Presents the token, if there is one.
    authorization: Option<HeaderValue>,
}

/// The body of every error.
#[derive(Deserialize)]
struct Problem {
    error_code: String,
    error_msg: String,
}

// === impl Gateway ===

impl Gateway {
    /// By `--admin`, else by `[admin]` of the configuration file, else by the defaults.
    pub(super) fn find(args: &AdminArgs) -> Result<Self, Failed> {
        match &args.admin {
            Some(url) => Ok(Self {
                address: address_of(url)?,
                authorization: authorization(variable_if_set())?,
            }),
            None => Self::of_settings(&settings(args)?),
        }
    }

    fn of_settings(settings: &AdminSettings) -> Result<Self, Failed> {
        let listen = settings.listen.ok_or_else(|| {
            Failed::Wrong("admin.listen is off, so there is nobody to ask".to_owned())
        })?;
        if listen.port() == 0 {
            let text = "admin.listen leaves the port to the system: name the address that `jobgate serve` printed, with --admin";
            return Err(Failed::Wrong(text.to_owned()));
        }
        let address = reachable(listen).to_string();
        Ok(Self {
            address: address.parse().context("admin.listen")?,
            authorization: authorization(settings.token.clone().or_else(variable_if_set))?,
        })
    }

    /// Asks, and gives the body of a good answer.
    pub(super) fn ask(&self, method: &Method, path: &str) -> Result<Bytes, Failed> {
        let asked = control_runtime()?
            .block_on(async { timeout(PATIENCE, self.exchange(method, path)).await });
        let (status, body) = asked.with_context(|| {
            format!(
                "what listens at http://{} does not answer within {PATIENCE:?}",
                self.address
            )
        })??;
        if status.is_success() {
            return Ok(body);
        }
        let Problem {
            error_code,
            error_msg,
        } = self.read(&body)?;
        let address = &self.address;
        let text = harmless(&format!("{error_msg} ({error_code})"));
        Err(anyhow::anyhow!("http://{address} refuses: {text}").into())
    }

    /// The value that an answer holds.
    pub(super) fn read<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, Failed> {
        let read = serde_json::from_slice(body).with_context(|| {
            format!(
                "what listens at http://{} is no admin listener of this version of jobgate",
                self.address
            )
        });
        read.map_err(Failed::from)
    }

    async fn exchange(&self, method: &Method, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        let port = self.address.port_u16().unwrap_or(80); // RFC 9110 §4.2.1
        let stream = TcpStream::connect(format!("{}:{port}", self.address.host())).await;
        let stream = stream.with_context(|| {
            format!(
                "no gateway answers at http://{}: is it running, and is this its admin.listen? (--admin URL names another)",
                self.address
            )
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = self.request(method, path)?;
        let exchange = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
            anyhow::Ok((head.status, body))
        };
        // the connection ends when the exchange drops its sender; how it ended is told by the exchange
        let (answered, _closed) = tokio::join!(exchange, connection);
        answered.with_context(|| {
            format!(
                "what listens at http://{} does not speak HTTP",
                self.address
            )
        })
    }

    fn request(&self, method: &Method, path: &str) -> anyhow::Result<Request<Empty<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        Ok(request.body(Empty::new())?)
    }
}

/// `[admin]`; `[upstream]` and its credential are not needed here and not looked at.
fn settings(args: &AdminArgs) -> Result<AdminSettings, config::Faults> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = args.config.as_deref();
    let file = file.or_else(|| default.exists().then_some(default));
    let checked = config::load(file, UpstreamFrom::Sandbox, std::env::vars_os())?;
    Ok(checked.settings.admin)
}

fn variable_if_set() -> Option<SecretSource> {
    std::env::var_os(TOKEN_VARIABLE).map(|_| SecretSource::Env(TOKEN_VARIABLE.to_owned()))
}

fn authorization(token: Option<SecretSource>) -> anyhow::Result<Option<HeaderValue>> {
    let token = token.map(|source| -> anyhow::Result<_> {
        let token = AdminToken::open(&source, &|name| std::env::var(name).ok())?;
        Ok(token.authorization()?)
    });
    token.transpose().context("the admin token")
}

/// Host and port of a URL. The listener speaks plain HTTP; from further away it is reached through a tunnel.
fn address_of(url: &Uri) -> Result<Authority, Failed> {
    let is_plain = url.scheme_str().is_none_or(|scheme| scheme == "http");
    match url.authority() {
        Some(address) if is_plain && url.path().trim_start_matches('/').is_empty() => {
            Ok(address.clone())
        }
        Some(_) | None => Err(Failed::Wrong(format!(
            "--admin takes an address such as http://127.0.0.1:9090, not {url}"
        ))),
    }
}

/// Where a listener is reached from its own machine that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut listen = listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    listen
}
