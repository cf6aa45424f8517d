//! What the sandbox does with a call, out of a closed list: the answer as usual, another answer, or a fault of the wire.
//!
//! An act is named by a job id ([`Act::of_id`], the form is in `id`) or by a rule of a scenario file (`do = …`, read by
//! serde). [`ROWS`] documents each in both forms; the page for users is made from it. How an act is carried out is in
//! `perform` and `wire`.

mod id;
mod rows;
mod scope;
mod script;
mod values;

use serde::Deserialize;

pub(super) use self::id::is_act_id;
pub(super) use self::rows::{ROWS, Row, SAME, name_in};
pub(super) use self::scope::Scope;
pub(super) use self::script::{Script, State};
pub(super) use self::values::{At, Field, MAX_PAUSE, Pause, Recorded, Size, Status, bounded_time};

/// What is done with a call that passed the credential check and the throttle.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Act {
    /// As without a scenario.
    Usual,

    // another answer
    /// A job in one state, for good.
    State(State),
    /// A job led through states.
    States(Script),
    /// No such job.
    Missing,
    /// A job that lives for so long, then no such job.
    Vanish(Pause),
    /// A recorded answer.
    Recorded(Recorded),
    /// An error of this status.
    Status(Status),
    /// Throttled although the quota is not spent.
    Throttle {
        /// Calls, as the text says.
        requests: u32,
        /// The window, as the text says.
        window: Pause,
    },
    /// A success about another job.
    WrongId,
    /// Status 200, and no JSON.
    NotJson,
    /// To another host.
    Redirect,
    /// A body labelled as compressed.
    Encoded,

    // a list
    /// Its jobs as they were so long ago.
    Old(Pause),
    /// Its jobs built so much later than they were.
    Ahead(Pause),
    /// Its jobs without a field.
    Without(Field),
    /// In an order that nobody asked for.
    Unsorted,
    /// With gaps: fewer items than there are.
    ShortPage,
    /// A wrong number of jobs.
    Total(u64),
    /// In the form of the other list call.
    OtherForm,

    // the usual answer, carried badly
    /// Late.
    Delay(Pause),
    /// Whole up to a point, then byte by byte.
    Drip {
        /// The point.
        at: At,
        /// Before each byte.
        pause: Pause,
    },
    /// Up to a point, then the connection is closed.
    Cut(At),
    /// Up to a point, then the connection is reset.
    Reset(At),
    /// Up to a point, then nothing on an open connection.
    Silence(At),
    /// Filled up to a size with spaces before the job.
    Huge(Size),
    /// After an interim answer.
    Interim,
    /// Followed by an answer that nobody asked for.
    Twice,
    /// Not at all: what comes is another protocol.
    NotHttp,
}

#[cfg(test)]
mod tests;
