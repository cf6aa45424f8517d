//! WIRING. Builds every part once, in order, and ends them in the opposite one.
//!
//! Threads: the caller's runtime is the *control runtime*. It owns what must outlive a client: the fetches, the
//! connections to upstream, the admin listener, the drain. The workers of the [`Server`] own the client connections and
//! nothing else, so that a hit never crosses a thread.

mod credential;
mod facts;
mod fetch;
mod hands;
mod operations;
mod parts;
mod requests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Access, Admin};
use crate::clock::Clock;
use crate::config::{AuthMode, Settings};
use crate::credential::{ClientSecretFault, ClientSecrets, Credential, CredentialFault};
use crate::policy::normalise::Field;
use crate::server::{self, Server, ServerMetrics, Tls, TlsFault};
use crate::stack;
use crate::telemetry::lines::Lines;
use crate::telemetry::metrics::{self, Metrics, Origin};
use crate::upstream::{Upstream, UpstreamFault};

use facts::{State, Watched};
use hands::Hands;
use operations::Operations;
use parts::Parts;

/// What the gateway is given besides its settings.
pub struct Environment {
    /// Time.
    pub clock: Clock,
    /// Where log lines go.
    pub lines: Lines,
    /// The central credential, read.
    pub credential: Credential,
    /// A socket that the service manager already listens on; `None` binds `server.listen`.
    pub listener: Option<std::net::TcpListener>,
    /// Nobody can have called upstream before: the budget is there from the start.
    pub upstream_is_new: bool,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// `server.listen` or `admin.listen` cannot be had.
    #[error("cannot listen on {addr} ({key})")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Its key.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
    /// `server.tls`
    #[error("cannot serve TLS")]
    Tls(#[from] TlsFault),
    /// `upstream.ca_file`, or the system's trust store.
    #[error("cannot reach upstream safely")]
    Upstream(#[from] UpstreamFault),
    /// `admin.token_env` or `admin.token_file`.
    #[error("cannot read the admin token")]
    AdminToken(#[from] CredentialFault),
    /// `secret_env` or `secret_file` of a client.
    #[error("cannot read a client's secret")]
    ClientSecret(#[from] ClientSecretFault),
    /// No threads, no descriptors, no randomness.
    #[error("the system refuses what the gateway needs")]
    System(#[from] io::Error),
}

/// A gateway that serves.
pub struct Gateway {
    /// Where clients are served.
    pub addr: SocketAddr,
    /// Where the operator is served, if anywhere.
    pub admin_addr: Option<SocketAddr>,
    state: Arc<State>,
    server: Server,
    fetches: TaskTracker,
    stop_hands: CancellationToken,
    /// A child of the other: sweeps end first.
    stop_sweeps: CancellationToken,
    /// What outlasts the fetches: the admin listener, and the credential's keeper, of whom fetches may need a renewal.
    last: TaskTracker,
    stop_last: CancellationToken,
    drain_delay: Duration,
    drain_timeout: Duration,
}

/// How the gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were cut because they did not end within `server.drain_timeout`.
    pub cut_connections: usize,
    /// Fetches that were given up for the same reason.
    pub lost_fetches: usize,
}

// === impl Gateway ===

impl Gateway {
    /// Starts serving. Must be called on the control runtime, which must go on running.
    ///
    /// # Errors
    /// [`StartFault`]; then nothing is left running.
    pub fn start(settings: &Settings, environment: Environment) -> Result<Self, StartFault> {
        let Environment {
            clock,
            lines,
            credential,
            listener,
            upstream_is_new,
        } = environment;
        let listener = match listener {
            Some(inherited) => inherited,
            None => listen(settings.server.listen, "server.listen")?,
        };
        let addr = listener.local_addr()?;
        let admin_door = admin_door(settings)?;
        let tls = settings.server.tls.as_ref().map(Tls::load).transpose()?;
        let secrets = client_secrets(settings)?;

        let mut registry = Registry::default();
        let metrics = register(&mut registry, &clock, &lines);
        let server_metrics = ServerMetrics::default();
        server_metrics.register(&mut registry);
        let credential = Arc::new(credential);
        let parts = Parts::new(
            settings,
            &credential,
            secrets,
            upstream_is_new,
            metrics,
            clock.clone(),
        );

        let upstream = Upstream::new(&settings.upstream, clock.clone())?
            .asking_for_limits(settings.budget.learn);
        let authorise = parts.authorise(&credential, upstream.host());
        let list = parts.list(settings, authorise.clone(), upstream.clone());
        let fetch = parts.fetch(settings, authorise, upstream);
        let fetches = TaskTracker::new();
        let collapse = parts.collapse(settings, fetch, &fetches);
        let hands = parts.hands(settings, &collapse, list);
        let keeper = parts.keeper(&credential);
        let requests = stack::requests(parts.requests(settings, collapse.clone()));
        let observer = Arc::new(parts.observer(settings, lines)?);

        let operations = Operations::new(
            &parts,
            &credential,
            settings.cache.windows(),
            collapse.clone(),
        );
        let decisions = hands.as_ref().map(Hands::decisions);
        let watched = Watched::new(&parts, credential, collapse, decisions);
        let state = Arc::new(State::new(settings, watched));
        metrics::facts::register(&mut registry, Arc::clone(&state) as _);

        let shared = server::Shared {
            tls,
            metrics: server_metrics,
            drain: parts.drain.clone(),
            clock: clock.clone(),
        };
        let server = Server::start(listener, &settings.server, &shared, move |peer| {
            observer.observe(peer, requests.clone())
        })?;
        let stop_hands = CancellationToken::new();
        let mut gateway = Self {
            addr,
            admin_addr: None,
            state,
            server,
            fetches,
            stop_sweeps: stop_hands.child_token(),
            stop_hands,
            last: TaskTracker::new(),
            stop_last: CancellationToken::new(),
            drain_delay: settings.server.drain_delay,
            drain_timeout: settings.server.drain_timeout,
        };
        if let Some((listener, access)) = admin_door {
            let admin = Admin::new(admin::Parts {
                registry,
                facts: Arc::clone(&gateway.state) as _,
                requests: parts.metrics.requests,
                upstream: parts.metrics.upstream,
                operate: Arc::new(operations),
                access,
                clock,
                look_patience: settings.server.request_timeout,
            });
            gateway.serve_admin(listener, admin)?;
        }
        gateway.last.spawn(keeper.run(gateway.stop_last.clone()));
        if let Some(hands) = hands {
            // last: a start that fails leaves none at work
            hands.start(&gateway.fetches, &gateway.stop_hands, &gateway.stop_sweeps);
        }
        Ok(gateway)
    }

    fn serve_admin(&mut self, listener: std::net::TcpListener, admin: Admin) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        self.admin_addr = Some(listener.local_addr()?);
        self.last
            .spawn(admin::serve(listener, admin, self.stop_last.clone()));
        Ok(())
    }

    /// Ends it: not ready, but still accepting, for `drain_delay`; then no new connections, what runs is finished,
    /// within `drain_timeout`; the admin listener goes last, so that the end can be watched.
    pub async fn drain(self) -> Ended {
        self.state.not_ready();
        tokio::time::sleep(self.drain_delay).await;
        self.state.drain().begin();
        self.stop_sweeps.cancel(); // what lists tell is about to be forgotten
        let limit = tokio::time::sleep(self.drain_timeout); // one for connections and fetches together
        let drained = self.server.drained().await;
        if drained.lost_workers > 0 {
            tracing::error!(
                workers = drained.lost_workers,
                "workers had ended by a fault of our own"
            );
        }
        self.stop_hands.cancel();
        self.fetches.close();
        let lost_fetches = tokio::select! {
            biased;
            () = self.fetches.wait() => 0,
            () = limit => self.fetches.len(),
        };
        self.stop_last.cancel();
        self.last.close();
        self.last.wait().await;
        Ended {
            cut_connections: drained.cut,
            lost_fetches,
        }
    }
}

fn listen(addr: SocketAddr, key: &'static str) -> Result<std::net::TcpListener, StartFault> {
    server::bind(addr).map_err(|source| StartFault::Listen { addr, key, source })
}

/// Where the operator is served, and who may enter; `None`: nowhere.
fn admin_door(settings: &Settings) -> Result<Option<(std::net::TcpListener, Access)>, StartFault> {
    let Some(addr) = settings.admin.listen else {
        return Ok(None);
    };
    let access = Access::open(&settings.admin, &|name| std::env::var(name).ok())?;
    Ok(Some((listen(addr, "admin.listen")?, access)))
}

/// None where nobody is asked who he is.
fn client_secrets(settings: &Settings) -> Result<ClientSecrets, ClientSecretFault> {
    match settings.auth.mode {
        AuthMode::Open => Ok(ClientSecrets::default()),
        AuthMode::Keys => {
            ClientSecrets::open(&settings.auth.clients, &|name| std::env::var(name).ok())
        }
    }
}

fn register(registry: &mut Registry, clock: &Clock, lines: &Lines) -> Metrics {
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION"),
        started: clock.wall(),
        nullable_fields: &Field::ALL.map(Field::as_str),
        log_lines_dropped: lines.dropped(),
    };
    Metrics::register(registry, origin)
}
