use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_oneof, proptest};

use super::{SECOND, limit};
use crate::clock::Clock;
use crate::policy::limit::Limit;
use crate::policy::limit::learn::{Change, Learner};

/// The budget of these tests.
const BUDGET: (u32, u64) = (50, 60);

struct Play {
    learner: Learner,
    now: Instant,
}

impl Play {
    fn new() -> Self {
        Self {
            learner: Learner::new(limit(BUDGET.0, BUDGET.1)),
            now: Clock::manual().now(),
        }
    }

    /// After upstream named a limit that was adopted.
    #[track_caller]
    fn told(requests: u32, seconds: u64) -> Self {
        let mut play = Self::new();
        let limit = limit(requests, seconds);
        assert_eq!(play.learner.named(limit), Some(Change::Adopted { limit }));
        play
    }

    #[track_caller]
    fn limit(&self) -> Limit {
        let mut limits = self.learner.limits();
        let first = limits.next().expect("a limit is adopted");
        assert_eq!(limits.next(), None);
        first
    }

    /// So many windows, each used up; the changes with the window in which each came, from 1.
    fn full_windows(&mut self, windows: u32) -> Vec<(u32, Change)> {
        let mut changes = Vec::new();
        for window in 1..=windows {
            let Some(limit) = self.learner.limits().next() else {
                break;
            };
            let used = limit.requests.get() as usize;
            for _ in 0..used {
                let news = self.learner.taken(self.now, |_| used);
                changes.extend(news.into_iter().map(|change| (window, change)));
            }
            self.now += limit.window;
        }
        changes
    }
}

#[test]
fn a_limit_is_adopted_if_what_is_in_force_could_pass_it() {
    // (what was adopted before, what is named, whether that is news)
    for (before, named, adopted) in [
        (None, (10, 60), true),
        (None, (49, 60), true),
        (None, (50, 60), false),
        (None, (51, 60), false),
        (None, (1_000, 1), false),
        (None, (10, 10), true), // a burst would pass it
        (None, (100, 3_600), true),
        (Some((10, 60)), (10, 60), false),
        (Some((10, 60)), (11, 60), false),
        (Some((10, 60)), (9, 60), true),
        (Some((10, 60)), (10, 10), false),
        (Some((10, 60)), (5, 10), true),
        (Some((10, 60)), (100, 3_600), true),
    ] {
        let mut play = before.map_or_else(Play::new, |(n, seconds)| Play::told(n, seconds));
        let limit = limit(named.0, named.1);
        let expected = adopted.then_some(Change::Adopted { limit });
        assert_eq!(play.learner.named(limit), expected, "{before:?}: {named:?}");
        let holds = play.learner.limits().any(|held| held == limit);
        assert_eq!(holds, adopted || before == Some(named));
    }
}

#[test]
fn no_more_than_four_windows_are_kept() {
    let mut play = Play::new();
    for n in 1..10 {
        let change = play.learner.named(limit(10 + n, 10 * u64::from(n)));
        assert_eq!(change.is_some(), n <= 4);
    }
    assert_eq!(play.learner.limits().count(), 4);
}

#[test]
fn one_call_more_is_tried_after_ten_windows_that_were_used_up() {
    for seconds in [3, 60] {
        let mut play = Play::told(10, seconds);
        assert_eq!(play.full_windows(9), []);
        let raised = |requests| Change::Raised {
            limit: limit(requests, seconds),
            windows: 10,
        };
        assert_eq!(play.full_windows(1), [(1, raised(11))]);
        assert_eq!(play.full_windows(20), [(10, raised(12)), (20, raised(13))]);
    }
}

#[test]
fn a_window_that_is_not_used_up_counts_for_nothing_and_one_counts_once() {
    let mut play = Play::told(10, 60);
    for _ in 0..1_000 {
        assert_eq!(play.learner.taken(play.now, |_| 9), []);
        play.now += 60 * SECOND;
    }
    for _ in 0..1_000 {
        assert_eq!(
            play.learner.taken(play.now, |_| 10),
            [],
            "all in one window"
        );
    }
    assert_eq!(play.limit(), limit(10, 60));
}

#[test]
fn a_throttle_starts_the_count_anew() {
    let mut play = Play::told(10, 60);
    play.full_windows(9);
    assert_eq!(play.learner.throttled(), [], "nothing was tried");
    assert_eq!(play.full_windows(9), []);
    assert_eq!(play.full_windows(1).len(), 1);
}

#[test]
fn a_limit_that_is_named_again_is_not_probed() {
    let mut play = Play::told(10, 60);
    for _ in 0..100 {
        assert_eq!(play.full_windows(9), []);
        assert_eq!(play.learner.named(limit(10, 60)), None);
    }
    assert_eq!(play.limit(), limit(10, 60));
}

#[test]
fn a_try_that_is_throttled_falls_back_and_the_next_one_waits_twice_as_long() {
    let mut play = Play::told(10, 60);
    for windows in [10, 20, 40, 80, 160, 320, 640, 640] {
        assert_eq!(play.full_windows(windows - 1), [], "{windows}");
        assert_eq!(play.full_windows(1).len(), 1, "{windows}");
        let (limit, windows) = (limit(10, 60), (windows * 2).min(640));
        let back = Change::FellBack { limit, windows };
        assert_eq!(play.learner.throttled(), [back]);
        assert_eq!(play.learner.throttled(), [], "the rest of the same burst");
        assert_eq!(play.limit(), limit);
    }
}

#[test]
fn a_try_that_holds_is_good_and_ends_the_long_waits() {
    let mut play = Play::told(10, 60);
    play.full_windows(10);
    play.learner.throttled();
    play.full_windows(20);
    assert_eq!(play.limit(), limit(11, 60), "tried again after twenty");
    play.full_windows(20);
    assert_eq!(play.limit(), limit(12, 60), "11 has been good");
    play.full_windows(10);
    assert_eq!(play.limit(), limit(13, 60), "ten are enough again");
    play.learner.throttled();
    assert_eq!(play.limit(), limit(12, 60), "what was good last");
}

#[test]
fn a_lower_limit_that_is_named_while_one_more_is_tried_is_what_holds() {
    let mut play = Play::told(10, 60);
    play.full_windows(10);
    let lower = limit(8, 60);
    play.learner.throttled();
    assert_eq!(
        play.learner.named(lower),
        Some(Change::Adopted { limit: lower })
    );
    assert_eq!(play.limit(), lower);
}

#[test]
fn it_is_lifted_where_the_budget_is_as_strict_and_not_before() {
    let mut play = Play::told(48, 60);
    let changes = play.full_windows(1_000);
    let (raised, lifted) = (limit(49, 60), limit(49, 60));
    assert_eq!(
        changes,
        [
            (
                10,
                Change::Raised {
                    limit: raised,
                    windows: 10
                }
            ),
            (20, Change::Lifted { limit: lifted }),
        ]
    );
    assert_eq!(play.learner.limits().count(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Named(Limit),
    Throttled,
    Taken { used: usize },
    Pass { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..100_u32, 1..200_u64).prop_map(|(requests, seconds)| Step::Named(limit(requests, seconds))),
        1 => Just(Step::Throttled),
        20 => (0..100_usize).prop_map(|used| Step::Taken { used }),
        20 => (0..200_000_u64).prop_map(|ms| Step::Pass { ms }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_named_no_limit_is_kept_that_the_budget_implies_and_each_window_has_one(
        steps in vec(step(), 0..400),
    ) {
        let mut play = Play::new();
        let budget = limit(BUDGET.0, BUDGET.1);
        let mut named = Vec::new();
        for step in steps {
            match step {
                Step::Named(limit) => {
                    play.learner.named(limit);
                    named.push(limit);
                }
                Step::Throttled => {
                    play.learner.throttled();
                }
                Step::Taken { used } => {
                    play.learner.taken(play.now, |_| used);
                }
                Step::Pass { ms } => play.now += Duration::from_millis(ms),
            }
            let limits: Vec<_> = play.learner.limits().collect();
            prop_assert!(limits.len() <= 4);
            for (n, limit) in limits.iter().enumerate() {
                prop_assert!(!budget.implies(limit));
                prop_assert!(limits.iter().skip(n + 1).all(|other| other.window != limit.window));
                prop_assert!(named.iter().any(|named| named.window == limit.window));
            }
        }
    }
}
