//! What the file can say and this version cannot do: refused by name, never ignored.
//!
//! This is the one list. Because of it one default is quieter than it will be: `server.max_wait` is `"0s"` (no long
//! polls). A default that would have to be refused is no default.

use std::fmt;

/// A feature by name, and what to write in its place.
#[derive(Debug)]
pub(super) struct Unavailable {
    feature: &'static str,
    instead: &'static str,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feature, instead } = self;
        write!(f, "not available in this version: {feature}; {instead}")
    }
}

/// The list, as constants.
macro_rules! unavailable {
    ($($name:ident: $feature:literal, $instead:literal;)+) => {$(
        pub(super) const $name: Unavailable = Unavailable { feature: $feature, instead: $instead };
    )+};
}

unavailable! {
    LONG_POLLS: "long polls", "use \"0s\"";
    FORWARDED_FOR: "believing X-Forwarded-For", "leave it out";
    PROXY: "a proxy to upstream", "leave it out";
    STORE: "stores other than memory", "use \"memory\"";
    WATCH: "reloading", "use false and restart to apply a change";
}
