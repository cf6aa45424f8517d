//! The real request path, all of it, over the made-up upstream; and the hands that make the steps happen.
//!
//! Everything runs on one thread over tokio's paused time, which jumps to the next timer whenever nothing is left to do. So
//! hours pass in microseconds, every timer fires at its exact moment and in order, and a step is over when all that
//! follows from it at once has happened.

mod wiring;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Request;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinSet};
use tower::util::{BoxCloneSyncService, ServiceExt as _};

use jobgate::clock::Clock;
use jobgate::layers::collapse::Collapse;
use jobgate::layers::fetch::gate::Gate;
use jobgate::layers::{Exchange, Written};
use jobgate::policy::cost::Cost;
use jobgate::policy::request_id::RequestId;
use jobgate::store::{Store, Stored};
use jobgate::telemetry::metrics::RequestMetrics;

use crate::answer::Answer;
use crate::model::{Model, Shared, Tally, Trigger, job_id, lock};
use crate::promises::Crowd;
use crate::step::{JOBS, Step, Wish};
use crate::terms::Terms;
use crate::upstream::Upstream;
use wiring::key_of;

/// The least that passes with a step: what follows from it at once has happened by then.
const MOMENT: Duration = Duration::from_millis(1);

/// The request path, boxed.
type Requests = BoxCloneSyncService<Arc<Exchange>, Written, Infallible>;

/// The gateway and what surrounds it.
pub(crate) struct House {
    requests: Requests,
    collapse: Collapse,
    /// Whoever waits pays.
    payers: RequestMetrics,
    store: Store,
    gate: Gate,
    upstream: Upstream,
    model: Shared,
    clock: Clock,
    tasks: JoinSet<()>,
    /// Those who wait: the number of the request, and how to make it hang up.
    waiting: Vec<(usize, AbortHandle)>,
}

/// Runs the steps and says which promise was not kept.
pub(crate) fn run(terms: Terms, steps: &[Step]) -> Result<Tally, String> {
    let clock = Clock::manual();
    let runtime = runtime(&clock);
    runtime.block_on(async {
        let mut house = House::new(terms, clock);
        for step in steps {
            house.take(step).await?;
        }
        house.close().await
    })
}

/// A runtime of paused time, which the gateway's clock follows: it is moved when the runtime has let time pass and nothing
/// has run yet.
fn runtime(clock: &Clock) -> Runtime {
    let follower = clock.clone();
    let start = clock.now();
    let origin = OnceLock::new();
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_unpark(move || {
            #[expect(
                clippy::disallowed_methods,
                reason = "the gateway's clock is made to follow it"
            )]
            let now = tokio::time::Instant::now();
            let passed = now - *origin.get_or_init(|| now);
            follower.advance(passed.saturating_sub(follower.now() - start));
        })
        .build()
        .unwrap()
}

// === impl House ===

impl House {
    /// Makes a step happen, and all that follows from it at once.
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let now = self.clock.now();
        match *step {
            Step::Ask {
                client,
                job,
                wish,
                herd,
            } => {
                for job in job.map_or(0..JOBS, |job| job..job + 1) {
                    lock(&self.model).expect_fetch(job, Trigger::Client { client, wish });
                    for _ in 0..herd {
                        self.ask(client, job, wish);
                    }
                }
            }
            Step::HangUp { nth } => self.hang_up(nth),
            Step::Pass(time) => tokio::time::sleep(time).await,
            Step::Mood { said, after } => self.upstream.set_mood(said, after),
            Step::Answer { nth, said } => self.upstream.answer(nth, said),
            Step::Invalidate { job: Some(job) } => {
                self.collapse.revoke(Some(&job_id(job)));
                self.store.invalidate(job_id(job), now);
                lock(&self.model).invalidated(Some(job));
            }
            Step::Invalidate { job: None } => {
                self.collapse.revoke(None);
                self.store.invalidate_all(now);
                lock(&self.model).invalidated(None);
            }
            Step::Pause(paused) => {
                self.gate.pause(paused);
                lock(&self.model).paused(paused, now);
            }
            Step::Look { job } => {
                lock(&self.model).expect_fetch(job, Trigger::Operator);
                let collapse = self.collapse.clone();
                self.tasks.spawn(async move {
                    collapse.look(job_id(job)).await;
                });
            }
        }
        tokio::time::sleep(MOMENT).await;
        lock(&self.model).expect_no_fetch();
        self.look_around();
        lock(&self.model).verdict()
    }

    fn ask(&mut self, client: usize, job: usize, wish: Wish) {
        let (requests, clock, model) = (
            self.requests.clone(),
            self.clock.clone(),
            Arc::clone(&self.model),
        );
        let collapse = self.collapse.clone();
        let number = lock(&model).asked(client, job, wish, clock.now());
        let exchange = Arc::new(exchange(number, client, job, wish, &clock));
        let task = self.tasks.spawn(async move {
            lock(&model).arrived(number);
            let Ok(written) = requests.oneshot(exchange).await;
            let crowd = Crowd {
                is_flying: collapse.is_flying(&job_id(job)),
                flights: collapse.flights(),
                waiting: collapse.waiting(),
            };
            lock(&model).answered(number, &Answer::read(written), crowd, clock.now());
        });
        self.waiting.push((number, task));
    }

    fn hang_up(&mut self, nth: usize) {
        if nth < self.waiting.len() {
            let (_, task) = self.waiting.remove(nth);
            task.abort();
        }
    }

    /// What must be so whenever nothing is left to do.
    fn look_around(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        let (now, mut model) = (self.clock.now(), lock(&self.model));
        self.waiting
            .retain(|(number, _)| !model.requests[*number].answered);
        for (number, _) in &self.waiting {
            let waited = now - model.requests[*number].asked;
            let in_time = waited <= model.terms.patience + MOMENT;
            model.check(in_time, || format!("request {number} waits for {waited:?}"));
        }
        let (waiting, seats) = (self.waiting.len(), self.collapse.waiting());
        model.check(waiting == seats, || {
            format!("{seats} seats are taken by {waiting} who wait")
        });
        let (runs, flying) = (self.collapse.flights(), model.flying().count());
        model.check(runs == flying, || {
            format!("{runs} fetches are said to run, and {flying} do")
        });
        let (told, remaining) = (
            self.gate.status().job.standing.remaining,
            model.quota.remaining(now),
        );
        model.check(told == remaining, || {
            format!("{told} calls are said to be left, and {remaining} are")
        });
        let (stored, kept) = (self.store.jobs.len(), model.beliefs.kept());
        model.check(stored == kept as u64, || {
            format!("{stored} jobs are stored, and {kept} should be")
        });
        for job in 0..JOBS {
            let stored = self.store.look_up(&job_id(job), now).stored;
            judge_stored(&mut model, job, stored);
        }
    }

    /// Whatever happened, after the longest time that anything may take nobody waits, and nothing runs.
    async fn close(mut self) -> Result<Tally, String> {
        let (patience, timeout) = {
            let terms = lock(&self.model).terms;
            (terms.patience, terms.timeout)
        };
        self.take(&Step::Pass(patience + timeout)).await?;
        let mut model = lock(&self.model);
        let nobody = self.waiting.is_empty() && self.collapse.waiting() == 0;
        model.check(nobody, || "somebody waits for ever".to_owned());
        let (out, flights) = (model.quota.out(), self.collapse.flights());
        model.check(out + flights == 0, || {
            format!("{out} calls and {flights} fetches never end")
        });
        let (paid, made) = (
            self.payers.usage().paid + self.payers.gateway_paid(),
            Cost::of_calls(model.calls_made()),
        );
        model.check(paid == made, || {
            format!("{paid:?} was paid for {made:?} in all")
        });
        model.over = true;
        model.verdict()?;
        Ok(std::mem::take(&mut model.seen))
    }
}

/// What is stored must be what the history says.
fn judge_stored(model: &mut Model, job: usize, stored: Option<Stored>) {
    let belief = *model.beliefs.of(job);
    let is_right = match &stored {
        Some(Stored::Job(entry)) => {
            belief.kept.is_some() && belief.kept == model.by_body.get(entry.body()).copied()
        }
        Some(Stored::Denied(_)) => belief.kept.is_none() && belief.denial.is_some(),
        None => belief.kept.is_none() && belief.denial.is_none(),
    };
    model.check(is_right, || {
        format!("of job {job} is stored {stored:?}, and believed {belief:?}")
    });
}

fn exchange(number: usize, client: usize, job: usize, wish: Wish, clock: &Clock) -> Exchange {
    let mut request = Request::get(job_id(job).info_path())
        .header("host", "gateway")
        .header("x-api-key", key_of(client));
    if let Some(wish) = wish.header() {
        request = request.header("cache-control", wish);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    Exchange::new(
        RequestId::numbered(0, number as u64),
        head,
        false,
        clock.now(),
    )
}
