//! Is upstream's answer to a list call a page? Then it is read; else it is told which failure it is. The request is built from
//! nothing but what is swept.
//!
//! [`PayList`] pays for the call at the gate, as [`pay`](super::pay) does for jobs.
//!
//! Deliberately not here: what a page's items are worth (see [`policy::sweep`](crate::policy::sweep)).

use std::time::{Duration, Instant};

use http::Request;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

use super::around::Around;
use super::authorise::Authorised;
use super::gate::Gate;
use super::judge::heard;
use super::pay::{ending, refusal};
use crate::error::Error;
use crate::policy::failure;
use crate::policy::limit::{Api, Heard};
use crate::policy::sweep::{Page, Source};
use crate::telemetry::metrics::{CallResult, UpstreamMetrics};

/// The stack of a list call, boxed: it is made a few times a minute.
pub type List = BoxCloneSyncService<ListRequest, Listed, Error>;

const OK: u16 = 200;
const UNAUTHORISED: u16 = 401;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// What is swept.
    pub source: Source,
    /// The page, from 0.
    pub page_index: u32,
}

/// A page, and when it was sent for.
#[derive(Debug)]
pub struct Listed {
    /// The page.
    pub page: Page,
    /// When the call was sent.
    pub sent: Instant,
}

/// What a list call has brought.
#[derive(Debug)]
pub struct ListAnswer {
    /// The page, or which failure it is.
    pub listed: Result<Listed, Error>,
    /// What the answer says of limits.
    pub heard: Heard,
}

/// Judges answers to list calls.
#[derive(Clone, Copy, Debug)]
pub struct JudgeList {
    window: Duration,
}

// === impl JudgeList ===

impl JudgeList {
    /// `window` is how long a throttle lasts that names no window: one of the budget's.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window }
    }

    fn judge(self, authorised: &Authorised) -> ListAnswer {
        let listed = self.page(authorised);
        let heard = heard(&authorised.answer, &listed);
        ListAnswer { listed, heard }
    }

    fn page(self, authorised: &Authorised) -> Result<Listed, Error> {
        let Authorised {
            answer,
            renewed,
            clock,
        } = authorised;
        let (status, sent) = (answer.status, answer.sent);
        let failure = || failure::classify(status, &answer.body, self.window);
        if status != OK {
            return Err(match failure() {
                Error::CredentialRefused(_) if *renewed => Error::CredentialRenewed,
                // it may read jobs and not list them: no reason to keep it from reading
                Error::CredentialRefused(_) if status != UNAUTHORISED => {
                    Error::Misconfigured { status, code: None }
                }
                Error::CredentialRefused(refusal) => {
                    Error::CredentialRefused(refusal.because_of(*clock))
                }
                error => error,
            });
        }
        let page = Page::parse(&answer.body).map_err(|fault| match failure() {
            Error::NotSuccess { code, message, .. } => Error::NotSuccess {
                code,
                message,
                detail: format!("a list: {fault}").into(),
            },
            error => error,
        })?;
        Ok(Listed { page, sent })
    }
}

impl<S> Around<ListRequest, S> for JudgeList
where
    S: Service<Request<()>, Response = Authorised, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = ListAnswer;
    type Error = Error;

    async fn around(self, list: ListRequest, inner: S) -> Result<ListAnswer, Error> {
        let request = Request::get(list.source.path_and_query(list.page_index)).body(());
        let request = request.map_err(|error| Error::Internal(error.to_string().into()))?;
        Ok(self.judge(&inner.oneshot(request).await?))
    }
}

/// Pays for list calls.
#[derive(Clone)]
pub struct PayList {
    gate: Gate,
    timeout: Duration,
    metrics: UpstreamMetrics,
}

// === impl PayList ===

impl PayList {
    /// Pays at `gate`; `timeout` is `upstream.timeout`, after which a call has certainly ended.
    #[must_use]
    pub fn new(gate: Gate, timeout: Duration, metrics: UpstreamMetrics) -> Self {
        Self {
            gate,
            timeout,
            metrics,
        }
    }
}

impl<S> Around<ListRequest, S> for PayList
where
    S: Service<ListRequest, Response = ListAnswer, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Listed;
    type Error = Error;

    async fn around(self, list: ListRequest, inner: S) -> Result<Listed, Error> {
        let mut permit = self.gate.admit(Api::List, self.timeout).await?;
        let listed = match inner.oneshot(list).await {
            Ok(ListAnswer { listed, heard }) => {
                self.metrics.limits_ignored(heard.ignored);
                permit.hear(heard);
                listed
            }
            Err(error) => Err(error),
        };
        permit.blame(refusal(&listed));
        permit.settle(ending(&listed));
        if matches!(listed, Err(Error::CredentialRenewed)) {
            self.gate.renewed();
        }
        if let Some(result) = CallResult::of(&listed) {
            self.metrics.listed(result);
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use http::Request;
    use tower::{Layer as _, ServiceExt as _, service_fn};

    use super::{JudgeList, ListRequest, Listed};
    use crate::clock::Clock;
    use crate::error::Error;
    use crate::layers::fetch::around::around;
    use crate::layers::fetch::authorise::Authorised;
    use crate::policy::cause::Cause;
    use crate::policy::limit::Heard;
    use crate::policy::sweep::Source;
    use crate::upstream::Answer;

    /// What comes of a call that is answered like this, and the requests that went out.
    async fn ask(
        status: u16,
        body: &'static str,
        renewed: bool,
    ) -> (Result<Listed, Error>, Vec<Request<()>>) {
        let sent = Clock::system().now();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let upstream = service_fn(move |request: Request<()>| {
            seen.lock().unwrap().push(request);
            let answer = Answer {
                status,
                request_id: None,
                body: body.into(),
                limits: Heard::default(),
                sent,
                date: None,
            };
            std::future::ready(Ok::<_, Error>(Authorised {
                answer,
                renewed,
                clock: None,
            }))
        });
        let list = ListRequest {
            source: Source::Recent,
            page_index: 1,
        };
        let judge = around(JudgeList::new(Duration::from_secs(60))).layer(upstream);
        let found = judge.oneshot(list).await.and_then(|answer| answer.listed);
        if let Ok(listed) = &found {
            assert_eq!(listed.sent, sent);
        }
        let requests = requests.lock().unwrap().drain(..).collect();
        (found, requests)
    }

    #[tokio::test]
    async fn one_call_goes_out_with_nothing_on_it_but_its_path() {
        let (found, requests) = ask(200, r#"{"result":{"job_list":[],"total":3}}"#, false).await;
        assert_eq!(found.unwrap().page.total, Some(3));
        let [request] = requests.as_slice() else {
            panic!("{} calls", requests.len())
        };
        assert_eq!(request.method(), "GET");
        assert_eq!(
            request.uri(),
            "/v1/job/list?page_index=1&page_size=100&sort_field=last_build_time&sort_order=DESC"
        );
        assert!(request.headers().is_empty());
    }

    #[tokio::test]
    async fn what_is_no_page_is_the_failure_that_it_tells_of() {
        for (status, body, renewed, cause) in [
            (200, "<html>", false, Cause::NotSuccess),
            (200, "{}", false, Cause::NotSuccess),
            (
                200,
                r#"{"jobs":[],"error_code":"CB.1"}"#,
                false,
                Cause::NotSuccess,
            ),
            (
                403,
                r#"{"error_code":"CB.1","error_msg":"no"}"#,
                false,
                Cause::Refused,
            ),
            (
                404,
                r#"{"error_code":"DEV.CB.1","error_msg":"no"}"#,
                false,
                Cause::Refused,
            ),
            (
                429,
                r#"{"error_code":"APIG.0308","error_msg":"no"}"#,
                false,
                Cause::Throttled,
            ),
            (500, "", false, Cause::Failed),
            (401, "{}", false, Cause::Credential),
        ] {
            let (found, requests) = ask(status, body, renewed).await;
            let error = found.unwrap_err();
            assert_eq!(Cause::of(&error), cause, "{status} {body}: {error}");
            assert_eq!(requests.len(), 1, "it is for others to try again");
        }
        let (found, _) = ask(401, "{}", true).await;
        assert!(matches!(found, Err(Error::CredentialRenewed)));
    }
}
