//! What `/readyz` says.
//!
//! Ready means: send clients here. An upstream that throttles or a credential that is refused does not change that,
//! since it would take every replica away at once, and with them the stored answers; those states are told instead.

use std::time::Duration;

use serde::Serialize;

use crate::credential::Health;
use crate::error::ClockOff;
use crate::policy::limit::Api;
use crate::policy::limit::account::{self, Foreign};
use crate::policy::problem::whole_seconds;
use crate::policy::skew::{Standing, Verdict};
use crate::telemetry::metrics::Snapshot;

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    /// Whether clients should be sent here.
    pub(super) ready: bool,
    draining: bool,
    /// For people: what is not as it should be, ready or not.
    why: Vec<String>,
    upstream: Upstream,
    credential: Credential,
    budget: Budget,
}

#[derive(Debug, Serialize)]
struct Upstream {
    paused: bool,
    /// It gives no answer at all.
    down: bool,
    throttled_seconds: f64,
    denial_wave: bool,
}

#[derive(Debug, Serialize)]
struct Credential {
    kind: &'static str,
    /// There is one to send.
    available: bool,
    proven: bool,
    held_seconds: f64,
    /// What upstream last said against it, until it accepts it; `null` if it said nothing.
    refusal: Option<String>,
    /// `null`: nobody says.
    expires_in_seconds: Option<f64>,
    /// What is wrong with it, besides that upstream refuses it.
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct Budget {
    requests: u32,
    remaining: u32,
}

// === impl Readiness ===

impl From<&Snapshot> for Readiness {
    fn from(now: &Snapshot) -> Self {
        Self {
            ready: now.accepting && !now.draining,
            draining: now.draining,
            why: why(now),
            upstream: Upstream {
                paused: now.paused,
                down: now.outage_hold.is_some(),
                denial_wave: now.denial_wave,
                throttled_seconds: seconds(now.throttle_hold),
            },
            credential: Credential {
                kind: now.credential.kind,
                available: now.credential.available,
                proven: now.credential_proven,
                held_seconds: seconds(now.credential_hold),
                refusal: now.credential_refusal.as_deref().map(str::to_owned),
                expires_in_seconds: now.credential.expires_in.map(|left| left.as_secs_f64()),
                why: now.credential.why.clone(),
            },
            budget: Budget {
                requests: now.budget_requests,
                remaining: now.budget_remaining,
            },
        }
    }
}

fn why(now: &Snapshot) -> Vec<String> {
    let mut why = Vec::new();
    if now.draining {
        why.push(
            "draining: about to end; after server.drain_delay nothing new is taken".to_owned(),
        );
    } else if !now.accepting {
        why.push("the listener for clients does not accept yet".to_owned());
    }
    if now.paused {
        why.push("upstream calls are paused by the operator, stored answers are served".to_owned());
    }
    if let Some(left) = now.outage_hold {
        let next = match whole_seconds(left) {
            0 => "the next call tries it".to_owned(),
            left => format!("next try in {left} s"),
        };
        why.push(format!(
            "upstream gives no answer: {next}, stored answers are served"
        ));
    }
    if now.denial_wave {
        why.push(
            "upstream denies many jobs that were there: not believed, stored answers are served"
                .to_owned(),
        );
    }
    if let Some(left) = now.throttle_hold {
        let left = whole_seconds(left);
        why.push(format!(
            "upstream throttles: no calls for another {left} s, stored answers are served"
        ));
    }
    if let Some(left) = now.list_throttle_hold {
        let left = whole_seconds(left);
        why.push(format!(
            "upstream throttles lists: none for another {left} s"
        ));
    }
    why.extend(now.limits.iter().flat_map(|(api, standing)| {
        let held = match api {
            Api::Job => now.throttle_hold,
            Api::List => now.list_throttle_hold,
        };
        limits(*api, standing, held.is_some())
    }));
    why.extend(refused(now));
    why.extend(credential(&now.credential));
    let by_plan = now.outlook.is_some(); // in budget mode calls go out as they come free: it is spent every day
    why.extend(now.local_clock.and_then(clock));
    if now.budget_remaining == 0 && !by_plan {
        why.push("the upstream budget is spent for now, stored answers are served".to_owned());
    }
    if why.is_empty() && !now.credential_proven {
        why.push("upstream has not accepted the gateway's credential yet".to_owned()); // no call was made, or none that tells
    }
    why
}

/// That upstream refused the credential, and in which words.
fn refused(now: &Snapshot) -> Option<String> {
    let said = now.credential_refusal.as_deref();
    if now.credential_hold.is_none() && said.is_none() {
        return None;
    }
    let said = said.map_or_else(String::new, |said| format!(" ({said})"));
    let next = match now.credential_hold {
        Some(left) => format!("next try in {} s", whole_seconds(left)),
        None => "the next call tries it again".to_owned(),
    };
    Some(format!(
        "upstream refused the gateway's credential{said}: {next}, stored answers are served"
    ))
}

/// What is wrong with the local clock.
fn clock(standing: Standing) -> Option<String> {
    let off = ClockOff(standing.difference);
    match standing.verdict {
        Verdict::Good => None,
        Verdict::Corrected => Some(format!(
            "the local clock is {off} upstream's: requests are signed by upstream's time"
        )),
        Verdict::TooFar => Some(format!(
            "the local clock is {off} upstream's, too far to be allowed for: it must be set"
        )),
    }
}

/// What is wrong with the credential itself.
fn credential(health: &Health) -> impl Iterator<Item = String> {
    let expired = health.expired_since.map(|since| {
        let since = whole_seconds(since);
        format!("the gateway's credential expired {since} s ago")
    });
    let state = match (&health.why, health.available) {
        (None, _) => None,
        (Some(why), false) => Some(format!("no call goes out: {why}")),
        (Some(why), true) => Some(match health.expires_in.filter(|left| !left.is_zero()) {
            Some(left) => {
                let left = whole_seconds(left);
                format!("the gateway's credential is good for another {left} s, but {why}")
            }
            None => format!("the gateway's credential: {why}"),
        }),
    };
    state.into_iter().chain(expired)
}

/// What is not as the operator set it.
fn limits(api: Api, standing: &account::Standing, is_held: bool) -> impl Iterator<Item = String> {
    let account::Standing {
        budget,
        in_force,
        foreign,
        ..
    } = *standing;
    let api = api.as_str();
    let learned = (in_force != budget).then(|| {
        format!("upstream takes {in_force} of the {api} API, not the configured {budget}")
    });
    let foreign = foreign.filter(|_| is_held).map(|Foreign { limit, own }| {
        format!(
            "somebody else spends the same quota: upstream throttled the {api} API for {limit}, of which this gateway had made {own}"
        )
    });
    learned.into_iter().chain(foreign)
}

fn seconds(left: Option<Duration>) -> f64 {
    left.unwrap_or_default().as_secs_f64()
}
