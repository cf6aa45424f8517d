//! What is known of a refusal of the central credential: upstream's words, and whether the gateway's clock is why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

/// Upstream refused the central credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it said of it, cleaned; for the log.
    said: Arc<str>,
    /// The clock, if that is why.
    pub clock: Option<ClockFault>,
}

/// The clock is why upstream refused a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFault {
    /// How far off the time was that the request was signed with.
    pub off: ClockOff,
    /// It was the local clock's, and the next call is signed with upstream's: it is worth a try at once.
    pub corrected: bool,
}

/// How far a clock is off upstream's: positive if it is ahead. Reads like `20 minutes behind`, `3 hours ahead of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOff(pub SignedDuration);

// === impl Refusal ===

impl Refusal {
    /// The same, because of the clock.
    #[must_use]
    pub fn because_of(self, clock: Option<ClockFault>) -> Self {
        Self { clock, ..self }
    }
}

impl<T: Into<Arc<str>>> From<T> for Refusal {
    fn from(said: T) -> Self {
        let said = said.into();
        Self { said, clock: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)?;
        match self.clock {
            Some(fault) => write!(f, " ({fault})"),
            None => Ok(()),
        }
    }
}

// === impl ClockFault ===

impl fmt::Display for ClockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { off, corrected } = self;
        write!(
            f,
            "the gateway's clock was {off} that of the upstream service"
        )?;
        if *corrected {
            f.write_str(", which is allowed for from the next call on")?;
        }
        Ok(())
    }
}

// === impl ClockOff ===

impl ClockOff {
    /// By so much, to this side.
    #[must_use]
    pub fn by(behind: bool, off: Duration) -> Self {
        let off = SignedDuration::try_from(off).unwrap_or(SignedDuration::MAX);
        Self(if behind { -off } else { off })
    }
}

impl fmt::Display for ClockOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (24 * 60 * 60, "day"),
            (60 * 60, "hour"),
            (60, "minute"),
            (1, "second"),
        ];
        let off = self.0.unsigned_abs().as_secs();
        // two of a unit are told in it: 90 minutes, 36 hours
        let unit = UNITS.iter().find(|(length, _)| off >= 2 * length);
        let (length, unit) = unit.unwrap_or(&(1, "second"));
        let count = off.saturating_add(length / 2) / length; // rounded
        let plural = if count == 1 { "" } else { "s" };
        let side = if self.0.is_negative() {
            "behind"
        } else {
            "ahead of"
        };
        write!(f, "{count} {unit}{plural} {side}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{ClockFault, ClockOff, Refusal};

    #[test]
    fn it_is_told_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, told) in [
            (0, "0 seconds ahead of"),
            (1, "1 second ahead of"),
            (-119, "119 seconds behind"),
            (120, "2 minutes ahead of"),
            (-20 * 60 - 29, "20 minutes behind"),
            (-20 * 60 - 30, "21 minutes behind"),
            (7_199, "120 minutes ahead of"),
            (-7_200, "2 hours behind"),
            (30 * 3_600, "30 hours ahead of"),
            (-10 * 86_400, "10 days behind"),
            (i64::MIN, "106751991167301 days behind"),
        ] {
            let off = ClockOff(SignedDuration::from_secs(seconds));
            assert_eq!(off.to_string(), told);
        }
    }

    #[test]
    fn the_clock_stands_beside_what_upstream_said_if_it_is_why() {
        let refusal = Refusal::from("APIGW.0303 signature expired");
        assert_eq!(refusal.to_string(), "APIGW.0303 signature expired");
        let fault = ClockFault {
            off: ClockOff(SignedDuration::from_mins(-20)),
            corrected: true,
        };
        assert_eq!(
            refusal.because_of(Some(fault)).to_string(),
            "APIGW.0303 signature expired (the gateway's clock was 20 minutes behind that of the upstream service, which is \
             allowed for from the next call on)"
        );
    }
}
