//! Keeps what landed: a success is stored before anybody is told of it; a failure is stored nowhere and evicts nothing.

use std::convert::Infallible;
use std::sync::Arc;

use http::HeaderValue;
use tower::{Service, ServiceExt as _};

use super::around::Around;
use super::judge::Judged;
use super::{Call, Landing};
use crate::error::Error;
use crate::policy::freshness::{Lifetime, Lifetimes};
use crate::store::{Entry, Memory, cache_control};

/// Stores successes.
#[derive(Clone)]
pub struct Keep {
    store: Memory,
    lifetimes: Lifetimes,
    /// Of a finished job, and of a running one.
    cache_controls: [HeaderValue; 2],
}

// === impl Keep ===

impl Keep {
    /// Stores into `store` for as long as `lifetimes` say.
    #[must_use]
    pub fn new(store: Memory, lifetimes: Lifetimes) -> Self {
        let cache_controls = [true, false].map(|finished| cache_control(lifetimes.of(finished)));
        Self {
            store,
            lifetimes,
            cache_controls,
        }
    }

    fn entry(&self, judged: &Judged) -> Entry {
        let lifetime = Lifetime {
            sent: judged.sent,
            lifetime: self.lifetimes.of(judged.finished),
        };
        let [finished, running] = &self.cache_controls;
        let cache_control = if judged.finished { finished } else { running };
        Entry::new(&judged.body, cache_control.clone(), lifetime)
    }
}

impl<S> Around<Call, S> for Keep
where
    S: Service<Call, Response = Judged, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Landing;
    type Error = Infallible;

    async fn around(self, call: Call, inner: S) -> Result<Landing, Infallible> {
        let result = inner.oneshot(call.clone()).await.map(|judged| {
            let entry = Arc::new(self.entry(&judged));
            self.store.put(call.job, Arc::clone(&entry));
            entry
        });
        Ok(Landing {
            result,
            story: call.story(),
        })
    }
}
