mod interleavings;
mod looks;
mod paying;

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use http::Request;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tower::{Service as _, service_fn, util::BoxCloneSyncService};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Bounds, Collapse, Forward};
use crate::clock::Clock;
use crate::error::Error;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::{Call, Landing};
use crate::layers::{Ask, Exchange, Failure, Reply, Wait};
use crate::planner::Planner;
use crate::policy::freshness::Lifetime;
use crate::policy::hold::CredentialKind;
use crate::policy::job::JobId;
use crate::policy::outcome::{ForwardReason, OutcomeKind};
use crate::policy::request_id::RequestId;
use crate::store::{Entry, Store, Stored, cache_control};
use crate::telemetry::metrics::{Accounts, Metrics, Origin};

const PATIENCE: Duration = Duration::from_secs(30);
const MAX_WAITING: usize = 100;

/// A collapser over a made-up fetch, which is given the number of its flight, from 0.
struct House {
    collapse: Collapse,
    gate: Gate,
    store: Store,
    clock: Clock,
    tasks: TaskTracker,
    fetches: Arc<AtomicUsize>,
    accounts: Accounts,
}

impl House {
    fn new<F>(fetch: impl Fn(usize, Entry) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        Self::costing(0, fetch)
    }

    /// Each fetch takes so many calls.
    fn costing<F>(
        calls: u32,
        fetch: impl Fn(usize, Entry) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        Self::built(calls, None, Clock::manual(), fetch)
    }

    fn built<F>(
        calls: u32,
        planner: Option<Planner>,
        clock: Clock,
        fetch: impl Fn(usize, Entry) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        let (store, tasks) = (Store::new(1 << 20), TaskTracker::new());
        let fetches = Arc::new(AtomicUsize::new(0));
        let (count, into, time) = (Arc::clone(&fetches), store.clone(), clock.clone());
        let fetch = service_fn(move |call: Call| {
            let (into, nth) = (into.clone(), count.fetch_add(1, Ordering::Relaxed));
            let fetched = fetch(nth, entry(&time));
            call.note(|story| story.calls = calls);
            async move {
                let result = fetched.await.map(Arc::new);
                if let Ok(entry) = &result {
                    into.jobs.put(call.job, Arc::clone(entry));
                }
                let story = call.story();
                Ok::<_, Infallible>(Landing { result, story })
            }
        });
        let accounts = Accounts::default();
        let bounds = Bounds {
            runtime: Handle::current(),
            tasks: tasks.clone(),
            max_waiting: MAX_WAITING,
            patience: PATIENCE,
            refresh: Vec::new(),
            accounts: accounts.clone(),
        };
        let fetch = BoxCloneSyncService::new(fetch);
        let (requests, window) = (NonZeroU32::new(1_000).unwrap(), Duration::from_secs(60));
        let gate = Gate::new(requests, window, CredentialKind::Renewable, clock.clone());
        let origin = Origin {
            version: "0",
            started: clock.wall(),
            nullable_fields: &[],
            log_lines_dropped: Counter::default(),
        };
        let metrics = Metrics::register(&mut Registry::default(), origin).upstream;
        Self {
            collapse: Collapse::new(
                fetch,
                gate.clone(),
                planner,
                store.clone(),
                clock.clone(),
                bounds,
                metrics,
            ),
            gate,
            store,
            clock,
            tasks,
            fetches,
            accounts,
        }
    }

    /// A first ask.
    fn ask(&self) -> impl Future<Output = Result<Reply, Failure>> + use<> {
        self.forward(ForwardReason::UriMiss, Wait::Yes)
    }

    /// Asks as the look-up does that has found what is stored now.
    fn forward(
        &self,
        reason: ForwardReason,
        wait: Wait,
    ) -> impl Future<Output = Result<Reply, Failure>> + use<> {
        self.forward_within(reason, wait, Duration::MAX)
    }

    fn forward_within(
        &self,
        reason: ForwardReason,
        wait: Wait,
        servable_for: Duration,
    ) -> impl Future<Output = Result<Reply, Failure>> + use<> {
        let id = RequestId::numbered(0, 0);
        let (head, ()) = Request::new(()).into_parts();
        let exchange = Arc::new(Exchange::new(id, head, false, self.clock.now()));
        let job = job();
        let stored = self.store.jobs.get(&job).map(Stored::Job);
        let ask = Ask { exchange, job };
        self.collapse.clone().call(Forward {
            ask,
            reason,
            wait,
            stored,
            servable_for,
        })
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

fn job() -> JobId {
    JobId::parse("901878212b1a49be9c1a1054c272762a").unwrap()
}

fn entry(clock: &Clock) -> Entry {
    let lifetime = Lifetime {
        sent: clock.now(),
        lifetime: Duration::from_secs(30),
    };
    Entry::new(b"{}", true, cache_control(lifetime.lifetime), lifetime)
}

#[track_caller]
fn kind(answer: Result<Reply, Failure>) -> OutcomeKind {
    match answer {
        Ok(Reply::Job { outcome, .. }) => outcome.kind(),
        Ok(Reply::Health | Reply::Local(_)) => panic!("a job was asked for"),
        Err(failure) => failure.outcome.kind(),
    }
}

#[tokio::test]
async fn a_panic_of_the_fetch_is_everybodys_and_the_next_asker_starts_afresh() {
    let house = House::new(|nth, entry| async move {
        tokio::task::yield_now().await;
        assert!(nth > 0, "the first fetch panics, as this test wants");
        Ok(entry)
    });
    let (leader, follower) = tokio::join!(house.ask(), house.ask());
    for answer in [leader, follower] {
        let failure = answer.unwrap_err();
        assert!(matches!(failure.error, Error::Internal(_)), "{failure:?}");
        assert_eq!(failure.outcome.kind(), OutcomeKind::Fault);
    }
    assert_eq!(kind(house.ask().await), OutcomeKind::Miss);
    assert_eq!((house.fetches(), house.collapse.flights()), (2, 0));
}

/// Notes how many flights there are at the moment of waking.
struct FlightsWhenWoken(Collapse, Mutex<Vec<usize>>);

impl Wake for FlightsWhenWoken {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0.flights());
    }
}

/// Who is told of a failure may ask again at once, on another thread: by then the flight must be gone.
#[tokio::test]
async fn a_flight_is_struck_off_before_its_end_is_told_however_it_ends() {
    for panics in [false, true] {
        let house = House::new(move |_, _| async move {
            tokio::task::yield_now().await;
            assert!(!panics, "as this test wants");
            Err(Error::TimedOut)
        });
        let woken = FlightsWhenWoken(house.collapse.clone(), Mutex::default());
        let woken = Arc::new(woken);
        let waker = Waker::from(Arc::clone(&woken));
        let mut asking = pin!(house.ask());
        let polled = asking.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        house.tasks.close();
        house.tasks.wait().await;
        assert_eq!(*woken.1.lock().unwrap(), [0], "panics: {panics}");
        let told = asking.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(matches!(told, Poll::Ready(Err(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_sent_while_somebody_waited_outlives_the_waiting_and_is_kept() {
    let house = House::new(|_, entry| async move {
        tokio::time::sleep(PATIENCE * 2).await;
        Ok(entry)
    });
    let failure = house.ask().await.unwrap_err();
    assert!(matches!(failure.error, Error::TimedOut));
    assert_eq!((house.collapse.waiting(), house.collapse.flights()), (0, 1));
    house.tasks.close();
    house.tasks.wait().await;
    assert!(house.store.jobs.get(&job()).is_some());
    assert_eq!((house.fetches(), house.collapse.flights()), (1, 0));
}

#[tokio::test]
async fn an_answer_stored_since_the_look_up_is_taken_and_not_fetched_again() {
    let house = House::new(|_, entry| async move { Ok(entry) });
    house.store.jobs.put(job(), Arc::new(entry(&house.clock)));
    assert_eq!(kind(house.ask().await), OutcomeKind::Hit);
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(kind(house.ask().await), OutcomeKind::Miss);
    assert_eq!(house.fetches(), 1);
}

#[tokio::test]
async fn whoever_waits_is_counted_until_it_goes() {
    let house = House::new(|_, entry| async move {
        std::future::pending::<()>().await;
        Ok(entry)
    });
    let (mut one, mut two) = (Box::pin(house.ask()), Box::pin(house.ask()));
    assert!(futures_util::poll!(one.as_mut()).is_pending());
    assert!(futures_util::poll!(two.as_mut()).is_pending());
    assert_eq!(house.collapse.waiting(), 2);
    drop(one);
    assert_eq!(house.collapse.waiting(), 1);
    drop(two);
    assert_eq!((house.collapse.waiting(), house.collapse.flights()), (0, 1));
}
