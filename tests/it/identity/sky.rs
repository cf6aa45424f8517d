//! What clients may be told, as a day goes.

use crate::support::Answer;

/// What clients may be told at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sky {
    /// The present.
    Fair,
    /// The past, labelled as such: there is no credential that upstream takes.
    Foul,
    /// Either: it is about to change.
    Mixed,
}

// === impl Sky ===

impl Sky {
    /// A stored job is answered whatever happens; its label says how old the answer is, and why it is not newer.
    #[track_caller]
    pub(super) fn check(self, answer: &Answer) {
        let (status, label, _) = answer.label();
        let is_stale = label.contains("ttl=-") && label.ends_with("detail=credential");
        let is_fresh = !label.contains("ttl=-") && !label.contains("detail=");
        let fits = match self {
            Self::Fair => is_fresh,
            Self::Foul => is_stale,
            Self::Mixed => is_fresh || is_stale,
        };
        let text = answer.text();
        assert!(status == 200 && fits, "{self:?}: {status} {label}: {text}");
    }
}
