//! A house with one job: those who ask for it, the fetches they start, and what must hold at each step of theirs.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use shuttle::future::block_on;
use shuttle::thread;

use super::flight::{Boarded, Flights, Owner, Passenger};
use super::sync::Mutex;
use crate::error::Error;
use crate::layers::collapse::tests::job;
use crate::layers::fetch::{Call, Landing};
use crate::policy::cost::Cost;
use crate::store::Entry;
use crate::telemetry::metrics::Account;

/// How a fetch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stored,
    Failed,
    /// Its task is dropped, as by a panic.
    Gone,
}

/// What an asker does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// Waits, and asks again after a failure.
    Patient,
    /// Hangs up soon, though it may have started the fetch.
    HangsUp,
}

/// What an asker was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Answer,
    /// By the fetch of this number.
    Failure(u32),
    /// It had hung up.
    Nothing,
}

/// One job, and what goes on about it.
pub(super) struct House {
    flights: Arc<Flights>,
    stored: Mutex<Option<Arc<Entry>>>,
    entry: Arc<Entry>,
    began: Instant,
    ends: &'static [End],
    fetches: AtomicUsize,
    running: AtomicUsize,
    tasks: Mutex<Vec<thread::JoinHandle<()>>>,
    /// What those pay who wait.
    clients: Account,
    /// What is paid for nobody.
    gateway: Account,
    seen: Arc<Seen>,
}

/// What happened in at least one order, so that no scene passes for want of events.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) filled_before_boarding: AtomicUsize,
    pub(super) followed: AtomicUsize,
    pub(super) leader_hung_up: AtomicUsize,
    pub(super) follower_hung_up: AtomicUsize,
    pub(super) paid_by_the_gateway: AtomicUsize,
    pub(super) paid_by_clients: AtomicUsize,
}

// === impl House ===

impl House {
    pub(super) fn new(ends: &'static [End], entry: &Arc<Entry>, seen: &Arc<Seen>) -> Self {
        let gateway = Account::default();
        Self {
            flights: Arc::new(Flights::new(1, gateway.clone())), // room for one flight a job, and there is one job
            stored: Mutex::default(),
            entry: Arc::clone(entry),
            began: entry.sent(),
            ends,
            fetches: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            tasks: Mutex::default(),
            clients: Account::default(),
            gateway,
            seen: Arc::clone(seen),
        }
    }

    /// One order: all askers at once, then how things are when all is over.
    pub(super) fn play(self: Arc<Self>, askers: &[Asker]) {
        let asking = askers.iter().map(|&asker| {
            let house = Arc::clone(&self);
            thread::spawn(move || house.be(asker))
        });
        for asker in asking.collect::<Vec<_>>() {
            asker.join().unwrap();
        }
        let tasks = mem::take(&mut *self.tasks.lock().unwrap());
        for task in tasks {
            task.join().unwrap();
        }
        assert_eq!(self.flights.len(), 0, "a flight was left over");
        let fetches = self.fetches.load(Ordering::Relaxed);
        assert_eq!(fetches, self.ends.len(), "no fetch too few");
        self.settle_up(askers);
        assert_eq!(self.ask(Asker::Patient), Told::Answer, "it was kept");
    }

    /// The n-th fetch took n calls.
    fn settle_up(&self, askers: &[Asker]) {
        let calls: u32 = (1..).zip(self.ends).map(|(nth, _)| nth).sum();
        let (clients, gateway) = (self.clients.paid(), self.gateway.paid());
        assert_eq!(clients + gateway, Cost::of_calls(calls), "paid is not made");
        let all_stay = askers.iter().all(|asker| matches!(asker, Asker::Patient));
        assert!(!all_stay || gateway.is_zero(), "somebody waited for free");
        for (paid, event) in [
            (clients, &self.seen.paid_by_clients),
            (gateway, &self.seen.paid_by_the_gateway),
        ] {
            if !paid.is_zero() {
                count(event);
            }
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

    fn stored(&self) -> Option<Arc<Entry>> {
        self.stored.lock().unwrap().clone()
    }

    /// As the layers do it: looks up, then boards.
    fn ask(self: &Arc<Self>, asker: Asker) -> Told {
        if self.stored().is_some() {
            return Told::Answer;
        }
        let boarded = self.flights.board(job(), || self.stored());
        match boarded.unwrap_or_else(|error| panic!("one flight too many: {error}")) {
            Boarded::Instead(entry) => {
                assert!(Arc::ptr_eq(&entry, &self.entry));
                count(&self.seen.filled_before_boarding);
                Told::Answer
            }
            Boarded::Leader(passenger, owner) => {
                let ending = self.start(owner);
                let told = self.wait(passenger, asker, &self.seen.leader_hung_up);
                let is_own = [Told::Nothing, ending].contains(&told);
                assert!(is_own, "told of another fetch than its own: {told:?}");
                told
            }
            Boarded::Follower(passenger) => {
                count(&self.seen.followed);
                self.wait(passenger, asker, &self.seen.follower_hung_up)
            }
        }
    }

    /// Starts the next fetch; gives what is told at its end.
    fn start(self: &Arc<Self>, owner: Owner) -> Told {
        assert!(self.stored().is_none(), "fetched again though stored");
        let nth = self.fetches.fetch_add(1, Ordering::Relaxed);
        let end = *self.ends.get(nth).expect("a fetch too many");
        let nth = u32::try_from(nth).unwrap() + 1;
        let house = Arc::clone(self);
        let task = thread::spawn(move || house.fetch(owner, nth, end));
        self.tasks.lock().unwrap().push(task);
        match end {
            End::Stored => Told::Answer,
            End::Failed | End::Gone => Told::Failure(nth),
        }
    }

    fn fetch(&self, owner: Owner, nth: u32, end: End) {
        let others = self.running.fetch_add(1, Ordering::Relaxed);
        assert_eq!(others, 0, "two fetches of one job at once");
        let call = Call::new(job(), self.began);
        call.note(|story| story.calls = nth);
        let owner = owner.telling(call.telling());
        thread::yield_now();
        if end == End::Stored {
            *self.stored.lock().unwrap() = Some(Arc::clone(&self.entry));
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
        let story = call.story();
        match end {
            End::Stored => owner.land(Landing {
                result: Ok(Arc::clone(&self.entry)),
                story,
            }),
            End::Failed => owner.land(Landing::failed(Error::TimedOut, story)),
            End::Gone => drop(owner),
        }
    }

    fn wait(&self, passenger: Passenger, asker: Asker, hung_up: &AtomicUsize) -> Told {
        let (landing, _) = match asker {
            Asker::Patient => block_on(passenger.landed(&self.clients)),
            Asker::HangsUp => {
                block_on(async {
                    let mut landing = pin!(passenger.landed(&self.clients));
                    if futures_util::poll!(landing.as_mut()).is_pending() {
                        count(hung_up);
                    }
                    thread::yield_now(); // it may be told just before it is dropped
                });
                return Told::Nothing;
            }
        };
        match landing.result {
            Ok(_) => {
                assert!(self.stored().is_some(), "told before it was stored");
                Told::Answer
            }
            Err(Error::TimedOut) => Told::Failure(landing.story.calls),
            Err(Error::Internal(_)) if self.ends.contains(&End::Gone) => {
                Told::Failure(landing.story.calls)
            }
            Err(other) => panic!("no fetch failed like that: {other}"),
        }
    }
}

fn count(event: &AtomicUsize) {
    event.fetch_add(1, Ordering::Relaxed);
}
