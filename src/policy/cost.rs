//! What answers cost, in upstream calls. Those who wait together for a call split it, so a cost may be a part of one.
//!
//! Counted in millionths and in integers: whatever is split adds up again exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Parts that a call is counted in: fine enough for a herd of thousands, and a sum overflows only after 10¹³ calls.
const PARTS: u64 = 1_000_000;

/// A number of upstream calls. In JSON it is a number with at most six decimals.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "f64", into = "f64")]
pub struct Cost(u64);

/// What those who waited for a fetch have to pay: each takes its share, and the shares are the whole.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    left: u64,
    heads: u64,
}

// === impl Cost ===

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many whole calls.
    #[must_use]
    pub fn of_calls(calls: u32) -> Self {
        Self(u64::from(calls) * PARTS)
    }

    /// So many millionths of a call.
    #[must_use]
    pub fn of_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// The same in millionths of a call.
    #[must_use]
    pub fn millionths(self) -> u64 {
        self.0
    }

    /// Whole calls: one that is not yet paid in full counts.
    #[must_use]
    pub fn begun_calls(self) -> u64 {
        self.0.div_ceil(PARTS)
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, Add::add)
    }
}

impl From<Cost> for f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "for readers; exact to the last of six decimals up to 2^53 millionths"
    )]
    fn from(cost: Cost) -> Self {
        cost.0 as Self / PARTS as Self
    }
}

impl From<f64> for Cost {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number that a gateway wrote; whatever else it is, the cast saturates"
    )]
    fn from(calls: f64) -> Self {
        Self((calls * PARTS as f64).round() as u64)
    }
}

/// For people: two decimals are enough.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = format!("{:.2}", f64::from(*self));
        f.write_str(calls.trim_end_matches('0').trim_end_matches('.'))
    }
}

// === impl Bill ===

impl Bill {
    /// The bill of so many who waited.
    #[must_use]
    pub fn new(whole: Cost, heads: u64) -> Self {
        let left = whole.0;
        Self { left, heads }
    }

    /// The next one's share. Shares differ by a millionth at most, and the first are the larger ones. Whoever comes when
    /// nobody is left to come, pays what is left.
    pub fn take(&mut self) -> Cost {
        let share = self.left.div_ceil(self.heads.max(1));
        self.left -= share;
        self.heads = self.heads.saturating_sub(1);
        Cost(share)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bill, Cost};

    fn shares(calls: u32, heads: u64) -> Vec<u64> {
        let mut bill = Bill::new(Cost::of_calls(calls), heads);
        (0..heads).map(|_| bill.take().millionths()).collect()
    }

    proptest! {
        #[test]
        fn shares_are_even_and_add_up_to_the_whole(calls in 0u32..10, heads in 1u64..5_000) {
            let shares = shares(calls, heads);
            prop_assert_eq!(shares.iter().sum::<u64>(), u64::from(calls) * 1_000_000);
            let (most, least) = (shares.iter().max().unwrap(), shares.iter().min().unwrap());
            prop_assert!(most - least <= 1);
        }

        #[test]
        fn a_cost_survives_json(millionths in 0u64..1 << 50) {
            let cost = Cost::of_millionths(millionths);
            let text = serde_json::to_string(&cost).unwrap();
            let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            prop_assert!(decimals <= 6, "{}", text);
            prop_assert_eq!(serde_json::from_str::<Cost>(&text).unwrap(), cost);
        }
    }

    #[test]
    fn what_cannot_be_split_evenly_is_the_first_ones() {
        assert_eq!(shares(1, 3), [333_334, 333_333, 333_333]);
        assert_eq!(shares(2, 1), [2_000_000]);
        let mut nobodys = Bill::new(Cost::of_calls(3), 0);
        assert_eq!(nobodys.take(), Cost::of_calls(3));
        assert_eq!(nobodys.take(), Cost::ZERO);
    }

    #[test]
    fn a_cost_is_told_to_people_with_two_decimals_at_most() {
        for (millionths, told) in [
            (0, "0"),
            (1_000_000, "1"),
            (333_333, "0.33"),
            (10_500_000, "10.5"),
            (1, "0"),
        ] {
            assert_eq!(Cost::of_millionths(millionths).to_string(), told);
        }
        let costs = [500_000, 500_001].map(Cost::of_millionths);
        assert_eq!(costs.into_iter().sum::<Cost>().begun_calls(), 2);
    }
}
