use std::time::Duration;

use super::{FIVE_MINUTES, HOUR, MINUTE, Play, RENEWABLE, SECOND, TICK, throttled};
use crate::policy::hold::{Admit, Ending};
use crate::policy::limit::Api;

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
fn each_api_is_throttled_and_probed_by_itself() {
    let mut play = Play::proven(RENEWABLE);
    let list = play.send_to(Api::List);
    play.end(list, throttled(HOUR));
    let held = Admit::Throttled {
        retry_after: FIVE_MINUTES,
    };
    assert_eq!(play.ask_for(Api::List), held);
    let _job = play.send(); // jobs are not held, and one in flight is not in the way of a probe
    play.pass(FIVE_MINUTES);
    let probe = play.send_to(Api::List);
    assert_eq!(play.ask_for(Api::List), Admit::Wait);
    assert_eq!(play.room(), 99);
    play.end(probe, Ending::Authenticated);
    let _list = play.send_to(Api::List);
}
