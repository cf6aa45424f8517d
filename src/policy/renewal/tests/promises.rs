//! What holds whatever the identity service, upstream and the operator do.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Failure, HOUR, Play, Remedy, SECOND, Why};
use crate::policy::renewal::{CALLS_WINDOW, MOST_CALLS, REFUSALS_APART};

/// What may happen, in any order. Whenever a call is due it is made, and ends as the last `Answer` says.
#[derive(Clone, Copy, Debug)]
enum Step {
    Answer(Answer),
    RefusedUpstream { is_held: bool },
    WordsChanged,
    Expired,
    Pass(Duration),
    PassUntilDue,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Gives { lifetime: Duration, same: bool },
    Fails(Failure),
}

/// A call as it was made.
#[derive(Clone, Copy, Debug)]
struct Call {
    at: Instant,
    why: Why,
    answer: Answer,
    /// The words were changed since the call before.
    new_words: bool,
}

fn answer() -> impl Strategy<Value = Answer> {
    let gives = |most: u64| {
        ((1..most).prop_map(Duration::from_secs), any::<bool>())
            .prop_map(|(lifetime, same)| Answer::Gives { lifetime, same })
    };
    let fails = |failure| Just(Answer::Fails(failure));
    prop_oneof![
        4 => gives(90_000),
        2 => gives(60),
        4 => option::of((1..9_000_u64).prop_map(Duration::from_secs))
            .prop_map(|retry_after| Answer::Fails(Failure::Unavailable { retry_after })),
        1 => fails(Failure::Refused),
        1 => fails(Failure::Forbidden),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => answer().prop_map(Step::Answer),
        4 => any::<bool>().prop_map(|is_held| Step::RefusedUpstream { is_held }),
        2 => Just(Step::WordsChanged),
        1 => Just(Step::Expired),
        4 => (0..70_u64).prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
        6 => Just(Step::PassUntilDue),
    ]
}

fn played(seed: u64, mut answer: Answer, steps: Vec<Step>) -> (Play, Vec<Call>) {
    let mut play = Play::new(seed);
    let (mut new_words, mut calls) = (false, Vec::new());
    for step in steps {
        match step {
            Step::Answer(next) => answer = next,
            Step::RefusedUpstream { is_held } => {
                let remedy = play.renewal.refused_upstream(play.now, is_held);
                assert_eq!(remedy == Remedy::Another, !is_held);
                assert!(remedy != Remedy::Ask || play.renewal.is_due(play.now));
            }
            Step::WordsChanged => {
                new_words = true;
                play.renewal.words_changed(play.now);
            }
            Step::Expired => play.renewal.expired(play.now),
            Step::Pass(time) => play.pass(time),
            Step::PassUntilDue => play.pass(play.next().0.unwrap_or(SECOND)),
        }
        if play.renewal.is_due(play.now) {
            calls.push(Call {
                at: play.now,
                why: play.renewal.due().why,
                answer,
                new_words: std::mem::take(&mut new_words),
            });
            match answer {
                Answer::Gives { lifetime, same } => play.give(lifetime, same),
                Answer::Fails(failure) => play.fail(failure),
            }
        }
    }
    (play, calls)
}

proptest! {
    #[test]
    fn no_hour_holds_more_calls_than_promised(
        seed in any::<u64>(), first in answer(), steps in vec(step(), 1..400),
    ) {
        let (_, calls) = played(seed, first, steps);
        for (nth, call) in calls.iter().enumerate() {
            let in_the_hour = |other: &&Call| call.at - other.at < CALLS_WINDOW;
            prop_assert!(calls[..=nth].iter().filter(in_the_hour).count() <= MOST_CALLS);
        }
    }

    #[test]
    fn the_service_is_left_alone_as_it_was_told(
        seed in any::<u64>(), first in answer(), steps in vec(step(), 1..400),
    ) {
        let (play, calls) = played(seed, first, steps);
        for pair in calls.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let apart = after.at - before.at;
            let as_told = match before.answer {
                Answer::Fails(Failure::Refused) => after.new_words,
                Answer::Fails(Failure::Forbidden) => after.new_words || apart >= HOUR,
                Answer::Fails(Failure::Unavailable { retry_after }) => {
                    apart >= retry_after.unwrap_or_default().clamp(5 * SECOND, HOUR)
                }
                Answer::Gives { .. } => {
                    let causes = [Why::RefusedUpstream, Why::NewWords, Why::Expired, Why::Spent];
                    causes.contains(&after.why) || apart >= 30 * SECOND
                }
            };
            prop_assert!(as_told, "{pair:?}");
        }
        let (wait, why) = play.next();
        prop_assert_eq!(wait.is_none(), why == Why::WordsRefused, "there is a next call but then");
        prop_assert!(wait.unwrap_or_default() <= 24 * HOUR);
    }

    #[test]
    fn refusals_upstream_make_no_more_than_a_call_a_minute(
        seed in any::<u64>(), first in answer(), steps in vec(step(), 1..400),
    ) {
        let (_, calls) = played(seed, first, steps);
        let forced = |call: &&Call| call.why == Why::RefusedUpstream;
        let forced: Vec<_> = calls.iter().filter(forced).map(|call| call.at).collect();
        for pair in forced.windows(2) {
            prop_assert!(pair[1] - pair[0] >= REFUSALS_APART, "{pair:?}");
        }
    }
}
