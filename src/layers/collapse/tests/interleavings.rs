//! The hand-over between those who ask, those who wait and the fetch, in thousands of orders of their steps.
//!
//! `flight.rs` itself is compiled here once more, over [`sync`], which lets a scheduler decide at every step who goes on.
//! An order in which somebody waits for ever ends as a deadlock. The order that failed is printed; `shuttle::replay`
//! runs it again.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::future::block_on;
use shuttle::thread;

use self::flight::{Boarded, Flight, Flights, Owner};
use crate::clock::Clock;
use crate::error::Error;
use crate::layers::fetch::{Landing, Story};
use crate::store::Entry;

#[expect(
    clippy::duplicate_mod,
    reason = "the same file over other primitives is the point"
)]
#[allow(dead_code, reason = "not every scene uses all of it")]
#[path = "../flight.rs"]
mod flight;

/// Orders tried of each scene, by each scheduler.
const ORDERS: usize = 3_000;
/// Changes of thread that the second scheduler forces at chosen steps; two or three show almost every fault of this
/// kind (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).
const DEPTH: usize = 3;

/// Instead of [`super::super::sync`]: the scheduler may change threads before each of these steps.
mod sync {
    pub(super) use shuttle::sync::{Mutex, MutexGuard};

    use shuttle::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::futures::Notified;

    /// The scheduler sees its own primitives only; the others are preceded by one.
    #[derive(Default)]
    struct Step(AtomicBool);

    /// The true one, whose steps never block.
    pub(super) struct OnceLock<T>(std::sync::OnceLock<T>, Step);

    /// The true one, whose steps never block: its waiting is the waker's, which is the scheduler's.
    #[derive(Default)]
    pub(super) struct Notify(tokio::sync::Notify, Step);

    impl Step {
        fn take(&self) {
            self.0.load(Ordering::SeqCst);
        }
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self(std::sync::OnceLock::new(), Step::default())
        }
    }

    impl<T> OnceLock<T> {
        pub(super) fn get(&self) -> Option<&T> {
            self.1.take();
            self.0.get()
        }

        pub(super) fn set(&self, value: T) -> Result<(), T> {
            self.1.take();
            self.0.set(value)
        }
    }

    impl Notify {
        pub(super) fn notified(&self) -> Notified<'_> {
            self.1.take();
            self.0.notified()
        }

        pub(super) fn notify_waiters(&self) {
            self.1.take();
            self.0.notify_waiters();
        }
    }
}

/// How a fetch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stored,
    Failed,
    /// Its task is dropped, as by a panic.
    Gone,
}

/// What an asker does.
#[derive(Clone, Copy, Debug)]
enum Asker {
    /// Waits, and asks again after a failure.
    Patient,
    /// Hangs up at once, though it may have started the fetch.
    HangsUp,
}

/// What an asker was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Answer,
    /// By the fetch of this number; 0 stands for one that is gone.
    Failure(u32),
    /// It had hung up.
    Nothing,
}

/// One job, and what goes on about it.
struct House {
    flights: Arc<Flights>,
    stored: sync::Mutex<Option<Arc<Entry>>>,
    entry: Arc<Entry>,
    ends: &'static [End],
    fetches: AtomicUsize,
    running: AtomicUsize,
    tasks: sync::Mutex<Vec<thread::JoinHandle<()>>>,
    seen: Arc<Seen>,
}

/// What happened in at least one order, so that no scene passes for want of events.
#[derive(Default)]
struct Seen {
    filled_before_boarding: AtomicUsize,
    followed: AtomicUsize,
    leader_hung_up: AtomicUsize,
    follower_hung_up: AtomicUsize,
}

// === impl House ===

impl House {
    fn new(ends: &'static [End], entry: &Arc<Entry>, seen: &Arc<Seen>) -> Self {
        Self {
            flights: Arc::new(Flights::new(1)), // room for one flight a job, and there is one job
            stored: sync::Mutex::default(),
            entry: Arc::clone(entry),
            ends,
            fetches: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            tasks: sync::Mutex::default(),
            seen: Arc::clone(seen),
        }
    }

    fn stored(&self) -> Option<Arc<Entry>> {
        self.stored.lock().unwrap().clone()
    }

    /// As the layers do it: looks up, then boards.
    fn ask(self: &Arc<Self>, asker: Asker) -> Told {
        if self.stored().is_some() {
            return Told::Answer;
        }
        let boarded = self.flights.board(super::job(), || self.stored());
        match boarded.unwrap_or_else(|error| panic!("one flight too many: {error}")) {
            Boarded::Instead(entry) => {
                assert!(Arc::ptr_eq(&entry, &self.entry));
                count(&self.seen.filled_before_boarding);
                Told::Answer
            }
            Boarded::Leader(flight, owner) => {
                let nth = self.start(owner);
                let told = self.wait(&flight, asker, &self.seen.leader_hung_up);
                let is_mine = !matches!(told, Told::Failure(other) if other != nth && other != 0);
                assert!(is_mine, "fetch {nth} was started, but told: {told:?}");
                told
            }
            Boarded::Follower(flight) => {
                count(&self.seen.followed);
                self.wait(&flight, asker, &self.seen.follower_hung_up)
            }
        }
    }

    fn start(self: &Arc<Self>, owner: Owner) -> u32 {
        assert!(self.stored().is_none(), "fetched again though stored");
        let nth = self.fetches.fetch_add(1, Ordering::Relaxed);
        let end = *self.ends.get(nth).expect("a fetch too many");
        let nth = u32::try_from(nth).unwrap() + 1;
        let house = Arc::clone(self);
        let task = thread::spawn(move || house.fetch(owner, nth, end));
        self.tasks.lock().unwrap().push(task);
        nth
    }

    fn fetch(&self, owner: Owner, nth: u32, end: End) {
        let others = self.running.fetch_add(1, Ordering::Relaxed);
        assert_eq!(others, 0, "two fetches of one job at once");
        thread::yield_now();
        if end == End::Stored {
            *self.stored.lock().unwrap() = Some(Arc::clone(&self.entry));
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
        let story = Story {
            calls: nth,
            ..Story::default()
        };
        match end {
            End::Stored => owner.land(Landing {
                result: Ok(Arc::clone(&self.entry)),
                story,
            }),
            End::Failed => owner.land(Landing::failed(Error::TimedOut, story)),
            End::Gone => drop(owner),
        }
    }

    fn wait(&self, flight: &Flight, asker: Asker, hung_up: &AtomicUsize) -> Told {
        let landing = match asker {
            Asker::Patient => block_on(flight.landed()),
            Asker::HangsUp => {
                let polled = block_on(async { futures_util::poll!(pin!(flight.landed())) });
                if polled.is_pending() {
                    count(hung_up);
                }
                return Told::Nothing;
            }
        };
        match landing.result {
            Ok(_) => {
                assert!(self.stored().is_some(), "told before it was stored");
                Told::Answer
            }
            Err(Error::TimedOut | Error::Internal(_)) => Told::Failure(landing.story.calls),
            Err(other) => panic!("nobody failed like that: {other}"),
        }
    }

    /// Asks until there is an answer. Whoever was told of a failure is never told of the same one again.
    fn be(self: &Arc<Self>, asker: Asker) {
        let mut told = self.ask(asker);
        while matches!(told, Told::Failure(_)) {
            let again = self.ask(asker);
            assert_ne!(again, told, "asked afresh and was told of the old failure");
            told = again;
        }
    }
}

fn count(event: &AtomicUsize) {
    event.fetch_add(1, Ordering::Relaxed);
}

/// One order of one scene: all askers at once, then how things are when all is over.
fn play(askers: &[Asker], house: House) {
    let house = Arc::new(house);
    let asking = askers.iter().map(|&asker| {
        let house = Arc::clone(&house);
        thread::spawn(move || house.be(asker))
    });
    for asker in asking.collect::<Vec<_>>() {
        asker.join().unwrap();
    }
    let tasks = std::mem::take(&mut *house.tasks.lock().unwrap());
    for task in tasks {
        task.join().unwrap();
    }
    assert_eq!(house.flights.len(), 0, "a flight was left over");
    let fetches = house.fetches.load(Ordering::Relaxed);
    assert_eq!(fetches, house.ends.len(), "fetches");
    assert_eq!(house.ask(Asker::Patient), Told::Answer, "it was kept");
}

/// Plays a scene in many orders: any order at all, then orders with a few changes of thread.
fn try_orders(askers: &'static [Asker], ends: &'static [End]) -> Arc<Seen> {
    let seen = Arc::<Seen>::default();
    let entry = Arc::new(super::entry(&Clock::manual()));
    let scene = {
        let seen = Arc::clone(&seen);
        move || play(askers, House::new(ends, &entry, &seen))
    };
    shuttle::check_random(scene.clone(), ORDERS);
    shuttle::check_pct(scene, ORDERS, DEPTH);
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
        let askers = &[
            Asker::HangsUp,
            Asker::Patient,
            Asker::HangsUp,
            Asker::Patient,
        ];
        let seen = try_orders(askers, ends);
        assert_seen(&seen.leader_hung_up);
        assert_seen(&seen.follower_hung_up);
    }
}
