//! Whose first-ever ask is next.

use std::collections::HashMap;

use super::{LONG, SECOND, job, rules};
use crate::clock::Clock;
use crate::policy::client::{ClientId, Clients};
use crate::policy::refresh::{Look, Next, Schedule, Why};

/// The clients of a configuration with so many of them.
pub(super) fn clients(count: usize) -> Vec<ClientId> {
    let known = Clients::new(["a", "b", "c", "d"].map(|name| (name, &[][..])));
    known.ids().take(count).collect()
}

/// Who gets the next hundred calls when each of these clients waits for a hundred first answers; `None`: a refresh.
fn hundred(shares: &[Option<f64>], waits: &[bool]) -> HashMap<Option<ClientId>, usize> {
    let clients = clients(shares.len());
    let mut now = Clock::system().now();
    let mut schedule = Schedule::new(
        rules(),
        clients.iter().copied().zip(shares.iter().copied()),
        now,
    );
    for number in 0..500 {
        let look = Look {
            sent: now,
            finished: true,
            changed: false,
            build: None,
        };
        schedule.looked(job(number), &look, now);
        schedule.asked(&job(number), 10, now + SECOND);
    }
    now += 60 * SECOND;
    let mut calls = HashMap::new();
    for round in 0..100 {
        now += 2 * SECOND;
        for (index, &client) in clients.iter().enumerate() {
            schedule.seen(client, now);
            for number in (0..40).filter(|_| waits[index]) {
                let job = job(1_000 * (index + 1) + round + number);
                schedule.ask_first(client, job, now + LONG, now);
            }
        }
        let Next::Look { why, .. } = schedule.next(50, now) else {
            panic!("there is always something to do")
        };
        let client = match why {
            Why::First(client) => Some(client),
            Why::Differs | Why::Overdue | Why::Loss { .. } => None,
        };
        *calls.entry(client).or_default() += 1;
    }
    calls
}

#[test]
fn clients_that_wait_get_their_shares_and_those_without_one_share_the_rest_alike() {
    let who = clients(3);
    for (shares, expected) in [
        ([None, None, None], [33, 33, 33]),
        ([Some(0.5), None, None], [60, 20, 20]), // a sixth is for those without a name
        ([Some(0.9), Some(0.1), None], [86, 9, 2]),
    ] {
        let calls = hundred(&shares, &[true; 3]);
        for (client, expected) in who.iter().zip(expected) {
            let got = calls.get(&Some(*client)).copied().unwrap_or_default();
            assert!(got.abs_diff(expected) <= 3, "{shares:?}: {calls:?}");
        }
        assert_eq!(
            calls.get(&None),
            None,
            "all wait, so nobody is served by a refresh"
        );
    }
}

#[test]
fn a_scanner_leaves_the_others_their_refreshes() {
    let who = clients(2);
    let calls = hundred(&[Some(0.3), Some(0.6)], &[true, false]);
    let firsts = calls[&Some(who[0])];
    assert!((28..=40).contains(&firsts), "{calls:?}");
    assert_eq!(calls[&None], 100 - firsts);
}

#[test]
fn a_lone_client_gets_its_first_answers_as_fast_as_the_budget_allows() {
    let calls = hundred(&[None], &[true]);
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[test]
fn a_lone_client_does_not_stand_behind_its_own_refreshes() {
    let now = Clock::system().now();
    let who = clients(2);
    let mut schedule = Schedule::new(rules(), who.iter().map(|&client| (client, None)), now);
    for number in 0..5 {
        assert_eq!(
            schedule.end_of_line(who[0], now),
            0,
            "first asks before: {number}"
        );
        schedule.ask_first(who[0], job(number), now + LONG, now);
        assert_eq!(schedule.first_in_line(&job(number), now), Some(0));
        assert!(matches!(schedule.next(50, now), Next::Look { .. }));
    }
    schedule.seen(who[1], now);
    assert_eq!(schedule.end_of_line(who[0], now), 1, "another's count");
}

#[test]
fn who_comes_late_has_no_credit_and_who_leaves_is_not_called_for() {
    let now = Clock::system().now();
    let who = clients(2);
    let mut schedule = Schedule::new(rules(), who.iter().map(|&client| (client, None)), now);
    for number in 0..40 {
        assert!(schedule.ask_first(who[0], job(number), now + LONG, now));
    }
    for _ in 0..20 {
        schedule.next(50, now);
    }
    for number in 100..104 {
        assert!(schedule.ask_first(who[1], job(number), now + LONG, now));
    }
    schedule.leave(&job(103));
    let asked: Vec<_> = (0..8).map(|_| schedule.next(50, now)).collect();
    let late = |next: &&Next| matches!(next, Next::Look { why: Why::First(client), .. } if *client == who[1]);
    assert_eq!(asked.iter().filter(late).count(), 3, "{asked:?}");
    let in_turn = asked.iter().take(6).filter(late).count();
    assert!((2..=3).contains(&in_turn), "{asked:?}");
    assert_eq!(schedule.first_in_line(&job(103), now), None);
    assert_eq!(
        schedule.first_in_line(&job(25), now),
        Some(1),
        "one refresh for who waits for nothing"
    );
}

#[test]
fn who_was_told_to_come_back_is_remembered_for_a_while_and_with_no_more_than_a_window_pays_for() {
    let now = Clock::system().now();
    let who = clients(2);
    let mut schedule = Schedule::new(rules(), who.iter().map(|&client| (client, None)), now);
    let until = now + 60 * SECOND;
    let remembered = (0..100).filter(|&number| schedule.ask_first(who[0], job(number), until, now));
    assert_eq!(remembered.count(), 50);
    assert!(
        schedule.ask_first(who[0], job(7), until + 60 * SECOND, now),
        "once more"
    );
    assert_eq!(schedule.end_of_line(who[0], now), 50);
    assert_eq!(
        schedule.end_of_line(who[1], now),
        0,
        "another's long queue is not waited out"
    );

    let later = until + SECOND;
    let first = |schedule: &mut Schedule| match schedule.next(50, later) {
        Next::Look { job, .. } => Some(job),
        Next::Wait { .. } => None,
    };
    assert_eq!(first(&mut schedule), Some(job(7)), "the others have lapsed");
    assert_eq!(first(&mut schedule), None);
}

#[test]
fn a_job_that_a_scanner_has_lined_up_comes_when_it_is_the_turn_of_who_asks_for_it_too() {
    let now = Clock::system().now();
    let who = clients(3);
    let shares = [Some(0.05), Some(0.45), Some(0.5)];
    let mut schedule = Schedule::new(rules(), who.iter().copied().zip(shares), now);
    for number in 0..50 {
        assert!(schedule.ask_first(who[0], job(number), now + LONG, now));
        assert!(schedule.ask_first(who[1], job(100 + number), now + LONG, now));
    }
    assert!(schedule.place(who[2], &job(49), now) <= 2);
    assert!(schedule.ask_first(who[2], job(49), now + SECOND, now));
    let place = schedule.first_in_line(&job(49), now).unwrap();
    assert!(place <= 2, "{place}");
    assert!(
        schedule.ask_first(who[0], job(49), now + LONG, now),
        "the scanner takes nothing back"
    );
    assert_eq!(schedule.first_in_line(&job(49), now), Some(place));
    assert_eq!(schedule.waits(who[0]), 49);

    let calls = (0..4).map(|_| schedule.next(50, now));
    let calls: Vec<_> = calls
        .filter(|next| matches!(next, Next::Look { job: looked, .. } if *looked == job(49)))
        .collect();
    let [Next::Look { why, .. }] = calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(
        why,
        Why::First(who[2]),
        "it goes on the account of who has it"
    );
}
