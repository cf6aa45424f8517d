//! What happened to a job: the story that the operator is told, with reasons.
//!
//! Hits are not in it, there are too many; the stored response counts them itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cause::Cause;
use super::outcome::{Outcome, OutcomeKind, Why};

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody was answered, other than by a hit.
    Answered {
        /// How.
        kind: OutcomeKind,
        /// Why there was nothing better, if something stored was served.
        why: Option<Why>,
        /// Why upstream was not asked, if nothing stored could be served.
        held: Option<Cause>,
        /// The error code, if it was an error.
        code: Option<Arc<str>>,
    },
    /// Upstream answered with the job, which was stored.
    Looked {
        /// Whether the body differs from what was stored; `None` if nothing was.
        changed: Option<bool>,
    },
    /// A list showed that what is stored still holds.
    Confirmed,
    /// A list showed that what is stored is wrong, or that the job is gone: it is looked at.
    Differs,
    /// A look brought nothing.
    LookFailed {
        /// Why.
        cause: Cause,
        /// The error code that it stands for: upstream's own, if it has one.
        code: Arc<str>,
        /// No look before that time is over; `None`: the gate decides.
        pause: Option<Duration>,
    },
    /// Upstream said that there is no such job.
    Denied {
        /// For how long that is remembered.
        lifetime: Duration,
        /// Whether a stored response went for it.
        replaced: bool,
    },
    /// A denial turned out to be part of a wave: what it had replaced is back.
    Restored,
    /// The operator made everything that was stored of it unusable.
    Invalidated,
}

// === impl Happening ===

impl Happening {
    /// An answer from what is stored and fresh, told when what is stored goes.
    #[must_use]
    pub fn hit() -> Self {
        Self::Answered {
            kind: OutcomeKind::Hit,
            why: None,
            held: None,
            code: None,
        }
    }

    /// What a request of this outcome is told as; `None` for a hit.
    #[must_use]
    pub fn answered(outcome: &Outcome, code: Option<&Arc<str>>) -> Option<Self> {
        let kind = outcome.kind();
        if matches!(outcome, Outcome::Hit { .. }) && code.is_none() {
            return None;
        }
        let (why, held) = (outcome.why(), outcome.held());
        let code = code.cloned();
        Some(Self::Answered {
            kind,
            why,
            held,
            code,
        })
    }

    /// Whether it is the same once more, apart from how long things then last.
    #[must_use]
    pub fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::LookFailed { cause, code, .. },
                Self::LookFailed {
                    cause: before,
                    code: code_before,
                    ..
                },
            ) => (cause, code) == (before, code_before),
            _ => self == other,
        }
    }

    /// The closed word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered { kind, .. } => kind.as_str(),
            Self::Looked { .. } => "look",
            Self::Confirmed => "confirmed",
            Self::Differs => "differs",
            Self::LookFailed { .. } => "look-failed",
            Self::Denied { .. } => "denied",
            Self::Restored => "restored",
            Self::Invalidated => "invalidated",
        }
    }

    /// Whether somebody was answered.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { kind, .. } if *kind != OutcomeKind::Abandoned)
    }
}

/// A sentence without its end.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered {
                kind,
                why: Some(why),
                ..
            } => match why {
                Why::Revalidating => f.write_str("answered with the stale stored answer at once, and upstream was asked behind it"),
                Why::Queued => f.write_str("answered with the stored answer, past its planned look: others came first"),
                Why::RefreshLimit => f.write_str("answered with the stored answer although the client wanted a younger one: it has forced as many looks as it may"),
                Why::OnlyIfCached => f.write_str("answered with the stale stored answer: the client wanted nothing else"),
                Why::Failed(cause) if *kind == OutcomeKind::Hit => write!(f, "answered with the fresh stored answer although the client wanted a younger one, because {cause}"),
                Why::Failed(cause) => write!(f, "answered with the stored answer instead of a new one, because {cause}"),
            },
            Self::Answered {
                kind, held, code, ..
            } => {
                f.write_str(match kind {
                    OutcomeKind::Local | OutcomeKind::Hit => "answered from what is stored",
                    OutcomeKind::Stale => "answered with the stale stored answer",
                    OutcomeKind::Miss => "answered with what upstream said; this request asked it",
                    OutcomeKind::Collapsed => "answered with what upstream said; this request joined one that had asked already",
                    OutcomeKind::Failed => "answered with an error: that is what asking upstream came to",
                    OutcomeKind::Refused => "refused",
                    OutcomeKind::Held => "answered with an error: nothing stored could be served, and upstream was not asked for it",
                    OutcomeKind::Fault => "answered with an error: a fault of the gateway",
                    OutcomeKind::Abandoned => "the client went away before it was answered",
                })?;
                if let Some(cause) = held {
                    write!(f, ", because {cause}")?;
                }
                match code {
                    Some(code) => write!(f, " ({code})"),
                    None => Ok(()),
                }
            }
            Self::Looked { changed: None } => f.write_str("upstream was asked: it answered with the job, which was stored"),
            Self::Looked { changed: Some(true) } => f.write_str("upstream was asked: the job has changed, and the new answer was stored"),
            Self::Looked { changed: Some(false) } => f.write_str("upstream was asked: the job has not changed"),
            Self::Confirmed => f.write_str("a list of jobs showed that what is stored still holds"),
            Self::Differs => f.write_str("a list of jobs differed from what is stored, so upstream is asked"),
            Self::LookFailed { cause, code, pause } => {
                write!(f, "a look brought nothing, because {cause} ({code})")?;
                match pause {
                    Some(pause) => write!(f, "; no other for {}", seconds(*pause)),
                    None => Ok(()),
                }
            }
            Self::Denied { lifetime, replaced } => {
                write!(f, "upstream said that there is no such job, which is remembered for {}", seconds(*lifetime))?;
                f.write_str(if *replaced { "; the stored answer was dropped" } else { "" })
            }
            Self::Restored => f.write_str("upstream denies many jobs at once, so the denial is no longer believed and the stored answer is back"),
            Self::Invalidated => f.write_str("the operator invalidated what was stored"),
        }
    }
}

/// A duration for people: three digits are enough.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 9.95 => format!("{short:.1} s"),
        long if long < 600.0 => format!("{long:.0} s"),
        minutes if minutes < 36_000.0 => format!("{:.0} min", minutes / 60.0),
        hours => format!("{:.0} h", hours / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Happening, seconds};
    use crate::policy::cause::Cause;
    use crate::policy::freshness::Freshness;
    use crate::policy::outcome::{Outcome, Why};

    #[test]
    fn hits_are_not_told_and_errors_from_memory_are() {
        let hit = Outcome::Hit {
            ttl: Duration::from_secs(3),
            by_list: false,
        };
        assert_eq!(Happening::answered(&hit, None), None);
        let denied = Happening::answered(&hit, Some(&"DEVCB.00031006".into())).unwrap();
        assert_eq!(
            denied.to_string(),
            "answered from what is stored (DEVCB.00031006)"
        );
    }

    #[test]
    fn a_stale_answer_is_told_with_its_reason() {
        let late = Duration::from_secs(5);
        let stale = Outcome::Stored {
            freshness: Freshness::Stale { age: late, late },
            why: Why::Failed(Cause::Unreachable),
            forward: None,
        };
        assert_eq!(
            Happening::answered(&stale, None).unwrap().to_string(),
            "answered with the stored answer instead of a new one, because upstream cannot be reached"
        );
    }

    #[test]
    fn durations_are_as_exact_as_a_person_wants_them() {
        for (millis, text) in [
            (40, "0.0 s"),
            (1_500, "1.5 s"),
            (9_960, "10 s"),
            (59_600, "60 s"),
            (600_000, "10 min"),
            (36_000_000, "10 h"),
        ] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }
}
