//! What an exchange is called: the client's own name for it if it is a modest one, else ours.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Longest foreign request id that is kept, in characters; upstream's have 32 to 36.
const MAX_CHARS: usize = 64;

/// The header that carries it, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request id: 1–64 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

// === impl RequestId ===

impl RequestId {
    /// The client's own id, if it sent one well-formed one.
    #[must_use]
    pub fn of_client(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(X_REQUEST_ID)?;
        value
            .to_str()
            .is_ok_and(is_modest)
            .then(|| Self(value.clone()))
    }

    /// Our own: 32 hexadecimal digits, like upstream's. `process` is random, `serial` never repeats within it.
    #[must_use]
    pub fn numbered(process: u64, serial: u64) -> Self {
        let mut text = [0; 32];
        let number = u128::from(process) << 64 | u128::from(serial);
        match hex::encode_to_slice(number.to_be_bytes(), &mut text) {
            Ok(()) => HeaderValue::from_bytes(&text).map_or(Self::none(), Self),
            Err(_) => Self::none(), // 16 bytes are 32 digits
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-") // ASCII by construction
    }

    /// The id as a header value.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    fn none() -> Self {
        Self(HeaderValue::from_static("-"))
    }
}

/// Whether a foreign id may stand in our headers and our log: 1–64 of `[A-Za-z0-9._-]`, a client's and upstream's alike.
#[must_use]
pub fn is_modest(id: &str) -> bool {
    (1..=MAX_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{RequestId, X_REQUEST_ID};

    fn taken(value: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_str(value).unwrap())]);
        RequestId::of_client(&headers).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn a_clients_own_id_is_taken_only_if_it_is_modest() {
        for good in ["a", "build-7.retry_2", &"x".repeat(64)] {
            assert_eq!(taken(good).as_deref(), Some(good));
        }
        for bad in ["", " ", "a b", "<script>", "a\"b", "é", &"x".repeat(65)] {
            assert_eq!(taken(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ours_are_32_digits_and_differ() {
        let (one, two) = (RequestId::numbered(7, 1), RequestId::numbered(7, 2));
        assert_eq!(one.as_str(), "00000000000000070000000000000001");
        assert_ne!(one.as_str(), two.as_str());
    }
}
