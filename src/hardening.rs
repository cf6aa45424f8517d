//! What the process gives up at start, because its memory holds the credential: core dumps and being looked into by
//! others of the same user. And the one thing it asks for: as many descriptors as the system allows.
//!
//! No step is worth refusing to start for, so each reports how it went and the caller logs it.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How each step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// `RLIMIT_CORE` is 0, for good: no core file of this process is ever written.
    pub core_dumps_off: Result<(), Errno>,
    /// No other process of the user may trace this one or read its memory (Linux; elsewhere not supported).
    pub not_dumpable: Result<(), Errno>,
    /// `RLIMIT_NOFILE` as it was and as it is.
    pub descriptors: Result<Descriptors, Errno>,
}

/// The soft limit of open descriptors; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// At start.
    pub before: Option<u64>,
    /// Now: the hard limit.
    pub now: Option<u64>,
}

/// Takes every step; call it first of all, before a secret is read.
#[must_use]
pub fn harden() -> Hardening {
    Hardening {
        core_dumps_off: forbid_core_dumps(),
        not_dumpable: forbid_tracing(),
        descriptors: raise_descriptor_limit(),
    }
}

fn forbid_core_dumps() -> Result<(), Errno> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
}

#[cfg(target_os = "linux")]
fn forbid_tracing() -> Result<(), Errno> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
fn forbid_tracing() -> Result<(), Errno> {
    Err(Errno::NOTSUP)
}

fn raise_descriptor_limit() -> Result<Descriptors, Errno> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(Descriptors {
        before: limit.current,
        now: limit.maximum,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    use super::harden;

    #[test]
    fn nothing_of_the_process_can_be_dumped_and_every_descriptor_can_be_used() {
        let hardening = harden();
        assert_eq!(hardening.core_dumps_off, Ok(()));
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(hardening.not_dumpable, Ok(()));
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        let descriptors = getrlimit(Resource::Nofile);
        assert_eq!(descriptors.current, descriptors.maximum);
        assert_eq!(hardening.descriptors.unwrap().now, descriptors.current);
        let again = harden();
        assert_eq!(again.descriptors.unwrap().before, descriptors.current);
    }
}
