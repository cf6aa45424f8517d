//! One call, from its head to its answer, in the order in which upstream's parts see it.

use bytes::Bytes;
use http::header::DATE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::Sandbox;
use super::act::{Act, is_act_id};
use super::answer::{guide_answer, recorded, refuse};
use super::api::Api;
use super::catalogue::MALFORMED_ID;
use super::identity::{Grant, Service};
use super::limits::Limits;
use super::perform::Reply;
use super::refusal::Refusal;
use super::scenario::{Call, Choice};
use super::wire::Play;
use crate::policy::job::JobId;

/// A GET needs no body; one that has one is hashed, since its signature would cover it.
const MAX_BODY_BYTES: usize = 64 * 1024;

impl Sandbox {
    /// Answers one request, or says what is to be played in place of an answer. A late answer is not waited for
    /// once `stop` is given.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
        stop: &CancellationToken,
    ) -> Result<Response<Full<Bytes>>, Play> {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/" && head.method == Method::GET {
            return Ok(guide_answer().map(Full::new));
        }
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map(Collected::to_bytes).ok(); // none: too large, or the caller is gone
        let (reply, limits) = match (Service::at(head.uri.path()), body) {
            (Some(service), Some(body)) => (self.identify(service, &head, &body), None),
            (Some(_), None) => (Reply::Answer(refuse(&Refusal::TooLarge)), None),
            (None, body) => self.call(&head, body),
        };
        let mut answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::Late(answer, time) => {
                stop.run_until_cancelled(tokio::time::sleep(time)).await;
                answer
            }
            Reply::Play(play) => return Err(play),
        };
        if let Some(limits) = limits {
            limits.tell_in(answer.headers_mut());
        }
        self.date(answer.headers_mut());
        Ok(answer.map(Full::new))
    }

    /// Tells the time by the clock that signatures are judged by, which need not be the machine's.
    fn date(&self, headers: &mut HeaderMap) {
        let date = httpdate::fmt_http_date(self.0.clock.wall());
        if let Ok(date) = HeaderValue::from_str(&date) {
            headers.insert(DATE, date); // digits and letters: always a header value
        }
    }

    /// A call of the build API, counted; and what is to be told of its quota.
    fn call(&self, head: &Parts, body: Option<Bytes>) -> (Reply, Option<Limits>) {
        let api = Api::at(head.uri.path());
        let body = body.ok_or(Refusal::TooLarge);
        let answer = body.and_then(|body| self.pass(api, head, &body));
        self.count(api, &answer);
        let limits = self.limits_to_tell(head, api, &answer);
        let reply = answer.unwrap_or_else(|refusal| Reply::Answer(refuse(&refusal)));
        (reply, limits)
    }

    /// The API gateway, and behind it the build service.
    fn pass(&self, api: Option<Api<'_>>, head: &Parts, body: &[u8]) -> Result<Reply, Refusal> {
        let api = api.ok_or(Refusal::NoSuchApi)?;
        if head.method != Method::GET {
            return Err(Refusal::NoSuchMethod);
        }
        match self.authenticate(head, body)? {
            Grant::Project => {}
            Grant::Domain | Grant::Session => return Err(Refusal::ForeignToken),
        }
        self.withdraw(api)?; // the policy is the user's: a caller who is nobody has no quota to spend
        Ok(match api {
            Api::Job(segment) => self.job(segment),
            Api::List(project) => self.list(project, head.uri.query()),
        })
    }

    fn withdraw(&self, api: Api<'_>) -> Result<(), Refusal> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let quota = state.quotas.of(api);
        if quota.admit(now) {
            return Ok(());
        }
        Err(Refusal::Throttled {
            requests: quota.requests(),
            window: quota.window(),
        })
    }

    /// The build service, or what a scenario puts in its place; the id is still as it was sent.
    fn job(&self, segment: &str) -> Reply {
        let Ok(id) = JobId::parse(segment) else {
            return Reply::Answer(recorded(&MALFORMED_ID));
        };
        let choice = self.choose(id);
        match &choice.act {
            Some(act) => self.perform(id, act, &choice),
            None if is_act_id(&id) => Reply::Answer(recorded(&MALFORMED_ID)),
            None => Reply::Answer(self.usual(id)),
        }
    }

    /// What the scenario says of this call, or else its id.
    fn choose(&self, id: JobId) -> Choice {
        let now = self.0.clock.now();
        let mut state = self.state();
        state.calls.count(id);
        let mut choice = state.scenario.choose(Call::Job(&id), now);
        choice.act = choice.act.or_else(|| Act::of_id(&id));
        state.stats.acts += u64::from(choice.act.is_some());
        choice
    }

    fn count(&self, api: Option<Api<'_>>, answer: &Result<Reply, Refusal>) {
        let is_list = u64::from(matches!(api, Some(Api::List(_))));
        let stats = &mut self.state().stats;
        stats.requests += 1;
        match answer.as_ref().map_err(Refusal::status) {
            Ok(_) => {
                stats.answered += 1;
                stats.lists += is_list;
            }
            Err(StatusCode::UNAUTHORIZED) => stats.unauthorised += 1,
            Err(StatusCode::TOO_MANY_REQUESTS) => {
                stats.throttled += 1;
                stats.lists_throttled += is_list;
            }
            Err(_) => {}
        }
    }
}
