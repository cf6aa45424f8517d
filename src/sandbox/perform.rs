//! From an act to what the client is sent.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::Sandbox;
use super::act::Act;
use super::answer::{recorded, recorded_about, refuse, success};
use super::catalogue::{Example, MISSING_JOB, NEVER_BUILT, another_job, with_status};
use super::refusal::Refusal;
use super::scenario::Choice;
use super::standing::Standing;
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
    /// Does to a call for a job what was chosen for it.
    pub(super) fn perform(&self, id: JobId, act: &Act, choice: &Choice) -> Reply {
        match choice.standing(id, Duration::ZERO) {
            Some(Standing::Gone) => return Reply::Answer(recorded(&MISSING_JOB)),
            Some(Standing::NeverBuilt) => return Reply::Answer(recorded_about(&NEVER_BUILT, &id)),
            Some(Standing::Seen(seen)) => return Reply::Answer(success(seen.body())),
            None => {}
        }
        match act {
            Act::WrongId => Reply::Answer(self.about_another(id)),
            Act::Twice => {
                let answers = [self.usual(id), self.about_another(id)];
                let bytes = answers.map(|answer| raw(&answer, End::Silence)).concat();
                Reply::Play(Play::bytes(bytes, End::Silence))
            }
            act => carry(
                act,
                || self.usual(id),
                |example| recorded_about(example, &id),
            ),
        }
    }

    fn about_another(&self, id: JobId) -> Response<Bytes> {
        self.living(another_job(&id).unwrap_or(id))
    }
}

/// Does to an answer what can be done to any: another one, or the same carried badly. Where another one comes, the usual
/// one is not made.
pub(super) fn carry(
    act: &Act,
    usual: impl FnOnce() -> Response<Bytes>,
    recorded: impl Fn(&'static Example) -> Response<Bytes>,
) -> Reply {
    let answer = match *act {
        Act::Recorded(name) => name.example().map_or_else(usual, recorded),
        Act::Status(status) => with_status(status.0).map_or_else(|| empty(status.0), recorded),
        Act::Throttle { requests, window } => refuse(&Refusal::Throttled {
            requests,
            window: window.0,
        }),
        Act::NotJson => success(Bytes::from_static(NOT_JSON)),
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
        Act::NotHttp => return Reply::Play(Play::bytes(NOT_HTTP, End::Close)),
        // what these do is in the answer already
        Act::Usual
        | Act::State(_)
        | Act::States(_)
        | Act::Missing
        | Act::Vanish(_)
        | Act::WrongId
        | Act::Twice
        | Act::Old(_)
        | Act::Ahead(_)
        | Act::Without(_)
        | Act::Unsorted
        | Act::ShortPage
        | Act::Total(_)
        | Act::OtherForm => usual(),
    };
    Reply::Answer(answer)
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
