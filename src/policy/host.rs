//! Which host does a request ask? One rule for both listeners.

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;

use crate::error::Error;

/// The `Host` field, if there is one: `host[:port]`, no user information (RFC 9110 §7.2), no empty host.
///
/// # Errors
/// [`Error::UnreadableRequest`] when it occurs twice or is malformed.
pub fn host(headers: &HeaderMap) -> Result<Option<Authority>, Error> {
    let mut values = headers.get_all(HOST).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Error::UnreadableRequest("the Host header occurs twice"));
    }
    match Authority::try_from(first.as_bytes()) {
        Ok(host) if is_well_formed(&host) => Ok(Some(host)),
        Ok(_) | Err(_) => Err(Error::UnreadableRequest("the Host header is malformed")),
    }
}

/// The parser of [`Authority`] takes user information, an empty host and any text for a port.
#[must_use]
pub fn is_well_formed(host: &Authority) -> bool {
    let has_port = || host.port_u16().is_some() || host.as_str().ends_with(':'); // RFC 3986 §3.2.3: it may be empty
    !host.as_str().contains('@')
        && !host.host().is_empty()
        && (host.as_str() == host.host() || has_port())
}

/// A request whose target names a host that is none.
pub const MALFORMED_TARGET: Error =
    Error::UnreadableRequest("the host in the request target is malformed");

/// A request that must name a host and does not.
pub const MISSING: Error = Error::UnreadableRequest("the Host header is missing");

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use http::{HeaderMap, HeaderValue};

    use super::host;

    fn read(values: &[&[u8]]) -> Option<Option<String>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HOST, HeaderValue::from_bytes(value).unwrap());
        }
        host(&headers)
            .ok()
            .map(|host| host.map(|host| host.to_string()))
    }

    #[test]
    fn one_well_formed_host_is_read_and_none_is_told_apart() {
        for good in [
            "localhost",
            "LocalHost:9090",
            "127.0.0.1:80",
            "[::1]:1",
            "gateway.example",
            "gateway.example:",
            "gateway.example:65535",
        ] {
            assert_eq!(read(&[good.as_bytes()]), Some(Some(good.to_owned())));
        }
        assert_eq!(read(&[]), Some(None));
    }

    #[test]
    fn a_doubled_or_malformed_host_is_refused() {
        for bad in [
            &b""[..],
            b"a b",
            b"user@localhost",
            b"localhost/path",
            b":80",
            b"localhost:http",
            b"localhost:65536",
            b"localhost:-1",
            b"local\xffhost",
        ] {
            assert_eq!(read(&[bad]), None, "{bad:?}");
        }
        assert_eq!(read(&[b"localhost", b"localhost"]), None);
    }
}
