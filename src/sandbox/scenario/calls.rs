//! Which calls a rule is about, and whether what it does can be done to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::policy::job::JobId;
use crate::sandbox::act::{Act, Scope};

/// A call that came as far as a service.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum Call<'a> {
    /// For a job.
    Job(&'a JobId),
    /// For a list: of this project, or of all jobs.
    List(Option<&'a JobId>),
    /// For a token or a project.
    Iam,
    /// For a session or temporary keys.
    Metadata,
}

/// `calls`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Calls {
    /// Calls for a job.
    #[default]
    Jobs,
    /// List calls.
    Lists,
    /// Both.
    All,
    /// Calls of IAM.
    Iam,
    /// Calls of the metadata service.
    Metadata,
}

/// `jobs` and `prefix`: the jobs that a rule is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::sandbox) struct Names {
    /// Only these; empty: any.
    pub(super) jobs: Arc<BTreeSet<JobId>>,
    /// Only ids that begin so.
    pub(super) prefix: Arc<str>,
}

// === impl Names ===

impl Names {
    /// True for a job that the rule is about.
    pub(in crate::sandbox) fn has(&self, id: &JobId) -> bool {
        (self.jobs.is_empty() || self.jobs.contains(id)) && id.as_str().starts_with(&*self.prefix)
    }

    fn are_all(&self) -> bool {
        self.jobs.is_empty() && self.prefix.is_empty()
    }
}

// === impl Calls ===

impl Calls {
    /// True if calls for a job are among them.
    pub(super) fn are_for_jobs(self) -> bool {
        matches!(self, Self::Jobs | Self::All)
    }

    /// True if list calls are among them.
    pub(super) fn are_for_lists(self) -> bool {
        matches!(self, Self::Lists | Self::All)
    }

    /// Why a rule about these calls cannot do this.
    pub(super) fn refuse(
        self,
        act: &Act,
        names: &Names,
        is_of_projects: bool,
    ) -> Option<&'static str> {
        match (self, act.scope()) {
            (Self::Jobs | Self::All | Self::Iam | Self::Metadata, _) if is_of_projects => {
                Some("`projects` chooses among lists; write calls = \"lists\"")
            }
            (Self::Jobs, Scope::Item | Scope::List) => {
                Some("`do` is for lists; write calls = \"lists\"")
            }
            (Self::Lists | Self::All, Scope::Job) => {
                Some("`do` is for a job's own call, which no list is")
            }
            (Self::All, Scope::JobOrItem | Scope::Item | Scope::List) => {
                Some("`do` is not for all calls alike; write a rule for jobs and one for lists")
            }
            (Self::Lists | Self::All, Scope::List | Scope::Any) if !names.are_all() => {
                Some("`do` is for a list as a whole; leave out `jobs` and `prefix`")
            }
            (
                Self::Iam | Self::Metadata,
                Scope::Job | Scope::JobOrItem | Scope::Item | Scope::List,
            ) => Some("`do` is for jobs and lists"),
            (Self::Iam | Self::Metadata, Scope::Any) if !names.are_all() => {
                Some("these calls are about no job; leave out `jobs` and `prefix`")
            }
            _ => None,
        }
    }
}
