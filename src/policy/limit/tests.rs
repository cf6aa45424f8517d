#![expect(
    clippy::unchecked_time_subtraction,
    reason = "a test that is wrong about time may panic"
)]

mod account;
mod learning;

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::{prop_assert, proptest};

use super::Limit;
use crate::policy::budget::TICK;

const SECOND: Duration = Duration::from_secs(1);

fn limit(requests: u32, seconds: u64) -> Limit {
    Limit {
        requests: NonZeroU32::new(requests).unwrap(),
        window: Duration::from_secs(seconds),
    }
}

#[test]
fn a_limit_is_scaled_to_another_window_and_never_to_nothing() {
    for (of, seconds, calls) in [
        ((50, 60), 60, 50),
        ((10, 3), 60, 200),
        ((7, 60), 90, 10), // 10.5
        ((59, 60), 1, 1),
        ((1, 3_600), 60, 1),
        ((u32::MAX, 1), 60, u32::MAX),
    ] {
        let calls_in = limit(of.0, of.1).calls_in(Duration::from_secs(seconds));
        assert_eq!(calls_in.get(), calls, "{of:?} in {seconds} s");
    }
}

#[test]
fn a_limit_implies_another_if_keeping_to_it_cannot_pass_the_other() {
    // (calls and seconds of the one, those of the other)
    for (one, other, implied) in [
        ((50, 60), (50, 60), true),
        ((50, 60), (51, 60), true),
        ((50, 60), (49, 60), false),
        ((50, 60), (50, 30), true),
        ((50, 60), (10, 10), false), // fewer in the long run, but all of them may come at once
        ((50, 60), (100, 120), true),
        ((50, 60), (99, 120), false),
        ((50, 60), (100, 121), false), // two windows and a bit see three bursts
        ((10, 60), (10, 1), true),
        ((1, 1), (3_600, 3_600), true),
        ((1, 1), (3_599, 3_600), false),
    ] {
        let (one, other) = (limit(one.0, one.1), limit(other.0, other.1));
        assert_eq!(one.implies(&other), implied, "{one}: {other}");
    }
}

#[test]
fn the_slower_of_two_limits_lets_fewer_calls_out_in_the_long_run() {
    for (one, other, slower) in [
        ((10, 60), (50, 60), true),
        ((50, 60), (10, 10), true),
        ((10, 10), (50, 60), false),
        ((10, 60), (10, 60), false),
        ((20, 120), (10, 60), false),
        ((19, 120), (10, 60), true),
    ] {
        let (one, other) = (limit(one.0, one.1), limit(other.0, other.1));
        assert_eq!(one.is_slower_than(&other), slower, "{one}: {other}");
    }
}

proptest! {
    #[test]
    fn what_is_implied_is_never_passed_by_bursts_at_the_limit(
        one in (1..20_u32, 1..20_u64),
        other in (1..200_u32, 1..200_u64),
    ) {
        let (one, other) = (limit(one.0, one.1), limit(other.0, other.1));
        let step = one.window + TICK; // the closest that bursts can come
        let bursts = (0..300_u32).take_while(|n| step * *n <= other.window).count();
        let most = bursts * one.requests.get() as usize;
        prop_assert!(one.implies(&other) == (most <= other.requests.get() as usize));
    }
}
