//! `jobgate serve`: from the configuration to the drain.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use jobgate::app::{Environment, Gateway, StartFault};
use jobgate::clock::Clock;
use jobgate::config::{self, Checked, Settings, UpstreamFrom};
use jobgate::credential::Credential;
use jobgate::process::{self, Descriptors, Prepared};
use jobgate::sandbox::{Sandbox, SandboxSettings, Scenario};
use jobgate::server;
use jobgate::telemetry::lines::Lines;
use jobgate::telemetry::logging;
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::check::{of_token, summary};
use super::running::{StopSignals, control_runtime};
use super::sandbox::scenario;
use super::{DEFAULT_CONFIG, Failed, ServeArgs, say};

/// How long the last log lines may take to be written.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// The job of the upstream document's own example; the sandbox answers it to the letter.
const SAMPLE_JOB: &str = "f5af662119404ad187437cd272b5099b";

/// What the gateway stands in front of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What the configuration names.
    Configured,
    /// The double, born with the gateway: nobody can have spent anything there.
    BuiltIn,
}

pub(super) fn serve(args: ServeArgs) -> Result<(), Failed> {
    let prepared = process::prepare();
    if !args.sandbox && args.config.is_none() && !Path::new(DEFAULT_CONFIG).exists() {
        let text = format!(
            "there is no {DEFAULT_CONFIG} here: name a file with --config, or try `jobgate serve --sandbox`, which needs none"
        );
        return Err(Failed::Wrong(text));
    }
    let Checked { settings, warnings } = load(&args)?;
    let scenario = scenario(args.scenario.as_deref())?;
    let clock = Clock::system();
    let lines = Lines::start(io::stdout()).context("cannot start the log")?;
    logging::install(&settings.log, lines.clone(), clock.clone())
        .context("cannot start the log")?;
    tell(&prepared, &settings);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let served = control_runtime()?.block_on(async {
        if args.sandbox {
            serve_sandbox(settings, scenario, clock, &lines).await
        } else {
            let env = |name: &str| std::env::var(name).ok();
            let credential = Credential::open(&settings.upstream, &env, &clock)
                .context("upstream.credential")?;
            let upstream = Kind::Configured;
            serve_gateway(&settings, credential, clock, &lines, upstream).await
        }
    });
    if !lines.flush(LOG_PATIENCE) {
        say("jobgate: the last log lines could not be written in time");
    }
    served.map_err(Failed::Undone)
}

/// A process that the system refuses something serves all the same, and says so.
fn tell(prepared: &Prepared, settings: &Settings) {
    for (what, done) in [
        ("core dumps stay possible", prepared.core_dumps_off),
        ("the process stays dumpable", prepared.not_dumpable),
        ("huge pages stay in use", prepared.huge_pages_off),
    ] {
        if let Err(error) = done {
            tracing::warn!(%error, "{what}");
        }
    }
    match prepared.descriptors {
        Ok(Descriptors { now: Some(now), .. }) if now < needed(settings) => tracing::warn!(
            limit = now,
            needed = needed(settings),
            "fewer descriptors than server.max_connections needs; raise the limit of open files"
        ),
        Ok(limit) => tracing::debug!(
            before = limit.before,
            now = limit.now,
            "descriptor limit raised"
        ),
        Err(error) => tracing::warn!(%error, "the descriptor limit stays as it is"),
    }
}

/// Descriptors of a gateway whose connections are all in use: theirs, upstream's, the admin listener's 64, and what the
/// process itself has open (a few for each runtime).
fn needed(settings: &Settings) -> u64 {
    let own = 64 + 8 * (settings.server.workers + 1);
    (settings.server.max_connections + settings.upstream.max_in_flight + own) as u64
}

fn load(args: &ServeArgs) -> Result<Checked, config::Faults> {
    let (file, upstream) = if args.sandbox {
        (args.config.as_deref(), UpstreamFrom::Sandbox)
    } else {
        let file = args.config.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG));
        (Some(file), UpstreamFrom::Configuration)
    };
    config::load(file, upstream, std::env::vars_os())
}

/// The gateway in front of the built-in double, which has exactly the quotas that the budget and its sweep are set to,
/// unless the scenario names others.
async fn serve_sandbox(
    mut settings: Settings,
    scenario: Scenario,
    clock: Clock,
    lines: &Lines,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let sandbox = SandboxSettings {
        requests: settings.budget.requests.get(),
        window: settings.budget.window,
        list_requests: settings.budget.sweep.requests.get(),
        shared: settings.budget.sweep.shared,
        scenario,
        ..SandboxSettings::default()
    };
    let keys = &sandbox.credential;
    let credential = Credential::from_keys(&keys.access_key, keys.secret_key.expose_secret())?;
    settings.upstream.endpoint = format!("http://{}", listener.local_addr()?).parse()?;
    let (double, stop) = (TaskTracker::new(), CancellationToken::new());
    double.spawn(Sandbox::new(sandbox, clock.clone()).serve(listener, stop.clone()));
    double.close();
    let served = serve_gateway(&settings, credential, clock, lines, Kind::BuiltIn).await;
    stop.cancel();
    double.wait().await;
    served
}

async fn serve_gateway(
    settings: &Settings,
    credential: Credential,
    clock: Clock,
    lines: &Lines,
    upstream: Kind,
) -> anyhow::Result<()> {
    // From here on, before anybody can know that there is a gateway: a signal that nobody listens for ends the process.
    let mut stop = StopSignals::listen().context("cannot listen for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let listener = inherited(settings)?;
    let environment = Environment {
        clock,
        lines: lines.clone(),
        credential,
        listener,
        upstream_is_new: upstream == Kind::BuiltIn,
    };
    let gateway = Gateway::start(settings, environment);
    let gateway = gateway.map_err(|fault| named(settings, fault))?;
    tracing::info!(
        listen = %gateway.addr,
        admin = gateway.admin_addr.map(tracing::field::display),
        upstream = %settings.upstream.endpoint,
        workers = settings.server.workers,
        "serving"
    );
    introduce(settings, &gateway, upstream);
    loop {
        tokio::select! {
            () = stop.received() => break,
            _ = hangup.recv() => tracing::warn!(
                "SIGHUP changes nothing: this version cannot reload, restart it to apply a changed configuration"
            ),
        }
    }
    say("jobgate: draining; a second signal ends at once");
    tracing::info!("draining");
    tokio::select! {
        ended = gateway.drain() => tracing::info!(cut = ended.cut_connections, lost = ended.lost_fetches, "drained"),
        () = stop.received() => tracing::warn!("ended at once by a second signal"),
    }
    Ok(())
}

/// A token that cannot be used, in the words of `jobgate check`; any other fault as it is.
fn named(settings: &Settings, fault: StartFault) -> anyhow::Error {
    match (fault, &settings.admin.token) {
        (StartFault::AdminToken(fault), Some(source)) => of_token(source, fault),
        (fault, _) => fault.into(),
    }
}

/// The socket that the service manager hands over. The configuration was checked by `server.listen`: one that is
/// reached from further away would slip past what is asked of listeners off loopback.
fn inherited(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let listener = server::inherited().context("cannot use the inherited socket")?;
    if let Some(listener) = &listener {
        let (actual, written) = (listener.local_addr()?, settings.server.listen);
        anyhow::ensure!(
            actual.ip().to_canonical().is_loopback() || !written.ip().is_loopback(),
            "the inherited socket {actual} is reached from other machines, but server.listen is {written}: \
             make them equal, so that the configuration is checked for what it serves"
        );
    }
    Ok(listener)
}

fn introduce(settings: &Settings, gateway: &Gateway, kind: Kind) {
    let mut actual = settings.clone();
    actual.server.listen = gateway.addr;
    actual.admin.listen = gateway.admin_addr;
    let upstream = settings.upstream.endpoint.to_string();
    let text = summary(&actual);
    match kind {
        Kind::Configured => say(&format!("jobgate serves\n{text}")),
        Kind::BuiltIn => {
            let named = format!("{upstream} (the built-in sandbox)");
            let text = text.replacen(&upstream, &named, 1);
            say(&format!("jobgate serves\n{text}"));
            say(&try_it(&actual));
        }
    }
}

/// Two lines to paste: a job, and where its answer came from.
fn try_it(settings: &Settings) -> String {
    let scheme = if settings.server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let key = if settings.auth.clients.is_empty() {
        ""
    } else {
        " -H 'X-Api-Key: YOUR-KEY'"
    };
    let url = format!(
        "{scheme}://{}{}/v1/job/{SAMPLE_JOB}/info",
        settings.server.listen, settings.server.base_path
    );
    format!("Try it:\n  curl{key} {url}\n  curl -i{key} {url}   # again: see Cache-Status and Age")
}
