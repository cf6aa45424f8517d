//! Does a web page of another address ask? A browser sends such a page's requests with the operator's reach, and even
//! without reading the answer they would change something (cross-site request forgery).
//!
//! Browsers say where a page is from: `Origin` (RFC 6454), and the newer ones `Sec-Fetch-Site`; no page can forge
//! either. Terminals and scripts send neither and are not concerned.

use http::header::{HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method};

use crate::error::Error;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Judges a request to the host that it `asked`.
///
/// # Errors
/// [`Error::ForeignOrigin`] for an `Origin` that is not the host asked, and, unless it only reads, for a
/// `Sec-Fetch-Site` other than `same-origin` and `none`. A link from elsewhere to a page here is a read, and harmless.
pub(super) fn judge(method: &Method, headers: &HeaderMap, asked: &Authority) -> Result<(), Error> {
    let own_page = headers
        .get_all(ORIGIN)
        .iter()
        .all(|origin| is_page_of(origin.as_bytes(), asked));
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let own_site = headers
        .get_all(SEC_FETCH_SITE)
        .iter()
        .all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    if own_page && (reads || own_site) {
        Ok(())
    } else {
        Err(Error::ForeignOrigin)
    }
}

/// `scheme://host[:port]`, as browsers write it: they leave out the scheme's own port here and in `Host` alike. The
/// scheme may be `https` where something in front of us ends TLS.
fn is_page_of(origin: &[u8], asked: &Authority) -> bool {
    let host = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    host.is_some_and(|host| host.eq_ignore_ascii_case(asked.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::uri::Authority;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::judge;

    fn judged(method: Method, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let asked = Authority::from_static("127.0.0.1:9090");
        judge(&method, &headers, &asked).is_ok()
    }

    #[test]
    fn a_page_of_another_address_is_refused_and_a_link_from_there_may_read() {
        for (fields, may_read, may_change) in [
            (&[][..], true, true), // curl
            (&[("origin", "http://127.0.0.1:9090")], true, true),
            (&[("origin", "HTTP://127.0.0.1:9090")], false, false), // no browser writes so
            (&[("origin", "https://127.0.0.1:9090")], true, true),
            (&[("origin", "http://127.0.0.1:9091")], false, false),
            (&[("origin", "http://127.0.0.1")], false, false),
            (&[("origin", "http://localhost:9090")], false, false),
            (&[("origin", "http://evil.example")], false, false),
            (&[("origin", "null")], false, false), // a sandboxed frame
            (&[("origin", "")], false, false),
            (&[("origin", "127.0.0.1:9090")], false, false),
            (
                &[("origin", "http://127.0.0.1:9090.evil.example")],
                false,
                false,
            ),
            (
                &[
                    ("origin", "http://127.0.0.1:9090"),
                    ("origin", "http://evil.example"),
                ],
                false,
                false,
            ),
            (&[("sec-fetch-site", "same-origin")], true, true),
            (&[("sec-fetch-site", "none")], true, true), // typed into the address bar
            (&[("sec-fetch-site", "same-site")], true, false),
            (&[("sec-fetch-site", "cross-site")], true, false),
            (&[("sec-fetch-site", "anything new")], true, false),
            (
                &[
                    ("origin", "http://127.0.0.1:9090"),
                    ("sec-fetch-site", "cross-site"),
                ],
                true,
                false,
            ),
        ] {
            for (method, expected) in [
                (Method::GET, may_read),
                (Method::HEAD, may_read),
                (Method::POST, may_change),
                (Method::DELETE, may_change),
                (Method::OPTIONS, may_change),
            ] {
                assert_eq!(
                    judged(method.clone(), fields),
                    expected,
                    "{method} {fields:?}"
                );
            }
        }
    }
}
