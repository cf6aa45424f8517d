//! What holds whatever clients and upstream do.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

use super::{FIVE_MINUTES, LOCKABLE, Play, RENEWABLE, throttled};
use crate::policy::hold::{Admit, CredentialKind, Ending, Ticket};
use crate::policy::limit::Api;

/// What clients and upstream may do, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(Api),
    End(usize, Ending),
    Renewed,
    Pass { ms: u64 },
    PassHold,
}

fn step(ending: impl Strategy<Value = Ending> + 'static) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![Just(Api::Job), Just(Api::List)].prop_map(Step::Ask),
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
            Step::Ask(api) => {
                if let Admit::Go(ticket) = play.ask_for(api) {
                    play.in_flight[api as usize] += 1;
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
                Admit::Throttled { retry_after }
                | Admit::CredentialHold { retry_after }
                | Admit::Down { retry_after, .. } => {
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
        1 => Just(Ending::Unreachable),
        1 => Just(Ending::Lost),
        3 => Just(Ending::Authenticated),
        1 => (0..1_000_u64).prop_map(|seconds| throttled(Duration::from_secs(seconds))),
        3 => Just(Ending::CredentialRefused),
        1 => Just(Ending::NoAnswer),
    ]
}

fn ending_of_a_wrong_key() -> impl Strategy<Value = Ending> {
    prop_oneof![
        1 => Just(Ending::NotSent),
        1 => Just(Ending::Unreachable),
        1 => Just(Ending::Lost),
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
        let sent = played(LOCKABLE, steps, |ending| !matches!(ending, Ending::NotSent | Ending::Unreachable));
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
                    Step::End(..) | Step::Ask(_) | Step::PassHold => {}
                }
                if let Admit::Throttled { retry_after } | Admit::CredentialHold { retry_after } | Admit::Down { retry_after, .. } = play.ask() {
                    play.pass(retry_after);
                    prop_assert!(matches!(play.ask(), Admit::Go(_)));
                }
            }
        }
    }
}
