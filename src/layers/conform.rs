//! Does the request keep the rules of HTTP that the parser does not check? Stands before everything that looks
//! something up, so that a smuggled body or a forged `Host` touches nothing, not even a hit.

use std::ops::ControlFlow;
use std::sync::Arc;

use http::header::HOST;
use http::uri::Authority;
use http::{Method, Version};

use super::Exchange;
use super::step::{Step, Verdict, refuse};
use crate::error::Error;

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
        let host = host_of(exchange)?;
        let host = host
            .as_ref()
            .or(exchange.head.uri.authority())
            .ok_or(Error::UnreadableRequest(NO_HOST))?;
        if self.allowed_hosts.is_empty()
            || self
                .allowed_hosts
                .iter()
                .any(|allowed| is_host(allowed, host))
        {
            Ok(())
        } else {
            Err(Error::Misdirected)
        }
    }
}

const NO_HOST: &str = "the Host header is missing";

impl Step<Arc<Exchange>> for Conform {
    type Out = Arc<Exchange>;

    fn check(&self, exchange: Arc<Exchange>) -> Verdict<Arc<Exchange>> {
        match self.judge(&exchange) {
            Ok(()) => ControlFlow::Continue(exchange),
            Err(error) => refuse(error),
        }
    }
}

/// The `Host` field. HTTP/1 requires exactly one, even when the request target is absolute (RFC 9112 §3.2); in HTTP/2
/// `:authority` may stand in its place (RFC 9113 §8.3.1).
fn host_of(exchange: &Exchange) -> Result<Option<Authority>, Error> {
    let mut values = exchange.head.headers.get_all(HOST).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::UnreadableRequest("the Host header occurs twice"));
    }
    match first {
        Some(value) => match Authority::try_from(value.as_bytes()) {
            Ok(authority) if is_plain(&authority) => Ok(Some(authority)),
            Ok(_) | Err(_) => Err(Error::UnreadableRequest("the Host header is malformed")),
        },
        None if exchange.head.version == Version::HTTP_2 => Ok(None),
        None => Err(Error::UnreadableRequest(NO_HOST)),
    }
}

/// `Host` has no user info (RFC 9110 §7.2), and a host that is not empty.
fn is_plain(authority: &Authority) -> bool {
    !authority.as_str().contains('@') && !authority.host().is_empty()
}

fn is_host(allowed: &str, asked: &Authority) -> bool {
    allowed.eq_ignore_ascii_case(asked.host()) || allowed.eq_ignore_ascii_case(asked.as_str())
}
