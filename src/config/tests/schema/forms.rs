//! The forms of texts as patterns. Each says what a parser in `item` or a check of a section says; the tests compare them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::super::super::item::{Item, Pace, Rate, Size, SocketOrOff, Time};
use super::super::super::limits;
use super::super::super::upstream::REGIONS;

const SOCKET: &str = r"([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]):[0-9]{1,5}";

const HOST: &str = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])";
const PORT: &str =
    "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";

/// The form of a key whose type is only a text or a list of texts.
pub(super) fn of_key(path: &str) -> Option<Value> {
    let pattern = |pattern: &str| Some(json!({ "pattern": pattern }));
    match path {
        "server.listen" => pattern(&format!("^{SOCKET}$")),
        "server.base_path" => {
            Some(json!({ "pattern": "^(/[A-Za-z0-9._~-]+)*$", "maxLength": 256 }))
        }
        "server.allowed_hosts" | "admin.allowed_hosts" => {
            Some(json!({ "items": { "type": "string", "pattern": format!("^{HOST}(:{PORT})?$") } }))
        }
        "upstream.region" => Some(json!({ "enum": REGIONS })),
        "upstream.endpoint" | "upstream.credential.iam_endpoint" => {
            pattern("^[Hh][Tt][Tt][Pp][Ss]?://[^@/?#]+/?$")
        }
        "upstream.credential.project_id" => pattern("^[A-Za-z0-9_-]{1,64}$"),
        "upstream.credential.metadata_endpoint" => pattern("^[Hh][Tt][Tt][Pp]://[^@/?#]+/?$"),
        "clients.jobs" => Some(json!({
            "items": { "type": "string", "pattern": "^[0-9A-Za-z]{32}$" },
            "minItems": 1,
            "maxItems": limits::CLIENT_JOBS,
        })),
        "budget.sweep.projects" => Some(json!({
            "items": { "type": "string", "pattern": "^[0-9A-Za-z]{32}$" },
            "maxItems": limits::PROJECTS,
            "uniqueItems": true,
        })),
        "clients.name" => pattern("^([A-Za-z0-9._]|[A-Za-z0-9._-]{2,64})$"),
        "clients.key_sha256" => Some(json!({
            "items": { "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" },
            "minItems": 1,
        })),
        _ if path.ends_with("_env") => pattern("^[A-Z_][A-Z0-9_]*$"),
        _ => None,
    }
}

/// A type whose values are texts of one form.
macro_rules! texts {
    ($($type:ty => $pattern:expr;)+) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )+};
}

texts! {
    Time => concat!(
        r"^(0|\s*([0-9]+(\.[0-9]+)?\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m",
        r"|hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|M|years?|yrs?|y)\s*)+)$",
    );
    Size => r"^([0-9]+|[0-9]+(\.[0-9]+)?\s*([KkMmGgTtPpEe][Ii]?[Bb]?|[Bb]))$";
    Rate => "^0*([0-9]{1,4}|10000)/[smh]$";
    Pace => "^0*([1-9][0-9]{0,3}|10000)/[smh]$";
    SocketOrOff => format!("^({SOCKET})?$");
}

/// What a key holds is what is expected of it.
impl<T: JsonSchema> JsonSchema for Item<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
