use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::{Keep, Terms};
use crate::clock::Clock;
use crate::error::{Error, PassedStatus};
use crate::layers::fetch::around::around;
use crate::layers::fetch::judge::Judged;
use crate::layers::fetch::{Call, Landing};
use crate::policy::cause::Cause;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;
use crate::policy::ladder::{Known, Windows};
use crate::store::Store;

const SECOND: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(40);

/// A keeper over what upstream is made to say.
struct House {
    keep: Keep,
    store: Store,
    clock: Clock,
}

impl House {
    fn new() -> Self {
        let (store, clock) = (Store::new(1 << 20), Clock::manual());
        let terms = Terms {
            lifetimes: Lifetimes {
                finished: 30 * SECOND,
                running: 5 * SECOND,
            },
            ttl_not_found: 30 * SECOND,
            windows: Windows {
                while_revalidate: 600 * SECOND,
                if_error: 3_600 * SECOND,
            },
            longest_fetch: LONGEST,
        };
        let keep = Keep::new(store.clone(), terms, clock.clone(), None);
        Self { keep, store, clock }
    }

    async fn land(&self, call: Call, said: Result<&'static str, Error>) -> Landing {
        let sent = self.clock.now();
        let upstream = service_fn(move |_: Call| {
            let judged = said.clone().map(|body| Judged {
                body: body.into(),
                finished: true,
                last_build_time: None,
                sent,
            });
            async { judged }
        });
        let fetch = ServiceBuilder::new()
            .layer(around(self.keep.clone()))
            .service(upstream);
        let Ok(landing) = fetch.oneshot(call).await;
        landing
    }

    async fn look(&self, n: usize, said: Result<&'static str, Error>) -> Result<(), Error> {
        let call = Call::new(job(n), self.clock.now());
        self.land(call, said).await.result.map(|_| ())
    }

    /// What is known of a job, without its ages.
    fn known(&self, n: usize) -> &'static str {
        match self.store.look_up(&job(n), self.clock.now()).known {
            Known::Nothing => "nothing",
            Known::Failing => "failing",
            Known::Job { rests: false, .. } => "job",
            Known::Job { .. } => "job at rest",
            Known::Denied { .. } => "denied",
        }
    }
}

fn job(n: usize) -> JobId {
    JobId::parse(&format!("{n:032x}")).unwrap()
}

fn denial() -> Error {
    Error::Passed {
        status: PassedStatus::NotFound,
        code: "DEVCB.00031006".into(),
        message: "no such job".into(),
    }
}

/// The build service's own 404: the path does not exist. It says nothing of the job.
fn no_such_url() -> Error {
    Error::Passed {
        status: PassedStatus::NotFound,
        code: "CB.00060214".into(),
        message: "no such URL".into(),
    }
}

#[tokio::test]
async fn a_conclusive_denial_takes_the_place_of_a_success_and_nothing_else_does() {
    let house = House::new();
    house.look(1, Ok("{}")).await.unwrap();
    for error in [
        Error::TimedOut,
        no_such_url(),
        Error::not_success("garbage"),
        Error::Paused,
    ] {
        house.look(1, Err(error.clone())).await.unwrap_err();
        assert_eq!(house.known(1), "job at rest", "{error:?}");
        assert!(!house.store.jobs.is_empty());
    }
    assert!(house.look(1, Err(denial())).await.unwrap_err().is_denial());
    assert_eq!(house.known(1), "denied");
    assert!(house.store.jobs.is_empty());
    house.look(1, Ok("{}")).await.unwrap();
    assert_eq!(house.known(1), "job");
    assert!(
        house.store.absent.is_empty(),
        "the denial is forgotten, and how long it lasted"
    );
}

#[tokio::test]
async fn a_thousand_jobs_denied_at_once_are_all_still_there_and_rest() {
    let house = House::new();
    for n in 0..1_000 {
        house.look(n, Ok("{}")).await.unwrap();
    }
    let mut believed = 0;
    for n in 0..1_000 {
        let told = house.look(n, Err(denial())).await.unwrap_err();
        believed += usize::from(told.is_denial());
        assert!(
            told.is_denial() || Cause::of(&told) == Cause::Doubted,
            "{told:?}"
        );
    }
    assert_eq!(believed, 2, "the first two could have been deleted");
    assert_eq!(house.store.jobs.len(), 1_000, "and are given back");
    assert!(house.store.absent.is_empty());
    assert_eq!((house.known(0), house.known(999)), ("job", "job at rest"));
}

#[tokio::test]
async fn in_a_wave_a_job_that_may_not_be_served_any_more_is_denied() {
    let house = House::new();
    for n in 0..9 {
        house.look(n, Ok("{}")).await.unwrap();
    }
    house.clock.advance(3_600 * SECOND + 30 * SECOND);
    for n in 0..9 {
        assert!(house.look(n, Err(denial())).await.unwrap_err().is_denial());
    }
    assert!(house.store.jobs.is_empty());
}

#[tokio::test]
async fn a_job_without_a_body_rests_after_a_failure_but_not_after_a_look_that_was_not_let_out() {
    let house = House::new();
    let spent = Error::BudgetSpent {
        retry_after: 10 * SECOND,
    };
    house.look(1, Err(spent.clone())).await.unwrap_err();
    assert_eq!(house.known(1), "nothing");
    house
        .look(1, Err(Error::not_success("garbage")))
        .await
        .unwrap_err();
    assert_eq!(house.known(1), "failing");
    house.clock.advance(SECOND);
    assert_eq!(house.known(1), "nothing");
    house.look(1, Err(denial())).await.unwrap_err();
    house.look(1, Err(Error::TimedOut)).await.unwrap_err();
    assert_eq!(
        house.known(1),
        "denied",
        "a failure does not make a denial forgotten"
    );
}

#[tokio::test]
async fn what_was_invalidated_while_it_was_fetched_is_not_kept() {
    for said in [Ok("{}"), Err(denial()), Err(Error::TimedOut)] {
        let house = House::new();
        let revoked = Arc::new(AtomicBool::new(true));
        let call = Call::new(job(1), house.clock.now()).unless(revoked);
        let is_job = said.is_ok();
        assert_eq!(
            house.land(call, said).await.result.is_ok(),
            is_job,
            "those who wait are told"
        );
        assert_eq!(house.known(1), "nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_takes_too_long_is_given_up_and_its_job_rests() {
    for (after, known) in [(39, "job"), (41, "failing")] {
        let house = House::new();
        let sent = house.clock.now();
        let upstream = service_fn(move |_: Call| async move {
            tokio::time::sleep(after * SECOND).await;
            Ok::<_, Error>(Judged {
                body: "{}".into(),
                finished: true,
                last_build_time: None,
                sent,
            })
        });
        let fetch = ServiceBuilder::new()
            .layer(around(house.keep.clone()))
            .service(upstream);
        let Ok(_) = fetch.oneshot(Call::new(job(1), sent)).await;
        assert_eq!(house.known(1), known);
    }
}
