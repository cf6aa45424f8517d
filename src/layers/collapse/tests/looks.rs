//! Looks for those who have something stored: behind an answer, waited for, forced, revoked, and not begun.

use std::sync::Arc;
use std::time::Duration;

use super::{House, MAX_WAITING, entry, job, kind};
use crate::clock::Clock;
use crate::error::Error;
use crate::layers::{Reply, Wait};
use crate::planner::{Leave, Planner, Said};
use crate::policy::allowance::Allowance;
use crate::policy::cause::Cause;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;
use crate::policy::outcome::{ForwardReason, OutcomeKind, Why};
use crate::policy::refresh::{Next, Rules, Standing, Why as Worth};
use crate::telemetry::metrics::LookTrigger;

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

/// Nothing paces proven differences but the calls they cost, and this one costs none.
#[tokio::test]
async fn a_proven_difference_that_finds_no_room_is_not_tried_again_at_once() {
    let clock = Clock::manual();
    let second = Duration::from_secs(1);
    let rules = Rules {
        requests: 60.try_into().unwrap(),
        window: 60 * second,
        floors: Lifetimes {
            finished: 30 * second,
            running: 5 * second,
        },
        longest: 600 * second,
    };
    let planner = Planner::new(rules, &[], clock.clone());
    let said = Said {
        sent: clock.now(),
        finished: true,
        changed: false,
        last_build_time: None,
    };
    let _plan = planner.looked(job(), said);
    let house = House::built(0, Some(planner.clone()), clock, |_, _| {
        std::future::pending()
    });
    for other in 0..MAX_WAITING {
        let other = JobId::parse(&format!("{other:032}")).unwrap();
        let (leave, _taken) = Leave::new();
        house.collapse.begin(other, LookTrigger::Scheduled, leave);
    }
    assert_eq!(house.collapse.flights(), MAX_WAITING);

    house.clock.advance(40 * second);
    planner.differs(job());
    for _ in 0..2 {
        let differs = Next::Look {
            job: job(),
            why: Worth::Differs,
        };
        assert_eq!(planner.next(60), differs);
        let (leave, taken) = Leave::new();
        house.collapse.begin(job(), LookTrigger::Proven, leave);
        assert!(taken.await.is_err(), "the leave came back");
        let standing = planner.explain(&job()).unwrap().standing;
        assert_eq!(standing, Standing::Resting(house.clock.now() + second));
        assert!(matches!(planner.next(60), Next::Wait { .. }));
        house.clock.advance(second);
    }
    assert_eq!(house.collapse.flights(), MAX_WAITING);
}
