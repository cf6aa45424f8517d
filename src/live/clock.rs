//! Does our clock agree with upstream's? A signature carries its time; tokens do not, but logs and expiries do.

use super::tell::{Told, Verdict};
use crate::error::ClockOff;
use crate::policy::diagnosis::{Advice, Held};
use crate::policy::skew::TOO_MUCH;

pub(super) fn judge(off: Option<ClockOff>, held: Held) -> Told {
    let Some(off) = off else {
        let said = "the answer names no time: nothing to compare this machine's with";
        return (said.to_owned(), Verdict::Good);
    };
    if off.0.unsigned_abs() < TOO_MUCH {
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
    (format!("{off} upstream's"), Verdict::Doubtful(advice))
}
