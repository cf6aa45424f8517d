//! Waits for a call of the budget, as long as somebody waits who may ([`Call::slot_wait`]).
//!
//! In budget mode a first ask waits for its turn: the planner gives leave, round-robin over clients. Whatever the planner has chosen has leave
//! already, and a forced look needs none. Otherwise it is a call that is free again shortly that is waited for, once: one that
//! somebody else took meanwhile is not waited for again.
//!
//! It stands above the limit of calls in flight: whoever only waits takes no place there, so that others are told at once
//! that the budget is spent.

use tower::{Service, ServiceExt as _};

use super::Call;
use super::around::Around;
use super::gate::Gate;
use super::judge::Judged;
use crate::error::Error;
use crate::planner::{Planner, Turn};
use crate::policy::limit::Api;

/// Waits for a free call.
#[derive(Clone)]
pub struct AwaitSlot {
    gate: Gate,
    planner: Option<Planner>,
}

// === impl AwaitSlot ===

impl AwaitSlot {
    /// Waits at `gate`, and for its turn if there is a planner.
    #[must_use]
    pub fn new(gate: Gate, planner: Option<Planner>) -> Self {
        Self { gate, planner }
    }

    async fn turn(&self, planner: &Planner, turn: Turn, call: &Call) -> Result<(), Error> {
        let waiting = planner.await_turn(turn, call.job, call.slot_wait);
        if let Some(leave) = waiting.leave().await {
            call.give_leave(leave);
            return Ok(());
        }
        if let Some(error) = self.gate.hold(Api::Job) {
            return Err(error);
        }
        let wait = |calls| self.gate.wait_behind(Api::Job, calls);
        let retry_after = match turn {
            Turn::First(client) => planner.line_up(client, call.job, wait),
            Turn::Overdue => wait(0),
        };
        Err(Error::BudgetSpent { retry_after })
    }
}

impl<S> Around<Call, S> for AwaitSlot
where
    S: Service<Call, Response = Judged, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Judged;
    type Error = Error;

    async fn around(self, call: Call, inner: S) -> Result<Judged, Error> {
        if let Some((planner, turn)) = self.planner.as_ref().zip(call.turn) {
            self.turn(planner, turn, &call).await?;
            return inner.oneshot(call).await;
        }
        match inner.clone().oneshot(call.clone()).await {
            Err(Error::BudgetSpent { retry_after }) if retry_after <= call.slot_wait => {
                tokio::time::sleep(retry_after).await;
                inner.oneshot(call).await
            }
            other => other,
        }
    }
}
