//! `jobgate sandbox`: the upstream double alone.

use std::net::SocketAddr;
use std::path::Path;

use jobgate::clock::Clock;
use jobgate::sandbox::{Sandbox, SandboxSettings, Scenario};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::running::{StopSignals, control_runtime};
use super::{Failed, SandboxArgs, say};

pub(super) fn sandbox(args: &SandboxArgs) -> Result<(), Failed> {
    let settings = SandboxSettings {
        scenario: scenario(args.scenario.as_deref())?,
        ..SandboxSettings::default()
    };
    control_runtime()?.block_on(async {
        let mut signals = StopSignals::listen()?;
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            anyhow::Error::new(error).context(format!("cannot listen on {}", args.listen))
        })?;
        introduce(listener.local_addr()?, &settings, args.scenario.as_deref());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = Sandbox::new(settings, Clock::system()).serve(listener, stop);
        tokio::join!(serving, async {
            signals.received().await;
            stopped.cancel();
        });
        Ok(())
    })
}

/// The scenario in a file; without a file the one in which nothing happens.
pub(super) fn scenario(file: Option<&Path>) -> Result<Scenario, Failed> {
    let read = file.map(Scenario::load).transpose();
    let read = read.map_err(|faults| Failed::Wrong(format!("the scenario is wrong\n{faults}")))?;
    Ok(read.unwrap_or_default())
}

fn introduce(addr: SocketAddr, settings: &SandboxSettings, file: Option<&Path>) {
    let (requests, window) = settings.quota();
    let scenario = match file {
        Some(file) => format!("{}; rules: {}", file.display(), settings.scenario.rules()),
        None => "none; see --scenario".to_owned(),
    };
    say(&format!(
        "sandbox: a made-up CodeArts Build on http://{addr}\n  \
           quota       {requests} calls in {window:?}, as the real one throttles\n  \
           credential  AK {}, SK, token and password in docs/sandbox.md\n  \
           jobs        any 32 letters and digits; the examples are listed at http://{addr}/\n  \
           scenario    {scenario}",
        settings.credential.access_key,
    ));
}
