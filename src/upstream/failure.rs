//! Which of the ways to fail an exchange took. The texts are for the log; they quote no header and no body.

use std::error::Error as StdError;
use std::iter::successors;

use http::Extensions;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::CaptureConnection;

use super::connector::Heard;
use crate::error::Error;

/// A fault of our own.
pub(super) fn internal(error: impl StdError) -> Error {
    Error::Internal(error.to_string().into())
}

/// No head came. What matters is whether upstream had begun to answer: if not, a repeat is safe.
pub(super) fn of_request(error: &legacy::Error, connection: &CaptureConnection) -> Error {
    if error.is_connect() {
        Error::Unreachable(chain(error).into())
    } else if was_never_sent(error) || !has_answered(connection) {
        Error::ConnectionLost(chain(error).into())
    } else {
        Error::not_success(format!("an unreadable answer: {}", chain(error)))
    }
}

/// The head came, but the body ended early or is not framed as it says.
pub(super) fn of_body(error: &(dyn StdError + 'static)) -> Error {
    Error::not_success(format!("a body cut off: {}", chain(error)))
}

/// hyper cancels a request that it had not begun to write when the connection closed.
fn was_never_sent(error: &legacy::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_canceled)
}

fn has_answered(connection: &CaptureConnection) -> bool {
    let mut extras = Extensions::new();
    if let Some(connected) = connection.connection_metadata().as_ref() {
        connected.get_extras(&mut extras);
    }
    extras.get::<Heard>().is_some_and(Heard::get)
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |&error| error.source())
}

/// The error and its causes on one line; the client's outermost text says nothing, the innermost the most.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.join(": ")
}
