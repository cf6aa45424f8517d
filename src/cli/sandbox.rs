//! `jobgate sandbox`: the upstream double alone.

use jobgate::clock::Clock;
use jobgate::sandbox::{Sandbox, SandboxSettings};
use tokio_util::sync::CancellationToken;

use super::serve::{StopSignals, control_runtime};
use super::{Failed, SandboxArgs, say};

pub(super) fn sandbox(args: &SandboxArgs) -> Result<(), Failed> {
    control_runtime()?.block_on(async {
        let mut signals = StopSignals::listen()?;
        let listener = tokio::net::TcpListener::bind(args.listen)
            .await
            .map_err(|error| anyhow::Error::new(error).context(format!("cannot listen on {}", args.listen)))?;
        let settings = SandboxSettings::default();
        say(&format!(
            "sandbox: a made-up CodeArts Build on http://{}\n  quota       {} calls in {:?}, as the real one throttles\n  credential  AK {}, SK and token in docs/sandbox.md\n  jobs        any 32 letters and digits; the examples are listed at http://{}/",
            listener.local_addr()?,
            settings.requests,
            settings.window,
            settings.credential.access_key,
            listener.local_addr()?,
        ));
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
