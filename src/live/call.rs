//! One authorised call, and how it failed if there was no answer.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tower::ServiceExt as _;

use super::brief;
use super::tell::{Told, Verdict};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::{ClockOff, Error};
use crate::policy::diagnosis::{Advice, Finding, Heard, Held, find};
use crate::policy::failure::{code_of, text_of};
use crate::policy::skew;
use crate::upstream::{Answer, Upstream};

/// The client of the upstream, with its credential.
pub(super) struct Caller {
    pub(super) upstream: Upstream,
    pub(super) credential: Arc<Credential>,
    pub(super) clock: Clock,
}

/// An answer.
pub(super) struct Called {
    pub(super) answer: Answer,
    took: Duration,
    /// How far our clock is off upstream's, if the answer tells a time.
    pub(super) clock_off: Option<ClockOff>,
}

// === impl Caller ===

impl Caller {
    /// Asks once.
    pub(super) async fn get(&self, path: &str) -> Result<Called, Told> {
        self.ask(path).await.map_err(|error| failed(&error))
    }

    async fn ask(&self, path: &str) -> Result<Called, Error> {
        let request = Request::get(path).body(());
        let mut request = request.map_err(|error| Error::Internal(error.to_string().into()))?;
        let (host, wall) = (self.upstream.host(), self.clock.wall());
        self.credential.authorise(&mut request, host, wall)?;
        let answer = self.upstream.clone().oneshot(request).await?;
        let id = answer.request_id.as_deref().unwrap_or_default();
        if self.credential.echoed_in(&answer.body) || self.credential.echoed_in(id.as_bytes()) {
            return Err(Error::not_success(
                "the answer shows the central credential",
            ));
        }
        let took = self.clock.now().saturating_duration_since(answer.sent);
        let clock_off = answer
            .date
            .and_then(|date| skew::off(self.clock.wall(), date, took));
        Ok(Called {
            answer,
            took,
            clock_off,
        })
    }
}

// === impl Called ===

impl Called {
    /// Which trouble it tells of, if it is no success.
    pub(super) fn finding(&self, held: Held) -> Finding {
        let (code, text) = (code_of(&self.answer.body), text_of(&self.answer.body));
        let heard = Heard {
            status: self.answer.status,
            code: code.as_deref(),
            text: text.as_deref(),
        };
        find(&heard, held, self.clock_off)
    }

    /// What upstream said, on one line: `401 APIGW.0307 "The token must be updated." in 40ms (request id 0a1b)`.
    pub(super) fn said(&self) -> String {
        let body = &self.answer.body;
        let code = code_of(body).map_or_else(String::new, |code| format!(" {code}"));
        let text = text_of(body).map_or_else(String::new, |text| format!(" \"{text}\""));
        let id = self.answer.request_id.as_deref();
        let id = id.map_or_else(String::new, |id| format!(" (request id {id})"));
        format!(
            "{}{code}{text} in {}{id}",
            self.answer.status,
            brief(self.took)
        )
    }

    /// The limits that its head names, to be told beside the rest.
    pub(super) fn limits(&self) -> String {
        let told = self.answer.limits.told.iter();
        told.map(|limit| format!("; upstream's limit is {limit}"))
            .collect()
    }
}

fn failed(error: &Error) -> Told {
    let advice = match error {
        Error::Unreachable(_) => Advice::new(
            "No connection this time, although there was one a moment ago.",
            "Check again; if it comes and goes, look at the network between here and there.",
        ),
        Error::ConnectionLost(_) => Advice::new(
            "The connection was lost before upstream answered.",
            "Check again; if it stays, something on the way (a firewall, a proxy) cuts connections off.",
        ),
        Error::TimedOut => Advice::new(
            "Upstream does not answer within upstream.timeout. Whether it counted the call is not known.",
            "Check again; if it stays, make upstream.timeout longer.",
        ),
        Error::CredentialUnavailable(_) => Advice::new(
            "The credential cannot be read any more.",
            "Set what is named above.",
        ),
        Error::NotSuccess { .. } => Advice::new(
            "The answer cannot be one of the API: it is encoded, cut off, too large, or shows the credential.",
            "Check upstream.endpoint, and whether a proxy on the way changes answers.",
        ),
        _ => Advice::new(
            "The call could not be made.",
            "The words above say why; this is most likely a fault of jobgate.",
        ),
    };
    (error.to_string(), Verdict::Failed(advice))
}
