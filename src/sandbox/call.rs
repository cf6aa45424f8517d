//! One call, from its head to its answer, in the order in which upstream's parts see it.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::Sandbox;
use super::act::{Act, is_act_id};
use super::answer::{guide_answer, recorded, refuse};
use super::catalogue::MALFORMED_ID;
use super::perform::Reply;
use super::refusal::Refusal;
use super::scenario::Choice;
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
        let answer = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => self.call(&head, &body.to_bytes()),
            Err(_) => Err(Refusal::TooLarge), // or the caller is gone, and will not read this
        };
        self.count(&answer);
        match answer.unwrap_or_else(|refusal| Reply::Answer(refuse(&refusal))) {
            Reply::Answer(answer) => Ok(answer.map(Full::new)),
            Reply::Late(answer, time) => {
                stop.run_until_cancelled(tokio::time::sleep(time)).await;
                Ok(answer.map(Full::new))
            }
            Reply::Play(play) => Err(play),
        }
    }

    /// The API gateway, and behind it the build service.
    fn call(&self, head: &Parts, body: &[u8]) -> Result<Reply, Refusal> {
        let segment = job_segment(head.uri.path()).ok_or(Refusal::NoSuchApi)?;
        if head.method != Method::GET {
            return Err(Refusal::NoSuchMethod);
        }
        self.authenticate(head, body)?;
        self.withdraw()?; // the policy is the user's: a caller who is nobody has no quota to spend
        Ok(self.job(segment))
    }

    fn withdraw(&self) -> Result<(), Refusal> {
        let now = self.0.clock.now();
        let quota = &mut self.state().quota;
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
        let mut choice = state.scenario.choose(&id, now);
        choice.act = choice.act.or_else(|| Act::of_id(&id));
        state.stats.acts += u64::from(choice.act.is_some());
        choice
    }

    fn count(&self, answer: &Result<Reply, Refusal>) {
        let mut state = self.state();
        state.stats.requests += 1;
        match answer.as_ref().map_err(Refusal::status) {
            Ok(_) => state.stats.answered += 1,
            Err(StatusCode::UNAUTHORIZED) => state.stats.unauthorised += 1,
            Err(StatusCode::TOO_MANY_REQUESTS) => state.stats.throttled += 1,
            Err(_) => {}
        }
    }
}

/// The id in `/v1/job/{job_id}/info`; `None` for every other path: nothing else is published here.
fn job_segment(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/job/")?
        .strip_suffix("/info")
        .filter(|segment| !segment.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::job_segment;

    #[test]
    fn only_the_one_path_is_published() {
        for (path, segment) in [
            ("/v1/job/abc/info", Some("abc")),
            ("/v1/job//info", Some("")),
            ("/v1/job/%2F/info", Some("%2F")),
            ("/v1/job/a/b/info", None),
            ("/v1/job/info", None),
            ("//v1/job/abc/info", None),
            ("/v1/job/abc/info/", None),
            ("/v1/job/abc/status", None),
            ("/v2/job/abc/info", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(job_segment(path), segment, "{path}");
        }
    }
}
