//! Looks for those who have something stored: behind an answer, waited for, forced, revoked, and not begun.

use std::sync::Arc;
use std::time::Duration;

use super::{House, entry, job, kind};
use crate::error::Error;
use crate::layers::{Reply, Wait};
use crate::policy::allowance::Allowance;
use crate::policy::cause::Cause;
use crate::policy::outcome::{ForwardReason, OutcomeKind, Why};

#[tokio::test]
async fn a_stale_answer_is_served_at_once_and_one_look_is_made_behind_it() {
    let house = House::new(|_, entry| async move { Ok(entry) });
    house.store.jobs.put(job(), Arc::new(entry(&house.clock)));
    house.clock.advance(Duration::from_secs(31));
    for _ in 0..10 {
        let answer = house.forward(ForwardReason::Stale, Wait::Behind).await;
        assert_eq!(kind(answer), OutcomeKind::Stale);
        assert_eq!(house.collapse.waiting(), 0, "nobody waits");
    }
    house.tasks.close();
    house.tasks.wait().await;
    assert_eq!(house.fetches(), 1);
    assert_eq!(kind(house.ask().await), OutcomeKind::Hit);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_something_to_fall_back_on_waits_no_longer_than_it_may_be_served() {
    for (reason, wait, servable_for, waited) in [
        (ForwardReason::Stale, Wait::Yes, 3_600, 2_000),
        (ForwardReason::Stale, Wait::Yes, 1, 980),
        (ForwardReason::Request, Wait::Forced, 3_600, 10_000), // the look takes as long
        (ForwardReason::Request, Wait::Forced, 7, 6_980),
    ] {
        let house = House::new(|_, entry| async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok(entry)
        });
        house.store.jobs.put(job(), Arc::new(entry(&house.clock)));
        house.clock.advance(Duration::from_secs(1_000));
        let begun = tokio::time::sleep(Duration::ZERO).deadline();
        let servable_for = Duration::from_secs(servable_for);
        let answer = house.forward_within(reason, wait, servable_for).await;
        let expected = if waited == 10_000 {
            OutcomeKind::Miss
        } else {
            OutcomeKind::Stale
        };
        assert_eq!(kind(answer), expected);
        let ended = tokio::time::sleep(Duration::ZERO).deadline();
        assert_eq!(ended - begun, Duration::from_millis(waited));
        house.tasks.close();
        house.tasks.wait().await;
        assert_eq!(house.fetches(), 1, "the look goes on, and is kept");
        assert_eq!(kind(house.ask().await), OutcomeKind::Hit);
    }
}

#[tokio::test]
async fn ten_forced_looks_at_once_are_one_and_cost_one() {
    let house = House::new(|_, entry| async move {
        tokio::task::yield_now().await;
        Ok(entry)
    });
    house.store.jobs.put(job(), Arc::new(entry(&house.clock)));
    for round in 1..=usize::try_from(Allowance::DEFAULT.times).unwrap() {
        house.clock.advance(Duration::from_millis(1));
        let asked = (0..10).map(|_| house.forward(ForwardReason::Request, Wait::Forced));
        for answer in futures_util::future::join_all(asked).await {
            let kind = kind(answer);
            assert!(
                matches!(kind, OutcomeKind::Miss | OutcomeKind::Collapsed),
                "{kind:?}"
            );
        }
        assert_eq!(house.fetches(), round);
    }
    house.clock.advance(Duration::from_millis(1));
    let answer = house.forward(ForwardReason::Request, Wait::Forced).await;
    assert_eq!(
        kind(answer),
        OutcomeKind::Hit,
        "the allowance is spent: what is stored"
    );
    assert_eq!(house.fetches(), 10);
}

#[tokio::test]
async fn a_revoked_fetch_answers_those_who_wait_and_nobody_joins_it() {
    let house = House::new(|_, entry| async move {
        tokio::task::yield_now().await;
        Ok(entry)
    });
    let mut first = Box::pin(house.ask());
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    house.collapse.revoke(Some(&job()));
    let second = house.ask();
    assert_eq!(kind(first.await), OutcomeKind::Miss);
    assert!(matches!(
        kind(second.await),
        OutcomeKind::Miss | OutcomeKind::Hit
    ));
    house.tasks.close();
    house.tasks.wait().await;
    assert_eq!(house.collapse.flights(), 0);
}

#[tokio::test]
async fn while_no_call_would_be_let_out_no_look_is_begun_and_the_answer_says_why() {
    let house = House::new(|_, entry| async move { Ok(entry) });
    house.gate.pause(true);
    let failure = house.ask().await.unwrap_err();
    assert!(matches!(failure.error, Error::Paused));
    assert_eq!(failure.outcome.held(), Some(Cause::Paused));
    house.store.jobs.put(job(), Arc::new(entry(&house.clock)));
    house.clock.advance(Duration::from_secs(31));
    for (reason, wait) in [
        (ForwardReason::Stale, Wait::Behind),
        (ForwardReason::Stale, Wait::Yes),
        (ForwardReason::Request, Wait::Forced),
    ] {
        match house.forward(reason, wait).await {
            Ok(Reply::Job { outcome, .. }) => {
                assert_eq!(outcome.why(), Some(Why::Failed(Cause::Paused)), "{wait:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(house.fetches(), 0);
    house.gate.pause(false);
    assert_eq!(
        kind(house.forward(ForwardReason::Stale, Wait::Yes).await),
        OutcomeKind::Miss
    );
}
