//! Does one of the addresses take a connection? They are tried one after the other, within the one limit of time that a
//! connection of the gateway has.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tell::{Told, Verdict};
use crate::policy::diagnosis::Advice;

/// A connection and where it goes, or what is told.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(TcpStream, SocketAddr), Told> {
    match timeout(limit, first(addresses)).await {
        Ok(Ok(connected)) => Ok(connected),
        Ok(Err((addr, error))) => Err(failed(format!("{addr}: {error}"), error.kind())),
        Err(_elapsed) => {
            let said = format!("no connection within upstream.connect_timeout, {limit:?}");
            Err(failed(said, ErrorKind::TimedOut))
        }
    }
}

/// The first that takes a connection, or how the last one did not.
async fn first(
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), (SocketAddr, io::Error)> {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut outcome = Err((nowhere, ErrorKind::AddrNotAvailable.into()));
    for &addr in addresses {
        outcome = match TcpStream::connect(addr).await {
            Ok(stream) => return Ok((stream, addr)),
            Err(error) => Err((addr, error)),
        };
    }
    outcome
}

fn failed(said: String, kind: ErrorKind) -> Told {
    let advice = match kind {
        ErrorKind::ConnectionRefused => Advice::new(
            "The server refuses connections: nothing listens at this port, or a firewall says so.",
            "Check host and port of the endpoint, and the firewalls between here and there.",
        ),
        ErrorKind::TimedOut => Advice::new(
            "The server does not answer: most often a firewall drops what is sent to it.",
            "Have this machine let out to the address and port. jobgate connects by itself and uses no proxy.",
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Advice::new(
            "There is no way to the address from this machine.",
            "Check this machine's routes, and whether it has the kind of address (IPv4, IPv6) that the server has.",
        ),
        _ => Advice::new(
            "No connection can be made.",
            "Check this machine's network; the words of the system are above.",
        ),
    };
    (said, Verdict::Failed(advice))
}
