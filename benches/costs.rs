//! What things cost in time, one file a question, each beside a baseline measured in the same run. Another machine gives other
//! nanoseconds; what holds is the ratio.
//!
//! `cargo bench` asks everything in about a minute, `cargo bench --bench costs -- ledger` one question.
//! `cargo test --benches` only tries once whether each of them still works.

#![allow(clippy::unwrap_used, reason = "a bench may fail")]

mod collapse;
mod decision;
mod fixtures;
mod hit_path;
mod keys;
mod ledger;
mod normalise;
mod schedule;

use std::time::Duration;

use criterion::Criterion;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30)
        .nresamples(10_000)
        .configure_from_args();
    for ask in [
        decision::ask,
        ledger::ask,
        schedule::ask,
        normalise::ask,
        hit_path::ask,
        keys::ask,
        collapse::ask,
    ] {
        ask(&mut criterion);
    }
    criterion.final_summary();
}
