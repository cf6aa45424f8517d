//! What a job tells of itself: the body, field by field.

use bytes::Bytes;
use serde::Serialize;

use super::{Life, Moment, draw};
use crate::policy::job::JobId;

/// When the first jobs were created: 2024-06-05, the date in the document's example, in epoch milliseconds.
const CREATED_FROM_MS: u64 = 1_717_574_458_000;

/// Jobs are created within a year from then.
const CREATED_WITHIN_MS: u64 = 365 * 24 * 3_600_000;

/// `result`, in the order of the document.
#[derive(Serialize)]
pub(super) struct JobInfo<'a> {
    pub(super) id: &'a str,
    pub(super) project_id: String,
    pub(super) project_permission_switch: bool,
    pub(super) build_time: String,
    pub(super) charge_time: String,
    pub(super) create_time: String, // a string, as in the document's example, against its own text
    pub(super) disabled: bool,
    pub(super) favorite: bool,
    pub(super) source_code: &'static str,
    pub(super) running_status: &'static str,
    pub(super) new_build: bool,
    pub(super) job_name: String,
    pub(super) is_copy: bool,
    pub(super) is_delete: bool,
    pub(super) is_execute: bool,
    pub(super) is_forbidden: bool,
    pub(super) is_manager: bool,
    pub(super) is_modify: bool,
    pub(super) is_view: bool,
    pub(super) last_build_status: &'static str,
    pub(super) last_build_time: u64,
    pub(super) health_score: u64,
}

#[derive(Serialize)]
struct Envelope<'a> {
    result: JobInfo<'a>,
    status: &'static str,
    error: Option<&'static str>,
}

// === impl Life ===

impl Life {
    pub(super) fn body(&self, moment: Moment) -> Bytes {
        let envelope = Envelope {
            result: self.info(moment),
            status: "success",
            error: None,
        };
        serde_json::to_vec(&envelope)
            .unwrap_or_default() // plain text and numbers: cannot fail
            .into()
    }

    pub(super) fn info(&self, moment: Moment) -> JobInfo<'_> {
        let run_ms = self.run_ms(moment.finished);
        let created_ms = CREATED_FROM_MS + draw(self.id, "created", 0) % CREATED_WITHIN_MS;
        JobInfo {
            id: self.id.as_str(),
            project_id: project_id(self.id),
            project_permission_switch: true,
            build_time: seconds(run_ms),
            charge_time: seconds(run_ms * 4 / 5),
            create_time: created_ms.to_string(),
            disabled: false,
            favorite: false,
            source_code: "codehub",
            running_status: moment.phase.as_str(),
            new_build: false,
            job_name: name(self.id),
            is_copy: true,
            is_delete: true,
            is_execute: true,
            is_forbidden: true,
            is_manager: true,
            is_modify: true,
            is_view: true,
            last_build_status: self.ended(moment.finished),
            last_build_time: moment.started_at_ms,
            health_score: self.health(moment.finished),
        }
    }
}

/// A UUID, as the real ones are.
fn project_id(id: JobId) -> String {
    let (high, low) = (draw(id, "project", 0), draw(id, "project", 1));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// Names of a company's builds, one of them not in ASCII, and a number to tell them apart.
fn name(id: JobId) -> String {
    let lot = draw(id, "name", 0);
    let name = match lot % 5 {
        0 => "web-frontend",
        1 => "payment-service",
        2 => "nightly-image",
        3 => "mobile-app",
        _ => "构建任务",
    };
    format!("{name}-{}", lot / 5 % 1_000)
}

/// A decimal in a string, as the service writes times.
pub(in crate::sandbox) fn seconds(ms: u64) -> String {
    format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10)
}
