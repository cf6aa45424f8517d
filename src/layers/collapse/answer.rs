//! What becomes of a request when its look has ended, or when there was none.

use std::time::Instant;

use super::Instead;
use crate::error::Error;
use crate::layers::fetch::Landing;
use crate::layers::{Failure, Forward, Reply, reply_hit, reply_stored};
use crate::policy::cause::Cause;
use crate::policy::outcome::{Forwarding, Outcome, Why};
use crate::policy::setback::is_held;

/// The answer to a request that waited.
pub(super) fn conclude(
    forward: Forward,
    landing: Landing,
    collapsed: bool,
    now: Instant,
) -> Result<Reply, Failure> {
    let Landing { result, story } = landing;
    let forwarding = Forwarding {
        reason: forward.reason,
        collapsed,
        calls: if collapsed { 0 } else { story.calls },
        status: story.upstream_status,
    };
    let called = story.calls > 0;
    forward.ask.exchange.tell_upstream(story);
    match result {
        Ok(entry) => Ok(Reply::Job {
            age: entry.age(now),
            outcome: Outcome::Forwarded {
                forward: forwarding,
                stored: entry.judge(now),
            },
            entry,
        }),
        // what upstream says conclusively is the answer, whatever is stored
        Err(error) if error.is_denial() => Err(failed(error, forwarding)),
        Err(error) => {
            let went_forward = called || !is_held(&error);
            fall_back(
                forward,
                error,
                Some(forwarding).filter(|_| went_forward),
                now,
            )
        }
    }
}

/// The answer to a request whose look brought nothing, or was not made: what is stored, if that may still be served; else
/// the error.
pub(super) fn fall_back(
    forward: Forward,
    error: Error,
    forwarding: Option<Forwarding>,
    now: Instant,
) -> Result<Reply, Failure> {
    let waited = now.saturating_duration_since(forward.ask.exchange.started);
    let servable_for = forward.servable_for;
    match forward.stored.filter(|_| waited < servable_for) {
        Some(stored) => {
            let why = Why::Failed(Cause::of(&error));
            reply_stored(stored, why, forwarding, now)
        }
        None => Err(match forwarding {
            Some(forwarding) => failed(error, forwarding),
            None => held(error),
        }),
    }
}

/// The answer to a request that needed no look after all, or may not have one.
pub(super) fn instead(forward: Forward, instead: Instead, now: Instant) -> Result<Reply, Failure> {
    match instead {
        Instead::Hit(stored) => reply_hit(stored, now),
        Instead::RefreshLimit => serve(forward, Why::RefreshLimit, now),
        Instead::Held(error) => fall_back(forward, error, None, now),
    }
}

/// What is stored, without waiting.
pub(super) fn serve(forward: Forward, why: Why, now: Instant) -> Result<Reply, Failure> {
    match forward.stored {
        Some(stored) => reply_stored(stored, why, None, now),
        None => Err(Error::Internal("nothing stored to answer with".into()).into()),
    }
}

/// The request did not go forward.
fn held(error: Error) -> Failure {
    Failure {
        outcome: Outcome::Held {
            cause: Some(Cause::of(&error)),
        },
        error,
        age_seconds: None,
    }
}

fn failed(error: Error, forwarding: Forwarding) -> Failure {
    Failure {
        outcome: Outcome::of_failed_fetch(&error, forwarding),
        error,
        age_seconds: None,
    }
}
