//! Is the client within its rate (`clients.rate`)? Stands right below `authenticate`, because a rate is a client's, and above everything
//! that is looked up or answered: what is refused here costs one atomic number, and never a call of the budget.
//!
//! Every request of a known client counts, whatever it asks for and whatever becomes of it. How the client then stands is written on each of its
//! answers by `rescue`. A client without a rate is not counted and told nothing. Requests that are refused before their
//! client is known count for nobody.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Routed;
use super::step::{Step, Verdict, refuse};
use crate::clock::Clock;
use crate::error::Error;
use crate::limiter::Limiter;
use crate::policy::allowance::Allowance;
use crate::policy::client::ClientId;
use crate::policy::rate::Standing;
use crate::telemetry::metrics::Accounts;

/// Refuses with [`Error::AboveRate`] what is above its client's rate.
#[derive(Clone)]
pub struct Rate {
    limits: Arc<[Option<Limit>]>,
    accounts: Accounts,
}

/// What one client may ask.
struct Limit {
    rate: Allowance,
    limiter: Limiter,
}

// === impl Rate ===

impl Rate {
    /// The rate of each client, in the order of the configuration; `None`: as often as it likes.
    #[must_use]
    pub fn new(
        rates: impl IntoIterator<Item = Option<Allowance>>,
        accounts: Accounts,
        clock: &Clock,
    ) -> Self {
        let limits = rates.into_iter().map(|rate| {
            let rate = rate?;
            let limiter = Limiter::new(rate, clock)?;
            Some(Limit { rate, limiter })
        });
        Self {
            limits: limits.collect(),
            accounts,
        }
    }

    fn limit(&self, client: ClientId) -> Option<&Limit> {
        client
            .index()
            .and_then(|index| self.limits.get(index)?.as_ref())
    }
}

impl Step<Routed> for Rate {
    type Out = Routed;

    fn check(&self, request: Routed) -> Verdict<Routed> {
        let exchange = &request.exchange;
        let client = exchange.client().unwrap_or(ClientId::ANONYMOUS);
        let Some(Limit { rate, limiter }) = self.limit(client) else {
            return ControlFlow::Continue(request);
        };
        match limiter.take() {
            Ok(left) => {
                exchange.stand(Standing::within(*rate, left));
                ControlFlow::Continue(request)
            }
            Err(retry_after) => {
                exchange.stand(Standing::above(*rate, retry_after));
                self.accounts.of(client).refused_by_rate();
                refuse(Error::AboveRate { retry_after })
            }
        }
    }
}
