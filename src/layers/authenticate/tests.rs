//! What the operator reads of requests that name no client.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tracing::Level;

use super::{Keyring, Refusals};
use crate::clock::Clock;
use crate::credential::ClientSecrets;
use crate::layers::Exchange;
use crate::policy::client::{Clients, Fingerprint};
use crate::policy::request_id::RequestId;
use crate::telemetry::lines::memory::Log;
use crate::telemetry::metrics::RefusalMetrics;

/// The lines that `act` writes.
fn logged(act: impl FnOnce()) -> Vec<Value> {
    let log = Log::install(Level::INFO);
    act();
    log.lines()
}

/// A door that one client has a key to.
fn door(clock: &Clock) -> (Keyring, Refusals) {
    let key = [Sha256::digest("right").into()];
    let clients = Arc::new(Clients::new([("wallboard", &key[..])]));
    let keyring = Keyring::new(clients, ClientSecrets::default(), clock.clone());
    (keyring, Refusals::new(RefusalMetrics::default(), clock))
}

/// Comes with these headers and is refused.
fn come(
    (keyring, refusals): &(Keyring, Refusals),
    serial: u64,
    headers: &[(&str, &str)],
    clock: &Clock,
) {
    let request = headers
        .iter()
        .fold(Request::get("/"), |request, (name, value)| {
            request.header(*name, *value)
        });
    let (head, ()) = request.body(()).unwrap().into_parts();
    let id = RequestId::numbered(0, serial);
    let exchange = Exchange::new(id, head, false, clock.now()).from_peer("192.0.2.1:5".into());
    let error = keyring.identify(&exchange).unwrap_err();
    refusals.tell(&exchange, keyring, &error);
}

#[test]
fn a_few_refusals_are_told_by_fingerprints_and_the_rest_as_a_number() {
    let clock = Clock::manual();
    let door = door(&clock);
    let signed = |name: &str| {
        let digits = "00".repeat(32);
        format!("SDK-HMAC-SHA256 Access={name}, SignedHeaders=x-sdk-date, Signature={digits}")
    };
    let (ours, strangers) = (signed("wallboard"), signed("AKREALCLOUDKEY"));
    let token = "M".repeat(513);
    let presented: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-api-key", "abc")],
        &[("x-auth-token", &token)],
        &[("authorization", &ours)],
        &[("authorization", &strangers)],
        &[("x-api-key", "no")],
        &[("x-api-key", "no")],
    ];
    let told = logged(|| {
        for (serial, headers) in (0..).zip(presented) {
            come(&door, serial, headers, &clock);
        }
        clock.advance(Duration::from_secs(1));
        come(&door, 7, &[("authorization", "Basic no")], &clock);
    });
    let of = |key: &str| Value::from(Fingerprint::of(key.as_bytes()).to_string());
    let nothing = Value::Null;
    for (member, expected) in [
        ("untold", [0, 0, 0, 0, 0, 2].map(Value::from)),
        (
            "key.fingerprint",
            [
                nothing.clone(),
                "ba7816bf".into(),
                nothing.clone(),
                nothing.clone(),
                of("AKREALCLOUDKEY"),
                nothing.clone(), // a password could be guessed by it
            ],
        ),
        (
            "client",
            [0, 1, 2, 3, 4, 5].map(|place| match place {
                3 => "wallboard".into(),
                _ => nothing.clone(),
            }),
        ),
        (
            "header",
            [
                nothing.clone(),
                "X-Api-Key".into(),
                "X-Auth-Token".into(),
                "Authorization".into(),
                "Authorization".into(),
                "Authorization".into(),
            ],
        ),
        ("peer", [(); 6].map(|()| "192.0.2.1:5".into())),
        ("message", [(); 6].map(|()| "client refused".into())),
    ] {
        let seen: Vec<Value> = told.iter().map(|line| line[member].clone()).collect();
        assert_eq!(seen, expected, "{member}");
    }
    let ids = told.iter().map(|line| line["request.id"].as_str().unwrap());
    let serials: Vec<Option<char>> = ids.map(|id| id.chars().last()).collect();
    assert_eq!(serials, "012347".chars().map(Some).collect::<Vec<_>>());
    let all = serde_json::to_string(&told).unwrap();
    for hidden in ["AKREALCLOUDKEY", "MMMM", "abc", "Basic"] {
        assert!(!all.contains(hidden), "{hidden}");
    }
}

#[test]
fn the_reason_is_told_in_the_words_of_the_operator_and_not_as_advice_for_the_client() {
    let clock = Clock::manual();
    let door = door(&clock);
    let digits = "00".repeat(32);
    let told = logged(|| {
        for (name, minutes) in [("wallboard", 0), ("stranger", 0), ("wallboard", 20)] {
            let signed_at = clock.wall() - Duration::from_secs(60 * minutes);
            let date = Timestamp::try_from(signed_at).unwrap();
            let date = date.strftime("%Y%m%dT%H%M%SZ").to_string();
            let signature = format!(
                "SDK-HMAC-SHA256 Access={name}, SignedHeaders=x-sdk-date, Signature={digits}"
            );
            let headers = [("authorization", &*signature), ("x-sdk-date", &date)];
            come(&door, 0, &headers, &clock);
        }
    });
    let reasons: Vec<&str> = told
        .iter()
        .map(|line| line["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "wrong secret or changed request",
            "no client of this name",
            "client clock 20 minutes behind the gateway's",
        ]
    );
}
