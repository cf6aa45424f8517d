//! Sentences, by table.

use std::time::Duration;

use super::Case;
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::freshness::Freshness;
use crate::policy::ladder::{Known, Windows};
use crate::policy::setback::Setback;

const SECOND: Duration = Duration::from_secs(1);

fn job(late: u32, rests: bool) -> Known {
    let late = late * SECOND;
    let age = late + 30 * SECOND;
    let freshness = Freshness::Stale { age, late };
    Known::Job { freshness, rests }
}

fn case(known: Known) -> Case<'static> {
    Case {
        known,
        windows: Windows {
            while_revalidate: 600 * SECOND,
            if_error: 3_600 * SECOND,
        },
        rest: None,
        is_flying: false,
        gate: None,
        scheduled: None,
    }
}

#[test]
fn each_plan_has_its_sentence() {
    let fresh = Freshness::Fresh {
        age: 9 * SECOND,
        ttl: 21 * SECOND,
    };
    let rests = false;
    for (known, begins, next) in [
        (
            Known::Nothing,
            "What upstream says: nothing is stored",
            "With the next",
        ),
        (
            Known::Job {
                freshness: fresh,
                rests,
            },
            "The stored answer, at once: it is fresh for another 21 s.",
            "With the first request in 21 s",
        ),
        (
            Known::Denied {
                freshness: fresh,
                rests,
            },
            "404 from memory: upstream said 9.0 s ago",
            "With the first request in 21 s",
        ),
        (
            job(5, rests),
            "The stored answer, at once: it is 5.0 s past its lifetime, and served so for up to 10 min (stale_while_revalidate).",
            "With the next",
        ),
        (
            job(700, rests),
            "What upstream says, if it says so within 2.0 s; else",
            "With the next",
        ),
        (
            job(4_000, rests),
            "What upstream says: nothing is stored that may be served.",
            "With the next",
        ),
    ] {
        let case = case(known);
        assert!(
            case.if_asked_now().starts_with(begins),
            "{}",
            case.if_asked_now()
        );
        assert!(case.next_look().starts_with(next), "{}", case.next_look());
    }
}

#[test]
fn the_next_look_is_when_both_the_lifetime_and_the_rest_are_over() {
    let setback = Setback::after(None, Error::TimedOut, Clock::system().now(), 0);
    let fresh = |ttl| Freshness::Fresh { age: SECOND, ttl };
    let fresh = |ttl| Known::Job {
        freshness: fresh(ttl),
        rests: true,
    };
    for (known, begins) in [
        (fresh(20 * SECOND), "With the first request in 20 s"),
        (fresh(SECOND / 2), "With the first request in 1.0 s"),
        (job(4_000, true), "With the first request in 1.0 s"),
    ] {
        let case = Case {
            rest: Some((&setback, SECOND)),
            ..case(known)
        };
        assert!(case.next_look().starts_with(begins), "{}", case.next_look());
    }
}

#[test]
fn a_rest_and_a_closed_gate_are_told_with_their_reason() {
    let now = Clock::system().now();
    let setback = Setback::after(None, Error::TimedOut, now, 0);
    let resting = Case {
        rest: Some((&setback, SECOND)),
        ..case(job(5, true))
    };
    assert_eq!(
        resting.if_asked_now(),
        "The stored answer, at once: it is 5.0 s past its lifetime, and served so for up to 60 min. No look is made for another 1.0 s, because upstream does not answer in time."
    );
    assert!(
        resting.next_look().ends_with("failed in a row: 1."),
        "{}",
        resting.next_look()
    );
    let spent = Error::BudgetSpent {
        retry_after: 9 * SECOND,
    };
    let gate = Some(&spent);
    let closed = Case {
        gate,
        ..case(Known::Nothing)
    };
    assert!(
        closed
            .if_asked_now()
            .ends_with("No call goes out, because the upstream budget is spent.")
    );
    assert_eq!(
        closed.next_look(),
        "With the first request in 9.0 s or later: the upstream budget is spent."
    );
    let stale = Case {
        gate: Some(&Error::Paused),
        ..case(job(5, false))
    };
    assert!(!stale.if_asked_now().contains("look is made"));
    assert!(stale.next_look().starts_with("Not before the operator"));
    let fresh = Freshness::Fresh {
        age: SECOND,
        ttl: SECOND,
    };
    let rests = false;
    let hit = Case {
        gate,
        ..case(Known::Job {
            freshness: fresh,
            rests,
        })
    };
    assert!(
        !hit.if_asked_now().contains("budget"),
        "a hit needs no call"
    );
}

mod scheduled;

#[test]
fn without_a_credential_no_call_is_promised() {
    let gone = Error::CredentialUnavailable("cannot read file x".into());
    let because = "No call goes out, because there is no credential to send: cannot read file x.";
    for (known, begins) in [
        (Known::Nothing, "An error (JG.5033): nothing is stored"),
        (job(5, false), "The stored answer, at once"),
    ] {
        let case = Case {
            gate: Some(&gone),
            ..case(known)
        };
        let told = case.if_asked_now();
        assert!(told.starts_with(begins), "{told}");
        assert!(told.ends_with(because), "{told}");
        assert_eq!(
            case.next_look(),
            "Not before there is a credential to send."
        );
    }
}
