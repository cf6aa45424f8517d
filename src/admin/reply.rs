//! A request's way on this side: is it admitted, what is asked, the answer.

use http::Request;
use hyper::body::Body;

use crate::error::Error;

use super::answer::{Answer, Refusal};
use super::route::{Route, is_api};
use super::{Admin, Ends, act, look, query};

/// Answers a request; its body, if any, is never read. To a `HEAD`, hyper sends the same head without the body.
pub(super) async fn answer<B: Body>(admin: &Admin, ends: Ends, request: &Request<B>) -> Answer {
    let admitted = admit(admin, ends, request);
    let query = request.uri().query();
    // read before the verdict is acted upon, because a refused act is written down as well
    let answered = match Route::of(request.method(), request.uri().path()) {
        Ok(Route::Act(what)) => {
            let admitted = admitted.and_then(|()| query::none(query));
            act::answer(admin, what, ends.peer, admitted).await
        }
        Ok(Route::Look(what)) => match admitted {
            Ok(()) => look::answer(admin, what, query).await,
            Err(error) => Err(error.into()),
        },
        Err(refusal) => Err(admitted.err().map_or(refusal, Refusal::from)),
    };
    answered.unwrap_or_else(Refusal::into_answer)
}

fn admit<B: Body>(admin: &Admin, ends: Ends, request: &Request<B>) -> Result<(), Error> {
    if !request.body().is_end_stream() {
        return Err(Error::UnexpectedBody);
    }
    let needs_token = is_api(request.uri().path());
    let access = &admin.parts.access;
    access.judge(request, ends.reached_at.ip(), needs_token)
}
