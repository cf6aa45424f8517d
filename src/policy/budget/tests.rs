#![expect(
    clippy::unchecked_time_subtraction,
    reason = "a test that is wrong about time may panic"
)]

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{LONGEST, Ledger, REMEMBERED, Slot, TICK, Verdict, later};
use crate::clock::Clock;
use crate::policy::limit::{LONGEST_WINDOW, Limit};

const WINDOW: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

fn limit(requests: u32, window: Duration) -> Limit {
    Limit {
        requests: NonZeroU32::new(requests).unwrap(),
        window,
    }
}

fn ledger(requests: u32, started: Instant) -> Ledger {
    Ledger::new(NonZeroU32::new(requests).unwrap(), WINDOW, started)
}

/// A ledger whose start is long over: all slots are free.
fn warm(requests: u32) -> (Ledger, Instant) {
    let started = Clock::manual().now();
    (ledger(requests, started), started + WINDOW + TICK)
}

#[track_caller]
fn granted(verdict: Verdict) -> Slot {
    match verdict {
        Verdict::Granted(slot) => slot,
        Verdict::Refused { retry_after } => panic!("refused for {retry_after:?}"),
    }
}

#[track_caller]
fn refused(verdict: Verdict) -> Duration {
    match verdict {
        Verdict::Refused { retry_after } => retry_after,
        Verdict::Granted(_) => panic!("granted"),
    }
}

/// When each of so many calls goes out, as soon as it may; calls take no time.
fn spend(ledger: &mut Ledger, mut now: Instant, calls: usize) -> Vec<Instant> {
    let mut sent = Vec::new();
    while sent.len() < calls {
        match ledger.withdraw(now, TIMEOUT) {
            Verdict::Granted(slot) => {
                ledger.settle(slot, now);
                sent.push(now);
            }
            Verdict::Refused { retry_after } => now += retry_after,
        }
    }
    sent
}

#[test]
fn a_start_spends_half_in_even_parts_and_the_rest_after_one_window() {
    let started = Clock::manual().now();
    let parts = [
        (1, 1, 1), // (calls in a window, in a part, parts)
        (2, 1, 1),
        (3, 1, 1),
        (4, 1, 2),
        (5, 1, 2),
        (49, 1, 24),
        (50, 1, 25),
        (99, 1, 25),
        (100, 2, 25),
        (1_050, 21, 25),
    ];
    for (requests, calls, parts) in parts {
        let mut ledger = ledger(requests, started);
        assert_eq!(ledger.left(started), requests as usize);
        let sent = spend(&mut ledger.clone(), started, requests as usize);
        let pace = WINDOW / parts + TICK;
        for (part, sent) in (0..parts).zip(sent.chunks(calls)) {
            let all_at = |at: Instant| sent.iter().all(|sent| *sent == at);
            assert!(all_at(started + pace * part), "{part} of {requests}");
        }
        let over = started + WINDOW + TICK;
        let mut rest = sent.iter().skip(calls * parts as usize);
        assert!(rest.all(|sent| *sent == over), "{requests}");

        assert_eq!(ledger.remaining(started), calls);
        assert_eq!(ledger.remaining(started + WINDOW), calls);
        assert_eq!(ledger.remaining(over), requests as usize);
        let _slot = granted(ledger.withdraw(over, TIMEOUT));
        assert_eq!(ledger.remaining(over), requests as usize - 1);
    }
    assert_eq!(ledger(1_000_000, started).remaining(started), 20_000);
    let most = Ledger::new(NonZeroU32::MAX, TICK, started); // a part is less than a nanosecond
    assert_eq!(most.remaining(started), (u32::MAX / 50) as usize);
}

#[test]
fn in_a_start_one_call_is_over_before_the_next() {
    let started = Clock::manual().now();
    let mut ledger = ledger(50, started);
    let part = WINDOW / 25 + TICK;
    let slot = granted(ledger.withdraw(started, TIMEOUT));
    assert_eq!(ledger.retry_after(started), Some(TIMEOUT + part));
    let answered = started + Duration::from_secs(1);
    ledger.settle(slot, answered);
    assert_eq!(ledger.retry_after(answered), Some(part));
    let late = started + WINDOW - Duration::from_secs(1);
    let _slot = granted(ledger.withdraw(late, TIMEOUT));
    let wait = ledger.retry_after(late);
    assert_eq!(
        wait,
        Some(Duration::from_secs(1) + TICK),
        "the start is over"
    );
}

#[test]
fn where_nobody_was_before_the_whole_budget_is_there() {
    let now = Clock::manual().now();
    for requests in [1, 50, 1_000_000] {
        let ledger = Ledger::full(NonZeroU32::new(requests).unwrap(), WINDOW);
        assert_eq!(ledger.remaining(now), requests as usize);
    }
}

#[test]
fn whoever_is_told_how_long_those_before_it_take_can_rely_on_it() {
    let started = Clock::manual().now();
    for requests in [1, 2, 3, 5, 49, 50, 51, 260] {
        let (mut used, now) = warm(requests);
        let _sent = spend(&mut used, now - WINDOW / 3, requests as usize / 2);
        for (ledger, now) in [(ledger(requests, started), started), (used, now)] {
            let sent = spend(&mut ledger.clone(), now, requests as usize);
            for (before, sent) in sent.into_iter().enumerate() {
                let wait = ledger.wait_behind(before, now);
                assert_eq!(now + wait, sent, "{before} before, of {requests}");
            }
        }
    }
}

proptest! {
    /// Each life asks for as much as it likes, whenever it likes.
    #[test]
    fn lives_longer_than_a_part_of_a_start_and_no_longer_than_a_window_never_exceed_the_budget(
        requests in 4..120_u32,
        lives in vec(life(), 1..60),
    ) {
        let part = WINDOW / (requests / 2).min(25) + TICK;
        let mut now = Clock::manual().now();
        let mut calls = Vec::new();
        for (more, mut bursts) in lives {
            let length = part + (WINDOW - part).mul_f64(more);
            let mut ledger = ledger(requests, now);
            bursts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            for (at, asks) in bursts {
                let at = now + length.mul_f64(at);
                for _ in 0..asks {
                    if let Verdict::Granted(slot) = ledger.withdraw(at, TIMEOUT) {
                        ledger.settle(slot, at);
                        calls.push(Call { sent: at, ended: at });
                    }
                }
            }
            now += length;
        }
        prop_assert!(busiest_window(&calls, WINDOW) <= requests as usize);
    }
}

/// How much longer than it must be, and what is asked for when: both in parts of the most.
fn life() -> impl Strategy<Value = (f64, Vec<(f64, usize)>)> {
    let more = prop_oneof![Just(0.0), 0.0..0.01, 0.0..1.0];
    let at = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
    (more, vec((at, prop_oneof![1..4_usize, Just(60)]), 0..30))
}

/// A herd is there from the start to the end of each.
#[test]
fn the_shortest_lives_may_use_the_budget_up_and_shorter_ones_exceed_it() {
    let busiest = |requests: u32, length: Duration| {
        let mut now = Clock::manual().now();
        let mut calls = Vec::new();
        for _ in 0..60 {
            let sent = spend(&mut ledger(requests, now), now, requests as usize);
            let sent = sent.into_iter().take_while(|sent| *sent <= now + length);
            calls.extend(sent.map(|sent| Call { sent, ended: sent }));
            now += length;
        }
        busiest_window(&calls, WINDOW)
    };
    for requests in [4, 20, 50, 100, 150] {
        let part = WINDOW / (requests / 2).min(25) + TICK;
        assert_eq!(busiest(requests, part), requests as usize);
        assert!(busiest(requests, part / 3) > requests as usize);
    }
    assert_eq!(busiest(1, WINDOW), 2, "one call is no budget to halve");
}

#[test]
fn a_slot_is_free_strictly_after_one_window_from_its_answer() {
    let (mut ledger, sent) = warm(1);
    let answered = sent + Duration::from_secs(3);
    let slot = granted(ledger.withdraw(sent, TIMEOUT));
    ledger.settle(slot, answered);
    for (at, free) in [
        (answered, 0),
        (sent + WINDOW + TICK, 0),
        (answered + WINDOW - TICK, 0),
        (answered + WINDOW, 0),
        (answered + WINDOW + TICK, 1),
    ] {
        assert_eq!(ledger.remaining(at), free, "{:?}", at - answered);
    }
    let retry_after = refused(ledger.withdraw(answered, TIMEOUT));
    assert_eq!(retry_after, WINDOW + TICK);
    let _slot = granted(ledger.withdraw(answered + retry_after, TIMEOUT));
}

#[test]
fn a_call_in_flight_is_taken_to_last_until_its_deadline() {
    let (mut ledger, sent) = warm(1);
    let slot = granted(ledger.withdraw(sent, TIMEOUT));
    assert_eq!(ledger.retry_after(sent), Some(TIMEOUT + WINDOW + TICK));
    let overdue = slot.latest_end() + Duration::from_secs(5);
    assert_eq!(ledger.retry_after(overdue), Some(WINDOW + TICK));
    ledger.settle(slot, overdue);
    assert_eq!(ledger.retry_after(overdue), Some(WINDOW + TICK));
}

#[test]
fn the_earliest_slot_decides_the_wait_whatever_order_calls_end_in() {
    let (mut ledger, now) = warm(3);
    let second = Duration::from_secs(1);
    let [early, late, open] = [(); 3].map(|()| granted(ledger.withdraw(now, TIMEOUT)));
    ledger.settle(late, now + TIMEOUT);
    ledger.settle(early, now + second);
    let after = now + second;
    assert_eq!(refused(ledger.withdraw(after, TIMEOUT)), WINDOW + TICK);
    ledger.refund(open);
    assert_eq!(ledger.retry_after(after), None);
}

#[test]
fn a_call_that_was_never_sent_costs_nothing() {
    let (mut ledger, now) = warm(1);
    for _ in 0..100 {
        let slot = granted(ledger.withdraw(now, TIMEOUT));
        ledger.refund(slot);
    }
    assert_eq!((ledger.remaining(now), ledger.in_flight()), (1, 0));
}

#[test]
fn sums_of_times_saturate() {
    let now = Clock::manual().now();
    assert_eq!(later(now, Duration::MAX), now + LONGEST);
    let mut ledger = Ledger::new(NonZeroU32::MIN, Duration::MAX, now);
    let slot = granted(ledger.withdraw(now, Duration::MAX));
    ledger.settle(slot, now);
    assert_eq!(ledger.retry_after(now), Some(LONGEST));
}

#[test]
fn a_limit_learned_late_counts_the_calls_before_it() {
    let (mut ledger, now) = warm(10);
    let second = Duration::from_secs(1);
    for n in 0..6 {
        let slot = granted(ledger.withdraw(now, TIMEOUT));
        ledger.settle(slot, now + second * n);
    }
    let last = now + second * 5;
    ledger.learn([limit(3, 4 * second)].into_iter());
    // those that ended 1 to 5 s after the beginning are in its window; three of them must leave it
    assert_eq!(ledger.remaining(last), 0);
    assert_eq!(ledger.retry_after(last), Some(2 * second + TICK));
    let later = last + 2 * second + TICK;
    let _slot = granted(ledger.withdraw(later, TIMEOUT));
    ledger.learn([].into_iter());
    assert_eq!(ledger.remaining(later), 3, "only the budget counts");
}

#[test]
fn of_the_past_no_more_is_remembered_than_a_learned_limit_may_count() {
    let (mut ledger, start) = warm(100);
    let (mut now, step) = (start, WINDOW / 100 + TICK);
    let calls = 2 * REMEMBERED;
    for _ in 0..calls {
        let slot = granted(ledger.withdraw(now, TIMEOUT));
        ledger.settle(slot, now);
        now += step;
    }
    let in_an_hour = (LONGEST_WINDOW.as_nanos() / step.as_nanos()) as usize;
    assert!(ledger.ended.len() <= in_an_hour + 1);
    assert_eq!(ledger.used(LONGEST_WINDOW, now), in_an_hour);

    let (mut ledger, start) = warm(calls);
    for _ in 0..calls {
        let slot = granted(ledger.withdraw(start, TIMEOUT));
        ledger.settle(slot, start);
    }
    let much_later = start + WINDOW + TICK;
    let _slot = granted(ledger.withdraw(much_later, TIMEOUT));
    assert_eq!(
        ledger.ended.len(),
        calls as usize,
        "the budget needs as many"
    );
}

/// What upstream may have seen: a call is counted anywhere from `sent` to `ended`.
#[derive(Clone, Copy, Debug)]
struct Call {
    sent: Instant,
    ended: Instant,
}

/// The most calls that any window, cut anywhere and closed on both sides, may hold.
fn busiest_window(calls: &[Call], window: Duration) -> usize {
    let from = |start: Instant| {
        let inside = |call: &&Call| call.ended >= start && call.sent <= start + window;
        calls.iter().filter(inside).count()
    };
    // a window that starts later than the first end in it holds that call no more: only ends need to be tried
    let starts = calls.iter().map(|call| call.ended);
    starts.map(from).max().unwrap_or(0)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask {
        timeout_ms: u64,
    },
    Answer(usize),
    TimeOut(usize),
    NotSent(usize),
    Pass {
        ms: u64,
    },
    PassToRetry {
        early: bool,
    },
    /// Another limit is learned in the place of the last one; none with 0 calls.
    Learn {
        requests: u32,
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..20_000_u64).prop_map(|timeout_ms| Step::Ask { timeout_ms }),
        3 => any::<usize>().prop_map(Step::Answer),
        2 => any::<usize>().prop_map(Step::TimeOut),
        1 => any::<usize>().prop_map(Step::NotSent),
        3 => prop_oneof![0..100_u64, 0..30_000_u64, Just(60_000)].prop_map(|ms| Step::Pass { ms }),
        2 => any::<bool>().prop_map(|early| Step::PassToRetry { early }),
        1 => (0..12_u32, prop_oneof![1..60_u64, Just(60), 60..200_u64])
            .prop_map(|(requests, seconds)| Step::Learn { requests, seconds }),
    ]
}

/// The ledger beside a list of all calls ever made.
struct Model {
    ledger: Ledger,
    now: Instant,
    started: Instant,
    limits: Vec<Limit>,
    open: Vec<(Slot, Instant)>,
    calls: Vec<Call>,
}

impl Model {
    fn new(requests: u32) -> Self {
        let started = Clock::manual().now();
        Self {
            ledger: ledger(requests, started),
            now: started,
            started,
            limits: vec![limit(requests, WINDOW)],
            open: Vec::new(),
            calls: Vec::new(),
        }
    }

    fn is_recent(&self, at: Instant, limit: &Limit) -> bool {
        self.now.saturating_duration_since(at) <= limit.window
    }

    /// Slots of a limit that are free, counted from the list alone.
    fn free(&self, limit: &Limit) -> usize {
        let recent = |call: &&Call| self.is_recent(call.ended, limit);
        let used = self.open.len() + self.calls.iter().filter(recent).count();
        (limit.requests.get() as usize).saturating_sub(used)
    }

    fn left(&self) -> usize {
        let free = self.limits.iter().map(|limit| self.free(limit));
        free.min().unwrap()
    }

    fn remaining(&self) -> usize {
        let starting = |limit: &&Limit| self.is_recent(self.started, limit);
        // of fewer than 50 calls a start gives out one at a time
        let paced = self.limits.iter().filter(starting).map(|of| {
            let parts = (of.requests.get() / 2).max(1);
            self.free(&limit(1, of.window / parts))
        });
        paced.chain([self.left()]).min().unwrap()
    }

    fn take(&mut self, pick: usize) -> Option<(Slot, Instant)> {
        let index = pick.checked_rem(self.open.len())?;
        Some(self.open.swap_remove(index))
    }

    fn end(&mut self, slot: Slot, sent: Instant, ended: Instant) {
        self.ledger.settle(slot, ended);
        self.calls.push(Call { sent, ended });
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Ask { timeout_ms } => {
                let timeout = Duration::from_millis(timeout_ms);
                if let Verdict::Granted(slot) = self.ledger.withdraw(self.now, timeout) {
                    self.open.push((slot, self.now));
                }
            }
            Step::Answer(pick) => {
                if let Some((slot, sent)) = self.take(pick) {
                    self.end(slot, sent, self.now);
                }
            }
            Step::TimeOut(pick) => {
                if let Some((slot, sent)) = self.take(pick) {
                    let ended = slot.latest_end().max(self.now);
                    self.end(slot, sent, ended);
                }
            }
            Step::Learn { requests, seconds } => {
                self.limits.truncate(1);
                if requests > 0 {
                    self.limits
                        .push(limit(requests, Duration::from_secs(seconds)));
                }
                self.ledger.learn(self.limits.iter().skip(1).copied());
            }
            Step::NotSent(pick) => {
                if let Some((slot, _)) = self.take(pick) {
                    self.ledger.refund(slot);
                }
            }
            Step::Pass { ms } => self.now += Duration::from_millis(ms),
            Step::PassToRetry { early } => {
                let wait = self.ledger.retry_after(self.now).unwrap_or_default();
                self.now += if early {
                    wait.saturating_sub(TICK)
                } else {
                    wait
                };
            }
        }
        self.close_overdue();
    }

    /// Nobody is in flight beyond its deadline.
    fn close_overdue(&mut self) {
        while let Some(index) = (self.open.iter()).position(|(slot, _)| slot.latest_end < self.now)
        {
            let (slot, sent) = self.open.swap_remove(index);
            let ended = slot.latest_end();
            self.end(slot, sent, ended);
        }
    }

    /// The wait that was promised is enough even if every call in flight takes all its time, and, with none in
    /// flight, not a tick too long.
    fn check_retry_after(&self) -> bool {
        let Some(wait) = self.ledger.retry_after(self.now) else {
            return self.remaining() > 0;
        };
        let mut patient = self.ledger.clone();
        for (slot, _) in &self.open {
            let latest_end = slot.latest_end();
            patient.settle(Slot { latest_end }, latest_end);
        }
        let exact = !self.open.is_empty()
            || matches!(
                patient.withdraw(self.now + wait - TICK, TIMEOUT),
                Verdict::Refused { .. }
            );
        exact
            && matches!(
                patient.withdraw(self.now + wait, TIMEOUT),
                Verdict::Granted(_)
            )
    }
}

/// After a limit was learned, each call leaves at most as many as it allows in the window that the call ends, whatever had
/// been sent before; and the budget holds throughout.
fn overdraws(calls: &[Call], limit: &Limit, since: Instant) -> bool {
    let after = calls.iter().filter(|call| call.sent >= since);
    let beside = |call: &Call| {
        let from = call.sent - limit.window;
        let inside = |other: &&Call| other.ended >= from && other.sent <= call.sent;
        calls.iter().filter(inside).count()
    };
    after
        .map(beside)
        .any(|count| count > limit.requests.get() as usize)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_budget_and_no_free_slot_is_refused(
        requests in 1..12_u32,
        steps in vec(step(), 0..200),
    ) {
        let mut model = Model::new(requests);
        let requests = requests as usize;
        for step in steps {
            model.run(step);
            prop_assert_eq!(model.ledger.in_flight(), model.open.len());
            prop_assert_eq!(model.ledger.remaining(model.now), model.remaining());
            prop_assert_eq!(model.ledger.left(model.now), model.left());
            prop_assert!(model.check_retry_after(), "after {:?}", step);
        }
        for (slot, sent) in std::mem::take(&mut model.open) {
            let ended = slot.latest_end();
            model.end(slot, sent, ended);
        }
        prop_assert!(busiest_window(&model.calls, WINDOW) <= requests);
    }

    #[test]
    fn while_changing_over_no_window_holds_more_than_either_limit_allows(
        requests in 1..12_u32,
        learned in (1..12_u32, 1..200_u64),
        before in vec(step(), 0..100),
        after in vec(step(), 0..100),
    ) {
        let learned = limit(learned.0, Duration::from_secs(learned.1));
        let mut model = Model::new(requests);
        let is_other = |step: &Step| !matches!(step, Step::Learn { .. });
        for step in before.into_iter().filter(is_other) {
            model.run(step);
        }
        model.now += TICK; // what is sent now and before is told apart
        let since = model.now;
        model.ledger.learn([learned].into_iter());
        for step in after.into_iter().filter(is_other) {
            model.run(step);
        }
        for (slot, sent) in std::mem::take(&mut model.open) {
            let ended = slot.latest_end();
            model.end(slot, sent, ended);
        }
        prop_assert!(busiest_window(&model.calls, WINDOW) <= requests as usize);
        prop_assert!(!overdraws(&model.calls, &learned, since));
    }
}
