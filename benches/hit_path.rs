//! What does a hit cost? Beside the store's look-up alone, which is the least; beside an answer of hyper's that asks nothing;
//! and by what it is made of: open to all, with a client key, with the access line too.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use jobgate::clock::Clock;
use jobgate::config::BudgetMode;
use tower::Service as _;

use crate::fixtures::{Guard, Wire, bare, job, path, request, runtime, store};

pub(crate) fn ask(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("hit");
    group.throughput(Throughput::Elements(1));

    let clock = Clock::system();
    let (stored, job) = (store(&clock), job());
    group.bench_function("baseline: the store alone", |b| {
        b.iter(|| stored.jobs.get(black_box(&job)).unwrap().judge(clock.now()));
    });
    // Cloning a request is not part of the path; it is measured so that it can be taken off.
    let request = request();
    group.bench_function("baseline: cloning the request", |b| {
        b.iter(|| black_box(request.clone()));
    });
    for (name, guard, mode) in [
        ("path, open, ttl mode", Guard::Open, BudgetMode::Ttl),
        ("path, open", Guard::Open, BudgetMode::Budget),
        ("path, client key", Guard::Key, BudgetMode::Budget),
        (
            "path, client key, a rate",
            Guard::KeyAndRate,
            BudgetMode::Budget,
        ),
        (
            "path, client key, access line",
            Guard::KeyAndLine,
            BudgetMode::Budget,
        ),
    ] {
        let mut path = path(&runtime, guard, mode);
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(path.call(request.clone())));
        });
    }

    let mut bare = Wire::new(bare());
    group.bench_function("baseline: bare answer over hyper", |b| {
        b.iter(|| runtime.block_on(bare.get()));
    });
    let mut whole = Wire::new(path(&runtime, Guard::KeyAndLine, BudgetMode::Budget));
    group.bench_function("path, client key, access line, over hyper", |b| {
        b.iter(|| runtime.block_on(whole.get()));
    });
    group.finish();
}
