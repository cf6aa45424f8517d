//! What an item of a list, or an info body, says of a job: the fields that both have, in the types in which bodies are sent, so that
//! a number in a string here and a number there are the same.
//!
//! Not read: `build_time`, which the two give in different units, and `build_project_id`, which they spell differently.

use crate::policy::job::JobId;
use crate::policy::json::Json;
use crate::policy::normalise::{FINISHED, Field, boolean, text_sent};

/// The fields that both have, beside the id, the state and the time of the last build.
pub(super) const SHARED: [Field; 13] = [
    Field::LastBuildStatus,
    Field::Disabled,
    Field::HealthScore,
    Field::JobName,
    Field::Favorite,
    Field::SourceCode,
    Field::ProjectPermissionSwitch,
    Field::IsView,
    Field::IsModify,
    Field::IsExecute,
    Field::IsDelete,
    Field::IsCopy,
    Field::IsForbidden,
];

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The job.
    pub id: JobId,
    /// What is said of it.
    pub facts: Facts,
}

/// What is said of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether a build runs; `None` if it is not said, or said both ways.
    pub running: Option<bool>,
    /// When the last build began, epoch milliseconds of upstream's clock.
    pub last_build_time: Option<u64>,
    /// The values of [`SHARED`], as text.
    pub(super) shared: [Option<Box<str>>; SHARED.len()],
}

// === impl Item ===

impl Item {
    /// `None`: no object with a job id.
    pub(super) fn read(item: &Json<'_>) -> Option<Self> {
        let id = text_sent(Field::Id, item.get(Field::Id.as_str())?)?;
        Some(Self {
            id: JobId::parse(&id).ok()?,
            facts: Facts::read(item, running_of_item(item)),
        })
    }

    /// Whether it has what is needed to confirm an answer.
    pub(super) fn is_comparable(&self) -> bool {
        self.facts.running.is_some() && self.facts.last_build_time.is_some()
    }
}

// === impl Facts ===

impl Facts {
    /// What a normalised info body says.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let json = Json::parse(body).ok()?;
        let result = json.get("result")?;
        Some(Self::read(
            result,
            running(result, Field::RunningStatus.as_str()),
        ))
    }

    fn read(object: &Json<'_>, running: Option<bool>) -> Self {
        let sent = |field: Field| text_sent(field, object.get(field.as_str())?);
        let time = sent(Field::LastBuildTime);
        Self {
            running,
            last_build_time: time.and_then(|time| time.parse().ok()), // negative: none
            shared: SHARED.map(sent),
        }
    }
}

/// Two fields say it. If both do, they must agree.
fn running_of_item(item: &Json<'_>) -> Option<bool> {
    let finished = item.get("is_finished").and_then(boolean);
    let by_flag = finished.map(|finished| !finished);
    let by_status = running(item, "last_job_running_status");
    match (by_flag, by_status) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => one.or(other),
    }
}

fn running(object: &Json<'_>, key: &str) -> Option<bool> {
    let status = object.get(key)?.as_str()?;
    Some(status != FINISHED)
}
