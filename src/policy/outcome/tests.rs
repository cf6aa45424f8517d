use std::time::Duration;

use super::{ForwardReason, Forwarding, Outcome, OutcomeKind, Why};
use crate::error::Error;
use crate::policy::cause::Cause;
use crate::policy::freshness::Freshness;

#[test]
fn each_outcome_has_its_field_and_its_label() {
    let leader = Forwarding {
        reason: ForwardReason::UriMiss,
        collapsed: false,
        calls: 2,
        status: Some(422),
    };
    let follower = Forwarding {
        reason: ForwardReason::Stale,
        collapsed: true,
        calls: 0,
        status: Some(200),
    };
    let seconds = Duration::from_secs;
    let late = |millis| Freshness::Stale {
        age: seconds(1_000),
        late: Duration::from_millis(millis),
    };
    let fresh = |ttl| Freshness::Fresh {
        age: seconds(1),
        ttl: seconds(ttl),
    };
    for (outcome, field, kind) in [
        (Outcome::Local, "", OutcomeKind::Local),
        (
            Outcome::Hit {
                ttl: seconds(27),
                by_list: false,
            },
            "jobgate; hit; ttl=27",
            OutcomeKind::Hit,
        ),
        (
            Outcome::Hit {
                ttl: seconds(27),
                by_list: true,
            },
            "jobgate; hit; ttl=27; detail=list",
            OutcomeKind::Hit,
        ),
        (
            Outcome::Forwarded {
                forward: leader,
                stored: fresh(30),
            },
            "jobgate; fwd=uri-miss; stored; ttl=30",
            OutcomeKind::Miss,
        ),
        (
            Outcome::Forwarded {
                forward: follower,
                stored: fresh(5),
            },
            "jobgate; fwd=stale; collapsed; stored; ttl=5",
            OutcomeKind::Collapsed,
        ),
        (
            Outcome::Forwarded {
                forward: leader,
                stored: late(2_000), // upstream took longer than the lifetime of what it said
            },
            "jobgate; fwd=uri-miss; stored; ttl=-2",
            OutcomeKind::Miss,
        ),
        (
            Outcome::Stored {
                freshness: late(3_500),
                why: Why::Revalidating,
                forward: None,
            },
            "jobgate; hit; ttl=-4; detail=revalidating",
            OutcomeKind::Stale,
        ),
        (
            Outcome::Stored {
                freshness: late(700_000),
                why: Why::Failed(Cause::Failed),
                forward: Some(Forwarding {
                    reason: ForwardReason::Stale,
                    status: Some(503),
                    ..leader
                }),
            },
            "jobgate; fwd=stale; fwd-status=503; ttl=-700; detail=failed",
            OutcomeKind::Stale,
        ),
        (
            Outcome::Stored {
                freshness: Freshness::Fresh {
                    age: seconds(3),
                    ttl: seconds(27),
                },
                why: Why::RefreshLimit,
                forward: None,
            },
            "jobgate; hit; ttl=27; detail=refresh-limit",
            OutcomeKind::Hit,
        ),
        (
            Outcome::Failed(leader),
            "jobgate; fwd=uri-miss; fwd-status=422",
            OutcomeKind::Failed,
        ),
        (
            Outcome::Held {
                cause: Some(Cause::Budget),
            },
            "jobgate; detail=budget",
            OutcomeKind::Held,
        ),
        (Outcome::of_error(&Error::Draining), "", OutcomeKind::Held),
        (Outcome::Refused, "", OutcomeKind::Refused),
        (Outcome::Fault, "", OutcomeKind::Fault),
        (Outcome::Abandoned, "", OutcomeKind::Abandoned),
    ] {
        let mut written = String::new();
        outcome.write_cache_status(&mut written);
        assert_eq!((written.as_str(), outcome.kind()), (field, kind));
    }
}

#[test]
fn a_fetch_that_was_never_let_out_is_held_and_one_that_was_has_failed() {
    let paid = Forwarding {
        calls: 1,
        ..Forwarding::default()
    };
    let spent = Error::BudgetSpent {
        retry_after: Duration::from_secs(1),
    };
    assert_eq!(
        Outcome::of_failed_fetch(&spent, Forwarding::default()).kind(),
        OutcomeKind::Held
    );
    assert_eq!(
        Outcome::of_failed_fetch(&spent, paid).kind(),
        OutcomeKind::Failed
    );
    assert_eq!(
        Outcome::of_failed_fetch(&Error::TimedOut, paid),
        Outcome::Failed(paid)
    );
}

#[test]
fn every_kind_stands_at_its_index() {
    for (index, kind) in OutcomeKind::ALL.into_iter().enumerate() {
        assert_eq!(kind.index(), index);
    }
}

#[test]
fn every_reason_stands_at_its_index_and_has_a_token_of_its_own() {
    let mut tokens = std::collections::BTreeSet::new();
    for (index, why) in Why::all().enumerate() {
        assert_eq!(why.index(), index);
        assert!(tokens.insert(why.token()), "{}", why.token());
    }
    assert_eq!(tokens.len(), Why::COUNT);
}
