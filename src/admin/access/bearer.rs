//! Which token does a request present?

use http::HeaderMap;
use http::header::AUTHORIZATION;

const SCHEME: &[u8] = b"Bearer ";

/// What stands behind `Authorization: Bearer`; `None` without it, and if it stands there twice. The scheme's case is free
/// (RFC 9110 §11.1).
pub(super) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked(SCHEME.len())?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue};

    use super::presented;

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        for (values, expected) in [
            (&[][..], None),
            (&["Bearer abc"], Some("abc")),
            (&["bearer  abc "], Some("abc")),
            (&["Bearer "], Some("")),
            (&["Bearer"], None),
            (&["Bearerabc"], None),
            (&["Basic abc"], None),
            (&["abc"], None),
            (&["Bearer abc", "Bearer abc"], None),
            (&["Bearer abc", "Basic abc"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            let expected = expected.map(str::as_bytes);
            assert_eq!(presented(&headers), expected, "{values:?}");
        }
    }
}
