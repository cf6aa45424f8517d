//! What the operator asks for, done over the parts.

mod plan;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::parts::Parts;
use crate::admin::operate::{
    Explanation, Key, Operate, Page, Query, Refreshed, State, Summary, Told,
};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::Error;
use crate::layers::authenticate::{KeyUse, Keyring};
use crate::layers::collapse::Collapse;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::{Landing, Story};
use crate::planner::Planner;
use crate::policy::client::{ClientId, Clients};
use crate::policy::explain::{Case, Scheduled};
use crate::policy::freshness::Freshness;
use crate::policy::job::JobId;
use crate::policy::ladder::{Known, Windows};
use crate::policy::limit::Api;
use crate::policy::problem::Problem;
use crate::server::Drain;
use crate::store::{Event, Found, Store, Stored};

/// The parts that are asked and acted on.
pub(super) struct Operations {
    credential: Arc<Credential>,
    store: Store,
    collapse: Collapse,
    gate: Gate,
    planner: Option<Planner>,
    clients: Arc<Clients>,
    keyring: Arc<Keyring>,
    windows: Windows,
    clock: Clock,
    drain: Drain,
}

// === impl Operations ===

impl Operations {
    pub(super) fn new(
        parts: &Parts,
        credential: &Arc<Credential>,
        windows: Windows,
        collapse: Collapse,
    ) -> Self {
        Self {
            credential: Arc::clone(credential),
            store: parts.store.clone(),
            collapse,
            gate: parts.gate.clone(),
            planner: parts.planner.clone(),
            clients: Arc::clone(&parts.clients),
            keyring: Arc::clone(&parts.keyring),
            windows,
            clock: parts.clock.clone(),
            drain: parts.drain.clone(),
        }
    }

    /// The first `query.limit` of the jobs that are wanted, and one more if there are more.
    fn wanted(&self, query: &Query) -> BTreeMap<JobId, Summary> {
        let mut wanted = BTreeMap::new();
        for (job, found) in self.store.iter(self.clock.now()) {
            let has_room = wanted.len() <= query.limit;
            let is_on_page = query.after.is_none_or(|after| job > after)
                && job.as_str().starts_with(&query.prefix)
                && (has_room || wanted.last_key_value().is_some_and(|(last, _)| job < *last));
            if !is_on_page {
                continue;
            }
            let summary = summary(job, &found);
            let is_known = summary.state != State::Unknown; // its rest is over
            if is_known && query.state.is_none_or(|state| state == summary.state) {
                wanted.insert(job, summary);
                if wanted.len() > query.limit + 1 {
                    wanted.pop_last();
                }
            }
        }
        wanted
    }

    /// The last answer: by a hit, which the entry counts, or by what the story tells.
    fn last_answer(&self, found: &Found, story: &[Event], now: Instant) -> Option<Told> {
        let answers = story.iter().filter(|event| event.what.is_answer());
        let told = answers.max_by_key(|event| event.at);
        let hit = match &found.stored {
            Some(Stored::Job(entry)) => entry.hits().1,
            Some(Stored::Denied(_)) | None => None,
        };
        match (hit, told) {
            (Some(at), told) if told.is_none_or(|told| told.at <= at) => {
                let text = "answered with the stored answer: it was fresh".to_owned();
                Some(self.told("hit", text, at, 1, now))
            }
            (_, told) => told.map(|event| self.event(event, now)),
        }
    }

    fn scheduled(&self, job: &JobId, now: Instant) -> Option<Scheduled> {
        let planner = self.planner.as_ref()?;
        let wait = |calls| self.gate.wait_behind(Api::Job, calls);
        Some(Scheduled {
            told: planner.explain(job),
            place: planner.place_in_line(job),
            turn: planner.wait_in_line(ClientId::ANONYMOUS, job, wait),
            now,
        })
    }

    /// In mode `ttl` there is no plan.
    fn next_look_seconds(&self, job: &JobId) -> Option<f64> {
        let due = self.planner.as_ref()?.due(job)?;
        let left = due.saturating_duration_since(self.clock.now());
        Some(left.as_secs_f64())
    }

    fn event(&self, event: &Event, now: Instant) -> Told {
        let text = event.what.to_string();
        self.told(event.what.as_str(), text, event.at, event.times, now)
    }

    fn told(
        &self,
        what: &'static str,
        text: String,
        at: Instant,
        times: u64,
        now: Instant,
    ) -> Told {
        let ago = now.saturating_duration_since(at);
        let at = self.clock.wall().checked_sub(ago);
        let at = at.and_then(|at| Timestamp::try_from(at).ok());
        Told {
            at: at.map(|at| at.to_string()).unwrap_or_default(),
            seconds_ago: ago.as_secs_f64(),
            what: what.into(),
            text,
            times,
        }
    }
}

impl From<KeyUse> for Key {
    fn from(key: KeyUse) -> Self {
        let used = key.last_used.and_then(|at| Timestamp::try_from(at).ok());
        let to_the_second = |at: Timestamp| Timestamp::from_second(at.as_second()).ok();
        Self {
            kind: key.kind.to_owned(),
            fingerprint: key.fingerprint.to_string(),
            last_used: used.and_then(to_the_second).map(|at| at.to_string()),
        }
    }
}

impl Operate for Operations {
    fn entries(&self, query: &Query) -> Page {
        let mut wanted = self.wanted(query);
        let has_more = wanted.len() > query.limit;
        if has_more {
            wanted.pop_last();
        }
        let last = wanted.last_key_value().map(|(job, _)| job.to_string());
        for (job, summary) in &mut wanted {
            summary.next_look_seconds = self.next_look_seconds(job);
        }
        Page {
            next: last.filter(|_| has_more),
            entries: wanted.into_values().collect(),
        }
    }

    fn explain(&self, job: JobId) -> Explanation {
        let now = self.clock.now();
        let found = self.store.look_up(&job, now);
        let story = self.store.chronicle.of(&job);
        let unavailable = || self.credential.unavailable(self.clock.wall());
        let gate = self.gate.refusal(Api::Job).or_else(unavailable);
        let rest = found.setback.as_deref();
        let case = Case {
            known: found.known,
            windows: self.windows,
            rest: rest.and_then(|setback| Some((setback, setback.left(now)?))),
            is_flying: self.collapse.is_flying(&job),
            gate: gate.as_ref(),
            scheduled: self.scheduled(&job, now),
        };
        let etag = match &found.stored {
            Some(Stored::Job(entry)) => entry.etag().to_str().ok().map(str::to_owned),
            Some(Stored::Denied(_)) | None => None,
        };
        Explanation {
            etag,
            last_answer: self.last_answer(&found, &story, now),
            if_asked_now: case.if_asked_now(),
            rhythm: case.rhythm(),
            next_look: case.next_look(),
            plan: plan::plan(&case),
            story: story.iter().map(|event| self.event(event, now)).collect(),
            summary: Summary {
                next_look_seconds: case.planned_in().map(|left| left.as_secs_f64()),
                ..summary(job, &found)
            },
        }
    }

    fn invalidate(&self, job: JobId) -> bool {
        self.collapse.revoke(Some(&job));
        self.store.invalidate(job, self.clock.now())
    }

    fn invalidate_all(&self) -> u64 {
        self.collapse.revoke(None);
        self.store.invalidate_all(self.clock.now())
    }

    fn refresh(&self, job: JobId) -> Pin<Box<dyn Future<Output = Refreshed> + Send>> {
        let former = self.store.jobs.get(&job);
        let (collapse, store, drain) = (
            self.collapse.clone(),
            self.store.clone(),
            self.drain.clone(),
        );
        Box::pin(async move {
            let landing = if drain.has_begun() {
                Landing::failed(Error::Draining, Story::default())
            } else {
                collapse.look(job).await
            };
            let calls = landing.story.calls;
            match landing.result {
                Ok(entry) => Refreshed {
                    // not if it was invalidated in the meantime
                    stored: store
                        .jobs
                        .get(&job)
                        .is_some_and(|kept| kept.sent() >= entry.sent()),
                    changed: former.map(|former| former.etag() != entry.etag()),
                    error_code: None,
                    error_msg: None,
                    calls,
                },
                Err(error) => {
                    let problem = Problem::from_error(&error);
                    Refreshed {
                        stored: false,
                        changed: None,
                        error_code: Some(problem.code.to_string()),
                        error_msg: Some(problem.message.to_string()),
                        calls,
                    }
                }
            }
        })
    }

    fn pause(&self, paused: bool) -> bool {
        self.gate.pause(paused)
    }

    fn keys(&self) -> BTreeMap<String, Vec<Key>> {
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for key in self.keyring.keys() {
            let client = self.clients.name(key.owner).to_owned();
            keys.entry(client).or_default().push(Key::from(key));
        }
        keys
    }
}

fn summary(job: JobId, found: &Found) -> Summary {
    let (state, freshness) = match found.known {
        Known::Nothing => (State::Unknown, None),
        Known::Failing => (State::Failing, None),
        Known::Denied { freshness, .. } => (State::Denied, Some(freshness)),
        Known::Job { freshness, .. } => match freshness {
            Freshness::Fresh { .. } => (State::Fresh, Some(freshness)),
            Freshness::Stale { .. } => (State::Stale, Some(freshness)),
        },
    };
    let entry = match &found.stored {
        Some(Stored::Job(entry)) => Some(entry),
        Some(Stored::Denied(_)) | None => None,
    };
    Summary {
        job_id: job.to_string(),
        state,
        age_seconds: freshness.map(|freshness| freshness.age().as_secs_f64()),
        ttl_seconds: freshness.map(ttl_seconds),
        finished: entry.map(|entry| entry.is_finished()),
        bytes: entry.map(|entry| entry.body().len()),
        hits: entry.map(|entry| entry.hits().0),
        next_look_seconds: None,
    }
}

/// Negative when it is over.
fn ttl_seconds(freshness: Freshness) -> f64 {
    match freshness {
        Freshness::Fresh { ttl, .. } => ttl.as_secs_f64(),
        Freshness::Stale { late, .. } => -late.max(Duration::from_nanos(1)).as_secs_f64(),
    }
}
