//! Wires the hands of budget mode: looks without a request, and sweeps.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::parts::Parts;
use crate::config::{Settings, SweepMode};
use crate::layers::collapse::Collapse;
use crate::layers::fetch::list::List;
use crate::policy::sweep::{Mode, Rules, Sweeps};
use crate::refresh::Refresher;
use crate::refresh::sweep::{Decisions, Sweeper};

/// The hands of budget mode, not yet at work.
pub(super) struct Hands {
    refresher: Refresher,
    sweeper: Sweeper,
}

// === impl Parts ===

impl Parts {
    /// `None` in `ttl` mode.
    pub(super) fn hands(
        &self,
        settings: &Settings,
        collapse: &Collapse,
        list: List,
    ) -> Option<Hands> {
        let planner = self.planner.as_ref()?;
        let window = settings.budget.window;
        let refresher = Refresher {
            planner: planner.clone(),
            gate: self.gate.clone(),
            collapse: collapse.clone(),
            store: self.store.clone(),
            drain: self.drain.clone(),
            window,
            clock: self.clock.clone(),
        };
        let sweeper = Sweeper {
            decisions: Decisions::new(Sweeps::new(sweep_rules(settings))),
            planner: planner.clone(),
            gate: self.gate.clone(),
            list,
            store: self.store.clone(),
            requests: settings.budget.sweep.requests,
            window,
            metrics: self.metrics.upstream.clone(),
            clock: self.clock.clone(),
        };
        Some(Hands { refresher, sweeper })
    }
}

// === impl Hands ===

impl Hands {
    /// What is decided about sweeps.
    pub(super) fn decisions(&self) -> Decisions {
        self.sweeper.decisions.clone()
    }

    /// They work until they are stopped, or only the sweeps are.
    pub(super) fn start(
        self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        stop_sweeps: &CancellationToken,
    ) {
        tasks.spawn(self.refresher.run(stop.clone()));
        tasks.spawn(self.sweeper.run(stop_sweeps.clone()));
    }
}

fn sweep_rules(settings: &Settings) -> Rules {
    let (budget, settings) = (&settings.budget, &settings.budget.sweep);
    let projects = settings.projects.iter();
    Rules {
        mode: match settings.mode {
            SweepMode::Auto => Mode::Auto,
            SweepMode::Recent => Mode::Recent,
            SweepMode::Projects => Mode::Projects,
            SweepMode::Off => Mode::Off,
        },
        projects: projects.map(|id| id.as_str().into()).collect(),
        requests: settings.requests,
        shared: settings.shared,
        window: budget.window,
    }
}
