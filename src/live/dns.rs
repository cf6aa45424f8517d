//! Does the name have addresses? The system's resolver is asked, as it is for each connection that serves clients.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Place;
use super::tell::{Told, Verdict};
use crate::policy::diagnosis::Advice;

/// As many addresses are told; the rest is counted.
const MOST_TOLD: usize = 4;

/// The addresses, none if the step failed, and what is told.
pub(super) async fn look_up(place: &Place, limit: Duration) -> (Vec<SocketAddr>, Told) {
    let Place { host, port, .. } = place;
    if let Ok(ip) = host.parse::<IpAddr>() {
        let said = format!("{host} is an address: there is nothing to look up");
        return (vec![SocketAddr::new(ip, *port)], (said, Verdict::Good));
    }
    let found: Vec<_> = match timeout(limit, lookup_host((host.as_str(), *port))).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return failed(host, &error.to_string()),
        Err(_elapsed) => {
            let why = format!("no answer within upstream.connect_timeout, {limit:?}");
            return failed(host, &why);
        }
    };
    if found.is_empty() {
        return failed(host, "the name has no address");
    }
    let said = told(host, &found);
    (found, (said, Verdict::Good))
}

fn told(host: &str, found: &[SocketAddr]) -> String {
    let shown: Vec<_> = found
        .iter()
        .take(MOST_TOLD)
        .map(|addr| addr.ip().to_string())
        .collect();
    let more = match found.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{host} is {}{more}", shown.join(", "))
}

fn failed(host: &str, why: &str) -> (Vec<SocketAddr>, Told) {
    let advice = Advice::new(
        format!("The name {host} cannot be resolved."),
        "Check upstream.region or the endpoint for typing errors, and whether this machine's name service knows names of the internet (`getent hosts NAME`).",
    );
    (Vec::new(), (why.to_owned(), Verdict::Failed(advice)))
}
