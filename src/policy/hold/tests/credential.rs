use super::{FIVE_MINUTES, LOCKABLE, Play, RENEWABLE, SECOND, TICK, throttled};
use crate::policy::hold::{Admit, Ending};

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
    play.call_after_pause(Ending::NoAnswer); // a second later, because upstream is down
    play.assert_credential_held_for(FIVE_MINUTES - SECOND + TICK);
    play.pass(FIVE_MINUTES - SECOND + TICK);
    play.call(Ending::NoAnswer);
    play.call_after_pause(Ending::Authenticated);
    assert_eq!(play.room(), 4);
    for _ in 0..20 {
        play.call_after_pause(Ending::NoAnswer);
    }
    play.call_after_pause(Ending::Answered);
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
