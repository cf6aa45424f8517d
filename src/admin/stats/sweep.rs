//! What is decided about sweeps, and what they found.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::policy::sweep::{self, Difference, Mode};
use crate::telemetry::metrics::{CallResult, UpstreamMetrics};

/// What is decided about sweeps, and what they found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// `budget.sweep.mode`.
    pub mode: String,
    /// Each list that may be swept; empty with mode `off`.
    pub sources: Vec<Source>,
    /// List calls that ended, since the start.
    pub calls: u64,
    /// The last sweep that ended well.
    pub last: Option<Last>,
    /// Looks that a list had asked for and that found nothing changed, since the start.
    pub contradictions: u64,
    /// What lists get wrong, so that it does not count any more.
    pub ignored: Vec<String>,
}

/// A list that may be swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `all jobs`, or `project` and its id.
    pub name: String,
    /// It is swept.
    pub on: bool,
    /// Why, or why not.
    pub why: String,
    /// When it is tried again; `null` if it is swept.
    pub off_seconds: Option<f64>,
}

/// A sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// How long ago it began.
    pub seconds_ago: f64,
    /// List calls it took.
    pub pages: u32,
    /// Stored answers it proved wrong.
    pub found: u32,
    /// Stored answers it confirmed.
    pub confirmed: u32,
    /// Jobs that were in the list before and are not any more.
    pub vanished: u32,
}

// === impl Sweep ===

impl Sweep {
    pub(super) fn gather(
        (state, now): &(sweep::State, Instant),
        upstream: &UpstreamMetrics,
    ) -> Self {
        let sources = state.decisions.iter().map(|decision| Source {
            name: decision.source.to_string(),
            on: decision.off_until.is_none(),
            why: decision.why.to_string(),
            off_seconds: decision
                .off_until
                .map(|until| until.saturating_duration_since(*now).as_secs_f64()),
        });
        let last = state.last.map(|last| Last {
            seconds_ago: now.saturating_duration_since(last.sent).as_secs_f64(),
            pages: last.pages,
            found: last.found,
            confirmed: last.confirmed,
            vanished: last.vanished,
        });
        Self {
            mode: word(state.mode).to_owned(),
            sources: sources.collect(),
            calls: CallResult::ALL
                .map(|result| upstream.lists(result))
                .iter()
                .sum(),
            last,
            contradictions: state.contradictions,
            ignored: state.ignored.iter().map(difference).collect(),
        }
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "auto",
        Mode::Recent => "recent",
        Mode::Projects => "projects",
        Mode::Off => "off",
    }
}

fn difference(difference: &Difference) -> String {
    match difference {
        Difference::Build => "last_build_time".to_owned(),
        Difference::Running => "running_status".to_owned(),
        Difference::Field(field) => field.as_str().to_owned(),
        Difference::Vanished => "vanished".to_owned(),
    }
}
