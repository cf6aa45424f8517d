//! `[cache]` and `[store]`: how long answers are kept, and where.

use super::raw::{RawCache, RawStore, StoreKind};
use super::report::Report;
use super::{CacheSettings, limits, unavailable};

/// Checks `[cache]`.
pub(super) fn check(raw: &RawCache, report: &mut Report) -> CacheSettings {
    let mut section = report.section("cache");
    let none = limits::NO_WINDOW;
    section.only(
        "ttl_not_found",
        &raw.ttl_not_found,
        &none,
        &unavailable::DENIALS,
    );
    section.only(
        "stale_while_revalidate",
        &raw.stale_while_revalidate,
        &none,
        &unavailable::STALE,
    );
    section.only(
        "stale_if_error",
        &raw.stale_if_error,
        &none,
        &unavailable::STALE,
    );
    let ttl = section.within("ttl", &raw.ttl, &limits::TTL);
    let ttl_running = section.no_longer_than(
        "ttl_running",
        &raw.ttl_running,
        &limits::TTL_RUNNING,
        ("ttl", ttl),
    );
    CacheSettings {
        max_memory: section
            .within("max_memory", &raw.max_memory, &limits::MAX_MEMORY)
            .0,
        ttl: ttl.0,
        ttl_running: ttl_running.0,
        ttl_not_found: none.0,
        stale_while_revalidate: none.0,
        stale_if_error: none.0,
    }
}

/// Checks `[store]`, of which there is one kind.
pub(super) fn check_store(raw: &RawStore, report: &mut Report) {
    let mut section = report.section("store");
    section.only("kind", &raw.kind, &StoreKind::Memory, &unavailable::STORE);
}
