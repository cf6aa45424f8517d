use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

use super::{Admit, CredentialKind, Ending, Holds, Ticket};
use crate::clock::Clock;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const TICK: Duration = Duration::from_nanos(1);
const LOCKABLE: CredentialKind = CredentialKind::Lockable;
const RENEWABLE: CredentialKind = CredentialKind::Renewable;

fn throttled(window: Duration) -> Ending {
    Ending::Throttled { window }
}

/// Holds, their time, and the calls in flight.
struct Play {
    holds: Holds,
    now: Instant,
    in_flight: usize,
}

impl Play {
    fn new(kind: CredentialKind) -> Self {
        Self {
            holds: Holds::new(kind),
            now: Clock::manual().now(),
            in_flight: 0,
        }
    }

    fn proven(kind: CredentialKind) -> Self {
        let mut play = Self::new(kind);
        play.call(Ending::Authenticated);
        play
    }

    fn ask(&mut self) -> Admit {
        self.holds.admit(self.now, self.in_flight)
    }

    #[track_caller]
    fn send(&mut self) -> Ticket {
        match self.ask() {
            Admit::Go(ticket) => {
                self.in_flight += 1;
                ticket
            }
            other => panic!("{other:?}"),
        }
    }

    fn end(&mut self, ticket: Ticket, ending: Ending) {
        self.in_flight -= 1;
        self.holds.end(ticket, ending, self.now);
    }

    #[track_caller]
    fn call(&mut self, ending: Ending) {
        let ticket = self.send();
        self.end(ticket, ending);
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
    }

    /// How many calls can be sent at once.
    fn room(&mut self) -> usize {
        let before = self.in_flight;
        while self.in_flight < 100 && matches!(self.ask(), Admit::Go(_)) {
            self.in_flight += 1;
        }
        let room = self.in_flight - before;
        self.in_flight = before;
        room
    }

    #[track_caller]
    fn assert_throttled_for(&mut self, retry_after: Duration) {
        assert_eq!(self.ask(), Admit::Throttled { retry_after });
    }

    #[track_caller]
    fn assert_credential_held_for(&mut self, retry_after: Duration) {
        assert_eq!(self.ask(), Admit::CredentialHold { retry_after });
    }
}

#[test]
fn a_throttle_holds_until_the_window_in_its_text_is_over() {
    for window in [SECOND, MINUTE, FIVE_MINUTES] {
        let mut play = Play::proven(RENEWABLE);
        play.call(throttled(window));
        play.assert_throttled_for(window);
        play.pass(window - TICK);
        play.assert_throttled_for(TICK);
        play.pass(TICK);
        assert_eq!(play.room(), 100, "after {window:?}");
    }
}

#[test]
fn calls_under_way_when_a_throttle_begins_neither_end_it_nor_prolong_it_beyond_their_own_window() {
    let mut play = Play::proven(RENEWABLE);
    let [first, second, third] = [(); 3].map(|()| play.send());
    play.end(first, throttled(MINUTE));
    play.pass(SECOND);
    play.end(second, Ending::Authenticated);
    play.assert_throttled_for(MINUTE - SECOND);
    play.end(third, throttled(MINUTE));
    play.assert_throttled_for(MINUTE);
}

#[test]
fn a_shorter_window_does_not_cut_a_longer_one() {
    let mut play = Play::proven(RENEWABLE);
    let [first, second] = [(); 2].map(|()| play.send());
    play.end(first, throttled(MINUTE));
    play.end(second, throttled(SECOND));
    play.assert_throttled_for(MINUTE);
}

#[test]
fn a_window_over_five_minutes_is_probed_at_pauses_that_double_up_to_it() {
    let mut play = Play::proven(RENEWABLE);
    play.call(throttled(HOUR));
    for minutes in [5, 10, 20, 40, 60, 60] {
        let pause = minutes * MINUTE;
        play.assert_throttled_for(pause);
        play.pass(pause - TICK);
        play.assert_throttled_for(TICK);
        play.pass(TICK);
        assert_eq!(play.room(), 1, "one probe after {minutes} min");
        play.call(throttled(HOUR));
    }
    play.pass(HOUR);
    let probe = play.send();
    assert_eq!(play.ask(), Admit::Wait);
    play.end(probe, Ending::Authenticated);
    assert_eq!(play.room(), 100);
    play.call(throttled(HOUR));
    play.assert_throttled_for(FIVE_MINUTES);
}

#[test]
fn a_long_window_just_over_five_minutes_is_never_exceeded() {
    let mut play = Play::proven(RENEWABLE);
    let window = FIVE_MINUTES + SECOND;
    play.call(throttled(window));
    play.assert_throttled_for(FIVE_MINUTES);
    play.pass(FIVE_MINUTES);
    play.call(throttled(window));
    play.assert_throttled_for(window);
}

#[test]
fn only_a_probe_makes_the_pause_grow_or_ends_it() {
    let mut play = Play::proven(RENEWABLE);
    let [first, second, third] = [(); 3].map(|()| play.send());
    play.end(first, throttled(HOUR));
    play.end(second, throttled(HOUR));
    play.assert_throttled_for(FIVE_MINUTES);
    play.pass(FIVE_MINUTES);
    assert_eq!(play.ask(), Admit::Wait, "the probe goes alone");
    play.end(third, Ending::Authenticated);
    assert_eq!(play.room(), 1, "an old answer ends nothing");
    play.call(Ending::NoAnswer);
    assert_eq!(play.room(), 1, "no answer ends nothing");
    play.call(throttled(HOUR));
    play.assert_throttled_for(2 * FIVE_MINUTES);
}

#[test]
fn a_probe_that_is_told_a_short_window_is_believed() {
    let mut play = Play::proven(RENEWABLE);
    play.call(throttled(HOUR));
    play.pass(FIVE_MINUTES);
    play.call(throttled(MINUTE));
    play.assert_throttled_for(MINUTE);
    play.pass(MINUTE);
    assert_eq!(play.room(), 100);
}

#[test]
fn an_absurd_window_is_only_probed() {
    let mut play = Play::proven(RENEWABLE);
    play.call(throttled(Duration::MAX));
    play.assert_throttled_for(FIVE_MINUTES);
}

#[test]
fn an_unproven_credential_has_one_call_in_flight_until_an_answer_proves_it() {
    for (kind, room) in [(LOCKABLE, 4), (RENEWABLE, 100)] {
        let mut play = Play::new(kind);
        let first = play.send();
        assert_eq!(play.ask(), Admit::Wait);
        play.end(first, Ending::NotSent);
        assert!(!play.holds.is_proven());
        for ending in [throttled(SECOND), Ending::NoAnswer, Ending::NotSent] {
            play.call(ending);
            play.pass(SECOND);
            assert_eq!(play.room(), 1, "{ending:?} proves nothing");
        }
        play.call(Ending::Authenticated);
        assert!(play.holds.is_proven());
        assert_eq!(play.room(), room);
    }
}

#[test]
fn refusals_in_a_row_pause_longer_and_longer() {
    for kind in [LOCKABLE, RENEWABLE] {
        let mut play = Play::new(kind);
        for seconds in [30, 60, 120, 300, 600, 900, 900, 900] {
            play.call(Ending::CredentialRefused);
            let pause = seconds * SECOND;
            play.assert_credential_held_for(pause);
            play.pass(pause - TICK);
            play.assert_credential_held_for(TICK);
            play.pass(TICK);
            assert_eq!(play.room(), 1);
        }
        play.call(Ending::Authenticated);
        play.call(Ending::CredentialRefused);
        play.assert_credential_held_for(30 * SECOND);
    }
}

#[test]
fn a_lockable_credential_with_four_failures_rests_until_the_first_is_over_five_minutes_old() {
    let mut play = Play::proven(LOCKABLE);
    let calls = [(); 4].map(|()| play.send());
    assert_eq!(play.ask(), Admit::Wait);
    for call in calls {
        play.end(call, Ending::CredentialRefused);
        play.pass(SECOND);
    }
    assert_eq!(play.holds.failures(play.now), 4);
    play.assert_credential_held_for(FIVE_MINUTES + TICK - 4 * SECOND);
    play.pass(FIVE_MINUTES - 4 * SECOND);
    play.assert_credential_held_for(TICK);
    play.pass(TICK);
    assert_eq!(play.room(), 1);
}

#[test]
fn failures_count_on_after_the_credential_is_proven_again() {
    let mut play = Play::new(LOCKABLE);
    for pause in [30, 60] {
        play.call(Ending::CredentialRefused);
        play.pass(pause * SECOND);
    }
    play.call(Ending::Authenticated);
    assert_eq!(play.room(), 2);
    play.pass(FIVE_MINUTES);
    assert_eq!(play.room(), 4);
}

#[test]
fn unanswered_calls_count_as_failures_until_an_answer_proves_the_key() {
    let mut play = Play::new(LOCKABLE);
    for _ in 0..3 {
        play.call(Ending::NoAnswer);
    }
    let last = play.send();
    play.end(last, Ending::NoAnswer);
    play.assert_credential_held_for(FIVE_MINUTES + TICK);
    play.pass(FIVE_MINUTES + TICK);
    play.call(Ending::NoAnswer);
    play.call(Ending::Authenticated);
    assert_eq!(play.room(), 4);
    for _ in 0..20 {
        play.call(Ending::NoAnswer);
    }
    assert_eq!(play.room(), 4, "an outage does not cost a proven key");
}

#[test]
fn an_answer_to_a_call_sent_before_the_refusal_does_not_end_the_hold() {
    for kind in [LOCKABLE, RENEWABLE] {
        let mut play = Play::proven(kind);
        let [refused, taken] = [(); 2].map(|()| play.send());
        play.end(refused, Ending::CredentialRefused);
        play.end(taken, Ending::Authenticated);
        play.assert_credential_held_for(30 * SECOND);
        assert!(!play.holds.is_proven());
    }
}

#[test]
fn refusals_under_way_count_once_for_a_token_and_each_for_a_key() {
    for (kind, failures) in [(LOCKABLE, 3), (RENEWABLE, 1)] {
        let mut play = Play::proven(kind);
        for call in [(); 3].map(|()| play.send()) {
            play.end(call, Ending::CredentialRefused);
        }
        assert_eq!(play.holds.failures(play.now), failures);
        play.assert_credential_held_for(30 * SECOND);
    }
}

#[test]
fn a_renewed_token_is_tried_once_and_at_once() {
    let mut play = Play::proven(RENEWABLE);
    play.call(Ending::CredentialRefused);
    play.holds.renewed();
    assert_eq!(play.room(), 1);
    play.call(Ending::Authenticated);
    assert_eq!(play.room(), 100);
}

#[test]
fn renewals_do_not_go_beyond_four_failures_in_five_minutes() {
    let mut play = Play::new(RENEWABLE);
    for (probe, repeat) in [(30, 30), (60, 300)] {
        play.call(Ending::CredentialRefused);
        play.assert_credential_held_for(probe * SECOND);
        play.holds.renewed();
        play.call(Ending::CredentialRefused);
        if repeat == 30 {
            play.assert_credential_held_for(repeat * SECOND);
            play.pass(repeat * SECOND);
        }
    }
    let held = FIVE_MINUTES + TICK - 30 * SECOND;
    play.assert_credential_held_for(held);
    play.holds.renewed();
    play.assert_credential_held_for(held);
    play.pass(held);
    assert_eq!(play.room(), 1);
}

#[test]
fn a_renewal_without_a_refusal_changes_nothing() {
    let mut play = Play::proven(RENEWABLE);
    play.holds.renewed();
    assert_eq!(play.room(), 100);
    play.call(Ending::CredentialRefused);
    play.pass(30 * SECOND);
    play.call(Ending::CredentialRefused);
    play.assert_credential_held_for(60 * SECOND);
}

#[test]
fn of_two_holds_the_longer_one_answers() {
    for (window, expected) in [
        (
            SECOND,
            Admit::CredentialHold {
                retry_after: 30 * SECOND,
            },
        ),
        (
            MINUTE,
            Admit::Throttled {
                retry_after: MINUTE,
            },
        ),
    ] {
        let mut play = Play::proven(LOCKABLE);
        let [first, second] = [(); 2].map(|()| play.send());
        play.end(first, Ending::CredentialRefused);
        play.end(second, throttled(window));
        assert_eq!(play.ask(), expected);
    }
}

/// What clients and upstream may do, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    End(usize, Ending),
    Renewed,
    Pass { ms: u64 },
    PassHold,
}

fn step(ending: impl Strategy<Value = Ending> + 'static) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Ask),
        5 => (any::<usize>(), ending).prop_map(|(pick, ending)| Step::End(pick, ending)),
        1 => Just(Step::Renewed),
        2 => (0..60_000_u64).prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::PassHold),
    ]
}

/// A call and the times between which upstream may have seen it.
type Seen = (Instant, Instant);

/// Plays the steps; gives the calls of which `counts` holds, those still in flight with their worst ending.
fn played(kind: CredentialKind, steps: Vec<Step>, counts: fn(Ending) -> bool) -> Vec<Seen> {
    let mut play = Play::new(kind);
    let mut open: Vec<(Ticket, Instant)> = Vec::new();
    let mut seen = Vec::new();
    for step in steps {
        match step {
            Step::Ask => {
                if let Admit::Go(ticket) = play.ask() {
                    play.in_flight += 1;
                    open.push((ticket, play.now));
                }
            }
            Step::End(pick, ending) => {
                if let Some(index) = pick.checked_rem(open.len()) {
                    let (ticket, sent) = open.swap_remove(index);
                    play.end(ticket, ending);
                    seen.extend(counts(ending).then_some((sent, play.now)));
                }
            }
            Step::Renewed => play.holds.renewed(),
            Step::Pass { ms } => play.pass(Duration::from_millis(ms)),
            Step::PassHold => match play.ask() {
                Admit::Throttled { retry_after } | Admit::CredentialHold { retry_after } => {
                    play.pass(retry_after);
                }
                Admit::Go(_) | Admit::Wait => {}
            },
        }
    }
    seen.extend(open.iter().map(|&(_, sent)| (sent, play.now)));
    seen
}

/// The most of them that five minutes, cut anywhere and closed on both sides, may hold.
fn most_in_five_minutes(seen: &[Seen]) -> usize {
    let from = |start: Instant| {
        let inside = |&&(sent, ended): &&Seen| ended >= start && sent <= start + FIVE_MINUTES;
        seen.iter().filter(inside).count()
    };
    seen.iter().map(|&(_, end)| from(end)).max().unwrap_or(0)
}

fn any_ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        1 => Just(Ending::NotSent),
        3 => Just(Ending::Authenticated),
        1 => (0..1_000_u64).prop_map(|seconds| throttled(Duration::from_secs(seconds))),
        3 => Just(Ending::CredentialRefused),
        1 => Just(Ending::NoAnswer),
    ]
}

fn ending_of_a_wrong_key() -> impl Strategy<Value = Ending> {
    prop_oneof![
        1 => Just(Ending::NotSent),
        4 => Just(Ending::CredentialRefused),
        2 => Just(Ending::NoAnswer),
    ]
}

proptest! {
    #[test]
    fn a_lockable_key_is_never_refused_five_times_in_five_minutes(
        steps in vec(step(any_ending()), 0..200),
    ) {
        let refused = played(LOCKABLE, steps, |ending| ending == Ending::CredentialRefused);
        prop_assert!(most_in_five_minutes(&refused) <= 4);
    }

    #[test]
    fn a_wrong_credential_costs_at_most_four_calls_in_five_minutes(
        steps in vec(step(ending_of_a_wrong_key()), 0..200),
    ) {
        let sent = played(LOCKABLE, steps, |ending| ending != Ending::NotSent);
        prop_assert!(most_in_five_minutes(&sent) <= 4);
    }

    #[test]
    fn a_wrong_token_is_refused_at_most_four_times_in_five_minutes(
        steps in vec(step(ending_of_a_wrong_key()), 0..200),
    ) {
        let refused = played(RENEWABLE, steps, |ending| ending == Ending::CredentialRefused);
        prop_assert!(most_in_five_minutes(&refused) <= 4);
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_not_held_again(steps in vec(step(any_ending()), 0..60)) {
        for kind in [LOCKABLE, RENEWABLE] {
            let mut play = Play::new(kind);
            for step in &steps {
                match *step {
                    Step::End(_, ending) if matches!(play.ask(), Admit::Go(_)) => play.call(ending),
                    Step::Pass { ms } => play.pass(Duration::from_millis(ms)),
                    Step::Renewed => play.holds.renewed(),
                    Step::End(..) | Step::Ask | Step::PassHold => {}
                }
                if let Admit::Throttled { retry_after } | Admit::CredentialHold { retry_after } = play.ask() {
                    play.pass(retry_after);
                    prop_assert!(matches!(play.ask(), Admit::Go(_)));
                }
            }
        }
    }
}
