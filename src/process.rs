//! What the process settles with the system at start. Its memory holds the credential, so it gives up core dumps and
//! being looked into by others of the same user. It holds many connections, so it takes as many descriptors as the system
//! allows, and no huge pages: a connection's buffers are a few small pieces, and huge pages made the memory of 3 000
//! connections half as much again and their herd a quarter dearer (zeroing), while a hit's cost stayed the same.
//!
//! No step is worth refusing to start for, so each reports how it went and the caller logs it.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How each step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// `RLIMIT_CORE` is 0, for good: no core file of this process is ever written.
    pub core_dumps_off: Result<(), Errno>,
    /// No other process of the user may trace this one or read its memory (Linux; elsewhere not supported).
    pub not_dumpable: Result<(), Errno>,
    /// The kernel gives this process no transparent huge pages (Linux; elsewhere not supported).
    pub huge_pages_off: Result<(), Errno>,
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
pub fn prepare() -> Prepared {
    Prepared {
        core_dumps_off: forbid_core_dumps(),
        not_dumpable: forbid_tracing(),
        huge_pages_off: forbid_huge_pages(),
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

#[cfg(target_os = "linux")]
fn forbid_huge_pages() -> Result<(), Errno> {
    rustix::thread::disable_transparent_huge_pages(true)
}

#[cfg(not(target_os = "linux"))]
fn forbid_huge_pages() -> Result<(), Errno> {
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

    use rustix::thread::transparent_huge_pages_are_disabled;

    use super::prepare;

    #[test]
    fn nothing_of_the_process_can_be_dumped_and_every_descriptor_can_be_used() {
        let prepared = prepare();
        assert_eq!(prepared.core_dumps_off, Ok(()));
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(prepared.not_dumpable, Ok(()));
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        assert_eq!(prepared.huge_pages_off, Ok(()));
        assert_eq!(transparent_huge_pages_are_disabled(), Ok(true));
        let descriptors = getrlimit(Resource::Nofile);
        assert_eq!(descriptors.current, descriptors.maximum);
        assert_eq!(prepared.descriptors.unwrap().now, descriptors.current);
        let again = prepare();
        assert_eq!(again.descriptors.unwrap().before, descriptors.current);
    }
}
