//! The quotas of the APIs, and the headers in which the API gateway tells of them when it is asked to.
//!
//! `X-Apig-Mode: debug` in a request makes answers carry `X-Apig-RateLimit-api` and `-user`. That is documented of API
//! gateways; whether the one before the real service does it is not known. So it is off unless a scenario turns it on.
//! There is one user: both headers say the same. An answer that is no HTTP, or broken off, has none.

use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use super::Sandbox;
use super::api::Api;
use super::perform::Reply;
use super::quota::Quota;
use super::refusal::{Refusal, in_the_largest_unit};

const MODE: HeaderName = HeaderName::from_static("x-apig-mode");
const OF_API: HeaderName = HeaderName::from_static("x-apig-ratelimit-api");
const OF_USER: HeaderName = HeaderName::from_static("x-apig-ratelimit-user");

/// What callers may spend.
#[derive(Debug)]
pub(super) struct Quotas {
    /// On calls for jobs.
    pub(super) jobs: Quota,
    /// On lists, unless they are counted with the others.
    pub(super) lists: Quota,
    /// Whether they are.
    pub(super) shared: bool,
}

/// What is left of a quota, in upstream's words.
#[derive(Debug)]
pub(super) struct Limits(HeaderValue);

// === impl Quotas ===

impl Quotas {
    /// Other limits from now on; what was spent stays spent.
    pub(super) fn change(&mut self, to: &Self) {
        self.jobs.change(to.jobs.requests(), to.jobs.window());
        self.lists.change(to.lists.requests(), to.lists.window());
        self.shared = to.shared;
    }

    /// What a call is counted by.
    pub(super) fn of(&mut self, api: Api<'_>) -> &mut Quota {
        match api {
            Api::List(_) if !self.shared => &mut self.lists,
            Api::List(_) | Api::Job(_) => &mut self.jobs,
        }
    }
}

// === impl Limits ===

impl Limits {
    /// Adds the headers.
    pub(super) fn tell_in(self, headers: &mut HeaderMap) {
        headers.insert(OF_API, self.0.clone());
        headers.insert(OF_USER, self.0);
    }
}

impl Sandbox {
    /// What is left after a call that was counted, if its head asks and the scenario allows it.
    pub(super) fn limits_to_tell(
        &self,
        head: &Parts,
        api: Option<Api<'_>>,
        answer: &Result<Reply, Refusal>,
    ) -> Option<Limits> {
        let is_asked = head.headers.get(MODE).is_some_and(|mode| mode == "debug");
        let is_counted = matches!(answer, Ok(_) | Err(Refusal::Throttled { .. }));
        let now = self.0.clock.now();
        let mut state = self.state();
        if !(is_asked && is_counted && state.scenario.has_rate_headers()) {
            return None;
        }
        let quota = state.quotas.of(api?);
        let (remain, limit) = (quota.remaining(now), quota.requests());
        let (time, unit) = in_the_largest_unit(quota.window());
        let text = format!("remain:{remain},limit:{limit},time:{time} {unit}");
        HeaderValue::try_from(text).ok().map(Limits)
    }
}
