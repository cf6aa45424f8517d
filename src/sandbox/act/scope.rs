//! What an act is done to. A rule for lists cannot name an act that only a job's own call can meet, nor the other way
//! round.

use super::Act;

/// What an act is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Scope {
    /// A call for one job.
    Job,
    /// A job, wherever it is told of: in a call for it, or as an item of a list.
    JobOrItem,
    /// Items of a list.
    Item,
    /// A list as a whole.
    List,
    /// Any call.
    Any,
}

// === impl Act ===

impl Act {
    /// What it is done to.
    pub(in crate::sandbox) fn scope(&self) -> Scope {
        match self {
            Self::WrongId | Self::Twice => Scope::Job,
            Self::State(_) | Self::States(_) | Self::Missing | Self::Vanish(_) => Scope::JobOrItem,
            Self::Old(_) | Self::Ahead(_) | Self::Without(_) => Scope::Item,
            Self::Unsorted | Self::ShortPage | Self::Total(_) | Self::OtherForm => Scope::List,
            Self::Usual
            | Self::Recorded(_)
            | Self::Status(_)
            | Self::Throttle { .. }
            | Self::NotJson
            | Self::Redirect
            | Self::Encoded
            | Self::Delay(_)
            | Self::Drip { .. }
            | Self::Cut(_)
            | Self::Reset(_)
            | Self::Silence(_)
            | Self::Huge(_)
            | Self::Interim
            | Self::NotHttp => Scope::Any,
        }
    }
}
