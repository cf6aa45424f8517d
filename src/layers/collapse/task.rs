//! The task that a key owns: from the first attempt to keeping what came of it.

use std::time::Duration;

use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::flight::Owner;
use super::{Fetch, Shared};
use crate::error::Error;
use crate::layers::fetch::{Call, Landing};
use crate::policy::job::JobId;
use crate::policy::outcome::{Forwarding, Outcome};
use crate::policy::request_id::RequestId;
use crate::telemetry::metrics::LookTrigger;

// === impl Shared ===

impl Shared {
    /// Starts the fetch that `owner` stands for.
    pub(super) fn start(
        &self,
        owner: Owner,
        job: JobId,
        asker: Option<&RequestId>,
        trigger: LookTrigger,
        slot_wait: Duration,
    ) {
        self.metrics.looked(trigger);
        let asker = asker.map(RequestId::as_str);
        let trigger = trigger.as_str();
        let span = tracing::info_span!("fetch", job.id = %job, request.id = asker, trigger);
        let call = Call::new(job, self.clock.now())
            .waiting(slot_wait)
            .unless(owner.revoked());
        let fetch = fly(owner.of(&call), self.fetch.clone(), call);
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
