//! Is a decimal text exactly a whole number of 64 bits? Decided on the digits, because floating point would answer
//! yes for `9007199254740993.5`, and would round what lies above 2^53.

/// Digits of the largest 64-bit integer.
const MAX_DIGITS: i64 = 19;

/// The value of `text`, an optionally signed decimal with or without fraction and exponent, if it is exactly an
/// integer of 64 bits: `-5`, `+5`, `1717574458000.0`, `1e3`, `2500e-2`. Leading zeros are harmless.
pub(super) fn whole(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let decimal = Decimal::parse(unsigned)?;
    let magnitude = decimal.whole_magnitude()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// `units.fraction e exponent`, each still text.
struct Decimal<'a> {
    units: &'a str,
    fraction: &'a str,
    exponent: &'a str,
}

// === impl Decimal ===

impl<'a> Decimal<'a> {
    fn parse(unsigned: &'a str) -> Option<Self> {
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let well_formed = [
            units,
            fraction,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ]
        .into_iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        well_formed.then_some(Self {
            units,
            fraction,
            exponent,
        })
    }

    /// The value if it is whole and has at most 19 digits.
    fn whole_magnitude(&self) -> Option<i128> {
        let digits = [self.units, self.fraction].concat();
        let significant = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(0); // whatever the exponent
        }
        // The value is significant × 10^power; its last digit is not 0, so a negative power means a fraction.
        let fraction_digits = i64::try_from(self.fraction.len()).ok()?;
        let power = self
            .exponent
            .parse::<i64>()
            .ok()? // beyond 64 bits: far too large, or far too fine
            .checked_add(zeros - fraction_digits)?;
        let length = i64::try_from(significant.len()).ok()?.checked_add(power)?;
        if length > MAX_DIGITS {
            return None;
        }
        let power = u32::try_from(power).ok()?;
        Some(significant.parse::<i128>().ok()? * 10_i128.pow(power))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::whole;

    #[test]
    fn whole_numbers_of_64_bits_are_taken_exactly() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0e-9", 0),
            ("0e99999999999999999999999999", 0),
            ("+5", 5),
            ("-5", -5),
            ("007", 7),
            ("1717574458000", 1_717_574_458_000),
            ("1717574458000.0", 1_717_574_458_000),
            ("1.717574458E+12", 1_717_574_458_000),
            ("1e3", 1000),
            ("1000e-3", 1),
            ("2500e-2", 25),
            ("0.001e3", 1),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9007199254740993.000", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("922337203685477580.7e1", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-9223372036854775808.0", i64::MIN),
            ("1e18", 1_000_000_000_000_000_000),
            ("1000000000000000000000000000000000e-33", 1),
        ] {
            assert_eq!(whole(text), Some(value), "{text}");
        }
    }

    #[test]
    fn fractions_and_what_exceeds_64_bits_are_refused() {
        for text in [
            "0.5",
            "74.5",
            "1e-1",
            "15e-1",
            "9007199254740993.5",
            "1.0000000000000000000000000000000000001",
            "9223372036854775808",
            "-9223372036854775809",
            "9223372036854775807.1",
            "1e19",
            "1e400",
            "1e-400",
            "1e9223372036854775807",
            "1.5e9223372036854775807",
            "1e-9223372036854775808",
            "1.5e-9223372036854775808",
            "1e99999999999999999999999999",
            "1e-99999999999999999999999999",
            &"9".repeat(400),
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "", "-", "+", "--1", "+-1", "1-", ".", ".5", "1.", "1..0", "1.0.0", "e3", "1e", "1e+",
            "1e+-3", "1e3e3", "1e3.0", "0x10", "1_000", "1,000", "1 000", "١", "NaN", "inf", "\0",
        ] {
            assert_eq!(whole(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_integer_survives_however_its_point_is_moved(value in any::<i64>(), shift in 0..40_usize) {
            let zeros = "0".repeat(shift);
            prop_assert_eq!(whole(&value.to_string()), Some(value));
            prop_assert_eq!(whole(&format!("{value}.{zeros}0")), Some(value));
            prop_assert_eq!(whole(&format!("{value}{zeros}e-{shift}")), Some(value));
        }

        #[test]
        fn arbitrary_text_never_panics(text in r"[+-]?[0-9]{0,30}\.?[0-9]{0,30}([eE][+-]?[0-9]{0,25})?") {
            let _ = whole(&text);
        }
    }
}
