//! The hand-over between those who ask, those who wait and the fetch, in thousands of orders of their steps; and that all
//! who pay for a fetch pay exactly what it cost.
//!
//! `flight.rs` itself is compiled here once more, over [`sync`], which lets a scheduler decide at every step who goes on.
//! An order in which somebody waits for ever ends as a deadlock. The order that failed is printed; `shuttle::replay`
//! runs it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::house::{Asker, End, House, Seen};
use crate::clock::Clock;

#[expect(
    clippy::duplicate_mod,
    reason = "the same file over other primitives is the point"
)]
#[allow(dead_code, reason = "not every scene uses all of it")]
#[path = "../flight.rs"]
mod flight;
mod house;
mod sync;

/// Orders tried of each scene, by each scheduler.
const ORDERS: usize = 1_500;
/// Changes of thread that the second scheduler forces at chosen steps; two or three show almost every fault of this
/// kind (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).
const FORCED_CHANGES: usize = 3;

/// Plays a scene in many orders: any order at all, then orders with a few changes of thread.
fn try_orders(askers: &'static [Asker], ends: &'static [End]) -> Arc<Seen> {
    let seen = Arc::<Seen>::default();
    let entry = Arc::new(super::entry(&Clock::manual()));
    let scene = {
        let seen = Arc::clone(&seen);
        move || Arc::new(House::new(ends, &entry, &seen)).play(askers)
    };
    shuttle::check_random(scene.clone(), ORDERS);
    shuttle::check_pct(scene, ORDERS, FORCED_CHANGES);
    seen
}

#[track_caller]
fn assert_seen(event: &AtomicUsize) {
    assert_ne!(event.load(Ordering::Relaxed), 0, "never happened");
}

#[test]
fn in_every_order_one_fetch_answers_all_who_ask() {
    let seen = try_orders(&[Asker::Patient; 4], &[End::Stored]);
    assert_seen(&seen.filled_before_boarding);
    assert_seen(&seen.followed);
}

#[test]
fn in_every_order_a_failure_is_told_once_and_the_next_fetch_is_one_for_all() {
    for ends in [
        &[End::Failed, End::Stored],
        &[End::Gone, End::Stored],
        &[End::Failed, End::Gone, End::Stored][..],
    ] {
        let seen = try_orders(&[Asker::Patient; 3], ends);
        assert_seen(&seen.filled_before_boarding);
        assert_seen(&seen.followed);
    }
}

#[test]
fn in_every_order_whoever_hangs_up_takes_nothing_from_the_others() {
    for ends in [&[End::Stored][..], &[End::Failed, End::Stored]] {
        use Asker::{HangsUp, Patient};
        let seen = try_orders(&[HangsUp, Patient, HangsUp, Patient], ends);
        assert_seen(&seen.leader_hung_up);
        assert_seen(&seen.follower_hung_up);
        assert_seen(&seen.paid_by_clients);
        assert_seen(&seen.paid_by_the_gateway);
    }
}
