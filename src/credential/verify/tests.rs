//! The vendor's own requests, forgeries of them, and everything that can be changed in one.

use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use proptest::prelude::{Strategy, any, prop_assert, prop_assume, proptest};
use proptest::sample::Index;
use serde_json::Value;

use super::super::secret::Secret;
use super::{Claim, MAX_SKEW, read_date};
use crate::error::Error;

const VECTORS: &str = include_str!("../../../tests/samples/signing-vectors.json");

fn cases(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    file[kind].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap()
}

fn head(case: &Value, target: &str, headers: &[(String, String)]) -> Parts {
    let method = Method::from_bytes(text(case, "method").as_bytes()).unwrap();
    let request = Request::builder().method(method).uri(target).body(());
    let (mut head, ()) = request.unwrap().into_parts();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        head.headers
            .append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    head
}

/// A whole request as it stands in the file.
fn whole(case: &Value) -> Parts {
    let headers: Vec<(String, String)> =
        serde_json::from_value(case["headers_on_wire"].clone()).unwrap();
    head(case, text(case, "request_target"), &headers)
}

/// What the signer made of a vector.
fn vector(case: &Value) -> Parts {
    let expected = &case["expected"];
    let sent = expected["headers_on_wire"].as_object().unwrap();
    let signed = ("authorization".to_owned(), text(expected, "authorization"));
    let headers: Vec<_> = sent
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap()))
        .chain([signed])
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    head(case, text(expected, "request_target"), &headers)
}

fn has_body(case: &Value) -> bool {
    [&case["body"], &case["body_base64"]]
        .iter()
        .any(|body| body.as_str().is_some_and(|body| !body.is_empty()))
}

fn signed_at(head: &Parts) -> SystemTime {
    read_date(&head.headers["x-sdk-date"]).unwrap()
}

/// Whether the request is taken, at this time, for one of whoever has the case's keys.
fn judge(case: &Value, head: &Parts, wall: SystemTime) -> Result<bool, Error> {
    let authorization = &head.headers[AUTHORIZATION];
    let claim = Claim::read(authorization, head, has_body(case), wall)?;
    let secret = Secret::parse(text(case, "sk")).unwrap();
    Ok(claim.fits(&secret) && claim.access_key == text(case, "ak"))
}

fn is_taken(case: &Value, head: &Parts) -> bool {
    matches!(judge(case, head, signed_at(head)), Ok(true))
}

#[test]
fn a_whole_request_of_each_official_sdk_is_taken_as_it_came_over_the_wire() {
    let captured = cases("captured");
    assert_eq!(captured.len(), 6);
    for case in &captured {
        assert!(is_taken(case, &whole(case)), "{}", case["name"]);
    }
}

#[test]
fn whatever_the_official_signer_signs_is_taken_but_for_what_covers_a_body() {
    let vectors = cases("vectors");
    assert_eq!(vectors.len(), 32);
    let refused: Vec<&str> = vectors
        .iter()
        .filter(|case| !is_taken(case, &vector(case)))
        .map(|case| text(case, "name"))
        .collect();
    assert_eq!(
        refused,
        [
            "15-post-json-body",
            "16-post-unicode-body",
            "18-binary-body",
            "19-non-json-content-type"
        ]
    );
}

#[test]
fn every_forgery_is_refused() {
    let forged = cases("must_fail");
    assert_eq!(forged.len(), 8);
    for case in &forged {
        assert!(!is_taken(case, &whole(case)), "{}", case["name"]);
    }
}

#[test]
fn a_date_may_be_fifteen_minutes_off_either_way_and_the_refusal_says_how_far_it_is() {
    let (case, second) = (&python(), Duration::from_secs(1));
    let head = whole(case);
    let at = signed_at(&head);
    for wall in [at, at + MAX_SKEW, at - MAX_SKEW] {
        assert!(judge(case, &head, wall).unwrap());
    }
    let too_far = MAX_SKEW + second;
    for (wall, expected) in [(at + too_far, true), (at - too_far, false)] {
        match judge(case, &head, wall) {
            Err(Error::ClientClock { behind, off }) => {
                assert_eq!((behind, off), (expected, too_far))
            }
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn a_date_has_one_form() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458);
    let read = |text: &str| read_date(&HeaderValue::from_str(text).unwrap());
    assert_eq!(read("20240605T080058Z"), Some(at));
    for other in [
        "",
        "20240605T080058",
        "20240605T080058z",
        "20240605t080058Z",
        " 20240605T080058Z",
        "20240605T80058Z",
        "2024-06-05T08:00:58Z",
        "20241305T080058Z",
        "20240230T080058Z",
        "20240605T080060Z",
        "20240605T240000Z",
        "+20240605T080058Z",
        "20240605T080058+0000",
        "1717574458",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

/// The one SDK that signs all it sets, `host` among them.
fn python() -> Value {
    let captured = cases("captured");
    let is_python = |case: &&Value| case["name"] == "python-sdk";
    captured.iter().find(is_python).unwrap().clone()
}

/// A request of the Python SDK, changed by `change`; the text that refuses it.
fn refusal_of(change: impl FnOnce(&mut Parts)) -> &'static str {
    let case = &python();
    let mut head = whole(case);
    let wall = signed_at(&head);
    change(&mut head);
    match judge(case, &head, wall) {
        Err(Error::BadSignature(text)) => text,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn another_algorithm_or_form_is_refused_in_words_that_say_what_is_taken() {
    let form = "Access=a, SignedHeaders=x-sdk-date, Signature=";
    let digits = "00".repeat(32);
    for (authorization, expected) in [
        (format!("SDK-HMAC-SM3 {form}{digits}"), "Only the algorithm"),
        (
            format!("SDK-ECDSA-P256-SHA256 {form}{digits}"),
            "Only the algorithm",
        ),
        (
            format!("V11-HMAC-SHA256 Credential=a/20240605/r/s, {form}{digits}"),
            "Only the algorithm",
        ),
        (
            format!("sdk-hmac-sha256 {form}{digits}"),
            "Only the algorithm",
        ),
        (
            "SDK-HMAC-SHA256".to_owned(),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256  {form}{digits}"),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256 {form}{digits}00"),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256 {form}{digits}, More=1"),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256 {form}{}", "AB".repeat(32)),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256 {form}{}", "xy".repeat(32)),
            "Authorization must be of the form",
        ),
        (
            format!("SDK-HMAC-SHA256 SignedHeaders=x-sdk-date, Access=a, Signature={digits}"),
            "Authorization must be of the form",
        ),
        (
            format!(
                "SDK-HMAC-SHA256 Access={}, {form}{digits}",
                "a".repeat(4096)
            ),
            "Authorization must be of the form",
        ),
    ] {
        let value = HeaderValue::from_str(&authorization).unwrap();
        let told = refusal_of(|head| drop(head.headers.insert(AUTHORIZATION, value)));
        assert!(told.starts_with(expected), "{authorization}: {told}");
    }
}

#[test]
fn the_list_of_signed_headers_names_each_once_and_the_date_among_them() {
    let many: Vec<String> = (0..64).map(|n| format!("x-{n}")).collect();
    for (list, expected) in [
        ("", "SignedHeaders must be"),
        ("host", "SignedHeaders must be"),
        ("host;x-sdk-date;host", "SignedHeaders must be"),
        ("Host;x-sdk-date", "SignedHeaders must be"),
        ("host;;x-sdk-date", "SignedHeaders must be"),
        ("host; x-sdk-date", "SignedHeaders must be"),
        (
            &format!("{};x-sdk-date", many.join(";")),
            "SignedHeaders must be",
        ),
        (
            &format!("{};x-sdk-date", many[1..].join(";")),
            "Each signed header",
        ),
        ("x-sdk-date;x-absent", "Each signed header"),
        ("not a name;x-sdk-date", "SignedHeaders must be"),
    ] {
        let value = format!(
            "SDK-HMAC-SHA256 Access=a, SignedHeaders={list}, Signature={}",
            "00".repeat(32)
        );
        let value = HeaderValue::from_str(&value).unwrap();
        let told = refusal_of(|head| drop(head.headers.insert(AUTHORIZATION, value)));
        assert!(told.starts_with(expected), "{list}: {told}");
    }
}

#[test]
fn what_stands_beside_the_signature_cannot_take_the_place_of_what_was_signed() {
    let append = |name: &'static str, value: &'static str| {
        move |headers: &mut HeaderMap| {
            headers.append(name, HeaderValue::from_static(value));
        }
    };
    let once: &[fn(&mut HeaderMap)] = &[
        |headers| drop(headers.remove("x-project-id")),
        |headers| drop(headers.remove("x-sdk-date")),
    ];
    for change in once {
        assert!(refusal_of(|head| change(&mut head.headers)).starts_with("Each signed header"));
    }
    for (change, expected) in [
        (append("x-project-id", "another"), "Each signed header"),
        (append("host", "127.0.0.1:18080"), "Each signed header"),
        (
            append("x-sdk-date", "20240605T080058Z"),
            "Each signed header",
        ),
        (
            append("x-sdk-content-sha256", "UNSIGNED-PAYLOAD"),
            "X-Sdk-Content-Sha256 must be",
        ),
        (
            append("x-sdk-content-sha256", ""),
            "X-Sdk-Content-Sha256 must be",
        ),
    ] {
        assert!(refusal_of(|head| change(&mut head.headers)).starts_with(expected));
    }
    let target = "http://other.example/v1/job/901878212b1a49be9c1a1054c272762a/info";
    let told = refusal_of(|head| head.uri = target.parse().unwrap());
    assert!(told.starts_with("The Host header and the request's target"));
    let told = refusal_of(|head| {
        let date = HeaderValue::from_static("20240605T080058");
        head.headers.insert("x-sdk-date", date);
    });
    assert!(told.starts_with("X-Sdk-Date must be"));
}

#[test]
fn the_hash_of_no_body_may_be_told() {
    let case = &python();
    let mut head = whole(case);
    let hash = HeaderValue::from_static(super::EMPTY_HASH);
    head.headers.append("x-sdk-content-sha256", hash.clone());
    assert!(is_taken(case, &head));
    head.headers.append("x-sdk-content-sha256", hash);
    assert!(!is_taken(case, &head), "but once");
}

#[test]
fn an_authority_takes_the_place_of_a_host_header_to_the_letter() {
    let case = &python();
    let mut head = whole(case);
    head.uri = format!("http://127.0.0.1:18080{}", head.uri)
        .parse()
        .unwrap();
    assert!(is_taken(case, &head), "both");
    head.headers.remove(HOST);
    assert!(is_taken(case, &head), "HTTP/2");
    head.uri = format!("http://127.0.0.1:18081{}", head.uri.path())
        .parse()
        .unwrap();
    assert!(!is_taken(case, &head));
}

/// One byte more, less or other.
#[derive(Clone, Copy, Debug)]
enum Change {
    Replace,
    Insert,
    Remove,
}

/// A place in what is signed, and what is done there. Letters and digits only: some of the other characters change only the spelling of
/// a target, and blanks around a value are nobody's.
fn changes() -> impl Strategy<Value = (Index, Index, Index, Change, char)> {
    let change = proptest::sample::select(vec![Change::Replace, Change::Insert, Change::Remove]);
    let places = (any::<Index>(), any::<Index>(), any::<Index>());
    let other = proptest::char::ranges(vec!['0'..='9', 'a'..='z', 'A'..='Z'].into());
    (places, change, other).prop_map(|((a, b, c), change, other)| (a, b, c, change, other))
}

fn changed(text: &str, at: Index, change: Change, other: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let place = at.index(chars.len());
    match change {
        Change::Replace => chars[place] = other,
        Change::Insert => chars.insert(place, other),
        Change::Remove => drop(chars.remove(place)),
    }
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn no_change_of_a_signed_byte_is_taken((which, part, at, change, other) in changes()) {
        let captured = cases("captured");
        let case = which.get(&captured);
        let mut head = whole(case);
        let wall = signed_at(&head);
        let value = head.headers[AUTHORIZATION].to_str().unwrap().to_owned();
        let (_, list) = value.split_once("SignedHeaders=").unwrap();
        let (list, _) = list.split_once(',').unwrap();
        let parts: Vec<&str> = list.split(';').chain(["authorization", "", ":"]).collect();
        let before = |text: &str| changed(text, at, change, other);
        match *part.get(&parts) {
            "" => {
                let target = head.uri.to_string();
                let after = before(&target);
                prop_assume!(after != target && after.starts_with('/'));
                head.uri = after.parse().unwrap();
            }
            ":" => {
                let after = before(head.method.as_str());
                prop_assume!(after != head.method.as_str() && !after.is_empty());
                head.method = Method::from_bytes(after.as_bytes()).unwrap();
                prop_assume!(!after.eq_ignore_ascii_case("GET")); // the signers write it in capitals
            }
            name => {
                let text = head.headers[name].to_str().unwrap().to_owned();
                let after = before(&text);
                prop_assume!(after != text);
                let value = HeaderValue::from_str(&after).unwrap();
                head.headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
            }
        }
        let judged = judge(case, &head, wall);
        prop_assert!(!matches!(judged, Ok(true)), "{head:?}");
    }

    #[test]
    fn no_authorization_is_too_strange_to_be_refused(value in "(SDK-HMAC-SHA256 )?(Access=|SignedHeaders=|Signature=|, |;|x-sdk-date|host|[ -~]){0,12}") {
        let case = &python();
        let mut head = whole(case);
        let wall = signed_at(&head);
        head.headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        prop_assert!(!matches!(judge(case, &head, wall), Ok(true)));
    }
}
