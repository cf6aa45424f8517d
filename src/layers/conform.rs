//! Does the request keep the rules of HTTP that the parser does not check? Stands before everything that looks
//! something up, so that a smuggled body or a forged `Host` touches nothing, not even a hit.

use std::ops::ControlFlow;
use std::sync::Arc;

use http::Method;
use http::uri::Authority;

use super::Exchange;
use super::step::{Step, Verdict, refuse};
use crate::error::Error;
use crate::policy::host;

/// Refuses bodies on GET and HEAD, and a `Host` that is missing, doubled, malformed or not ours.
#[derive(Clone, Debug)]
pub struct Conform {
    allowed_hosts: Arc<[String]>,
}

// === impl Conform ===

impl Conform {
    /// `allowed_hosts` in lower case, with or without a port; empty allows any well-formed host.
    #[must_use]
    pub fn new(allowed_hosts: &[String]) -> Self {
        Self {
            allowed_hosts: allowed_hosts.into(),
        }
    }

    fn judge(&self, exchange: &Exchange) -> Result<(), Error> {
        let reads = matches!(exchange.head.method, Method::GET | Method::HEAD);
        if reads && exchange.announces_body {
            return Err(Error::UnexpectedBody);
        }
        let head = &exchange.head;
        let host = host::asked(&head.uri, &head.headers, head.version)?;
        if self.allowed_hosts.is_empty()
            || self
                .allowed_hosts
                .iter()
                .any(|allowed| is_host(allowed, &host))
        {
            Ok(())
        } else {
            Err(Error::Misdirected)
        }
    }
}

impl Step<Arc<Exchange>> for Conform {
    type Out = Arc<Exchange>;

    fn check(&self, exchange: Arc<Exchange>) -> Verdict<Arc<Exchange>> {
        match self.judge(&exchange) {
            Ok(()) => ControlFlow::Continue(exchange),
            Err(error) => refuse(error),
        }
    }
}

fn is_host(allowed: &str, asked: &Authority) -> bool {
    allowed.eq_ignore_ascii_case(asked.host()) || allowed.eq_ignore_ascii_case(asked.as_str())
}
