//! Who asks? Stands before the job id is looked at, so that a stranger learns nothing about jobs. What a request presents, a key or
//! a signature, decides alone; without either the connection's certificate speaks. Reads three headers, and for a signature
//! what it covers; never logs or keeps a key.
//!
//! A key costs one hash. The wall clock is read, and an HMAC computed, only for a signature. What is refused is counted, and a
//! few a second are told.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Routed;
use super::step::{Step, Verdict, refuse};
use crate::policy::client::ClientId;
use crate::telemetry::metrics::RefusalMetrics;

mod keyring;
mod refusals;

pub use keyring::{KeyUse, Keyring};
use refusals::Refusals;

/// Names the client, or refuses with 401.
#[derive(Clone)]
pub struct Authenticate {
    door: Option<Arc<Door>>,
}

struct Door {
    keyring: Arc<Keyring>,
    refusals: Refusals,
}

// === impl Authenticate ===

impl Authenticate {
    /// A known key is required.
    #[must_use]
    pub fn with_keys(keyring: Arc<Keyring>, metrics: RefusalMetrics) -> Self {
        let refusals = Refusals::new(metrics, keyring.clock());
        let door = Door { keyring, refusals };
        Self {
            door: Some(Arc::new(door)),
        }
    }

    /// Nobody is asked for a key.
    #[must_use]
    pub fn open() -> Self {
        Self { door: None }
    }
}

impl Step<Routed> for Authenticate {
    type Out = Routed;

    fn check(&self, request: Routed) -> Verdict<Routed> {
        let exchange = &request.exchange;
        let Some(door) = &self.door else {
            exchange.identify(ClientId::ANONYMOUS);
            return ControlFlow::Continue(request);
        };
        match door.keyring.identify(exchange) {
            Ok(client) => {
                exchange.identify(client);
                ControlFlow::Continue(request)
            }
            Err(error) => {
                door.refusals.tell(exchange, &door.keyring, &error);
                refuse(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
