//! Is the house open? While it drains, a request that still arrives on an open connection is refused before anything is
//! spent on it, so that the client goes elsewhere.
//!
//! It does not bound what runs: connections are bounded by the server, requests that wait by
//! [`collapse`](super::collapse), and nothing else takes time.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Exchange;
use super::step::{Step, Verdict, refuse};
use crate::error::Error;
use crate::server::Drain;

/// Refuses with [`Error::Draining`] once the drain has begun.
#[derive(Clone)]
pub struct Admit {
    drain: Drain,
}

// === impl Admit ===

impl Admit {
    /// Watches the drain.
    #[must_use]
    pub fn new(drain: Drain) -> Self {
        Self { drain }
    }
}

impl Step<Arc<Exchange>> for Admit {
    type Out = Arc<Exchange>;

    fn check(&self, exchange: Arc<Exchange>) -> Verdict<Arc<Exchange>> {
        if self.drain.has_begun() {
            refuse(Error::Draining)
        } else {
            ControlFlow::Continue(exchange)
        }
    }
}
