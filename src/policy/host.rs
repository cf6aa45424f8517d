//! Which host does a request ask? One rule for both listeners.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri, Version};

use crate::error::Error;

/// The host that a request asks. HTTP/1 requires the `Host` field even when the target is absolute (RFC 9112 §3.2); in
/// HTTP/2 `:authority` may stand in its place (RFC 9113 §8.3.1). Where both are there, the target decides (RFC 9112
/// §3.2.2).
///
/// # Errors
/// [`Error::UnreadableRequest`] without a host, with more than one field, or with a malformed one.
pub fn asked(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Authority, Error> {
    let field = field(headers)?;
    if field.is_none() && version != Version::HTTP_2 {
        return Err(MISSING);
    }
    match uri.authority() {
        Some(target) if is_well_formed(target) => Ok(target.clone()),
        Some(_) => Err(Error::UnreadableRequest(
            "the host in the request target is malformed",
        )),
        None => field.ok_or(MISSING),
    }
}

const MISSING: Error = Error::UnreadableRequest("the Host header is missing");

/// The `Host` field, if there is one: `host[:port]`, no user information (RFC 9110 §7.2), no empty host.
fn field(headers: &HeaderMap) -> Result<Option<Authority>, Error> {
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
fn is_well_formed(host: &Authority) -> bool {
    let has_port = || host.port_u16().is_some() || host.as_str().ends_with(':'); // RFC 3986 §3.2.3: it may be empty
    !host.as_str().contains('@')
        && !host.host().is_empty()
        && (host.as_str() == host.host() || has_port())
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use http::{HeaderMap, HeaderValue};

    use super::field;

    fn read(values: &[&[u8]]) -> Option<Option<String>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HOST, HeaderValue::from_bytes(value).unwrap());
        }
        field(&headers)
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
