//! What the answer to the call for a job means: does the credential read jobs?

use super::call::Called;
use super::tell::{Told, Verdict};
use crate::policy::diagnosis::{Finding, Held};
use crate::policy::normalise::{CallerFields, normalise};

/// `made_up`: the job that was asked for does not exist, and should not.
pub(super) fn judge(called: &Called, held: Held, made_up: bool) -> Told {
    let said = called.said();
    let limits = called.limits();
    let answer = &called.answer;
    if answer.status == 200 && normalise(&answer.body, CallerFields::Keep).is_ok() {
        let said = format!("{said}: the credential is taken, and the job was read{limits}");
        return (said, Verdict::Good);
    }
    let finding = called.finding(held);
    if finding == Finding::NoSuchJob && made_up {
        let said = format!(
            "{said}: the credential is taken (the job is made up, and upstream knows that){limits}"
        );
        return (said, Verdict::Good);
    }
    let advice = finding.advice(held);
    if finding.credential_taken() {
        return (
            format!("{said}: the credential is taken{limits}"),
            Verdict::Doubtful(advice),
        );
    }
    (said, Verdict::Failed(advice))
}
