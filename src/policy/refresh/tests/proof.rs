//! The policy in the simulated fleet, against a fixed lifetime and the oracle.

use std::time::Duration;

use super::play::{ByLifetime, ByPolicy, play};
use super::world::{Setup, World};

#[test]
fn the_policy_stays_close_to_the_oracle_and_far_from_any_fixed_lifetime() {
    let (mut policy, mut oracle, mut fixed) = (0.0, 0.0, 0.0);
    for seed in 1..=5 {
        let setup = Setup {
            seed,
            ..Setup::DEFAULT
        };
        let world = World::new(setup);
        let score = play(&world, |now| ByPolicy::new(&world, true, now));
        assert_eq!(score.unanswered, 0, "seed {seed}: {score:?}");
        assert!(score.closest >= 30.0, "a floor was not kept: {score:?}");
        assert!(
            (1_450..=1_500).contains(&score.looks),
            "30 minutes of 50: {score:?}"
        );
        policy += score.wrong;
        oracle += world.oracle();
        let lifetime = Duration::from_secs(360);
        fixed += play(&world, |_| ByLifetime::new(&world, lifetime)).wrong;
    }
    assert!(policy < 1.4 * oracle, "{policy} {oracle}");
    assert!(policy < 0.6 * fixed, "{policy} {fixed}");
}

#[test]
fn after_some_hours_the_rates_are_known_and_the_oracle_is_met() {
    let setup = Setup {
        warm_up: 6.0 * 3_600.0,
        ..Setup::DEFAULT
    };
    let world = World::new(setup);
    let score = play(&world, |now| ByPolicy::new(&world, true, now));
    assert!(score.wrong < 1.25 * world.oracle(), "{score:?}");
}

#[test]
fn twenty_times_faster_it_is_the_same() {
    let world = World::new(Setup::DEFAULT);
    let slow = play(&world, |now| ByPolicy::new(&world, true, now));
    let fast = super::play::play_scaled(&world, 20.0, |now| ByPolicy::scaled(&world, 20.0, now));
    assert!(
        (fast.wrong / slow.wrong - 1.0).abs() < 0.25,
        "{fast:?} {slow:?}"
    );
    assert!(fast.looks.abs_diff(slow.looks) < 30, "{fast:?} {slow:?}");
}
