//! What a socket is too coarse for: looks, lists and denials that overlap.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use prometheus_client::registry::Registry;
use tower::service_fn;
use tower::util::BoxCloneSyncService;

use super::{Decisions, Open, Sweeper};
use crate::clock::Clock;
use crate::error::{Error, PassedStatus};
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::list::{ListRequest, Listed};
use crate::planner::{Planner, Said};
use crate::policy::denial::Denial;
use crate::policy::freshness::{Lifetime, Lifetimes};
use crate::policy::hold::CredentialKind;
use crate::policy::job::JobId;
use crate::policy::refresh;
use crate::policy::sweep::{FULL_LOOK, Mode, Page, Rules, Sweeps};
use crate::store::{Entry, Store, cache_control};
use crate::telemetry::metrics::{Metrics, Origin};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What happens while a list call is under way.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// A sweeper, and what upstream makes of lists.
struct House {
    sweeper: Sweeper,
    open: Open,
    clock: Clock,
    page: Arc<Mutex<String>>,
    meanwhile: Meanwhile,
}

// === impl House ===

impl House {
    fn new() -> Self {
        let (clock, store) = (Clock::manual(), Store::new(1 << 20));
        clock.advance(10 * MINUTE);
        let requests = NonZeroU32::new(60).unwrap();
        let (page, meanwhile) = (Arc::<Mutex<String>>::default(), Meanwhile::default());
        let upstream = (clock.clone(), Arc::clone(&page), Arc::clone(&meanwhile));
        let list = service_fn(move |_: ListRequest| {
            let (clock, page, meanwhile) = &upstream;
            let sent = clock.now();
            let page = Page::parse(page.lock().unwrap().as_bytes()).unwrap();
            let meanwhile = meanwhile.lock().unwrap().take();
            meanwhile.into_iter().for_each(|happens| happens());
            std::future::ready(Ok::<_, Error>(Listed { page, sent }))
        });
        let sweeps = Rules {
            mode: Mode::Recent,
            projects: Vec::new(),
            requests,
            shared: false,
            window: MINUTE,
        };
        let rules = refresh::Rules {
            requests,
            window: MINUTE,
            floors: Lifetimes {
                finished: Duration::ZERO, // plans are what is looked at
                running: Duration::ZERO,
            },
            longest: 10 * MINUTE,
        };
        let origin = Origin {
            version: "0",
            started: clock.wall(),
            nullable_fields: &[],
            log_lines_dropped: Default::default(),
        };
        let sweeper = Sweeper {
            decisions: Decisions::new(Sweeps::new(sweeps)),
            planner: Planner::new(rules, &[], clock.clone()),
            gate: Gate::new(requests, MINUTE, CredentialKind::Lockable, clock.clone()),
            list: BoxCloneSyncService::new(list),
            store,
            requests,
            window: MINUTE,
            metrics: Metrics::register(&mut Registry::default(), origin).upstream,
            clock: clock.clone(),
        };
        Self {
            sweeper,
            open: Open::new(),
            clock,
            page,
            meanwhile,
        }
    }

    /// Milliseconds since 1970, so long ago.
    fn stamp(&self, ago: Duration) -> u64 {
        let at = self.clock.wall().checked_sub(ago).unwrap();
        let at = at.duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(at.as_millis()).unwrap()
    }

    /// A look that was sent then has landed.
    fn lands(&self, number: usize, began: u64, sent: Instant) {
        land(
            &self.sweeper.planner,
            &self.sweeper.store,
            number,
            began,
            sent,
        );
    }

    /// The list has these jobs with these builds, all of them over, and says that it is so long.
    fn lists(&self, jobs: &[(usize, u64)], total: usize) {
        let items = jobs.iter().map(|(number, began)| {
            let id = job(*number);
            format!(r#"{{"id":"{id}","is_finished":true,"last_build_time":{began}}}"#)
        });
        let items: Vec<_> = items.collect();
        let items = items.join(",");
        *self.page.lock().unwrap() = format!(r#"{{"jobs":[{items}],"total":{total}}}"#);
    }

    async fn sweep(&mut self) {
        self.clock.advance(10 * SECOND);
        self.sweeper.turn(&mut self.open).await;
    }

    /// What is left open once the looks so far are taken in, and how many lists were contradicted.
    fn settled(&mut self) -> (usize, u64) {
        self.sweeper.settle(&mut self.open);
        (
            self.open.len(),
            self.sweeper.decisions.state().contradictions,
        )
    }

    /// A job is stored, and a list has shown another build.
    async fn with_a_difference() -> (Self, u64) {
        let mut house = Self::new();
        let began = house.stamp(MINUTE);
        house.lands(1, began, house.clock.now());
        house.lists(&[(1, began + 5_000)], 1);
        house.sweep().await;
        assert_eq!(house.settled(), (1, 0));
        (house, began)
    }
}

fn job(number: usize) -> JobId {
    JobId::parse(&format!("{number:032}")).unwrap()
}

fn land(planner: &Planner, store: &Store, number: usize, began: u64, sent: Instant) {
    let body = format!(
        r#"{{"result":{{"id":"{}","running_status":"Finished","last_build_time":{began}}},"status":"success"}}"#,
        job(number)
    );
    let said = Said {
        sent,
        finished: true,
        changed: false,
        last_build_time: i64::try_from(began).ok(),
    };
    let lifetime = planner.looked(job(number), said).lifetime;
    let lifetime = Lifetime { sent, lifetime };
    let entry = Entry::new(
        body.as_bytes(),
        true,
        cache_control(lifetime.lifetime),
        lifetime,
    );
    store.jobs.put(job(number), Arc::new(entry));
}

#[tokio::test]
async fn a_look_that_was_under_way_before_the_list_was_sent_settles_nothing() {
    let (mut house, began) = House::with_a_difference().await;
    let before = house.clock.now().checked_sub(SECOND).unwrap();
    house.lands(1, began, before);
    assert_eq!(house.settled(), (1, 0));
    house.clock.advance(SECOND);
    house.lands(1, began, house.clock.now());
    assert_eq!(house.settled(), (0, 1), "one that was sent later does");
}

#[tokio::test]
async fn a_changed_body_bears_a_difference_out() {
    let (mut house, began) = House::with_a_difference().await;
    house.clock.advance(SECOND);
    house.lands(1, began + 5_000, house.clock.now());
    assert_eq!(house.settled(), (0, 0));
}

#[tokio::test]
async fn a_denial_settles_a_difference_as_borne_out() {
    let (mut house, _) = House::with_a_difference().await;
    house.clock.advance(SECOND);
    let error = Error::Passed {
        status: PassedStatus::NotFound,
        code: "DEVCB.00031006".into(),
        message: "gone".into(),
    };
    house.sweeper.planner.forget(&job(1));
    house.sweeper.store.jobs.remove(&job(1));
    let denial = Denial::after(None, error, house.clock.now(), MINUTE);
    house.sweeper.store.absent.deny(job(1), denial);
    assert_eq!(house.settled(), (0, 0));
}

#[tokio::test]
async fn an_evicted_or_invalidated_job_settles_nothing() {
    let (mut house, _) = House::with_a_difference().await;
    let now = house.clock.now();
    house.sweeper.store.invalidate(job(1), now);
    assert_eq!(house.settled(), (0, 0));
}

#[tokio::test]
async fn an_answer_that_lands_while_the_list_is_under_way_is_neither_confirmed_nor_doubted() {
    for newer in [0, 5_000] {
        let mut house = House::new();
        let began = house.stamp(MINUTE);
        house.lands(1, began, house.clock.now());
        house.lists(&[(1, began + 5_000 - newer)], 1);
        let (clock, planner, store) = (
            house.clock.clone(),
            house.sweeper.planner.clone(),
            house.sweeper.store.clone(),
        );
        let meanwhile = move || {
            clock.advance(SECOND);
            land(&planner, &store, 1, began + newer, clock.now());
        };
        *house.meanwhile.lock().unwrap() = Some(Box::new(meanwhile));
        house.sweep().await;
        assert_eq!(house.settled(), (0, 0), "nothing is open");
        let entry = house.sweeper.store.jobs.get(&job(1)).unwrap();
        assert!(!entry.is_confirmed());
        assert_eq!(entry.sent(), house.clock.now());
    }
}

#[tokio::test]
async fn a_confirmed_answer_is_as_old_as_the_moment_at_which_the_list_was_sent_for() {
    let mut house = House::new();
    let (began, looked) = (house.stamp(MINUTE), house.clock.now());
    house.lands(1, began, looked);
    house.lists(&[(1, began)], 1);
    let clock = house.clock.clone();
    let meanwhile = move || clock.advance(3 * SECOND);
    *house.meanwhile.lock().unwrap() = Some(Box::new(meanwhile));
    house.sweep().await;
    let entry = house.sweeper.store.jobs.get(&job(1)).unwrap();
    let now = house.clock.now();
    assert_eq!((entry.age(now), entry.looked()), (3 * SECOND, looked));
}

/// A list of a hundred other jobs, and a chain of sweeps that has begun.
async fn swept() -> House {
    let mut house = House::new();
    let newest = house.stamp(MINUTE);
    let page: Vec<_> = (100..200).zip((0..newest).rev()).collect();
    house.lists(&page, 1_000);
    house.lands(0, house.stamp(60 * MINUTE), house.clock.now()); // or there would be no sweep
    house.sweep().await;
    house.sweep().await;
    house
}

/// How much later the next look at a job is planned for another sweep.
async fn vouched(house: &mut House, number: usize) -> Duration {
    let planned = house.sweeper.planner.due(&job(number)).unwrap();
    house.sweep().await;
    let after = house.sweeper.planner.due(&job(number)).unwrap();
    after.saturating_duration_since(planned)
}

#[tokio::test]
async fn an_idle_job_below_the_list_is_not_looked_at_early_and_its_answer_gets_no_younger() {
    let mut house = swept().await;
    let looked = house.clock.now();
    house.lands(1, house.stamp(60 * MINUTE), looked);
    assert!(
        house.sweeper.planner.listed(&job(1)),
        "it was higher up once"
    );
    let later = vouched(&mut house, 1).await;
    assert!(
        later >= 10 * SECOND,
        "from the list, not from the look: {later:?}"
    );
    let entry = house.sweeper.store.jobs.get(&job(1)).unwrap();
    assert_eq!((entry.sent(), entry.is_confirmed()), (looked, false));
    assert!(house.open.is_empty());
}

#[tokio::test]
async fn no_list_vouches_for_a_job_that_was_not_looked_at_for_almost_an_hour() {
    let mut house = swept().await;
    house.lands(1, house.stamp(60 * MINUTE), house.clock.now());
    assert!(house.sweeper.planner.listed(&job(1)));
    assert!(vouched(&mut house, 1).await > Duration::ZERO);
    house.clock.advance(FULL_LOOK);
    assert_eq!(vouched(&mut house, 1).await, Duration::ZERO);
}

#[tokio::test]
async fn no_list_vouches_for_a_job_that_no_list_has_ever_shown() {
    let mut house = swept().await;
    house.lands(1, house.stamp(60 * MINUTE), house.clock.now());
    assert_eq!(vouched(&mut house, 1).await, Duration::ZERO);
}
