//! The default and the bounds of every number, size and duration, each with its reason.
//!
//! Lower bounds of durations are 1 ms wherever a run may be scaled down in time (a window of 3 s in place of 60 s).
//! Upper bounds catch slips of the unit, not taste.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::item::{Size, Time};

/// A default, and the least and greatest value.
#[derive(Debug)]
pub(super) struct Limits<T> {
    pub(super) default: T,
    pub(super) min: T,
    pub(super) max: T,
}

const ZERO: Time = Time(Duration::ZERO);
const MILLISECOND: Time = Time(Duration::from_millis(1));
const fn seconds(seconds: u64) -> Time {
    Time(Duration::from_secs(seconds))
}
const HOUR: Time = seconds(60 * 60);
const DAY: Time = seconds(24 * 60 * 60);
const WEEK: Time = seconds(7 * 24 * 60 * 60);

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// `server.listen`: reached from this machine only, until somebody decides otherwise.
pub(super) const LISTEN: SocketAddr = local(8080);
/// `admin.listen`
pub(super) const ADMIN_LISTEN: SocketAddr = local(9090);

/// `server.workers`: 0 is one per core; more than 1024 threads is a slip.
pub(super) const WORKERS: Limits<usize> = Limits {
    default: 0,
    min: 0,
    max: 1024,
};
/// `server.max_connections`: each costs a descriptor; a process may have about a million.
pub(super) const MAX_CONNECTIONS: Limits<usize> = Limits {
    default: 10_000,
    min: 1,
    max: 1_000_000,
};
/// `server.max_waiting`: requests; no more can wait than are connected.
pub(super) const MAX_WAITING: Limits<usize> = Limits {
    default: 10_000,
    min: 1,
    max: 1_000_000,
};
/// `server.header_timeout`: a head is a packet or a few; 10 s leaves room for bad lines.
pub(super) const HEADER_TIMEOUT: Limits<Time> = Limits {
    default: seconds(10),
    min: MILLISECOND,
    max: HOUR,
};
/// `server.max_header_bytes`: tokens take tens of KB; the HTTP parser's buffer cannot be smaller than 8 KiB.
pub(super) const MAX_HEADER_BYTES: Limits<Size> = Limits {
    default: Size(64 << 10),
    min: Size(8 << 10),
    max: Size(1 << 20),
};
/// `server.idle_timeout`: 15 s more than the SDKs need.
pub(super) const IDLE_TIMEOUT: Limits<Time> = Limits {
    default: seconds(90),
    min: MILLISECOND,
    max: DAY,
};
/// The official SDKs keep a connection silent for up to 75 s; a shorter idle timeout breaks their requests.
pub(super) const SDK_IDLE: Duration = Duration::from_secs(75);
/// `server.request_timeout`: three attempts at upstream's default timeout.
pub(super) const REQUEST_TIMEOUT: Limits<Time> = Limits {
    default: seconds(30),
    min: MILLISECOND,
    max: HOUR,
};
/// `server.drain_delay`: for load balancers that need to see the state first.
pub(super) const DRAIN_DELAY: Limits<Time> = Limits {
    default: ZERO,
    min: ZERO,
    max: HOUR,
};
/// `server.drain_timeout`: as long as a request may take.
pub(super) const DRAIN_TIMEOUT: Limits<Time> = Limits {
    default: seconds(30),
    min: ZERO,
    max: HOUR,
};
/// `server.base_path` in bytes.
pub(super) const BASE_PATH_BYTES: usize = 256;

/// `upstream.connect_timeout`, unless `upstream.timeout` is shorter: one lost SYN (sent again after 1 s), then TLS.
pub(super) const CONNECT_TIMEOUT: Limits<Time> = Limits {
    default: seconds(3),
    min: MILLISECOND,
    max: HOUR,
};
/// `upstream.timeout`
pub(super) const TIMEOUT: Limits<Time> = Limits {
    default: seconds(10),
    min: MILLISECOND,
    max: HOUR,
};
/// `upstream.max_body`: a job is about 2 KB; more than 64 MiB is a slip of the unit.
pub(super) const MAX_BODY: Limits<Size> = Limits {
    default: Size(1 << 20),
    min: Size(1 << 10),
    max: Size(64 << 20),
};
/// `upstream.max_in_flight`: calls at once; the quota is far below what 16 connections carry.
pub(super) const MAX_IN_FLIGHT: Limits<usize> = Limits {
    default: 16,
    min: 1,
    max: 10_000,
};

/// `cache.max_memory`: less than 1 MiB holds hardly a job; 1 PiB is a slip.
pub(super) const MAX_MEMORY: Limits<Size> = Limits {
    default: Size(256 << 20),
    min: Size(1 << 20),
    max: Size(1 << 50),
};
/// `cache.ttl`: a finished job changes only when it is built again.
pub(super) const TTL: Limits<Time> = Limits {
    default: seconds(30),
    min: MILLISECOND,
    max: DAY,
};
/// `cache.ttl_running`, unless `cache.ttl` is shorter.
pub(super) const TTL_RUNNING: Limits<Time> = Limits {
    default: seconds(5),
    min: MILLISECOND,
    max: DAY,
};
/// `cache.ttl_not_found`, of a first «no such job»: one that is about to be made is found soon; repeats double it up to
/// an hour, so a first one is no longer.
pub(super) const TTL_NOT_FOUND: Limits<Time> = Limits {
    default: seconds(30),
    min: ZERO,
    max: HOUR,
};
/// `cache.stale_while_revalidate`: a dashboard that is looked at again after a short pause shows something at once. More
/// than a week is a slip.
pub(super) const STALE_WHILE_REVALIDATE: Limits<Time> = Limits {
    default: seconds(10 * 60),
    min: ZERO,
    max: WEEK,
};
/// `cache.stale_if_error`: most outages end within an hour.
pub(super) const STALE_IF_ERROR: Limits<Time> = Limits {
    default: HOUR,
    min: ZERO,
    max: WEEK,
};
/// `max_stale` of a client: what the windows of `[cache]` may be; it has no default.
pub(super) const MAX_STALE: RangeInclusive<Time> = ZERO..=WEEK;
/// `[[clients]]`: each has its own metric series, and their number fits the type of a client's id.
pub(super) const CLIENTS: usize = 10_000;
/// `jobs` of a client: ids. They are looked up by hash, so the bound is for the file's sake.
pub(super) const CLIENT_JOBS: usize = 10_000;
/// `share` of a client, of 1, which is the whole budget; it has no default. Less than one part in as many as there may
/// be clients is a slip.
pub(super) const SHARE: RangeInclusive<f64> = 0.0001..=1.0;
/// The one value of the durations whose feature this version does not have.
pub(super) const NO_WINDOW: Time = ZERO;

/// `budget.requests`: upstream calls per `budget.window`; 50 a minute is upstream's quota.
pub(super) const REQUESTS: Limits<u32> = Limits {
    default: 50,
    min: 1,
    max: 1_000_000,
};
/// `budget.window`
pub(super) const WINDOW: Limits<Time> = Limits {
    default: seconds(60),
    min: MILLISECOND,
    max: DAY,
};
/// `budget.sweep.projects`: a sweep asks for each at least once, so more than a hundred would take minutes.
pub(super) const PROJECTS: usize = 100;
/// The length of a CodeArts project's id, in letters and digits.
pub(super) const PROJECT_ID_CHARS: usize = 32;
/// `budget.sweep.requests`: list calls per window. Of the quota that lists are believed to have of their own, 50 a minute,
/// most is left to others who use the same credential; one list each 3 s notices a change soon enough.
pub(super) const SWEEP_REQUESTS: Limits<u32> = Limits {
    default: 20,
    min: 1,
    max: 1_000_000,
};
