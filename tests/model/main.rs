//! The request path against a simple model, by random steps.
//!
//! Clients ask, hang up and want their answers younger or no older; upstream answers early, late, out of order, wrongly or
//! not at all; the operator interferes; hours pass. [`house`] makes it happen to the real layers, from the first to the last
//! but the wire. [`model`] sees it all and holds it against what is promised: [`quota`] says when a call may go out,
//! [`belief`] what is to be stored, [`promises`] what an answer may say.
//!
//! `JOBGATE_MODEL_STEPS=10000000` takes more steps than the 100 000 of a usual run, `JOBGATE_MODEL_SEED=…` those of an
//! earlier run. The lengths of pauses after failures are drawn by the gateway itself, within a fifth, so a run is not repeated
//! to the millisecond.
//!
//! Not here: the wire, the connections, several threads, a memory that is too small.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests may fail as a test does; clippy knows only the tests themselves"
)]

mod answer;
mod belief;
mod house;
mod model;
mod promises;
mod quota;
mod said;
mod step;
mod terms;
mod upstream;

use std::cell::RefCell;
use std::env;

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use model::Tally;
use step::Step;
use terms::Terms;

/// Steps of a usual run.
const STEPS: u64 = 100_000;
/// Steps of one house on average: long enough for a wave after an outage after a quiet hour.
const STEPS_OF_A_HOUSE: usize = 250;

/// A run in which one of these answers was never given would prove little: how it was come by, or the code of an error.
const SEEN: [&str; 33] = [
    "hit good",
    "uri-miss good",
    "stale good",
    "request good",
    " collapsed",
    " revalidating",
    " refresh-limit",
    " only-if-cached",
    " overloaded",
    " budget",
    " throttled",
    " credential",
    " paused",
    " unreachable",
    " slow",
    " failed",
    " refused",
    " doubted",
    " not-success",
    "APIGW.0308",
    "CB.00060101",
    "CB.00060200",
    "DEVCB.00031006",
    "JG.4292",
    "JG.5021",
    "JG.5022",
    "JG.5023",
    "JG.5024",
    "JG.5031",
    "JG.5033",
    "JG.5034",
    "JG.5041",
    "JG.5042",
];

#[test]
fn every_promise_is_kept_whatever_happens() {
    let steps = number("JOBGATE_MODEL_STEPS").unwrap_or(STEPS);
    let seed = number("JOBGATE_MODEL_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    eprintln!("JOBGATE_MODEL_SEED={seed} JOBGATE_MODEL_STEPS={steps}");
    let seen = RefCell::new(Tally::new());
    let result = runner(seed, steps).run(&story(), |(terms, steps)| {
        for (kind, times) in house::run(terms, &steps).map_err(TestCaseError::fail)? {
            *seen.borrow_mut().entry(kind).or_default() += times;
        }
        Ok(())
    });
    match result {
        Ok(()) if steps < STEPS => {}
        Ok(()) => check_seen(&seen.into_inner()),
        Err(TestError::Fail(reason, (terms, steps))) => {
            let (promise, steps) = shorten(terms, steps, reason.to_string());
            panic!(
                "not kept: {promise}\nby these steps: {steps:#?}\non these terms: {terms:#?}\nseed {seed}"
            )
        }
        Err(abort) => panic!("{abort}"),
    }
}

fn runner(seed: u64, steps: u64) -> TestRunner {
    let houses = steps.div_ceil(STEPS_OF_A_HOUSE as u64);
    let config = Config {
        cases: u32::try_from(houses).unwrap(),
        failure_persistence: None, // the seed is printed instead
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(config, random)
}

/// What happens in a house. Of any length down to a single step, so that a failing one can be shortened.
fn story() -> impl Strategy<Value = (Terms, Vec<Step>)> {
    (Terms::any(), vec(Step::any(), 1..2 * STEPS_OF_A_HOUSE))
}

fn check_seen(seen: &Tally) {
    eprintln!("answers: {seen:#?}");
    for kind in SEEN {
        let is_seen = seen.keys().any(|key| key.ends_with(kind));
        assert!(is_seen, "never seen: {kind}");
    }
}

/// Leaves out whatever is not needed for a promise to be broken: proptest passes over the steps only once.
fn shorten(terms: Terms, mut steps: Vec<Step>, mut promise: String) -> (String, Vec<Step>) {
    let mut nth = 0;
    while nth < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(nth);
        match house::run(terms, &fewer) {
            Ok(_) => nth += 1,
            Err(broken) => (promise, steps, nth) = (broken, fewer, 0),
        }
    }
    (promise, steps)
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
