//! Who asks? Stands before the job id is looked at, so that a stranger learns nothing about jobs. Reads the three key
//! headers; never logs or keeps a key.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Routed;
use super::step::{Step, Verdict, refuse};
use crate::error::Error;
use crate::policy::client::{ClientId, Clients};

/// Names the client, or refuses with 401.
#[derive(Clone)]
pub struct Authenticate {
    clients: Option<Arc<Clients>>,
}

// === impl Authenticate ===

impl Authenticate {
    /// A known key is required.
    #[must_use]
    pub fn with_keys(clients: Arc<Clients>) -> Self {
        Self {
            clients: Some(clients),
        }
    }

    /// Nobody is asked for a key.
    #[must_use]
    pub fn open() -> Self {
        Self { clients: None }
    }
}

impl Step<Routed> for Authenticate {
    type Out = Routed;

    fn check(&self, request: Routed) -> Verdict<Routed> {
        let identified = match &self.clients {
            None => Ok(ClientId::ANONYMOUS),
            Some(clients) => match clients.identify(&request.exchange.head.headers) {
                // a key that is presented decides alone; without one the connection's certificate speaks
                Err(Error::MissingKey) => request.exchange.certified.ok_or(Error::MissingKey),
                identified => identified,
            },
        };
        match identified {
            Ok(client) => {
                request.exchange.identify(client);
                ControlFlow::Continue(request)
            }
            Err(error) => refuse(error),
        }
    }
}
