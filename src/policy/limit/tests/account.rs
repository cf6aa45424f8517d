use std::time::{Duration, Instant};

use super::{SECOND, limit};
use crate::clock::Clock;
use crate::policy::budget::Verdict;
use crate::policy::limit::account::{Account, Ended, Foreign, News, Taken};
use crate::policy::limit::learn::Change;
use crate::policy::limit::{Heard, Limit};

const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_nanos(1);

struct Play {
    account: Account,
    now: Instant,
}

impl Play {
    /// An account of 50 calls a minute whose start is long over.
    fn new(learn: bool) -> Self {
        let started = Clock::manual().now();
        Self {
            account: Account::new(limit(50, 60), learn, Some(started)),
            now: started + MINUTE + TICK,
        }
    }

    fn call_in(&mut self, taken: Taken, heard: &Heard, held: bool) -> Vec<News> {
        let Verdict::Granted(slot) = self.account.withdraw(self.now, SECOND) else {
            panic!("refused");
        };
        let (now, latest) = (self.now, self.now);
        let ended = Ended {
            taken,
            heard,
            held,
            now,
            latest,
        };
        self.account.settle(slot, ended)
    }

    fn call(&mut self) {
        assert_eq!(self.call_in(Taken::Yes, &Heard::default(), false), []);
    }

    fn throttle(&mut self, passed: Option<Limit>, held: bool) -> Vec<News> {
        let heard = Heard {
            passed,
            ..Heard::default()
        };
        self.call_in(Taken::Throttled, &heard, held)
    }
}

#[test]
fn an_adopted_limit_counts_what_was_called_before_it_was_heard_of() {
    let mut play = Play::new(true);
    for _ in 0..9 {
        play.call();
    }
    let ten = limit(10, 60);
    let adopted = News::Limit(Change::Adopted { limit: ten });
    assert_eq!(play.throttle(Some(ten), false), [adopted]);
    let standing = play.account.standing(play.now);
    assert_eq!((standing.in_force, standing.budget), (ten, limit(50, 60)));
    assert_eq!((standing.remaining, standing.changes.adopted), (0, 1));
    assert_eq!(
        play.account.ledger().retry_after(play.now),
        Some(MINUTE + TICK)
    );
}

#[test]
fn of_several_headers_each_limit_holds_and_the_slowest_is_told() {
    let mut play = Play::new(true);
    let told = vec![
        limit(1_000, 60),
        limit(20, 60),
        limit(10, 10),
        limit(30, 60),
    ];
    let heard = Heard {
        told,
        ..Heard::default()
    };
    let news = play.call_in(Taken::Yes, &heard, false);
    assert_eq!(news.len(), 2, "{news:?}");
    assert_eq!(play.account.in_force(), limit(20, 60));
    assert_eq!(
        play.account.ledger().remaining(play.now),
        9,
        "ten in ten seconds"
    );
    play.now += 10 * SECOND + TICK;
    assert_eq!(
        play.account.ledger().remaining(play.now),
        10,
        "19 of twenty, but ten at once"
    );
}

#[test]
fn who_is_not_to_learn_does_not_and_yet_tells_of_others() {
    let mut play = Play::new(false);
    let foreign = News::Foreign(Foreign {
        limit: limit(10, 60),
        own: 1,
    });
    assert_eq!(play.throttle(Some(limit(10, 60)), false), [foreign]);
    assert_eq!(play.account.in_force(), limit(50, 60));
    assert_eq!(play.account.ledger().remaining(play.now), 49);
}

#[test]
fn somebody_else_spends_the_quota_if_the_limit_named_was_not_used_up_from_here() {
    // (calls before the throttled one, in seconds before it; the limit named; whether others are told of)
    for (calls, ago, named, told) in [
        (8, 0, Some(limit(10, 60)), true),
        (9, 0, Some(limit(10, 60)), false),
        (9, 60, Some(limit(10, 60)), false),
        (9, 61, Some(limit(10, 60)), true),
        (20, 5, Some(limit(10, 3)), true),
        (0, 0, Some(limit(1, 1)), false),
        (0, 0, None, false),
    ] {
        let mut play = Play::new(true);
        for _ in 0..calls {
            play.call();
        }
        play.now += ago * SECOND;
        let news = play.throttle(named, false);
        let is_told = news.iter().any(|news| matches!(news, News::Foreign(_)));
        assert_eq!(is_told, told, "{calls} calls {ago} s before: {named:?}");
        let count = play.account.standing(play.now).foreign_throttles;
        assert_eq!(count, u64::from(told));
    }
}

#[test]
fn nothing_is_said_of_others_before_a_window_has_passed_since_the_start() {
    for (since_start, told) in [(60 * SECOND, 0), (60 * SECOND + TICK, 1)] {
        let mut play = Play::new(true);
        play.now = play.now - MINUTE - TICK + since_start;
        play.throttle(Some(limit(10, 60)), false);
        assert_eq!(play.account.standing(play.now).foreign_throttles, told);
    }
}

#[test]
fn others_are_told_of_once_in_a_hold_and_counted_each_time() {
    let mut play = Play::new(false);
    let ten = Some(limit(10, 60));
    let told = [(false, 1), (true, 0), (true, 0), (false, 1)];
    for (throttles, (held, told)) in told.into_iter().enumerate() {
        assert_eq!(play.throttle(ten, held).len(), told, "{throttles} before");
        let standing = play.account.standing(play.now);
        assert_eq!(standing.foreign_throttles, throttles as u64 + 1);
    }
    play.throttle(None, false);
    let standing = play.account.standing(play.now);
    assert_eq!(standing.foreign, None, "that hold is over");
}
