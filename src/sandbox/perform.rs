//! From an act to what the client is sent.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::Sandbox;
use super::act::{Act, Script, State};
use super::answer::{job, recorded, recorded_about, refuse};
use super::catalogue::{MISSING_JOB, NEVER_BUILT, another_job, with_status};
use super::life;
use super::refusal::Refusal;
use super::scenario::Choice;
use super::wire::{End, Play, raw};
use crate::policy::job::JobId;

/// What a proxy says, in words, whose backend went away.
const NOT_JSON: &[u8] = b"upstream connect error or disconnect/reset before headers";

/// Another protocol's first line.
const NOT_HTTP: &[u8] = b"SSH-2.0-sandbox\r\n";

/// A well-formed interim answer (RFC 8297).
const INTERIM: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";

/// A name that never resolves (RFC 6761 §6.4): a client that follows it reaches nobody.
const ELSEWHERE: HeaderValue = HeaderValue::from_static("https://sandbox.invalid/");

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Reply {
    /// It is answered.
    Answer(Response<Bytes>),
    /// It is answered after a time.
    Late(Response<Bytes>, Duration),
    /// Something that is no answer comes.
    Play(Play),
}

impl Sandbox {
    /// Does to a call what was chosen for it.
    pub(super) fn perform(&self, id: JobId, act: &Act, choice: &Choice) -> Reply {
        let usual = || self.usual(id);
        let answer = match *act {
            Act::Usual => usual(),
            Act::State(state) => staged(id, &state.into(), choice),
            Act::States(ref script) => staged(id, script, choice),
            Act::Vanish(life) if choice.elapsed < life.0 => usual(),
            Act::Missing | Act::Vanish(_) => recorded(&MISSING_JOB),
            Act::Recorded(name) => name
                .example()
                .map_or_else(usual, |it| recorded_about(it, &id)),
            Act::Status(status) => {
                with_status(status.0).map_or_else(|| empty(status.0), |it| recorded_about(it, &id))
            }
            Act::Throttle { requests, window } => refuse(&Refusal::Throttled {
                requests,
                window: window.0,
            }),
            Act::WrongId => self.about_another(id),
            Act::NotJson => job(Bytes::from_static(NOT_JSON)),
            Act::Redirect => with(empty(StatusCode::FOUND), LOCATION, ELSEWHERE),
            Act::Encoded => with(usual(), CONTENT_ENCODING, HeaderValue::from_static("gzip")),
            Act::Delay(time) => return Reply::Late(usual(), time.0),
            Act::Drip { at, pause } => return Reply::Play(Play::dripping(&usual(), at, pause.0)),
            Act::Cut(at) => return Reply::Play(Play::broken(&usual(), at, End::Close)),
            Act::Reset(at) => return Reply::Play(Play::broken(&usual(), at, End::Reset)),
            Act::Silence(at) => return Reply::Play(Play::broken(&usual(), at, End::Silence)),
            Act::Huge(size) => return Reply::Play(Play::filled(&usual(), size.0)),
            Act::Interim => {
                let bytes = [INTERIM, &raw(&usual(), End::Close)].concat();
                return Reply::Play(Play::bytes(bytes, End::Close));
            }
            Act::Twice => {
                let answers = [usual(), self.about_another(id)].map(|it| raw(&it, End::Silence));
                return Reply::Play(Play::bytes(answers.concat(), End::Silence));
            }
            Act::NotHttp => return Reply::Play(Play::bytes(NOT_HTTP, End::Close)),
        };
        Reply::Answer(answer)
    }

    fn about_another(&self, id: JobId) -> Response<Bytes> {
        self.living(another_job(&id).unwrap_or(id))
    }
}

/// A job where its script has come to.
fn staged(id: JobId, script: &Script, choice: &Choice) -> Response<Bytes> {
    let entered = script.entered(choice.elapsed);
    if let Some((State::NeverBuilt, _)) = entered.last() {
        return recorded_about(&NEVER_BUILT, &id);
    }
    let began = choice.began;
    let phases = entered
        .into_iter()
        .filter_map(|(state, after)| Some((state.phase()?, began + after)));
    job(life::staged(id, began, phases))
}

/// Nothing under a status.
fn empty(status: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

fn with(
    mut answer: Response<Bytes>,
    name: http::HeaderName,
    value: HeaderValue,
) -> Response<Bytes> {
    answer.headers_mut().insert(name, value);
    answer
}
