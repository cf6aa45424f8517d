//! May a request with this `Host` be answered?
//!
//! A page on the web can make its own name resolve to 127.0.0.1 and then read, as its own origin, what a listener there
//! says; the browser still sends the page's name as `Host`. So only names that no page can own are answered, and those
//! that the operator listed. The port of the former is not compared: behind a forwarded port it differs, and it proves
//! nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Request;
use http::uri::Authority;

use crate::error::Error;
use crate::policy::host;

/// Judges the `Host` of a request that reached us at `reached_at`, and gives it. `allowed` are further hosts, in lower
/// case, with or without a port.
///
/// # Errors
/// [`Error::UnreadableRequest`] without exactly one well-formed host, [`Error::Misdirected`] for a foreign one.
pub(super) fn judge<B>(
    request: &Request<B>,
    reached_at: IpAddr,
    allowed: &[String],
) -> Result<Authority, Error> {
    let asked = host::asked(request.uri(), request.headers(), request.version())?;
    if is_ours(asked.host(), reached_at) || is_allowed(&asked, allowed) {
        Ok(asked)
    } else {
        Err(Error::Misdirected)
    }
}

fn is_allowed(asked: &Authority, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| {
        allowed.eq_ignore_ascii_case(asked.host()) || allowed.eq_ignore_ascii_case(asked.as_str())
    })
}

fn is_ours(host: &str, reached_at: IpAddr) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().is_ok_and(|ip: IpAddr| {
        // an IPv6 socket shows an IPv4 peer's address mapped
        ip == Ipv4Addr::LOCALHOST
            || ip == Ipv6Addr::LOCALHOST
            || ip.to_canonical() == reached_at.to_canonical()
    })
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http::header::HOST;

    use super::judge;
    use crate::error::Error;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for (host, reached_at, ours) in [
            ("localhost", "127.0.0.1", true),
            ("LocalHost:9090", "127.0.0.1", true),
            ("127.0.0.1:9090", "127.0.0.1", true),
            ("[::1]:1", "127.0.0.1", true),
            ("10.1.2.3:9090", "10.1.2.3", true),
            ("10.1.2.3", "::ffff:10.1.2.3", true),
            ("[2001:db8::1]:9090", "2001:db8::1", true),
            ("10.1.2.4:9090", "10.1.2.3", false),
            ("0.0.0.0", "127.0.0.1", false),
            ("127.0.0.2", "127.0.0.1", false),
            ("evil.example:9090", "127.0.0.1", false),
            ("localhost.evil.example", "127.0.0.1", false),
            ("localhost.", "127.0.0.1", false),
            ("127.0.0.1.evil.example", "127.0.0.1", false),
        ] {
            let request = Request::get("/metrics")
                .header(HOST, host)
                .body(())
                .unwrap();
            let verdict = judge(&request, reached_at.parse().unwrap(), &[]);
            match verdict {
                Ok(_) => assert!(ours, "{host}"),
                Err(refusal) => {
                    assert!(!ours && matches!(refusal, Error::Misdirected), "{host}");
                }
            }
        }
    }

    #[test]
    fn a_target_that_names_another_host_is_not_covered_by_a_good_field() {
        let request = Request::get("http://evil.example/metrics")
            .header(HOST, "localhost")
            .body(())
            .unwrap();
        let verdict = judge(&request, "127.0.0.1".parse().unwrap(), &[]);
        assert!(matches!(verdict, Err(Error::Misdirected)));
    }

    #[test]
    fn hosts_that_the_operator_lists_are_answered_with_or_without_a_port_as_listed() {
        let allowed = ["gateway.example".to_owned(), "ops.example:9443".to_owned()];
        for (host, expected) in [
            ("gateway.example", true),
            ("Gateway.Example:1", true),
            ("ops.example:9443", true),
            ("ops.example", false),
            ("ops.example:9090", false),
            ("sub.gateway.example", false),
            ("evil.example", false),
            ("127.0.0.1", true),
        ] {
            let request = Request::get("/").header(HOST, host).body(()).unwrap();
            let verdict = judge(&request, "127.0.0.1".parse().unwrap(), &allowed);
            assert_eq!(verdict.is_ok(), expected, "{host}");
        }
    }
}
