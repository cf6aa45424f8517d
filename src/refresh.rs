//! MECHANISM. Budget mode's hands; the other one is [`sweep`]. Whenever the budget has a call to spend, the planner's next look is made.
//!
//! One task. It waits until the gate may let a call out and the planner has a look that is worth it; starts that look, or gives leave to
//! the first ask that waits for its turn; and goes on once that has its call. Nothing else begins a look at what is stored but clients and operators
//! who force one, so calls go out in the planner's order. It decides nothing.
//!
//! On the way it tells the planner what upstream lets out, if that is less than the budget, and warns of a budget that cannot do (`forecast`).

mod forecast;

pub mod sweep;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::layers::collapse::Collapse;
use crate::layers::fetch::gate::Gate;
use crate::planner::{Leave, Planner};
use crate::policy::job::JobId;
use crate::policy::limit::Api;
use crate::policy::refresh::{Next, Why};
use crate::server::Drain;
use crate::store::Store;
use crate::telemetry::metrics::LookTrigger;
use forecast::Watch;

/// This often in a window each hand looks what there is to do, if nothing else happens.
const GLANCES: u32 = 60;
/// But not more often than this, however short the window.
const SHORTEST: Duration = Duration::from_millis(10);

/// Makes the planner's looks.
pub struct Refresher {
    /// Which look is next.
    pub planner: Planner,
    /// Whether a call may go out.
    pub gate: Gate,
    /// Where looks are made.
    pub collapse: Collapse,
    /// Of what is no longer stored no look is made.
    pub store: Store,
    /// While draining only those who wait are worth a call.
    pub drain: Drain,
    /// `budget.window`
    pub window: Duration,
    /// Time.
    pub clock: Clock,
}

// === impl Refresher ===

impl Refresher {
    /// Makes looks until it is stopped. Those that run then go on.
    pub async fn run(self, stop: CancellationToken) {
        let mut watch = Watch::new(self.window);
        stop.run_until_cancelled(async {
            loop {
                watch.look(&self.planner, self.clock.now());
                self.step().await;
            }
        })
        .await;
    }

    async fn step(&self) {
        let limit = self.gate.limit(Api::Job);
        self.planner.set_requests(limit.calls_in(self.window));
        if let Some(refusal) = self.gate.refusal(Api::Job) {
            return self.wait(after(refusal.retry_after(), &self.clock)).await;
        }
        match self.planner.next(self.spare()) {
            Next::Look { job, why } => self.look(job, why).await,
            Next::Wait { until, .. } => self.wait(until).await,
        }
    }

    /// Calls that are left. While draining all of them are kept for those who wait: what others may want to know is about to be
    /// forgotten.
    fn spare(&self) -> usize {
        if self.drain.has_begun() {
            return 0;
        }
        self.gate.left(Api::Job)
    }

    /// Begins the look, and waits until it has its call, or ends without.
    async fn look(&self, job: JobId, why: Why) {
        let trigger = match why {
            Why::First(_) => LookTrigger::First,
            _ if !self.store.jobs.contains(&job) => {
                self.planner.forget(&job);
                return;
            }
            Why::Differs => LookTrigger::Proven,
            Why::Overdue => LookTrigger::Stale,
            Why::Loss { .. } => LookTrigger::Scheduled,
        };
        let (leave, taken) = Leave::new();
        // whoever waits for its turn goes; if nobody does, the answer will be there for who was told to come back
        if let Err(leave) = self.planner.grant(&job, leave)
            && !self.drain.has_begun()
            && !self.collapse.begin(job, trigger, leave)
        {
            return self.put_off(job, why).await;
        }
        let _ = taken.await; // an error is the message: the leave was dropped
    }

    /// As many fetches run as may. The look is as good as before in a moment, and a first ask keeps a place in line.
    async fn put_off(&self, job: JobId, why: Why) {
        if let Why::First(client) = why {
            let _ = self.planner.line_up(client, job, |_| Duration::ZERO);
        }
        if let Some(until) = self.clock.now().checked_add(SHORTEST) {
            self.clock.sleep_until(until).await;
        }
    }

    /// Waits until then, or for something that may change the next look.
    async fn wait(&self, until: Option<Instant>) {
        let until = wake(until, self.window, &self.clock);
        tokio::select! {
            () = self.gate.changed() => {}
            () = self.planner.stirred() => {}
            () = self.clock.sleep_until(until) => {}
        }
    }
}

/// When so much time is over; `None`: not by itself.
fn after(wait: Option<Duration>, clock: &Clock) -> Option<Instant> {
    clock.now().checked_add(wait?)
}

/// Then, if that is before the next glance.
fn wake(until: Option<Instant>, window: Duration, clock: &Clock) -> Instant {
    let now = clock.now();
    let glance = now + (window / GLANCES).max(SHORTEST); // windows last a day at most
    until.map_or(glance, |until| until.min(glance))
}
