//! What does a hit allocate? Beside the store's look-up alone, and an answer of hyper's that asks nothing. Fails if
//! anything allocates more often than the number that stands beside it.
//!
//! Time cannot be measured here: counting costs some, and it is the system's allocator that is counted at.

#![allow(clippy::unwrap_used, reason = "a bench may fail")]

mod fixtures;

use std::hint::black_box;

use allocation_counter::{AllocationInfo, measure};
use jobgate::clock::Clock;
use jobgate::config::BudgetMode;
use tower::Service as _;

use fixtures::{Guard, Wire, bare, job, path, request, runtime, store};

/// Requests counted, after as many that are not: buffers have grown by then.
const REQUESTS: u64 = 1_000;

fn main() {
    let runtime = runtime();
    let clock = Clock::system();
    let (stored, job) = (store(&clock), job());
    let mut held = true;
    let mut hold = |name, most, counted| held &= report(name, most, counted);

    hold("the store alone", 0, {
        count(|| (), |()| drop(stored.jobs.get(black_box(&job)).unwrap()))
    });
    for (name, most, guard) in [
        ("path, open", 10, Guard::Open),
        ("path, client key", 10, Guard::Key),
        ("path, client key, a rate", 12, Guard::KeyAndRate),
        ("path, client key, access line", 10, Guard::KeyAndLine),
    ] {
        let mut path = path(&runtime, guard, BudgetMode::Budget);
        hold(name, most, {
            count(request, |request| {
                drop(runtime.block_on(path.call(request)))
            })
        });
    }
    let mut bare = Wire::new(bare());
    hold("bare answer over hyper", 3, {
        count(|| (), |()| runtime.block_on(bare.get()))
    });
    let mut whole = Wire::new(path(&runtime, Guard::KeyAndLine, BudgetMode::Budget));
    hold("path, client key, access line, over hyper", 11, {
        count(|| (), |()| runtime.block_on(whole.get()))
    });
    assert!(
        held,
        "something allocates more often than the number beside it"
    );
}

/// What `act` allocates in all, on this thread; what it is given is made outside.
fn count<T>(make: impl Fn() -> T, mut act: impl FnMut(T)) -> AllocationInfo {
    let mut round = || {
        let given: Vec<T> = (0..REQUESTS).map(|_| make()).collect();
        measure(|| given.into_iter().for_each(&mut act))
    };
    round();
    round()
}

/// Whether a request allocates at most `most` times; what the store's bookkeeping allocates once in a hundred look-ups aside.
#[expect(clippy::print_stdout, reason = "this is the answer")]
fn report(name: &str, most: u64, counted: AllocationInfo) -> bool {
    let each = |total: u64| total as f64 / REQUESTS as f64;
    println!(
        "{name:42} {:6.2} allocations (at most {most}), {:8.1} bytes",
        each(counted.count_total),
        each(counted.bytes_total),
    );
    counted.count_total / REQUESTS <= most
}
