//! Acts by job id: `fault`, the name of the act, its parameters, and zeros up to the 32 characters of an id.
//!
//! Only acts that make sense without a rule have one: a recorded answer has its own id, a script of states does not fit.

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};

use super::{Act, At, Pause, Size, State, Status};
use crate::policy::job::JobId;

/// What the ids of acts begin with.
const PREFIX: &str = "fault";

/// Reads the parameters of an act.
type Reader = fn(&str) -> Option<Act>;

/// True for an id that claims to name an act. One that names none is a slip, and no job either.
pub(in crate::sandbox) fn is_act_id(id: &JobId) -> bool {
    id.as_str().starts_with(PREFIX)
}

// === impl Act ===

impl Act {
    /// The act that an id names.
    pub(in crate::sandbox) fn of_id(id: &JobId) -> Option<Self> {
        let text = id.as_str().strip_prefix(PREFIX)?.trim_end_matches('0');
        let act = match text {
            "missing" => Self::Missing,
            "wrongid" => Self::WrongId,
            "notjson" => Self::NotJson,
            "redirect" => Self::Redirect,
            "encoded" => Self::Encoded,
            "interim" => Self::Interim,
            "twice" => Self::Twice,
            "nothttp" => Self::NotHttp,
            other => return with_parameters(other),
        };
        Some(act)
    }
}

/// Tells the act by its name and reads the rest of the text as its parameters.
fn with_parameters(text: &str) -> Option<Act> {
    let readers: [(&str, Reader); 10] = [
        ("status", |rest| status(rest).map(Act::Status)),
        ("state", |rest| state(rest).map(Act::State)),
        ("vanish", |rest| pause(rest).map(Act::Vanish)),
        ("throttle", throttle),
        ("delay", |rest| pause(rest).map(Act::Delay)),
        ("drip", drip),
        ("cut", |rest| at(rest).map(Act::Cut)),
        ("reset", |rest| at(rest).map(Act::Reset)),
        ("silence", |rest| at(rest).map(Act::Silence)),
        ("huge", |rest| {
            Size::try_from(rest.to_owned()).ok().map(Act::Huge)
        }),
    ];
    readers
        .iter()
        .find_map(|(name, read)| read(text.strip_prefix(name)?))
}

/// `10per1m`
fn throttle(text: &str) -> Option<Act> {
    let (requests, window) = text.split_once("per")?;
    Some(Act::Throttle {
        requests: requests.parse().ok()?,
        window: pause(window)?,
    })
}

/// `body10ms`
fn drip(text: &str) -> Option<Act> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (point, time) = text.split_at_checked(digits)?;
    Some(Act::Drip {
        at: at(point)?,
        pause: pause(time)?,
    })
}

/// Three digits, of which zeros at the end are gone with those that fill up the id.
fn status(text: &str) -> Option<Status> {
    let number: u16 = format!("{text:0<3}").parse().ok()?;
    Status::try_from(number).ok()
}

fn pause(text: &str) -> Option<Pause> {
    Pause::try_from(text.to_owned()).ok()
}

fn at(word: &str) -> Option<At> {
    At::deserialize(reader(word)).ok()
}

fn state(word: &str) -> Option<State> {
    let word = if word == "neverbuilt" {
        "never_built"
    } else {
        word
    };
    State::deserialize(reader(word)).ok()
}

fn reader(word: &str) -> StrDeserializer<'_, Error> {
    word.into_deserializer()
}
