//! WIRING. Builds every part once, in order, and ends them in the opposite one.
//!
//! Threads: the caller's runtime is the *control runtime*. It owns what must outlive a client: the fetches, the
//! connections to upstream, the admin listener, the drain. The workers of the [`Server`] own the client connections and
//! nothing else, so that a hit never crosses a thread.

mod facts;
mod fetch;
mod operations;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Access, Admin};
use crate::clock::Clock;
use crate::config::{AuthMode, BudgetMode, Settings, SweepMode};
use crate::credential::{Credential, CredentialFault};
use crate::layers::admit::Admit;
use crate::layers::authenticate::Authenticate;
use crate::layers::collapse::{Bounds, Collapse};
use crate::layers::conform::Conform;
use crate::layers::fetch::gate::{Gate, Terms};
use crate::layers::lookup::LookupLayer;
use crate::layers::observe::Observer;
use crate::layers::route::Route;
use crate::layers::usage::Usage;
use crate::planner::Planner;
use crate::policy::client::Clients;
use crate::policy::normalise::Field;
use crate::policy::refresh::Rules;
use crate::policy::sweep::{self, Sweeps};
use crate::refresh::Refresher;
use crate::refresh::sweep::{Decisions, Sweeper};
use crate::server::{self, Drain, Server, ServerMetrics, Tls, TlsFault};
use crate::stack::{self, RequestParts};
use crate::store::Store;
use crate::telemetry::access::AccessLog;
use crate::telemetry::lines::Lines;
use crate::telemetry::metrics::{self, Metrics, Origin};
use crate::upstream::{Upstream, UpstreamFault};

use facts::State;
use fetch::FetchWiring;
use operations::Operations;

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
    stop_refresher: CancellationToken,
    admin: TaskTracker,
    stop_admin: CancellationToken,
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
        let admin_listener = settings
            .admin
            .listen
            .map(|addr| -> Result<_, StartFault> {
                let access = Access::open(&settings.admin, &|name| std::env::var(name).ok())?;
                Ok((listen(addr, "admin.listen")?, access))
            })
            .transpose()?;
        let tls = settings.server.tls.as_ref().map(Tls::load).transpose()?;

        let mut registry = Registry::default();
        let metrics = register(&mut registry, &clock, &lines);
        let server_metrics = ServerMetrics::default();
        server_metrics.register(&mut registry);

        let drain = Drain::new();
        let store = Store::new(settings.cache.max_memory);
        let terms = Terms {
            upstream_is_new,
            ..Terms::from(&settings.budget)
        };
        let gate = Gate::on(terms, credential.kind(), clock.clone());
        let clients = Arc::new(clients(settings));
        let planner = planner(settings, &clients, &clock);
        let upstream = Upstream::new(&settings.upstream, clock.clone())?
            .asking_for_limits(settings.budget.learn);
        let parts = FetchWiring {
            settings,
            store: &store,
            gate: &gate,
            planner: planner.as_ref(),
            clock: &clock,
            metrics: &metrics.upstream,
        };
        let authorise = parts.authorise(credential, upstream.host());
        let list = parts.list(authorise.clone(), upstream.clone());
        let fetch = parts.fetch(authorise, upstream);

        let accounts = metrics.requests.accounts(&clients);
        let fetches = TaskTracker::new();
        let bounds = Bounds {
            runtime: Handle::current(),
            tasks: fetches.clone(),
            max_waiting: settings.server.max_waiting,
            patience: settings.server.request_timeout,
            refresh: settings
                .auth
                .clients
                .iter()
                .map(|client| client.refresh)
                .collect(),
            accounts: accounts.clone(),
        };
        let upstream_metrics = metrics.upstream.clone();
        let collapse = Collapse::new(
            fetch,
            gate.clone(),
            planner.clone(),
            store.clone(),
            clock.clone(),
            bounds,
            upstream_metrics,
        );
        let requests = stack::requests(RequestParts {
            admit: Admit::new(drain.clone()),
            conform: Conform::new(&settings.server.allowed_hosts),
            route: Route::new(&settings.server.base_path),
            authenticate: match settings.auth.mode {
                AuthMode::Keys => Authenticate::with_keys(Arc::clone(&clients)),
                AuthMode::Open => Authenticate::open(),
            },
            usage: Usage::new(accounts, Arc::clone(&clients), clock.clone()),
            lookup: LookupLayer::new(
                store.clone(),
                settings.cache.windows(),
                Arc::clone(&clients),
                planner.clone(),
                clock.clone(),
            ),
            collapse: collapse.clone(),
        });
        let access = AccessLog::new(&settings.log, lines);
        let process = getrandom::u64().map_err(io::Error::other)?;
        let observer = Arc::new(Observer::new(
            metrics.requests.clone(),
            clients,
            access,
            store.chronicle.clone(),
            clock.clone(),
            process,
        ));

        let operations = Operations {
            store: store.clone(),
            collapse: collapse.clone(),
            gate: gate.clone(),
            planner: planner.clone(),
            windows: settings.cache.windows(),
            clock: clock.clone(),
            drain: drain.clone(),
        };
        let decisions = planner
            .as_ref()
            .map(|_| Decisions::new(Sweeps::new(sweep_rules(settings))));
        let state = Arc::new(State::new(
            settings,
            facts::Parts {
                collapse,
                store,
                gate,
                planner: planner.clone(),
                decisions: decisions.clone(),
                clock: clock.clone(),
                drain: drain.clone(),
            },
        ));
        metrics::facts::register(&mut registry, Arc::clone(&state) as _);

        let addr = listener.local_addr()?;
        let stop_refresher = CancellationToken::new();
        if let (Some(planner), Some(decisions)) = (planner, decisions) {
            let refresher = Refresher {
                planner: planner.clone(),
                gate: operations.gate.clone(),
                collapse: operations.collapse.clone(),
                store: operations.store.clone(),
                drain: drain.clone(),
                window: settings.budget.window,
                clock: clock.clone(),
            };
            fetches.spawn(refresher.run(stop_refresher.clone()));
            let sweeper = Sweeper {
                decisions,
                planner,
                gate: operations.gate.clone(),
                list,
                store: operations.store.clone(),
                window: settings.budget.window,
                metrics: metrics.upstream.clone(),
                clock: clock.clone(),
            };
            fetches.spawn(sweeper.run(stop_refresher.clone()));
        }
        let shared = server::Shared {
            tls,
            metrics: server_metrics,
            drain,
            clock: clock.clone(),
        };
        let server = Server::start(listener, &settings.server, &shared, move |peer| {
            observer.observe(peer, requests.clone())
        })?;
        let mut gateway = Self {
            addr,
            admin_addr: None,
            state,
            server,
            fetches,
            stop_refresher,
            admin: TaskTracker::new(),
            stop_admin: CancellationToken::new(),
            drain_delay: settings.server.drain_delay,
            drain_timeout: settings.server.drain_timeout,
        };
        if let Some((listener, access)) = admin_listener {
            let admin = Admin::new(admin::Parts {
                registry,
                facts: Arc::clone(&gateway.state) as _,
                requests: metrics.requests,
                upstream: metrics.upstream,
                operate: Arc::new(operations),
                access,
                clock,
                look_patience: settings.server.request_timeout,
            });
            gateway.serve_admin(listener, admin)?;
        }
        Ok(gateway)
    }

    fn serve_admin(&mut self, listener: std::net::TcpListener, admin: Admin) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        self.admin_addr = Some(listener.local_addr()?);
        self.admin
            .spawn(admin::serve(listener, admin, self.stop_admin.clone()));
        Ok(())
    }

    /// Ends it: not ready, but still accepting, for `drain_delay`; then no new connections, what runs is finished,
    /// within `drain_timeout`; the admin listener goes last, so that the end can be watched.
    pub async fn drain(self) -> Ended {
        self.state.not_ready();
        tokio::time::sleep(self.drain_delay).await;
        self.state.drain().begin();
        let limit = tokio::time::sleep(self.drain_timeout); // one for connections and fetches together
        let drained = self.server.drained().await;
        if drained.lost_workers > 0 {
            tracing::error!(
                workers = drained.lost_workers,
                "workers had ended by a fault of our own"
            );
        }
        self.stop_refresher.cancel();
        self.fetches.close();
        let lost_fetches = tokio::select! {
            biased;
            () = self.fetches.wait() => 0,
            () = limit => self.fetches.len(),
        };
        self.stop_admin.cancel();
        self.admin.close();
        self.admin.wait().await;
        Ended {
            cut_connections: drained.cut,
            lost_fetches,
        }
    }
}

fn listen(addr: SocketAddr, key: &'static str) -> Result<std::net::TcpListener, StartFault> {
    server::bind(addr).map_err(|source| StartFault::Listen { addr, key, source })
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

fn sweep_rules(settings: &Settings) -> sweep::Rules {
    let (budget, settings) = (&settings.budget, &settings.budget.sweep);
    sweep::Rules {
        mode: match settings.mode {
            SweepMode::Auto => sweep::Mode::Auto,
            SweepMode::Recent => sweep::Mode::Recent,
            SweepMode::Projects => sweep::Mode::Projects,
            SweepMode::Off => sweep::Mode::Off,
        },
        projects: settings
            .projects
            .iter()
            .map(|id| id.as_str().into())
            .collect(),
        requests: settings.requests,
        shared: settings.shared,
        window: budget.window,
    }
}

/// In `ttl` mode there is none: whoever asks decides when a look is made.
fn planner(settings: &Settings, clients: &Clients, clock: &Clock) -> Option<Planner> {
    let (budget, cache) = (&settings.budget, &settings.cache);
    if budget.mode == BudgetMode::Ttl {
        return None;
    }
    let rules = Rules {
        requests: budget.requests,
        window: budget.window,
        floors: cache.lifetimes(),
        longest: cache.stale_while_revalidate,
    };
    let shares = settings.auth.clients.iter().map(|client| client.share);
    let shares: Vec<_> = clients.ids().zip(shares).collect();
    Some(Planner::new(rules, &shares, clock.clone()))
}

fn clients(settings: &Settings) -> Clients {
    Clients::new(
        settings
            .auth
            .clients
            .iter()
            .map(|client| (client.name.as_str(), client.key_sha256.as_slice())),
    )
    .taking_stale(settings.auth.clients.iter().map(|client| client.max_stale))
}
