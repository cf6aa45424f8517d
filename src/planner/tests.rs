//! The hand of the schedule: leave, the line, and what was asked for. No call is made here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::{Leave, Planner, Said, Turn};
use crate::clock::Clock;
use crate::policy::client::ClientId;
use crate::policy::freshness::{Lifetime, Lifetimes};
use crate::policy::job::JobId;
use crate::policy::refresh::{Next, Rules, Standing, Wait, Why};
use crate::store::{Entry, cache_control};

const SECOND: Duration = Duration::from_secs(1);
const ME: ClientId = ClientId::ANONYMOUS;

fn planner(clock: &Clock) -> Planner {
    let rules = Rules {
        requests: 50.try_into().unwrap(),
        window: 60 * SECOND,
        floors: Lifetimes {
            finished: 30 * SECOND,
            running: 5 * SECOND,
        },
        longest: 600 * SECOND,
    };
    Planner::new(rules, &[], clock.clone())
}

fn job(number: usize) -> JobId {
    JobId::parse(&format!("{number:032}")).unwrap()
}

/// A look has brought this just now.
fn stored(planner: &Planner, clock: &Clock, job: JobId) -> Arc<Entry> {
    let said = Said {
        sent: clock.now(),
        finished: true,
        changed: false,
        last_build_time: None,
    };
    let lifetime = planner.looked(job, said).lifetime;
    let sent = clock.now();
    let lifetime = Lifetime { sent, lifetime };
    let cache_control = cache_control(lifetime.lifetime);
    Arc::new(Entry::new(b"{}", true, cache_control, lifetime))
}

/// Whose first ask is next.
fn first(planner: &Planner) -> Option<JobId> {
    match planner.next(50) {
        Next::Look {
            job,
            why: Why::First(_),
        } => Some(job),
        Next::Look { .. } | Next::Wait { .. } => None,
    }
}

fn patient(planner: &Planner, job: JobId) -> super::Waiting {
    planner.await_turn(Turn::First(ME), job, 2 * SECOND)
}

fn waiters(planner: &Planner) -> usize {
    planner.0.books().waiting.len()
}

#[tokio::test]
async fn who_waits_is_given_leave_and_the_next_look_is_chosen_once_it_is_dropped() {
    let planner = planner(&Clock::manual());
    let waiting = patient(&planner, job(1));
    assert_eq!(first(&planner), Some(job(1)));
    let (leave, mut taken) = Leave::new();
    assert!(planner.grant(&job(1), leave).is_ok());
    let leave = waiting.leave().await.expect("leave");
    assert!((&mut taken).now_or_never().is_none());
    drop(leave);
    assert!(taken.now_or_never().is_some());
    assert_eq!(waiters(&planner), 0);
}

#[tokio::test(start_paused = true)]
async fn leave_that_nobody_takes_comes_back_and_nobody_who_went_is_kept() {
    let planner = planner(&Clock::manual());
    let granted = |number| {
        let (leave, _taken) = Leave::new();
        planner.grant(&job(number), leave).is_ok()
    };
    planner.line_up(ME, job(1), |_| 10 * SECOND); // was told to come back
    drop(patient(&planner, job(2))); // hung up
    assert!(patient(&planner, job(3)).leave().await.is_none()); // waited in vain
    assert_eq!(waiters(&planner), 0);
    let in_line: Vec<_> = (0..4).map_while(|_| first(&planner)).collect();
    assert_eq!(in_line, [job(1), job(2), job(3)], "each keeps its place");
    assert!(!(1..=3).any(granted));
}

/// A fetch may be revoked while it waits; then another one waits for the same job.
#[test]
fn a_waiter_that_goes_takes_no_other_ones_leave() {
    let planner = planner(&Clock::manual());
    let revoked = patient(&planner, job(1));
    let _second = patient(&planner, job(1));
    drop(revoked);
    let (leave, _taken) = Leave::new();
    assert!(planner.grant(&job(1), leave).is_ok());
}

#[test]
fn what_was_asked_for_is_gathered_once() {
    let clock = Clock::manual();
    let planner = planner(&clock);
    let entry = stored(&planner, &clock, job(1));
    let rate = || planner.explain(&job(1)).unwrap().asks;
    clock.advance(10 * SECOND);
    let before = rate(); // whoever explains gathers, too
    for _ in 0..9 {
        planner.asked(ME, job(1), &entry);
    }
    let _ = planner.next(50);
    assert_eq!(entry.take_asks(), 0, "taken");
    let gathered = rate();
    assert!(
        gathered > 4.0 * before,
        "ten asks in ten seconds: {before} {gathered}"
    );
    let _ = planner.next(50);
    assert_eq!(rate(), gathered);
}

#[test]
fn a_job_asked_for_after_a_long_silence_is_planned_for_again() {
    let clock = Clock::manual();
    let planner = planner(&clock);
    let entry = stored(&planner, &clock, job(1));
    clock.advance(700 * SECOND);
    assert!(matches!(
        planner.next(50),
        Next::Wait {
            why: Wait::Idle,
            ..
        }
    ));
    assert_eq!(planner.outlook().jobs, 0);
    planner.asked(ME, job(1), &entry);
    assert!(
        matches!(planner.next(50), Next::Look { job: next, why: Why::Loss { .. } } if next == job(1))
    );
    assert_eq!(planner.outlook().jobs, 1);
}

/// It is asked for and waits, in this order, before anybody asks for the next look.
#[test]
fn a_job_asked_for_after_a_long_silence_keeps_the_turn_of_who_waits_for_it() {
    let clock = Clock::manual();
    let planner = planner(&clock);
    let entry = stored(&planner, &clock, job(1));
    clock.advance(700 * SECOND);
    let _ = planner.next(50);
    planner.asked(ME, job(1), &entry);
    let _waiting = patient(&planner, job(1));
    assert_eq!(first(&planner), Some(job(1)));
}

#[test]
fn what_is_no_longer_stored_keeps_its_place_in_line_and_what_is_denied_has_an_answer() {
    let clock = Clock::manual();
    let planner = planner(&clock);
    for number in [1, 2] {
        stored(&planner, &clock, job(number));
        planner.line_up(ME, job(number), |_| SECOND);
    }
    planner.forget(&job(1));
    planner.denied(&job(2));
    assert_eq!(planner.outlook().jobs, 0);
    assert_eq!(first(&planner), Some(job(1)));
    assert_eq!(first(&planner), None);
}

#[test]
fn a_look_that_ends_in_a_panic_is_over_all_the_same() {
    let clock = Clock::manual();
    let planner = planner(&clock);
    stored(&planner, &clock, job(1));
    clock.advance(60 * SECOND);
    assert!(matches!(planner.next(50), Next::Look { .. }));
    let standing = || planner.explain(&job(1)).unwrap().standing;
    assert_eq!(standing(), Standing::UnderWay);
    let look = catch_unwind(AssertUnwindSafe(|| {
        let _flying = planner.flying(job(1));
        panic!("as a fault of ours would");
    }));
    assert!(look.is_err());
    assert_eq!(standing(), Standing::Resting(clock.now()));
    assert!(planner.stirred().now_or_never().is_some(), "and is told of");
}
