//! The documented fields, the types that every official SDK accepts for them, and which of them are about the caller. The one table of all.

/// A documented field of a success whose type is made exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is the field of its name in upstream's document"
)]
pub enum Field {
    Id,
    ProjectId,
    ProjectPermissionSwitch,
    BuildTime,
    ChargeTime,
    CreateTime,
    Disabled,
    Favorite,
    SourceCode,
    RunningStatus,
    NewBuild,
    JobName,
    IsCopy,
    IsDelete,
    IsExecute,
    IsForbidden,
    IsManager,
    IsModify,
    IsView,
    LastBuildStatus,
    LastBuildTime,
    HealthScore,
    /// `error` of the envelope; all others are fields of `result`.
    Error,
}

/// `cache.caller_fields`: what clients see of the eight documented fields that are about whoever calls upstream: `favorite`, and `is_copy`,
/// `is_delete`, `is_execute`, `is_forbidden`, `is_manager`, `is_modify`, `is_view`. Behind the gateway they say what the *central*
/// user likes and may do, whoever asks. An `is_…` field that is not documented is like any unknown field: nobody can say
/// whom it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerFields {
    /// As upstream says them.
    #[default]
    Keep,
    /// Null, where upstream says them: they are nobody else's business.
    Null,
}

/// The type a field is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Text,
    Boolean,
    /// A whole number of 64 bits.
    Int64,
    /// A whole number of 32 bits: the Java and Go SDKs have no more room.
    Int32,
    /// Text or nothing: an error object must not become text that looks like an explanation.
    TextOnly,
}

// === impl Field ===

impl Field {
    /// Every field, in the order of upstream's document.
    pub const ALL: [Self; 23] = [
        Self::Id,
        Self::ProjectId,
        Self::ProjectPermissionSwitch,
        Self::BuildTime,
        Self::ChargeTime,
        Self::CreateTime,
        Self::Disabled,
        Self::Favorite,
        Self::SourceCode,
        Self::RunningStatus,
        Self::NewBuild,
        Self::JobName,
        Self::IsCopy,
        Self::IsDelete,
        Self::IsExecute,
        Self::IsForbidden,
        Self::IsManager,
        Self::IsModify,
        Self::IsView,
        Self::LastBuildStatus,
        Self::LastBuildTime,
        Self::HealthScore,
        Self::Error,
    ];

    /// The name in upstream's JSON; also the metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    pub(super) fn wanted(self) -> Wanted {
        self.row().1
    }

    /// The field of `result` with this name.
    pub(super) fn of_result(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| *field != Self::Error && field.as_str() == name)
    }

    /// Whether it is about whoever calls upstream, and not about the job.
    fn is_about_the_caller(self) -> bool {
        match self {
            Self::Favorite
            | Self::IsCopy
            | Self::IsDelete
            | Self::IsExecute
            | Self::IsForbidden
            | Self::IsManager
            | Self::IsModify
            | Self::IsView => true,
            Self::Id
            | Self::ProjectId
            | Self::ProjectPermissionSwitch
            | Self::BuildTime
            | Self::ChargeTime
            | Self::CreateTime
            | Self::Disabled
            | Self::SourceCode
            | Self::RunningStatus
            | Self::NewBuild
            | Self::JobName
            | Self::LastBuildStatus
            | Self::LastBuildTime
            | Self::HealthScore
            | Self::Error => false,
        }
    }

    fn row(self) -> (&'static str, Wanted) {
        match self {
            Self::Id => ("id", Wanted::Text),
            Self::ProjectId => ("project_id", Wanted::Text),
            Self::ProjectPermissionSwitch => ("project_permission_switch", Wanted::Boolean),
            Self::BuildTime => ("build_time", Wanted::Text),
            Self::ChargeTime => ("charge_time", Wanted::Text),
            Self::CreateTime => ("create_time", Wanted::Int64),
            Self::Disabled => ("disabled", Wanted::Boolean),
            Self::Favorite => ("favorite", Wanted::Boolean),
            Self::SourceCode => ("source_code", Wanted::Text),
            Self::RunningStatus => ("running_status", Wanted::Text),
            Self::NewBuild => ("new_build", Wanted::Boolean),
            Self::JobName => ("job_name", Wanted::Text),
            Self::IsCopy => ("is_copy", Wanted::Boolean),
            Self::IsDelete => ("is_delete", Wanted::Boolean),
            Self::IsExecute => ("is_execute", Wanted::Boolean),
            Self::IsForbidden => ("is_forbidden", Wanted::Boolean),
            Self::IsManager => ("is_manager", Wanted::Boolean),
            Self::IsModify => ("is_modify", Wanted::Boolean),
            Self::IsView => ("is_view", Wanted::Boolean),
            Self::LastBuildStatus => ("last_build_status", Wanted::Text),
            Self::LastBuildTime => ("last_build_time", Wanted::Int64),
            Self::HealthScore => ("health_score", Wanted::Int32),
            Self::Error => ("error", Wanted::TextOnly),
        }
    }
}

// === impl CallerFields ===

impl CallerFields {
    /// Whether clients see null in place of this field's value.
    pub(super) fn hides(self, field: Field) -> bool {
        self == Self::Null && field.is_about_the_caller()
    }
}
