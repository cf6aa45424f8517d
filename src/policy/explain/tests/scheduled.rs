//! The same in budget mode, where the schedule looks and not whoever asks.

use std::time::{Duration, Instant};

use super::{SECOND, case, job};
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::explain::{Case, Scheduled};
use crate::policy::freshness::Freshness;
use crate::policy::ladder::Known;
use crate::policy::refresh::{Standing, Told};
use crate::policy::setback::Setback;

const MINUTE: Duration = Duration::from_secs(60);

const FRESH: Known = Known::Job {
    freshness: Freshness::Fresh {
        age: Duration::from_secs(18),
        ttl: Duration::from_secs(42),
    },
    rests: false,
};

fn told(standing: Standing) -> Told {
    Told {
        asks: 240.0,
        window: MINUTE,
        builds: 3.2,
        pause: 25 * MINUTE,
        length: 90 * SECOND,
        wrong: 0.031,
        loss: 9.3,
        age: 18 * SECOND,
        standing,
    }
}

/// A job in the schedule.
fn planned(now: Instant, standing: Standing) -> Case<'static> {
    Case {
        scheduled: Some(Scheduled {
            told: Some(told(standing)),
            place: None,
            turn: Duration::ZERO,
            now,
        }),
        ..case(FRESH)
    }
}

/// A job that is not, and whose turn would come then.
fn unplanned(known: Known, place: Option<usize>, turn: Duration) -> Case<'static> {
    Case {
        scheduled: Some(Scheduled {
            told: None,
            place,
            turn,
            now: Clock::system().now(),
        }),
        ..case(known)
    }
}

#[test]
fn each_standing_has_its_time_and_its_reason() {
    let now = Clock::system().now();
    let at = now + 42 * SECOND;
    let worth = "a look is then worth as much as the others that the budget pays for; looks planned before it: 17.";
    let in_42 = Some(42 * SECOND);
    for (standing, sentence, planned_in) in [
        (Standing::UnderWay, "Under way.".to_owned(), Some(Duration::ZERO)),
        (
            Standing::Differs(0),
            "When its turn comes: a list has shown that the stored answer is wrong.".to_owned(),
            Some(Duration::ZERO),
        ),
        (
            Standing::Differs(3),
            "When its turn comes: a list has shown that the stored answer is wrong; so it has of others, which go before: 3.".to_owned(),
            Some(Duration::ZERO),
        ),
        (
            Standing::Floor { at, place: 2 },
            "In about 42 s: ttl and ttl_running allow none sooner, though it would be worth one; looks planned before it: 2.".to_owned(),
            in_42,
        ),
        (Standing::Planned { at, place: 17 }, format!("In about 42 s: {worth}"), in_42),
        (
            Standing::Planned { at: now, place: 0 },
            "When its turn comes: it is due; looks planned before it: 0.".to_owned(),
            Some(Duration::ZERO),
        ),
        (
            Standing::Floor { at: now, place: 13 },
            "When its turn comes: it is due; looks planned before it: 13.".to_owned(),
            Some(Duration::ZERO),
        ),
        (
            Standing::Resting(at),
            "In about 42 s: the last look brought nothing.".to_owned(),
            in_42,
        ),
    ] {
        let case = planned(now, standing);
        assert_eq!(case.next_look(), sentence);
        assert_eq!(case.planned_in(), planned_in, "{standing:?}");
        assert_eq!(
            case.if_asked_now(),
            "The stored answer, at once: it is fresh for another 42 s."
        );
    }
}

#[test]
fn a_rest_is_told_with_its_cause() {
    let now = Clock::system().now();
    let setback = Setback::after(None, Error::TimedOut, now, 0);
    let case = Case {
        rest: Some((&setback, SECOND)),
        ..planned(now, Standing::Resting(now + SECOND))
    };
    assert_eq!(
        case.next_look(),
        "In about 1.0 s: the last look brought nothing, because upstream does not answer in time; failed in a row: 1."
    );
}

#[test]
fn what_holds_calls_up_for_longer_than_the_plan_is_the_reason() {
    let now = Clock::system().now();
    let spent = |seconds| Error::BudgetSpent {
        retry_after: seconds * SECOND,
    };
    let standing = Standing::Planned {
        at: now + 42 * SECOND,
        place: 17,
    };
    for (gate, begins) in [
        (spent(41), "In about 42 s: a look is then worth"),
        (spent(50), "In 50 s or later: the upstream budget is spent."),
        (
            Error::Paused,
            "Not before the operator lets upstream calls out again",
        ),
    ] {
        let case = Case {
            gate: Some(&gate),
            ..planned(now, standing)
        };
        assert!(case.next_look().starts_with(begins), "{}", case.next_look());
        assert_eq!(case.planned_in(), Some(42 * SECOND), "the plan is the plan");
    }
}

#[test]
fn a_stale_answer_is_served_and_it_is_not_whoever_asks_that_looks() {
    let scheduled = Case {
        known: job(5, false),
        ..planned(Clock::system().now(), Standing::Differs(0))
    };
    assert_eq!(
        scheduled.if_asked_now(),
        "The stored answer, at once: it is 5.0 s past its lifetime, and served so for up to 10 min (stale_while_revalidate). It makes no call: looks go out as they are planned."
    );
    let spent = Error::BudgetSpent {
        retry_after: SECOND,
    };
    let spent = Case {
        gate: Some(&spent),
        ..scheduled
    };
    assert_eq!(
        spent.if_asked_now(),
        scheduled.if_asked_now(),
        "no call is missed"
    );
    let paused = Case {
        gate: Some(&Error::Paused),
        ..scheduled
    };
    assert!(
        paused
            .if_asked_now()
            .ends_with("(stale_while_revalidate). No call goes out, because the operator has paused upstream calls."),
        "{}",
        paused.if_asked_now()
    );
}

#[test]
fn a_first_ask_is_told_its_turn() {
    let long = "Nobody waits longer than 2.0 s for a call; its turn comes in about 12 s, and its answer is then kept for whoever comes back.";
    let refused = format!("An error (429): nothing is stored that may be served. {long}");
    let old = format!(
        "The stored answer, at once: it is 12 min past its lifetime, and served so for up to 60 min. {long}"
    );
    let upstream = "What upstream says: nothing is stored that may be served.";
    let none = Duration::ZERO;
    for (known, place, turn, asked, next) in [
        (
            Known::Nothing,
            None,
            none,
            upstream,
            "With the next request.",
        ),
        (
            Known::Nothing,
            Some(0),
            none,
            upstream,
            "When its turn comes: somebody waits for an answer, and is next.",
        ),
        (
            Known::Nothing,
            Some(4),
            12 * SECOND,
            &refused,
            "In about 12 s: somebody waits for an answer; calls that go before: 4.",
        ),
        (
            Known::Nothing,
            None,
            12 * SECOND,
            &refused,
            "With the first request in 12 s or later: the calls before then go to others, or are spent.",
        ),
        (
            job(700, false),
            Some(4),
            12 * SECOND,
            &old,
            "In about 12 s: somebody waits for an answer; calls that go before: 4.",
        ),
        (
            job(700, false),
            None,
            none,
            "What upstream says, if it says so within 2.0 s; else the stored answer, which is 12 min past its lifetime and served so for up to 60 min (stale_if_error).",
            "With the next request.",
        ),
    ] {
        let case = Case {
            is_flying: place.is_some(), // it waits for its turn
            ..unplanned(known, place, turn)
        };
        assert_eq!(case.if_asked_now(), asked);
        assert_eq!(case.next_look(), next);
        assert_eq!(case.planned_in(), place.map(|_| turn), "{next}");
        assert_eq!(case.rhythm(), None);
    }
}

#[test]
fn a_first_ask_whose_turn_came_is_under_way() {
    let case = Case {
        is_flying: true,
        ..unplanned(Known::Nothing, None, Duration::ZERO)
    };
    assert_eq!(case.next_look(), "Under way.");
    assert_eq!(case.planned_in(), Some(Duration::ZERO));
}

#[test]
fn of_what_nobody_asks_for_no_look_is_planned() {
    for known in [FRESH, job(5, false)] {
        let case = unplanned(known, None, Duration::ZERO);
        assert_eq!(
            case.next_look(),
            "None is planned, because nobody has asked for it of late. The next request is answered from what is stored, and a look is planned again."
        );
        assert_eq!(case.planned_in(), None);
    }
}

#[test]
fn a_denial_is_not_planned_for_but_remembered() {
    let denied = Known::Denied {
        freshness: Freshness::Fresh {
            age: 9 * SECOND,
            ttl: 21 * SECOND,
        },
        rests: false,
    };
    let case = unplanned(denied, None, Duration::ZERO);
    assert!(case.if_asked_now().starts_with("404 from memory"));
    assert!(
        case.next_look()
            .starts_with("With the first request in 21 s or later")
    );
}

#[test]
fn what_is_stored_no_more_is_not_planned_for_whatever_the_schedule_remembers() {
    let now = Clock::system().now();
    let invalidated = Case {
        known: Known::Nothing,
        ..planned(now, Standing::Resting(now + SECOND))
    };
    assert_eq!(invalidated.next_look(), "With the next request.");
    assert_eq!(
        (invalidated.planned_in(), invalidated.rhythm()),
        (None, None)
    );
}

#[test]
fn a_rhythm_is_told_in_words_for_strangers() {
    let now = Clock::system().now();
    let known = told(Standing::UnderWay);
    let rhythm = |told| {
        let case = planned(now, Standing::UnderWay);
        let scheduled = case.scheduled.map(|scheduled| Scheduled {
            told: Some(told),
            ..scheduled
        });
        Case { scheduled, ..case }.rhythm().unwrap()
    };
    assert_eq!(
        rhythm(known),
        "About 25 min pass between two builds, and one takes about 90 s, by the last 3 that were noticed. It is asked for about 240 times in 60 s. By now the stored answer is wrong with a chance of 3.1 %; without a look about 9.3 wrong answers are expected in the next 60 s."
    );
    let new = Told {
        builds: 0.8,
        asks: 0.5,
        wrong: 0.0,
        loss: 0.001,
        ..known
    };
    assert_eq!(
        rhythm(new),
        "Its builds are hardly known yet; by the last one and by other jobs, about 25 min pass between two, and one takes about 90 s. It is asked for about 0.50 times in 60 s. By now the stored answer is wrong with a chance of less than 0.1 %; without a look less than 0.01 wrong answers are expected in the next 60 s."
    );
}
