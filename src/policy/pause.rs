//! Growing pauses: how long to leave alone what has just failed.

use std::time::Duration;

/// A pause is shorter than its step by up to this part of it.
const SPREAD: u32 = 5;

/// `first` for step 0, doubled with each step, at most `longest`; less up to a fifth of it, by `random` (any number), so that
/// what failed together is not tried again together.
#[must_use]
pub fn pause(step: u32, first: Duration, longest: Duration, random: u64) -> Duration {
    let whole = first
        .saturating_mul(2_u32.saturating_pow(step))
        .min(longest);
    let parts = u32::try_from(random % 1_000).unwrap_or_default();
    whole.saturating_sub(whole / SPREAD * parts / 1_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;

    #[test]
    fn each_step_is_twice_the_last_up_to_the_longest_and_at_most_a_fifth_shorter() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(30));
        for (step, whole) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (4, 16),
            (5, 30),
            (40, 30),
            (u32::MAX, 30),
        ] {
            let whole = Duration::from_secs(whole);
            assert_eq!(pause(step, first, longest, 0), whole, "step {step}");
            for random in [1, 500, 999, u64::MAX] {
                let shorter = pause(step, first, longest, random);
                assert!(
                    shorter < whole && shorter >= whole * 4 / 5,
                    "step {step}: {shorter:?}"
                );
            }
        }
    }
}
