//! What the gate tells the log: which hold there is, what was learned of limits, and who else spends them.

use crate::policy::cause::Cause;
use crate::policy::limit::account::{Foreign, News};
use crate::policy::limit::learn::Change;
use crate::policy::limit::{Api, Limit};

/// A hold that begins, changes or ends by what a call met is told once; one that runs out is told by the next call's end.
pub(super) fn holds(api: Api, before: Option<Cause>, after: Option<Cause>) {
    let api = api.as_str();
    match after {
        Some(cause) if before != after => {
            tracing::warn!(upstream.api = api, %cause, "no upstream calls for a while");
        }
        None if before.is_some() => {
            tracing::info!(upstream.api = api, "upstream takes calls again");
        }
        Some(_) | None => {}
    }
}

/// What a call's end brought to light of limits.
pub(super) fn news(api: Api, budget: Limit, news: News) {
    let api = api.as_str();
    match news {
        News::Limit(Change::Adopted { limit }) => {
            tracing::warn!(upstream.api = api, %limit, %budget, "upstream names a lower limit, which is kept to from now on");
        }
        News::Limit(Change::Raised { limit, windows }) => {
            tracing::info!(upstream.api = api, %limit, windows, "so many windows were used up without a throttle: one more call is tried");
        }
        News::Limit(Change::FellBack { limit, windows }) => {
            tracing::warn!(upstream.api = api, %limit, windows, "one more call was too many: back to what was good, for so many windows");
        }
        News::Limit(Change::Lifted { limit }) => {
            tracing::warn!(upstream.api = api, %limit, %budget, "the learned limit is lifted: the budget is as strict");
        }
        News::Foreign(Foreign { limit, own }) => {
            tracing::warn!(upstream.api = api, %limit, own, "upstream throttles for a limit that was not used up from here: somebody else spends the same quota");
        }
    }
}
