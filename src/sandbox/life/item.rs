//! What a list tells of a job: of the fields of the job's own answer the ones that lists have, under their names there.

use serde::Serialize;

use super::{Phase, Seen, draw};
use crate::policy::job::JobId;
use crate::sandbox::population::PROJECTS;

/// An item of `job_list` or `jobs`. `null` is said of a job that was never built.
#[derive(Serialize)]
pub(in crate::sandbox) struct Item {
    id: String,
    job_name: String,
    build_project_id: String,
    #[serde(flatten)]
    of_all: Option<OnlyOfAll>,
    is_finished: bool,
    last_job_running_status: &'static str,
    last_build_status: Option<&'static str>,
    last_build_time: Option<u64>,
    build_time: Option<u64>,
    health_score: Option<u64>,
    disabled: bool,
    favorite: bool,
    source_code: &'static str,
    is_copy: bool,
    is_delete: bool,
    is_execute: bool,
    is_forbidden: bool,
    is_modify: bool,
    is_view: bool,
}

/// What the list of all jobs tells, and a project's does not.
#[derive(Serialize)]
struct OnlyOfAll {
    project_id: &'static str,
    project_permission_switch: bool,
    build_number: Option<String>,
}

/// Every field of an item.
pub(in crate::sandbox) const ITEM_FIELDS: [&str; 21] = [
    "id",
    "job_name",
    "build_project_id",
    "project_id",
    "project_permission_switch",
    "build_number",
    "is_finished",
    "last_job_running_status",
    "last_build_status",
    "last_build_time",
    "build_time",
    "health_score",
    "disabled",
    "favorite",
    "source_code",
    "is_copy",
    "is_delete",
    "is_execute",
    "is_forbidden",
    "is_modify",
    "is_view",
];

/// The CodeArts project that a job belongs to, for good.
pub(in crate::sandbox) fn project_of(id: JobId) -> &'static str {
    let lot = draw(id, "codearts project", 0);
    let [first, second, third] = PROJECTS;
    match lot % 3 {
        0 => first,
        1 => second,
        _ => third,
    }
}

// === impl Item ===

impl Item {
    /// A job as it was seen; never built, if it was not.
    pub(in crate::sandbox) fn new(id: JobId, seen: Option<&Seen>) -> Self {
        let common = Self::never_built(id);
        let Some(Seen { life, moment }) = seen else {
            return common;
        };
        let info = life.info(*moment);
        let build = moment.finished + u64::from(moment.phase == Phase::Running);
        Self {
            of_all: common.of_all.map(|of_all| OnlyOfAll {
                build_number: Some(build.to_string()),
                ..of_all
            }),
            is_finished: moment.phase == Phase::Resting,
            last_job_running_status: info.running_status,
            last_build_status: Some(info.last_build_status),
            last_build_time: Some(info.last_build_time),
            build_time: Some(life.run_ms(moment.finished)),
            health_score: Some(info.health_score),
            job_name: info.job_name,
            build_project_id: info.project_id,
            source_code: info.source_code,
            ..common
        }
    }

    /// The recorded job without builds says the same of itself, whatever id it is asked by.
    fn never_built(id: JobId) -> Self {
        Self {
            id: id.to_string(),
            job_name: "jobname".to_owned(),
            build_project_id: "85caf40575794f989920-5216d1148af6".to_owned(),
            of_all: Some(OnlyOfAll {
                project_id: project_of(id),
                project_permission_switch: true,
                build_number: None,
            }),
            is_finished: true,
            last_job_running_status: "Finished",
            last_build_status: None,
            last_build_time: None,
            build_time: None,
            health_score: None,
            disabled: false,
            favorite: false,
            source_code: "test",
            is_copy: true,
            is_delete: true,
            is_execute: true,
            is_forbidden: true,
            is_modify: true,
            is_view: true,
        }
    }

    /// As the list of a project tells it.
    pub(in crate::sandbox) fn of_project(self) -> Self {
        Self {
            of_all: None,
            ..self
        }
    }
}
