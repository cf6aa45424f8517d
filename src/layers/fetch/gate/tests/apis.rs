//! Two APIs at one gate.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Asker, TICK, Verdict, WINDOW, ask, prove, waiting};
use crate::clock::Clock;
use crate::error::Error;
use crate::layers::fetch::gate::{Gate, Terms};
use crate::policy::hold::{CredentialKind, Ending};
use crate::policy::limit::{Api, Heard, Limit};

/// A gate where lists have a budget of their own; its start is long over.
pub(super) fn with_lists(jobs: u32, lists: Option<u32>, kind: CredentialKind) -> (Gate, Clock) {
    let clock = Clock::manual();
    let terms = Terms {
        jobs: limit(jobs),
        lists: lists.map(limit),
        learn: true,
        upstream_is_new: false,
    };
    let gate = Gate::on(terms, kind, clock.clone());
    clock.advance(WINDOW + TICK);
    (gate, clock)
}

fn limit(requests: u32) -> Limit {
    Limit {
        requests: NonZeroU32::new(requests).unwrap(),
        window: WINDOW,
    }
}

#[track_caller]
fn ask_for(gate: &Gate, api: Api) -> Verdict {
    Asker::to(gate, api).poll().expect("a verdict at once")
}

#[test]
fn lists_and_jobs_are_paid_from_budgets_of_their_own_unless_upstream_counts_them_together() {
    // (the lists' own budget; what a job call and two list calls leave of each)
    for (lists, left) in [(Some(3), (4, 1)), (None, (2, 2))] {
        let (gate, _clock) = with_lists(5, lists, CredentialKind::Renewable);
        for api in [Api::Job, Api::List, Api::List] {
            ask_for(&gate, api).unwrap().settle(Ending::Authenticated);
        }
        assert_eq!((gate.left(Api::Job), gate.left(Api::List)), left);
        assert_eq!(gate.status().list.is_some(), lists.is_some());
    }
}

#[test]
fn a_throttle_of_one_api_holds_the_other_only_if_they_are_counted_together() {
    for (throttled, other) in [(Api::Job, Api::List), (Api::List, Api::Job)] {
        for (lists, is_held) in [(Some(20), false), (None, true)] {
            let (gate, _clock) = with_lists(50, lists, CredentialKind::Renewable);
            let ending = Ending::Throttled { window: WINDOW };
            prove(&gate);
            ask_for(&gate, throttled).unwrap().settle(ending);
            let refusal = gate.refusal(throttled);
            assert!(matches!(refusal, Some(Error::ThrottleHold { .. })));
            assert_eq!(gate.refusal(other).is_some(), is_held, "{other:?}");
            assert_eq!(ask_for(&gate, other).is_err(), is_held);
        }
    }
}

#[test]
fn credential_and_pause_are_the_same_for_both_apis() {
    for (refused, other) in [(Api::Job, Api::List), (Api::List, Api::Job)] {
        let (gate, clock) = with_lists(50, Some(20), CredentialKind::Lockable);
        let first = ask_for(&gate, refused).unwrap();
        assert!(
            Asker::to(&gate, other).poll().is_none(),
            "unproven: one at a time"
        );
        first.settle(Ending::CredentialRefused);
        assert!(matches!(
            ask_for(&gate, other),
            Err(Error::CredentialHold { .. })
        ));
        clock.advance(Duration::from_secs(30));
        ask_for(&gate, other).unwrap().settle(Ending::Authenticated);
        gate.pause(true);
        assert!(matches!(ask_for(&gate, refused), Err(Error::Paused)));
        assert!(matches!(ask_for(&gate, other), Err(Error::Paused)));
    }
}

#[test]
fn the_end_of_a_call_to_one_api_wakes_who_waits_for_the_other() {
    let (gate, _clock) = with_lists(50, Some(20), CredentialKind::Renewable);
    let first = ask_for(&gate, Api::List).unwrap();
    let mut jobs = waiting(&gate, 3);
    let mut lists: Vec<_> = (0..3).map(|_| Asker::to(&gate, Api::List)).collect();
    assert!(lists.iter_mut().all(|asker| asker.poll().is_none()));
    first.settle(Ending::Authenticated);
    let all = jobs.iter_mut().chain(&mut lists);
    let permits: Vec<_> = all.map(|asker| asker.poll().expect("woken")).collect();
    assert!(permits.iter().all(Result::is_ok));
}

#[test]
fn what_an_answer_says_of_limits_is_kept_to_for_its_api_alone() {
    let (gate, _clock) = with_lists(50, Some(20), CredentialKind::Renewable);
    let mut permit = ask(&gate).unwrap();
    permit.hear(Heard {
        told: vec![limit(10)],
        ..Heard::default()
    });
    permit.settle(Ending::Authenticated);
    assert_eq!(
        (gate.limit(Api::Job), gate.limit(Api::List)),
        (limit(10), limit(20))
    );
    assert_eq!((gate.left(Api::Job), gate.left(Api::List)), (9, 20));
}

#[test]
fn a_call_that_was_not_sent_has_heard_nothing() {
    let (gate, _clock) = with_lists(50, None, CredentialKind::Renewable);
    let mut permit = ask(&gate).unwrap();
    permit.hear(Heard {
        told: vec![limit(10)],
        ..Heard::default()
    });
    permit.settle(Ending::NotSent);
    assert_eq!(gate.limit(Api::Job), limit(50));
}
