//! Does our clock agree with upstream's? A signature carries its time; tokens do not, but logs and expiries do.

use std::time::{Duration, SystemTime};

use jiff::SignedDuration;

use super::tell::{Told, Verdict};
use crate::policy::diagnosis::{Advice, Held, apart};

/// From this difference on it is worth a word: far above what time servers leave, far below the 15 minutes of a signature.
const TOO_MUCH: Duration = Duration::from_secs(60);

/// A `Date` has whole seconds; the true time is on average half a second later (RFC 9110 §5.6.7).
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Our time less upstream's, of an answer that was read at `local` and named `date`; half of the round trip was the way back.
pub(super) fn off(
    local: SystemTime,
    date: SystemTime,
    round_trip: Duration,
) -> Option<SignedDuration> {
    let upstream = date.checked_add(HALF_A_SECOND + round_trip / 2)?;
    SignedDuration::system_until(upstream, local).ok()
}

pub(super) fn judge(off: Option<SignedDuration>, held: Held) -> Told {
    let Some(off) = off else {
        let said = "the answer names no time: nothing to compare this machine's with";
        return (said.to_owned(), Verdict::Good);
    };
    if off.unsigned_abs() < TOO_MUCH {
        let said = "less than a minute off upstream's";
        return (said.to_owned(), Verdict::Good);
    }
    let wrong = if held.signs() {
        "This machine's clock is wrong. A signature that is 15 minutes off is refused."
    } else {
        "This machine's clock is wrong. Upstream does not mind with a token; times in logs and of certificates are off."
    };
    let advice = Advice::new(
        wrong,
        "Set the clock, and keep it right with a time service (NTP).",
    );
    (
        format!("{} upstream's", apart(off)),
        Verdict::Doubtful(advice),
    )
}
