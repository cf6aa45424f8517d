//! Stories of a wrong clock, and what holds in all of them.

use std::time::{Duration, Instant, SystemTime};

use jiff::Unit;
use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};

use super::{Findings, Reading, SigningTime, Skew, Standing, Verdict};
use crate::clock::Clock;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// How long an answer takes in the stories.
const TRIP: Duration = Duration::from_secs(2);
/// How far off the time of upstream a signature may be.
const ALLOWED: i64 = 15 * MINUTE;

/// A machine whose clocks a test moves, and upstream, whose clock is right.
struct World {
    skew: Skew,
    monotonic: Instant,
    local: SystemTime,
    upstream: SystemTime,
}

/// What happens between calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many seconds go by.
    Wait(u32),
    /// The machine sleeps so long: the monotonic clock stands still.
    Sleep(u32),
    /// Somebody sets the local clock so many seconds off.
    Set(i64),
    /// A call; its answer's `Date` is so many seconds off.
    Call { lie: i64, trip: u8 },
}

/// What came of a call.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    signed: SigningTime,
    /// Signed minus upstream's time, in seconds.
    off: i64,
    refused: bool,
    findings: Findings,
}

// === impl World ===

impl World {
    /// The local clock is so many seconds off.
    fn new(off: i64) -> Self {
        let mut world = Self {
            skew: Skew::default(),
            monotonic: Clock::system().now(),
            local: SystemTime::UNIX_EPOCH,
            upstream: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_400),
        };
        world.set(off);
        world
    }

    fn set(&mut self, off: i64) {
        let by = Duration::from_secs(off.unsigned_abs());
        self.local = if off < 0 {
            self.upstream - by
        } else {
            self.upstream + by
        };
    }

    fn wait(&mut self, time: Duration) {
        self.monotonic += time;
        self.sleep(time);
    }

    fn sleep(&mut self, time: Duration) {
        self.local += time;
        self.upstream += time;
    }

    fn time(&self) -> SigningTime {
        self.skew.time(self.monotonic, self.local)
    }

    fn off(&self) -> i64 {
        super::between(self.time().at, self.upstream).as_secs()
    }

    fn call(&mut self) -> Outcome {
        self.call_with(0, TRIP)
    }

    fn call_with(&mut self, lie: i64, trip: Duration) -> Outcome {
        let (signed, off) = (self.time(), self.off());
        let refused = off.abs() > ALLOWED;
        self.wait(trip / 2);
        let date = super::between(self.upstream, SystemTime::UNIX_EPOCH).as_secs() + lie;
        self.wait(trip / 2);
        let findings = self.skew.read(&Reading {
            date: SystemTime::UNIX_EPOCH + Duration::from_secs(date.unsigned_abs()),
            at: self.monotonic,
            local: self.local,
            round_trip: trip,
            signed,
            refused,
        });
        Outcome {
            signed,
            off,
            refused,
            findings,
        }
    }

    fn step(&mut self, step: Step) -> Option<Outcome> {
        match step {
            Step::Wait(seconds) => self.wait(Duration::from_secs(seconds.into())),
            Step::Sleep(seconds) => self.sleep(Duration::from_secs(seconds.into())),
            Step::Set(off) => self.set(off),
            Step::Call { lie, trip } => {
                return Some(self.call_with(lie, Duration::from_secs(trip.into())));
            }
        }
        None
    }

    /// What is done about the clock, and the difference in seconds, rounded.
    fn standing(&self) -> Option<(Verdict, i64)> {
        let standing = self.skew.standing()?;
        let rounded = standing.difference.round(Unit::Second).unwrap();
        Some((standing.verdict, rounded.as_secs()))
    }
}

/// Calls that were refused for their time, of so many, a minute apart.
fn refused(world: &mut World, calls: usize) -> usize {
    let outcomes = (0..calls).map(|_| {
        world.wait(Duration::from_secs(60));
        world.call()
    });
    outcomes.filter(|outcome| outcome.refused).count()
}

#[test]
fn how_often_a_clock_that_goes_wrong_costs_a_refused_call() {
    use Step::{Call, Set, Sleep, Wait};
    let call = Call { lie: 0, trip: 2 };
    let minutes = |minutes: i64| minutes * MINUTE;
    for (story, off, steps, costs, verdict) in [
        ("right", 0, vec![call, call], 0, Verdict::Good),
        (
            "20 minutes behind at start",
            minutes(-20),
            vec![],
            1,
            Verdict::Corrected,
        ),
        (
            "20 minutes ahead at start",
            minutes(20),
            vec![],
            1,
            Verdict::Corrected,
        ),
        (
            "10 minutes behind at start",
            minutes(-10),
            vec![],
            0,
            Verdict::Corrected,
        ),
        (
            "set right before the first call",
            minutes(-20),
            vec![Set(0)],
            0,
            Verdict::Good,
        ),
        (
            "set right once corrected",
            minutes(-20),
            vec![call, Wait(600), Set(0), Wait(600)],
            1,
            Verdict::Good,
        ),
        (
            "set wrong while it runs",
            0,
            vec![call, call, Set(minutes(40))],
            1,
            Verdict::Corrected,
        ),
        (
            "set wrong the other way",
            minutes(-20),
            vec![call, call, Set(minutes(-50))],
            1,
            Verdict::Corrected,
        ),
        (
            "asleep for an hour, right",
            0,
            vec![call, call, Sleep(3_600)],
            0,
            Verdict::Good,
        ),
        (
            "asleep for an hour, corrected",
            minutes(-20),
            vec![call, Sleep(3_600)],
            1,
            Verdict::Corrected,
        ),
        (
            "asleep, then set right",
            minutes(-20),
            vec![call, Sleep(3_600), Set(0)],
            2,
            Verdict::Good,
        ),
        (
            "a lie while right",
            0,
            vec![
                call,
                Call {
                    lie: -7_200,
                    trip: 2,
                },
            ],
            0,
            Verdict::Good,
        ),
        (
            "a lie at the start",
            0,
            vec![Call {
                lie: 7_200,
                trip: 2,
            }],
            0,
            Verdict::Good,
        ),
        (
            "a lie while corrected",
            minutes(-20),
            vec![
                call,
                call,
                Call {
                    lie: -7_200,
                    trip: 2,
                },
            ],
            1,
            Verdict::Corrected,
        ),
        (
            "two lies that differ",
            0,
            vec![
                Call {
                    lie: 7_200,
                    trip: 2,
                },
                Call {
                    lie: -7_200,
                    trip: 2,
                },
            ],
            0,
            Verdict::Good,
        ),
        (
            "two lies that agree",
            0,
            vec![
                Call {
                    lie: 7_200,
                    trip: 2,
                },
                Call {
                    lie: 7_200,
                    trip: 2,
                },
            ],
            1,
            Verdict::Good,
        ),
        (
            "two lies that agree, but slow ones",
            0,
            vec![
                Call {
                    lie: 7_200,
                    trip: 31,
                },
                Call {
                    lie: 7_200,
                    trip: 31,
                },
            ],
            0,
            Verdict::Good,
        ),
        (
            "two lies of more than a day",
            0,
            vec![
                Call {
                    lie: 90_000,
                    trip: 2,
                },
                Call {
                    lie: 90_000,
                    trip: 2,
                },
            ],
            0,
            Verdict::Good,
        ),
    ] {
        let mut world = World::new(off);
        let outcomes: Vec<_> = steps
            .into_iter()
            .filter_map(|step| world.step(step))
            .collect();
        let before = outcomes.iter().filter(|outcome| outcome.refused).count();
        let after = refused(&mut world, 10);
        assert_eq!(before + after, costs, "{story}");
        assert_eq!(
            world.standing().map(|(verdict, _)| verdict),
            Some(verdict),
            "{story}"
        );
        assert!(
            world.off().abs() <= 5,
            "{story}: in the end signed {} s off",
            world.off()
        );
    }
}

#[test]
fn a_minute_is_too_much_half_a_minute_is_right_again_and_a_day_is_told_only() {
    for (off, verdict) in [
        (0, Verdict::Good),
        (59, Verdict::Good),
        (61, Verdict::Corrected),
        (-61, Verdict::Corrected),
        (14 * MINUTE, Verdict::Corrected),
        (24 * HOUR - 1, Verdict::Corrected),
        (24 * HOUR + 1, Verdict::TooFar),
        (-24 * HOUR - 1, Verdict::TooFar),
        (10_000 * 24 * HOUR, Verdict::TooFar),
    ] {
        let mut world = World::new(off);
        world.call();
        world.call();
        assert_eq!(world.standing(), Some((verdict, off)), "{off}");
        assert_eq!(
            world.time().corrected,
            verdict == Verdict::Corrected,
            "{off}"
        );
    }
    let mut world = World::new(61);
    for (off, verdict) in [
        (61, Verdict::Corrected),
        (45, Verdict::Corrected),
        (29, Verdict::Good),
        (45, Verdict::Good),
        (59, Verdict::Good),
        (61, Verdict::Corrected),
    ] {
        world.set(off);
        world.call();
        world.call();
        assert_eq!(world.standing(), Some((verdict, off)), "{off}");
    }
}

#[test]
fn each_change_is_news_once() {
    let mut world = World::new(-20 * MINUTE);
    let mut news = Vec::new();
    for off in [-20 * MINUTE, -21 * MINUTE, 10 * MINUTE, 0, 30 * HOUR, 0] {
        world.set(off);
        for _ in 0..5 {
            let told = world.call().findings.news;
            news.extend(told.map(|Standing { verdict, .. }| verdict));
        }
    }
    assert_eq!(
        news,
        [
            Verdict::Corrected,
            Verdict::Corrected,
            Verdict::Corrected,
            Verdict::Good,
            Verdict::TooFar,
            Verdict::Good
        ]
    );
    let mut right = World::new(3);
    assert!((0..5).all(|_| right.call().findings.news.is_none()));
}

#[test]
fn a_refusal_that_the_clock_explains_says_how_far_it_was_off_and_whether_the_next_call_differs() {
    let mut world = World::new(-20 * MINUTE);
    let first = world.call();
    assert!(first.refused && !first.signed.corrected);
    let fault = first.findings.refusal.unwrap();
    assert_eq!(fault.off.to_string(), "20 minutes behind");
    assert!(fault.corrected);

    // another call, signed before that answer came, is refused too
    let late = Reading {
        date: world.upstream,
        at: world.monotonic,
        local: world.local,
        round_trip: TRIP,
        signed: first.signed,
        refused: true,
    };
    let fault = world.skew.read(&late).refusal.unwrap();
    assert!(!fault.corrected, "the correction is older than this answer");

    // one that was signed with upstream's time is refused for something else
    let (signed, refused) = (world.time(), true);
    let other = Reading {
        signed,
        refused,
        ..late
    };
    assert!(signed.corrected);
    assert_eq!(world.skew.read(&other).refusal, None);
}

#[test]
fn a_refusal_for_a_time_that_cannot_be_corrected_is_named_and_no_more() {
    let mut world = World::new(30 * HOUR);
    for _ in 0..3 {
        let outcome = world.call();
        assert_eq!(outcome.off, 30 * HOUR);
        let fault = outcome.findings.refusal.unwrap();
        assert_eq!(fault.off.to_string(), "30 hours ahead of");
        assert!(!fault.corrected);
    }
}

#[test]
fn a_correction_that_was_wrong_itself_is_not_made_good_at_once() {
    let mut world = World::new(0);
    for _ in 0..2 {
        world.call_with(7_200, TRIP);
    }
    let outcome = world.call();
    assert!(outcome.refused && outcome.signed.corrected);
    assert!(!outcome.findings.refusal.unwrap().corrected);
    assert!(!world.time().corrected, "it is taken back all the same");
}

#[test]
fn answers_that_take_turns_at_lying_move_nothing() {
    for truth_first in [true, false] {
        let mut world = World::new(2);
        for turn in 0..20 {
            let lies = (turn % 2 == 0) != truth_first;
            world.call_with(if lies { 3_000 } else { 0 }, TRIP);
        }
        assert_eq!(world.standing(), Some((Verdict::Good, 2)));
        assert!(!world.time().corrected);
    }
}

#[test]
fn a_time_out_of_all_range_is_no_time() {
    let world = World::new(0);
    let mut skew = Skew::default();
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799); // the last that a Date can name
    let signed = world.time();
    for (date, local) in [(far, world.local), (world.upstream, far), (far, far)] {
        let reading = Reading {
            date,
            at: world.monotonic,
            local,
            round_trip: Duration::ZERO,
            signed,
            refused: true,
        };
        skew.read(&reading);
        let later = world.monotonic + Duration::from_secs(1);
        assert!(!skew.time(later, local).corrected);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let off = || {
        prop_oneof![
            -10..10_i64,
            -2_000..2_000_i64,
            -100_000..100_000_i64,
            any::<i32>().prop_map(|off| i64::from(off) / 4)
        ]
    };
    let step = prop_oneof![
        (0..100_000_u32).prop_map(Step::Wait),
        (0..100_000_u32).prop_map(Step::Sleep),
        off().prop_map(Step::Set),
        (off(), 0..40_u8).prop_map(|(lie, trip)| Step::Call { lie, trip }),
        (0..20_u8).prop_map(|trip| Step::Call { lie: 0, trip }),
    ];
    proptest::collection::vec(step, 0..30)
}

proptest! {
    /// Whatever has happened: once things are calm, at most two calls are refused (one for what is known wrongly, one for the local
    /// clock), and never one again.
    #[test]
    fn it_comes_right_again(steps in steps(), off in -86_000..86_000_i64) {
        let mut world = World::new(0);
        for step in steps {
            world.step(step);
        }
        world.set(off);
        prop_assert!(refused(&mut world, 3) <= 2);
        prop_assert!(refused(&mut world, 20) == 0);
        prop_assert!(world.off().abs() <= 60, "{}", world.off());
    }

    /// An upstream that never lies is never doubted for longer than a call.
    #[test]
    fn without_lies_no_two_calls_in_a_row_are_refused(off in -86_000..86_000_i64, waits in proptest::collection::vec(0..100_000_u32, 1..20)) {
        let mut world = World::new(off);
        for wait in waits {
            world.call();
            world.wait(Duration::from_secs(wait.into()));
            prop_assert!(!world.call().refused);
        }
    }

    /// A clock that is set right is used at once, whatever was known: no call is refused for the correction.
    #[test]
    fn a_clock_that_is_set_right_does_no_harm(off in -86_000..86_000_i64, calls in 1..5_usize, wait in 0..100_000_u32) {
        let mut world = World::new(off);
        refused(&mut world, calls);
        world.set(0);
        world.wait(Duration::from_secs(wait.into()));
        prop_assert!(world.off().abs() < 60, "{}", world.off());
        prop_assert!(refused(&mut world, 5) == 0);
    }

    /// One `Date` alone moves nothing, however wrong, unless it comes with a refusal.
    #[test]
    fn one_lie_moves_nothing(off in -800..800_i64, lie in any::<i32>(), trip in 0..30_u8) {
        let mut world = World::new(off);
        refused(&mut world, 3);
        let before = world.time();
        world.call_with(i64::from(lie) / 4, Duration::from_secs(trip.into()));
        let after = world.time();
        prop_assert!(before.corrected == after.corrected);
        prop_assert!(world.off().abs() <= off.abs().min(60));
    }
}
