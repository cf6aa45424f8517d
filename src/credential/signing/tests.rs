//! The vendor's own vectors: 32 signer runs, 6 whole requests of the official SDKs, 8 forgeries.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Signable, SigningFault, authorization, canonical_request, signature, string_to_sign};

const VECTORS: &str = include_str!("../../../tests/samples/signing-vectors.json");

/// A request of the file, in pieces that live long enough to be borrowed.
struct Case {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    signed: Vec<String>,
    body: Vec<u8>,
    access_key: String,
    secret_key: String,
}

impl Case {
    fn new(case: &Value, target: &str, signed: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            name: text(&case["name"]),
            method: text(&case["method"]),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            signed: signed.split(';').map(str::to_owned).collect(),
            body: body(case),
            access_key: text(&case["ak"]),
            secret_key: text(&case["sk"]),
        }
    }

    fn with_headers(mut self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            self.headers.append(name, value);
        }
        self
    }

    fn check(&self, act: impl FnOnce(&Signable<'_>)) {
        let signed: Vec<&str> = self.signed.iter().map(String::as_str).collect();
        act(&Signable {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            signed: &signed,
            body: &self.body,
        });
    }
}

fn file() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Bodies that are not UTF-8 stand only in the Base64 member; one vector has one: the bytes 0 to 255 in order.
fn body(case: &Value) -> Vec<u8> {
    match (case["body"].as_str(), case["body_base64"].as_str()) {
        (Some(body), _) => body.as_bytes().to_vec(),
        (None, None) => Vec::new(),
        (None, Some(base64)) => {
            assert!(base64.starts_with("AAECAwQF"), "{}", case["name"]);
            (0..=255).collect()
        }
    }
}

fn on_wire(pairs: &Value) -> Vec<(String, String)> {
    match pairs {
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), text(v))).collect(),
        other => {
            let pairs = other.as_array().unwrap().iter();
            pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
        }
    }
}

/// `SignedHeaders` and `Signature` of an `Authorization` header among `headers`.
fn presented(headers: &Value) -> (String, String) {
    let headers = on_wire(headers);
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name == "Authorization")
        .unwrap();
    let (_, rest) = value.split_once("SignedHeaders=").unwrap();
    let (signed, signature) = rest.split_once(", Signature=").unwrap();
    (signed.to_owned(), signature.to_owned())
}

#[test]
fn every_signer_vector_is_reproduced_step_by_step() {
    let file = file();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 32);
    for vector in vectors {
        let expected = &vector["expected"];
        let signed = text(&expected["signed_headers"]);
        let case = Case::new(vector, &text(&expected["request_target"]), &signed)
            .with_headers(on_wire(&expected["headers_on_wire"]));
        case.check(|request| {
            let canonical = canonical_request(request).unwrap();
            assert_eq!(
                String::from_utf8(canonical.clone()).unwrap(),
                text(&expected["canonical_request"]),
                "{}",
                case.name
            );
            let date = case.headers["x-sdk-date"].as_bytes();
            assert_eq!(
                String::from_utf8(string_to_sign(date, &canonical)).unwrap(),
                text(&expected["string_to_sign"]),
                "{}",
                case.name
            );
            assert_eq!(
                authorization(request, &case.access_key, &case.secret_key).unwrap(),
                text(&expected["authorization"]),
                "{}",
                case.name
            );
        });
    }
}

#[test]
fn a_whole_request_of_each_official_sdk_is_reproduced_from_its_own_list_of_signed_headers() {
    let file = file();
    let captured = file["captured"].as_array().unwrap();
    assert_eq!(captured.len(), 6);
    for request in captured {
        let (signed, presented) = presented(&request["headers_on_wire"]);
        let case = Case::new(request, &text(&request["request_target"]), &signed)
            .with_headers(on_wire(&request["headers_on_wire"]));
        case.check(|signable| {
            let again = signature(signable, &case.secret_key).unwrap();
            assert_eq!(again, presented, "{}", case.name);
        });
    }
}

#[test]
fn no_forged_request_has_the_signature_it_presents() {
    let file = file();
    let forged = file["must_fail"].as_array().unwrap();
    assert_eq!(forged.len(), 8);
    for request in forged {
        let (signed, presented) = presented(&request["headers_on_wire"]);
        let case = Case::new(request, &text(&request["request_target"]), &signed)
            .with_headers(on_wire(&request["headers_on_wire"]));
        case.check(|signable| {
            let again = signature(signable, &case.secret_key);
            assert_ne!(again.as_ref(), Ok(&presented), "{}", case.name);
        });
    }
}

#[test]
fn a_signed_header_must_occur_exactly_once() {
    let file = file();
    let (signed, _) = presented(&file["captured"][0]["headers_on_wire"]);
    let whole = || {
        Case::new(&file["captured"][0], "/", &signed)
            .with_headers(on_wire(&file["captured"][0]["headers_on_wire"]))
    };
    let twice = whole().with_headers([("X-Project-Id".to_owned(), "other".to_owned())]);
    twice.check(|request| {
        let fault = SigningFault::Repeated("x-project-id".to_owned());
        assert_eq!(signature(request, "key"), Err(fault));
    });
    let mut dateless = whole();
    dateless.signed = vec!["host".to_owned()];
    dateless.headers.remove("x-sdk-date");
    dateless.check(|request| {
        let fault = SigningFault::Missing("x-sdk-date".to_owned());
        assert_eq!(signature(request, "key"), Err(fault));
    });
}
