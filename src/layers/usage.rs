//! What did this client ask, and what did it pay? Stands below `authenticate`, because the answer is the caller's own account
//! and nobody else's. It counts nothing: it reads the account that metrics and statistics read.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::step::{Step, Verdict, refuse};
use super::{Aim, ForCloud, Reply, Routed};
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::client::{ClientId, Clients};
use crate::policy::outcome::OutcomeKind;
use crate::telemetry::metrics;

/// Answers `/-/usage`, and lets everything else pass.
#[derive(Clone)]
pub struct Usage {
    accounts: metrics::Accounts,
    clients: Arc<Clients>,
    clock: Clock,
    started: Instant,
}

/// The body. Its names are a contract: members are added, never renamed.
#[derive(Serialize)]
struct Body<'a> {
    client: &'a str,
    uptime_seconds: f64,
    #[serde(flatten)]
    usage: metrics::Usage,
    /// `asked` by how it was answered, in the words of the access log, without those that did not occur.
    by_outcome: BTreeMap<&'static str, u64>,
}

// === impl Usage ===

impl Usage {
    /// Tells from these accounts, which are counted from now on.
    #[must_use]
    pub fn new(accounts: metrics::Accounts, clients: Arc<Clients>, clock: Clock) -> Self {
        let started = clock.now();
        Self {
            accounts,
            clients,
            clock,
            started,
        }
    }

    fn tell(&self, client: ClientId) -> Result<Vec<u8>, Error> {
        let uptime = self.clock.now().saturating_duration_since(self.started);
        let counters = self.accounts.of(client);
        let kinds = OutcomeKind::ALL.into_iter();
        let asked = kinds.filter(|kind| *kind != OutcomeKind::Local);
        let counts = asked.map(|kind| (kind.as_str(), counters.count(kind)));
        let body = Body {
            client: self.clients.name(client),
            uptime_seconds: uptime.as_secs_f64(),
            usage: counters.usage(),
            by_outcome: counts.filter(|(_, count)| *count > 0).collect(),
        };
        serde_json::to_vec(&body).map_err(|fault| Error::Internal(fault.to_string().into()))
    }
}

impl Step<Routed> for Usage {
    type Out = ForCloud;

    fn check(&self, request: Routed) -> Verdict<ForCloud> {
        let Routed { exchange, aim } = request;
        match aim {
            Aim::Cloud(asked) => ControlFlow::Continue(ForCloud { exchange, asked }),
            Aim::Usage => {
                let client = exchange.client().unwrap_or(ClientId::ANONYMOUS);
                match self.tell(client) {
                    Ok(body) => ControlFlow::Break(Ok(Reply::Local(body.into()))),
                    Err(error) => refuse(error),
                }
            }
        }
    }
}
