//! What does it cost to know who asks? A plain key with one client and with as many as there may be; a wrong one, in its first
//! or in its last byte, which must cost the same; a signature, of a client and of a stranger, which must cost the same too. Beside
//! the hash of a key, the least for any of them, and one HMAC.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::Criterion;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderValue, Request};
use jobgate::config::{ClientSettings, SecretSource};
use jobgate::credential::ClientSecrets;
use jobgate::credential::signing::{Signable, authorization};
use jobgate::policy::allowance::Allowance;
use jobgate::policy::client::{Clients, Proof, presented};
use sha2::{Digest as _, Sha256};

use crate::fixtures::{KEY, job};

/// As many clients as a configuration may have.
const MANY: usize = 10_000;
const SECRET: &str = "jgs_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn ask(c: &mut Criterion) {
    let mut group = c.benchmark_group("keys");
    group.bench_function("baseline: SHA-256 of a key", |b| {
        b.iter(|| Sha256::digest(black_box(KEY)));
    });
    let (first, last) = (
        KEY.replacen('j', "J", 1),
        format!("{}0", KEY.strip_suffix('f').unwrap()),
    );
    for (count, clients) in [(1, clients(1)), (MANY, clients(MANY))] {
        for (name, key) in [
            ("right", KEY),
            ("wrong first byte", &first),
            ("wrong last byte", &last),
        ] {
            let head = with_key(key);
            group.bench_function(format!("key of {count} clients: {name}"), |b| {
                b.iter(
                    || match presented(&black_box(&head).headers).unwrap().proof {
                        Proof::Key(key) => {
                            let found = clients.key(key).map(|key| key.last_use.note(1));
                            assert_eq!(found.is_ok(), name == "right");
                        }
                        _ => unreachable!("it is a key"),
                    },
                );
            });
        }
    }
    let message = signed("bench", SECRET).headers[AUTHORIZATION]
        .as_bytes()
        .to_vec();
    group.bench_function("baseline: an HMAC-SHA256", |b| {
        b.iter(|| {
            let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.chain_update(black_box(&message))
                .finalize()
                .into_bytes()
        });
    });
    let secrets = ClientSecrets::open(&[client()], &|_| Some(SECRET.to_owned())).unwrap();
    for (name, head) in [
        ("right", signed("bench", SECRET)),
        ("wrong secret", signed("bench", KEY)),
        ("stranger", signed("nobody", SECRET)),
    ] {
        let at = (
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458),
            1,
        );
        group.bench_function(format!("signature: {name}"), |b| {
            b.iter(|| {
                let head = black_box(&head);
                let found = secrets.identify(&head.headers[AUTHORIZATION], head, false, at);
                assert_eq!(found.is_ok(), name == "right");
            });
        });
    }
    group.finish();
}

/// The first has [`KEY`].
fn clients(count: usize) -> Clients {
    let clients = (0..count).map(|n| {
        let key = if n == 0 {
            KEY.to_owned()
        } else {
            format!("{KEY}{n}")
        };
        (format!("client-{n}"), [Sha256::digest(key).into()])
    });
    let clients: Vec<(String, [[u8; 32]; 1])> = clients.collect();
    Clients::new(
        clients
            .iter()
            .map(|(name, digests)| (name.as_str(), &digests[..])),
    )
}

fn client() -> ClientSettings {
    ClientSettings {
        name: "bench".to_owned(),
        key_sha256: Vec::new(),
        secrets: vec![SecretSource::Env("SECRET".to_owned())],
        rate: None,
        jobs: None,
        refresh: Allowance::DEFAULT,
        share: None,
        max_stale: None,
    }
}

fn with_key(key: &str) -> Parts {
    let request = Request::get(job().info_path()).header("x-api-key", key);
    request.body(()).unwrap().into_parts().0
}

/// As the Python SDK signs.
fn signed(access_key: &str, secret_key: &str) -> Parts {
    let request = Request::get(job().info_path())
        .header("content-type", "application/json")
        .header(HOST, "127.0.0.1:8080")
        .header(
            "user-agent",
            "huaweicloud-usdk-python/3.0; os/Linux#6.1 python/3.11.7 impl/CPython",
        )
        .header("x-project-id", "0123456789abcdef0123456789abcdef")
        .header("x-sdk-date", "20240605T080058Z");
    let mut head = request.body(()).unwrap().into_parts().0;
    let signable = Signable {
        method: "GET",
        path: head.uri.path(),
        query: "",
        headers: &head.headers,
        signed: &[
            "content-type",
            "host",
            "user-agent",
            "x-project-id",
            "x-sdk-date",
        ],
        body: b"",
    };
    let value = authorization(&signable, access_key, secret_key).unwrap();
    head.headers
        .insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
    head
}
