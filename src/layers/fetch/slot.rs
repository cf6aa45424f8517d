//! Waits for a call of the budget that is free again shortly, if somebody waits who has something to fall back on
//! ([`Call::slot_wait`]).
//!
//! It stands above the limit of calls in flight: whoever only waits takes no place there, so that others are told at once
//! that the budget is spent. It waits once; a call that somebody else took meanwhile is not waited for again.

use tower::{Service, ServiceExt as _};

use super::Call;
use super::around::Around;
use super::judge::Judged;
use crate::error::Error;

/// Waits for a free call.
#[derive(Clone, Copy, Debug)]
pub struct AwaitSlot;

impl<S> Around<Call, S> for AwaitSlot
where
    S: Service<Call, Response = Judged, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Judged;
    type Error = Error;

    async fn around(self, call: Call, inner: S) -> Result<Judged, Error> {
        match inner.clone().oneshot(call.clone()).await {
            Err(Error::BudgetSpent { retry_after }) if retry_after <= call.slot_wait => {
                tokio::time::sleep(retry_after).await;
                inner.oneshot(call).await
            }
            other => other,
        }
    }
}
