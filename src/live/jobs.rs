//! What the answer to the call for a list means: what does the credential see, and may it list? The gateway serves without lists,
//! so nothing here is a failure.

use super::call::Called;
use super::tell::{Told, Verdict};
use crate::policy::diagnosis::{Advice, Finding, Held};
use crate::policy::sweep::Page;

/// `sweeps`: `budget.sweep.mode` is not off.
pub(super) fn judge(called: &Called, held: Held, sweeps: bool) -> Told {
    let page = (called.answer.status == 200).then(|| Page::parse(&called.answer.body).ok());
    let Some(page) = page.flatten() else {
        let advice = no_list(called.finding(held), held, sweeps);
        return (called.said(), Verdict::Doubtful(advice));
    };
    let entries = u64::try_from(page.entries).unwrap_or(u64::MAX);
    let seen = match (page.total, entries) {
        (Some(0) | None, 0) => return (called.said(), Verdict::Doubtful(no_jobs())),
        (Some(1), _) => "1 job".to_owned(),
        (Some(total), _) => format!("{total} jobs"),
        (None, _) => "jobs; upstream does not say how many".to_owned(),
    };
    let (said, limits) = (called.said(), called.limits());
    let said = format!("{said}: the credential sees {seen}{limits}");
    (said, Verdict::Good)
}

fn no_jobs() -> Advice {
    Advice::new(
        "The credential sees no job.",
        "Make its user a member of the CodeArts projects whose jobs are asked for, and check that upstream.region is theirs.",
    )
}

fn no_list(finding: Finding, held: Held, sweeps: bool) -> Advice {
    let for_a_while = matches!(
        finding,
        Finding::Throttled | Finding::IamDown | Finding::UpstreamFails
    );
    if for_a_while {
        return finding.advice(held);
    }
    let wrong = "The credential reads jobs, but gets no list of them: what it sees is not known.";
    let action = if sweeps {
        "Set budget.sweep.mode = \"off\", or give its user the right to list jobs: sweeps would find out at the cost of calls."
    } else {
        "Nothing need be done: budget.sweep.mode is off, so no lists are asked for."
    };
    Advice::new(wrong, action)
}
