use std::time::Duration;

use super::{LOCKABLE, Play, SECOND};
use crate::error::Down;
use crate::policy::hold::{Admit, Ending};

fn down(play: &mut Play) -> Option<(Down, Duration)> {
    match play.ask() {
        Admit::Down { cause, retry_after } => Some((cause, retry_after)),
        Admit::Go(_) | Admit::Wait | Admit::Throttled { .. } | Admit::CredentialHold { .. } => None,
    }
}

#[test]
fn three_calls_in_a_row_without_an_answer_begin_it_and_pauses_grow() {
    let mut play = Play::proven(LOCKABLE);
    for _ in 0..2 {
        play.call(Ending::Unreachable);
        assert_eq!(down(&mut play), None);
    }
    play.call(Ending::Unreachable);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        let pause = Duration::from_secs(seconds);
        assert_eq!(down(&mut play), Some((Down::Unreachable, pause)));
        play.pass(pause - Duration::from_nanos(1));
        assert!(down(&mut play).is_some());
        play.pass(Duration::from_nanos(1));
        let probe = play.send();
        assert_eq!(
            down(&mut play),
            Some((Down::Unreachable, SECOND)),
            "one probe at a time"
        );
        play.end(probe, Ending::Unreachable);
    }
}

#[test]
fn any_answer_ends_it_also_one_to_an_early_call() {
    for ending in [Ending::Answered, Ending::Authenticated] {
        let mut play = Play::proven(LOCKABLE);
        let calls: Vec<_> = (0..4).map(|_| play.send()).collect();
        let (early, late) = calls.split_first().expect("four");
        for call in late {
            play.end(*call, Ending::NoAnswer);
        }
        assert_eq!(down(&mut play).map(|(cause, _)| cause), Some(Down::Silent));
        play.end(*early, ending);
        assert_eq!(down(&mut play), None, "{ending:?}");
    }
}

#[test]
fn calls_that_were_under_way_do_not_make_the_pause_grow() {
    let mut play = Play::proven(LOCKABLE);
    let calls: Vec<_> = (0..4).map(|_| play.send()).collect();
    for call in calls {
        play.end(call, Ending::Unreachable);
    }
    assert_eq!(down(&mut play), Some((Down::Unreachable, SECOND)));
}

#[test]
fn an_answer_in_between_starts_the_count_anew() {
    let mut play = Play::proven(LOCKABLE);
    for ending in [
        Ending::Unreachable,
        Ending::Unreachable,
        Ending::Answered,
        Ending::NoAnswer,
        Ending::Unreachable,
    ] {
        play.call(ending);
    }
    assert_eq!(down(&mut play), None);
}
