use std::time::Duration;

use super::{Known, Look, Plan, Windows, is_servable, plan, servable_for};
use crate::policy::freshness::Freshness;
use crate::policy::outcome::ForwardReason;
use crate::policy::wish::Wish;

const WINDOWS: Windows = Windows {
    while_revalidate: Duration::from_secs(600),
    if_error: Duration::from_secs(3_600),
};
const ANY: Wish = Wish {
    max_age: None,
    max_stale: None,
    only_if_cached: false,
};

fn fresh(age: u64) -> Freshness {
    let age = Duration::from_secs(age);
    let ttl = Duration::from_secs(30).saturating_sub(age);
    Freshness::Fresh { age, ttl }
}

fn stale(late: u64) -> Freshness {
    let late = Duration::from_secs(late);
    let age = late + Duration::from_secs(30);
    Freshness::Stale { age, late }
}

fn look(reason: ForwardReason, fallback: bool) -> Plan {
    Plan::Look(Look { reason, fallback })
}

fn job(freshness: Freshness, rests: bool) -> Known {
    Known::Job { freshness, rests }
}

fn denied(freshness: Freshness, rests: bool) -> Known {
    Known::Denied { freshness, rests }
}

#[test]
fn each_rung_begins_where_the_one_above_ends() {
    let waited = look(ForwardReason::Stale, true);
    let nothing_to_fall_back_on = look(ForwardReason::Stale, false);
    for (freshness, expected, set_back) in [
        (fresh(0), Plan::Hit, Plan::Hit),
        (fresh(29), Plan::Hit, Plan::Hit),
        (stale(0), Plan::StoredAndLook, Plan::Stored),
        (stale(599), Plan::StoredAndLook, Plan::Stored),
        (stale(600), waited, Plan::Stored),
        (stale(3_599), waited, Plan::Stored),
        (stale(3_600), nothing_to_fall_back_on, Plan::HeldBack),
        (
            stale(u64::MAX >> 20),
            nothing_to_fall_back_on,
            Plan::HeldBack,
        ),
    ] {
        assert_eq!(
            plan(job(freshness, false), &ANY, &WINDOWS),
            expected,
            "{freshness:?}"
        );
        assert_eq!(
            plan(job(freshness, true), &ANY, &WINDOWS),
            set_back,
            "set back, {freshness:?}"
        );
    }
}

#[test]
fn without_windows_nothing_stale_is_served() {
    for late in [0, 1, 1_000] {
        let known = job(stale(late), false);
        assert_eq!(
            plan(known, &ANY, &Windows::NONE),
            look(ForwardReason::Stale, false)
        );
        assert_eq!(
            plan(job(stale(late), true), &ANY, &Windows::NONE),
            Plan::HeldBack
        );
    }
}

#[test]
fn what_is_not_stored_is_looked_at_unless_a_look_has_just_failed() {
    let miss = look(ForwardReason::UriMiss, false);
    for (known, expected, if_cached) in [
        (Known::Nothing, miss, Plan::NotStored),
        (Known::Failing, Plan::HeldBack, Plan::NotStored),
        (denied(fresh(3), false), Plan::Hit, Plan::Hit),
        (denied(fresh(3), true), Plan::Hit, Plan::Hit),
        (
            denied(stale(0), false),
            look(ForwardReason::Stale, false),
            Plan::NotStored,
        ),
        (denied(stale(0), true), Plan::HeldBack, Plan::NotStored),
    ] {
        assert_eq!(plan(known, &ANY, &WINDOWS), expected, "{known:?}");
        let only_if_cached = Wish {
            only_if_cached: true,
            ..ANY
        };
        assert_eq!(
            plan(known, &only_if_cached, &WINDOWS),
            if_cached,
            "{known:?}"
        );
    }
}

#[test]
fn a_client_that_wants_it_younger_forces_a_look_and_gets_what_is_stored_if_that_fails() {
    let seconds = |n| Some(Duration::from_secs(n));
    let forced = look(ForwardReason::Request, true);
    for (max_age, freshness, expected) in [
        (seconds(0), fresh(0), forced), // no-cache: also what has come this very moment
        (seconds(10), fresh(10), Plan::Hit),
        (seconds(10), fresh(11), forced),
        (seconds(10), stale(5), forced),
        (seconds(60), stale(5), Plan::StoredAndLook),
        (seconds(0), stale(700), look(ForwardReason::Stale, true)), // looked at without any wish
        (seconds(0), stale(4_000), look(ForwardReason::Stale, false)),
    ] {
        let wish = Wish { max_age, ..ANY };
        assert_eq!(
            plan(job(freshness, false), &wish, &WINDOWS),
            expected,
            "{wish:?} {freshness:?}"
        );
    }
    let wish = Wish {
        max_age: seconds(0),
        ..ANY
    };
    assert_eq!(
        plan(job(fresh(1), true), &wish, &WINDOWS),
        Plan::Stored,
        "set back: too early even if forced"
    );
    assert_eq!(plan(denied(fresh(1), false), &wish, &WINDOWS), forced);
}

#[test]
fn a_client_that_takes_nothing_very_stale_waits_earlier_and_gets_the_error_earlier() {
    let wish = Wish {
        max_stale: Some(Duration::from_secs(60)),
        ..ANY
    };
    for (late, expected, set_back) in [
        (60, Plan::StoredAndLook, Plan::Stored),
        (61, look(ForwardReason::Stale, false), Plan::HeldBack),
        (700, look(ForwardReason::Stale, false), Plan::HeldBack),
    ] {
        assert_eq!(
            plan(job(stale(late), false), &wish, &WINDOWS),
            expected,
            "{late}"
        );
        assert_eq!(
            plan(job(stale(late), true), &wish, &WINDOWS),
            set_back,
            "{late}"
        );
    }
}

#[test]
fn a_client_that_wants_what_is_stored_never_causes_a_look() {
    for max_age in [None, Some(Duration::ZERO)] {
        let wish = Wish {
            only_if_cached: true,
            max_age,
            ..ANY
        };
        for (freshness, expected) in [
            (fresh(3), Plan::Hit),
            (stale(5), Plan::Stored),
            (stale(3_599), Plan::Stored),
            (stale(3_600), Plan::NotStored),
        ] {
            for rests in [false, true] {
                assert_eq!(
                    plan(job(freshness, rests), &wish, &WINDOWS),
                    expected,
                    "{freshness:?}"
                );
            }
        }
    }
}

/// Somebody who waited got an answer that was too stale by as long.
#[test]
fn what_may_be_served_for_a_while_may_not_be_served_any_longer() {
    for (freshness, max_stale, seconds) in [
        (fresh(10), None, 20 + 3_600),
        (fresh(10), Some(5), 20 + 5),
        (stale(0), Some(5), 5),
        (stale(3), Some(5), 2),
        (stale(6), Some(5), 0),
        (stale(3_599), None, 1),
        (stale(3_599), Some(9_999), 1),
        (stale(3_601), None, 0),
    ] {
        let max_stale = max_stale.map(Duration::from_secs);
        let wish = Wish { max_stale, ..ANY };
        let left = servable_for(freshness, &wish, &WINDOWS);
        assert_eq!(left.as_secs(), seconds, "{freshness:?}");
        assert!(
            left.subsec_nanos() <= 1,
            "a client's bound is taken itself: {left:?}"
        );
        assert!(is_servable(freshness, &wish, &WINDOWS) || left.is_zero());
    }
}
