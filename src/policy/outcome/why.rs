//! Why a stored response was served that is past its lifetime, or older than the client wanted.

use crate::policy::cause::Cause;

/// Why a stored response was served that is past its lifetime, or older than the client wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is being looked at, behind this answer.
    Revalidating,
    /// Its look is planned, and others come first: the budget decides (budget mode).
    Queued,
    /// The client has forced as many looks as it may for now.
    RefreshLimit,
    /// The client wanted what is stored or nothing.
    OnlyIfCached,
    /// The last look brought nothing.
    Failed(Cause),
}

// === impl Why ===

impl Why {
    /// Reasons that are no [`Cause`].
    const OWN: usize = 4;
    /// How many there are.
    pub const COUNT: usize = Self::OWN + Cause::ALL.len();

    /// Every reason, in the order of [`index`](Self::index).
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::Revalidating,
            Self::Queued,
            Self::RefreshLimit,
            Self::OnlyIfCached,
        ]
        .into_iter()
        .chain(Cause::ALL.map(Self::Failed))
    }

    /// The reason's place in [`all`](Self::all).
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Revalidating => 0,
            Self::Queued => 1,
            Self::RefreshLimit => 2,
            Self::OnlyIfCached => 3,
            Self::Failed(cause) => Self::OWN + cause.index(),
        }
    }

    /// The token of the parameter `detail` (RFC 9211 §2.8 leaves its values to each cache).
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Revalidating => "revalidating",
            Self::Queued => "queued",
            Self::RefreshLimit => "refresh-limit",
            Self::OnlyIfCached => "only-if-cached",
            Self::Failed(cause) => cause.as_str(),
        }
    }
}
