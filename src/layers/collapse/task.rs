//! The task that a key owns: from the first attempt to keeping what came of it.

use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::flight::Owner;
use super::{Fetch, Shared};
use crate::error::Error;
use crate::layers::fetch::{Call, Landing};
use crate::policy::outcome::{Forwarding, Outcome};
use crate::policy::request_id::RequestId;
use crate::telemetry::metrics::LookTrigger;

// === impl Shared ===

impl Shared {
    /// Starts the fetch that `owner` stands for.
    pub(super) fn start(
        &self,
        owner: Owner,
        call: Call,
        asker: Option<&RequestId>,
        trigger: LookTrigger,
    ) {
        self.metrics.looked(trigger);
        let (asker, job) = (asker.map(RequestId::as_str), call.job);
        let trigger = trigger.as_str();
        let span = tracing::info_span!("fetch", job.id = %job, request.id = asker, trigger);
        let flying = self.planner.as_ref().map(|planner| planner.flying(job));
        let call = call.unless(owner.revoked());
        let owner = owner.telling(call.telling());
        let fetch = self.fetch.clone();
        let fetch = async move {
            let _flying = flying;
            fly(owner, fetch, call).await;
        };
        self.bounds
            .tasks
            .spawn_on(fetch.instrument(span), &self.bounds.runtime);
    }
}

async fn fly(owner: Owner, fetch: Fetch, call: Call) {
    let Ok(landed) = fetch.oneshot(call).await;
    log(&landed);
    owner.land(landed);
}

/// A failure of upstream is told once, here. What upstream said of a job, and what was not let out, is no news: the
/// access log has it.
fn log(landed: &Landing) {
    let Err(error) = &landed.result else {
        return;
    };
    let story = &landed.story;
    let (status, id) = (story.upstream_status, story.upstream_request_id.as_deref());
    let forward = Forwarding {
        calls: story.calls,
        status,
        ..Forwarding::default()
    };
    let is_news = match Outcome::of_failed_fetch(error, forward) {
        Outcome::Failed(_) => !matches!(error, Error::Passed { .. }),
        Outcome::Held { .. } => matches!(error, Error::CredentialUnavailable(_)),
        _ => true,
    };
    if is_news {
        tracing::warn!(%error, calls = story.calls, upstream.status = status, upstream.request_id = id, "fetch failed");
    } else {
        tracing::debug!(%error, calls = story.calls, upstream.status = status, "fetch without a job");
    }
}
