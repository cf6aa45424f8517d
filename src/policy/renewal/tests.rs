//! The schedule of renewals, story by story; what always holds is in `promises`.

mod promises;

use std::time::{Duration, Instant};

use super::{Failure, Remedy, Renewal, Why};
use crate::clock::Clock;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const NO_ANSWER: Failure = Failure::Unavailable { retry_after: None };

/// A schedule and its time.
struct Play {
    renewal: Renewal,
    now: Instant,
}

// === impl Play ===

impl Play {
    fn new(seed: u64) -> Self {
        let now = Clock::manual().now();
        Self {
            renewal: Renewal::new(now, seed),
            now,
        }
    }

    /// One that holds a credential of this lifetime, just given.
    fn holding(lifetime: Duration, seed: u64) -> Self {
        let mut play = Self::new(seed);
        play.give(lifetime, false);
        play
    }

    fn give(&mut self, lifetime: Duration, same: bool) {
        assert!(self.renewal.is_due(self.now), "{:?}", self.renewal.due());
        self.renewal.asked(self.now);
        self.renewal.gave(self.now, lifetime, same);
    }

    fn fail(&mut self, failure: Failure) {
        assert!(self.renewal.is_due(self.now), "{:?}", self.renewal.due());
        self.renewal.asked(self.now);
        self.renewal.failed(self.now, failure);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// How long until the next call, and why; `None`: not by itself.
    fn next(&self) -> (Option<Duration>, Why) {
        let due = self.renewal.due();
        let wait = due.at.map(|at| at.saturating_duration_since(self.now));
        (wait, due.why)
    }

    #[track_caller]
    fn pass_until_due(&mut self) {
        let wait = self.next().0.expect("it is due some time");
        self.pass(wait);
    }
}

#[test]
fn the_first_call_is_due_at_once() {
    assert_eq!(Play::new(0).next(), (Some(Duration::ZERO), Why::First));
}

#[test]
fn a_credential_is_renewed_when_a_third_to_a_quarter_of_its_life_is_left() {
    for lifetime in [DAY, HOUR, 10 * MINUTE] {
        let waits: Vec<_> = (0..200)
            .map(|seed| match Play::holding(lifetime, seed).next() {
                (Some(wait), Why::Expiring) => wait,
                next => panic!("{next:?}"),
            })
            .collect();
        let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        let (earliest, latest) = (lifetime / 3 * 2, lifetime / 4 * 3);
        assert!(
            *first >= earliest && *last <= latest,
            "{first:?} to {last:?}"
        );
        let spread = latest.abs_diff(earliest);
        assert!(last.abs_diff(*first) > spread / 2, "{first:?} to {last:?}");
    }
}

#[test]
fn what_comes_back_unchanged_is_asked_for_again_after_half_of_what_is_left_but_not_at_once() {
    let mut play = Play::holding(HOUR, 0);
    play.pass_until_due();
    let mut left = 15 * MINUTE;
    for _ in 0..12 {
        play.give(left, true);
        let wait = (left / 2).max(30 * SECOND);
        assert_eq!(play.next(), (Some(wait), Why::Unchanged));
        play.pass_until_due();
        left = left.saturating_sub(wait);
    }
    play.give(HOUR, false);
    assert!(play.next().0.is_some_and(|wait| wait >= 40 * MINUTE));
}

#[test]
fn failures_in_a_row_pause_longer_and_longer_and_a_success_ends_that() {
    let mut play = Play::new(1);
    for round in 0..2 {
        for (shortest, longest) in [(5, 7), (10, 13), (20, 25), (40, 50), (80, 100), (160, 200)] {
            play.fail(NO_ANSWER);
            let (wait, why) = play.next();
            let (wait, why) = (wait.unwrap().as_secs(), (why, round));
            assert_eq!(why.0, Why::Failed);
            assert!((shortest..longest).contains(&wait), "{wait} {why:?}");
            play.pass_until_due();
        }
        for _ in 0..3 {
            play.fail(NO_ANSWER);
            assert!((240..=300).contains(&play.next().0.unwrap().as_secs()));
            play.pass_until_due();
        }
        play.give(HOUR, false);
        play.pass_until_due();
    }
}

#[test]
fn the_service_may_send_us_away_for_longer_but_not_for_ever() {
    for (told, least, most) in [
        (Duration::ZERO, 5 * SECOND, 7 * SECOND),
        (SECOND, 5 * SECOND, 7 * SECOND),
        (10 * MINUTE, 10 * MINUTE, 10 * MINUTE),
        (DAY, HOUR, HOUR),
        (Duration::MAX, HOUR, HOUR),
    ] {
        let mut play = Play::new(0);
        play.fail(Failure::Unavailable {
            retry_after: Some(told),
        });
        let wait = play.next().0.unwrap();
        assert!((least..=most).contains(&wait), "{told:?}: {wait:?}");
    }
}

#[test]
fn refused_words_are_never_repeated_and_others_are_tried_at_once() {
    let mut play = Play::new(0);
    play.fail(Failure::Refused);
    assert_eq!(play.next(), (None, Why::WordsRefused));
    play.pass(400 * DAY);
    assert!(!play.renewal.is_due(play.now));
    assert_eq!(
        play.renewal.refused_upstream(play.now, true),
        Remedy::Later,
        "not even then"
    );
    play.renewal.words_changed(play.now);
    assert_eq!(play.next(), (Some(Duration::ZERO), Why::NewWords));
    play.give(DAY, false);
    assert_eq!(play.next().1, Why::Expiring);
}

#[test]
fn words_that_fail_in_a_row_wait_longer_and_longer() {
    let mut play = Play::new(0);
    play.fail(Failure::Refused);
    for (shortest, longest) in [(5, 7), (10, 13), (20, 25), (40, 50), (80, 100)] {
        play.renewal.words_changed(play.now);
        let wait = play.next().0.unwrap().as_secs();
        assert!((shortest..longest).contains(&wait), "{wait}");
        play.renewal.words_changed(play.now);
        assert!(
            play.next().0.unwrap().as_secs() < longest,
            "no longer for more words"
        );
        play.pass_until_due();
        play.fail(Failure::Refused);
    }
}

#[test]
fn a_user_who_is_not_allowed_is_asked_for_again_after_an_hour_or_with_other_words() {
    let mut play = Play::new(0);
    play.fail(Failure::Forbidden);
    assert_eq!(play.next(), (Some(HOUR), Why::Forbidden));
    play.pass(MINUTE);
    play.renewal.words_changed(play.now);
    assert_eq!(play.next(), (Some(Duration::ZERO), Why::NewWords));
}

#[test]
fn words_that_change_while_the_service_is_away_do_not_hurry_it() {
    let mut play = Play::new(0);
    play.fail(NO_ANSWER);
    let before = play.next();
    play.renewal.words_changed(play.now);
    assert_eq!(play.next(), before);
}

#[test]
fn a_credential_that_upstream_refused_is_renewed_at_once_but_once_a_minute_at_most() {
    let mut play = Play::holding(DAY, 0);
    let ask = |play: &mut Play| play.renewal.refused_upstream(play.now, true);
    assert_eq!(ask(&mut play), Remedy::Ask);
    assert_eq!(play.next().1, Why::RefusedUpstream);
    play.give(DAY, false);
    play.pass(SECOND);
    assert_eq!(
        play.renewal.refused_upstream(play.now, false),
        Remedy::Another,
        "an old one was refused"
    );
    assert_eq!(ask(&mut play), Remedy::Later);
    assert_eq!(play.next(), (Some(59 * SECOND), Why::RefusedUpstream));
    assert_eq!(ask(&mut play), Remedy::Later);
    play.pass_until_due();
    assert_eq!(ask(&mut play), Remedy::Ask);
}

#[test]
fn a_refusal_upstream_shortens_no_pause_of_a_service_that_fails() {
    for failure in [NO_ANSWER, Failure::Forbidden] {
        let mut play = Play::new(0);
        play.fail(failure);
        let before = play.next();
        assert_eq!(play.renewal.refused_upstream(play.now, true), Remedy::Later);
        assert_eq!(play.next(), before);
    }
}

#[test]
fn what_has_expired_before_its_time_is_renewed_at_once_however_it_was_given() {
    for same in [false, true] {
        let mut play = Play::new(0);
        play.give(DAY, same);
        play.pass(HOUR);
        play.renewal.expired(play.now);
        assert_eq!(play.next(), (Some(Duration::ZERO), Why::Expired), "{same}");
        play.fail(NO_ANSWER);
        let before = play.next();
        play.renewal.expired(play.now);
        assert_eq!(play.next(), before, "and then as ever");
    }
}
