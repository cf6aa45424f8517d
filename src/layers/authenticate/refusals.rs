//! Tells of requests that name no client: all of them as a number, a few of them in the log.
//!
//! Somebody tries keys, or a tool still sends an old one: either can come a thousand times a second, so the log gets one line a
//! second, after a few at once. What was presented is named by its fingerprint, as keys are elsewhere.

use super::Keyring;
use crate::clock::Clock;
use crate::credential::ClientSecrets;
use crate::error::Error;
use crate::layers::Exchange;
use crate::limiter::Sample;
use crate::policy::client::{Fingerprint, MAX_KEY_BYTES, Proof, presented};
use crate::telemetry::metrics::RefusalMetrics;

pub(super) struct Refusals {
    metrics: RefusalMetrics,
    sample: Sample,
}

// === impl Refusals ===

impl Refusals {
    pub(super) fn new(metrics: RefusalMetrics, clock: &Clock) -> Self {
        Self {
            metrics,
            sample: Sample::new(clock),
        }
    }

    pub(super) fn tell(&self, exchange: &Exchange, keyring: &Keyring, error: &Error) {
        self.metrics.refused(error);
        let Some(untold) = self.sample.take() else {
            return;
        };
        let presented = presented(&exchange.head.headers);
        let (client, fingerprint) = match presented.map(|presented| presented.proof) {
            Some(Proof::Key(bytes)) => (None, fingerprint(bytes)),
            Some(Proof::Signature(value)) => {
                let access_key = ClientSecrets::access_key(value);
                let client = access_key.and_then(|name| keyring.named(name));
                let stranger = access_key.filter(|_| client.is_none());
                (client, stranger.and_then(|key| fingerprint(key.as_bytes())))
            }
            // a foreign scheme may carry somebody's password, which could be guessed by its fingerprint
            Some(Proof::Foreign | Proof::Doubled) | None => (None, None),
        };
        let reason = reason(error, client.is_some());
        tracing::info!(
            header = presented.map(|presented| presented.header),
            key.fingerprint = fingerprint.map(tracing::field::display),
            client,
            peer = exchange.peer.as_deref(),
            request.id = exchange.id.as_str(),
            reason,
            untold,
            "client refused"
        );
    }
}

/// In the operator's words: what a client is told is advice for the client, and does not say whether its name is known.
fn reason(error: &Error, is_client: bool) -> String {
    match (ClientSecrets::is_no_match(error), is_client) {
        (true, true) => "wrong secret or changed request".to_owned(),
        (true, false) => "no client of this name".to_owned(),
        (false, _) => error.to_string(),
    }
}

/// Of nothing that is not even hashed when a key is looked for.
fn fingerprint(presented: &[u8]) -> Option<Fingerprint> {
    let is_readable = presented.len() <= MAX_KEY_BYTES;
    is_readable.then(|| Fingerprint::of(presented))
}
