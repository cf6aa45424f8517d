//! The made-up upstream: answers as its mood is, or as it is told; the model sees every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use http::Request;
use tokio::sync::oneshot;
use tower::Service;

use jobgate::clock::Clock;
use jobgate::error::Error;
use jobgate::upstream::Answer;

use crate::model::{Shared, job_id, lock};
use crate::said::Said;

tokio::task_local! {
    /// The fetch that a call is made for. Nothing of it can be seen in the call itself.
    pub(crate) static FETCH: usize;
}

/// A double of [`jobgate::upstream::Upstream`].
#[derive(Clone)]
pub(crate) struct Upstream {
    model: Shared,
    clock: Clock,
    timeout: Duration,
    desk: Arc<Mutex<Desk>>,
}

struct Desk {
    mood: (Said, Duration),
    /// Calls that are out, the earliest first.
    open: BTreeMap<usize, oneshot::Sender<Said>>,
}

/// Tells the model if a call is given up.
struct Watch {
    model: Shared,
    number: usize,
}

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(model: Shared, clock: Clock, timeout: Duration) -> Self {
        let mood = (Said::Job { finished: true }, Duration::from_millis(200));
        let desk = Desk {
            mood,
            open: BTreeMap::new(),
        };
        Self {
            model,
            clock,
            timeout,
            desk: Arc::new(Mutex::new(desk)),
        }
    }

    /// From now on it answers so, after so long.
    pub(crate) fn set_mood(&self, said: Said, after: Duration) {
        self.with_desk(|desk| desk.mood = (said, after));
    }

    /// Answers one of the calls that are out.
    pub(crate) fn answer(&self, nth: usize, said: Said) {
        self.with_desk(|desk| {
            let number = desk.open.keys().nth(nth).copied();
            if let Some(call) = number.and_then(|number| desk.open.remove(&number)) {
                let _ = call.send(said); // fails only for a call that was given up, which the model has seen
            }
        });
    }

    async fn take(self, request: Request<()>) -> Result<Answer, Error> {
        let (fetch, sent) = (FETCH.get(), self.clock.now());
        let number = lock(&self.model).call_sent(request.uri().path(), fetch, sent);
        let _watch = Watch {
            model: Arc::clone(&self.model),
            number,
        };
        let (answer, told) = oneshot::channel();
        let (mood, after) = self.with_desk(|desk| {
            desk.open.insert(number, answer);
            desk.mood
        });
        let told = tokio::time::timeout(after.min(self.timeout), told).await;
        self.with_desk(|desk| desk.open.remove(&number));
        let said = match told {
            Ok(said) => said.unwrap_or(Said::Silence),
            Err(_) if after < self.timeout => mood,
            Err(_) => Said::Silence,
        };
        let said = self.wait_out(said, sent).await;
        let now = self.clock.now();
        let mut model = lock(&self.model);
        model.call_ended(number, said, now);
        said.on_the_wire(job_id(model.calls[number].job), number, sent)
    }

    /// Silence lasts until the time-out.
    async fn wait_out(&self, said: Said, sent: Instant) -> Said {
        if said == Said::Silence {
            let waited = self.clock.now() - sent;
            tokio::time::sleep(self.timeout.saturating_sub(waited)).await;
        }
        said
    }

    fn with_desk<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        act(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service<Request<()>> for Upstream {
    type Response = Answer;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Answer, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        Box::pin(self.clone().take(request))
    }
}

// === impl Watch ===

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.model).call_dropped(self.number);
    }
}
