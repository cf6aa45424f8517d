//! What does a decision cost? Beside the subtraction of two instants, without which none can do, and the reading of the clock.
//! The gate is the lock, the clock, the holds and the ledger in one: what every upstream call passes.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::Criterion;
use futures_util::FutureExt as _;
use jobgate::clock::Clock;
use jobgate::layers::fetch::gate::{Gate, Terms};
use jobgate::policy::budget::{Ledger, Verdict};
use jobgate::policy::freshness::Lifetime;
use jobgate::policy::hold::{Admit, CredentialKind, Ending, Holds, InFlight};
use jobgate::policy::ladder::{Known, Windows, plan};
use jobgate::policy::limit::{Api, Limit};
use jobgate::policy::wish::Wish;

/// Upstream's usual quota: calls a minute.
const REQUESTS: NonZeroU32 = NonZeroU32::new(50).unwrap();
const WINDOW: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn ask(c: &mut Criterion) {
    let clock = Clock::system();
    let mut group = c.benchmark_group("decision");
    let sent = clock.now();
    let now = sent + Duration::from_secs(10);

    group.bench_function("baseline: an age", |b| {
        b.iter(|| black_box(now).saturating_duration_since(black_box(sent)));
    });
    group.bench_function("baseline: the clock", |b| b.iter(|| clock.now()));
    for (name, seconds) in [("lifetime: fresh", 30), ("lifetime: stale", 5)] {
        let lifetime = Duration::from_secs(seconds);
        let stored = black_box(Lifetime { sent, lifetime });
        group.bench_function(name, |b| b.iter(|| stored.judge(black_box(now))));
    }
    let windows = Windows {
        while_revalidate: Duration::from_secs(600),
        if_error: Duration::from_secs(3_600),
    };
    for (name, seconds) in [("ladder: fresh", 30), ("ladder: stale", 5)] {
        let lifetime = Duration::from_secs(seconds);
        let freshness = Lifetime { sent, lifetime }.judge(now);
        let rests = false;
        let known = black_box(Known::Job { freshness, rests });
        let wish = black_box(Wish::default());
        group.bench_function(name, |b| b.iter(|| plan(known, &wish, &windows)));
    }
    let mut holds = proven(now);
    group.bench_function("holds: none", |b| {
        b.iter(|| holds.admit(black_box(now), Api::Job, InFlight::default()));
    });
    let (mut open, mut spent) = (ledger(), ledger());
    while let Verdict::Granted(_) = spent.withdraw(now, TIMEOUT) {}
    group.bench_function("ledger: granted, then refunded", |b| {
        b.iter(|| match open.withdraw(black_box(now), TIMEOUT) {
            Verdict::Granted(slot) => open.refund(slot),
            Verdict::Refused { .. } => unreachable!("it was refunded"),
        });
    });
    group.bench_function("ledger: refused", |b| {
        b.iter(|| spent.withdraw(black_box(now), TIMEOUT));
    });
    let gate = gate(clock);
    group.bench_function("gate: let through, then not sent", |b| {
        b.iter(|| {
            let permit = gate
                .admit(Api::Job, TIMEOUT)
                .now_or_never()
                .unwrap()
                .unwrap();
            permit.settle(Ending::NotSent);
        });
    });
    while let Ok(permit) = gate.admit(Api::Job, TIMEOUT).now_or_never().unwrap() {
        permit.settle(Ending::Authenticated);
    }
    group.bench_function("gate: refused", |b| {
        b.iter(|| {
            gate.admit(Api::Job, TIMEOUT)
                .now_or_never()
                .unwrap()
                .unwrap_err()
        });
    });
    group.finish();
}

fn ledger() -> Ledger {
    Ledger::full(REQUESTS, WINDOW)
}

/// Holds of a credential that upstream has taken.
fn proven(now: Instant) -> Holds {
    let mut holds = Holds::new(CredentialKind::Lockable, 0);
    let Admit::Go(ticket) = holds.admit(now, Api::Job, InFlight::default()) else {
        unreachable!("the first call may go")
    };
    holds.end(ticket, Ending::Authenticated, now, now);
    holds
}

/// A gate of a credential that upstream has taken.
fn gate(clock: Clock) -> Gate {
    let jobs = Limit {
        requests: REQUESTS,
        window: WINDOW,
    };
    let terms = Terms {
        jobs,
        lists: None,
        learn: false,
        upstream_is_new: true,
    };
    let gate = Gate::on(terms, CredentialKind::Lockable, clock);
    let first = gate.admit(Api::Job, TIMEOUT).now_or_never().unwrap();
    first.unwrap().settle(Ending::Authenticated);
    gate
}
