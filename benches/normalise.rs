//! What does it cost to normalise an answer? Beside reading the same bytes into a `serde_json::Value` and writing them out again,
//! which converts nothing, loses the digits of long numbers and finds no failure.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use jobgate::policy::normalise::{CallerFields, normalise};
use serde_json::{Value, json};

use crate::fixtures::DOCUMENTED;

/// An answer that upstream has made 256 KiB larger by fields that nobody knows.
const UNKNOWN_FIELDS: usize = 256;
const UNKNOWN_FIELD_BYTES: usize = 1024;

pub(crate) fn ask(c: &mut Criterion) {
    let mut group = c.benchmark_group("normalise");
    let large = large();
    for (name, body) in [
        ("documented", DOCUMENTED),
        (
            "normalised",
            include_bytes!("../tests/samples/success-normalised.json"),
        ),
        (
            "nulls",
            include_bytes!("../tests/samples/success-nulls.json"),
        ),
        (
            "unknown fields",
            include_bytes!("../tests/samples/success-missing-and-unknown.json"),
        ),
        ("large", &large),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        let read_and_write = BenchmarkId::new("baseline: read and write", name);
        group.bench_function(read_and_write, |b| {
            b.iter(|| {
                let value: Value = serde_json::from_slice(black_box(body)).unwrap();
                serde_json::to_vec(&value).unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("normalise", name), |b| {
            b.iter(|| normalise(black_box(body), CallerFields::Keep).unwrap());
        });
    }
    group.finish();
}

fn large() -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(DOCUMENTED).unwrap();
    let result = body["result"].as_object_mut().unwrap();
    for n in 0..UNKNOWN_FIELDS {
        let field = json!({ "text": "x".repeat(UNKNOWN_FIELD_BYTES), "number": n, "flag": true });
        result.insert(format!("unknown_{n}"), field);
    }
    serde_json::to_vec(&body).unwrap()
}
