//! `[cache]` and `[store]`: how long answers are kept, and where.

use super::raw::{RawCache, RawCallerFields, RawStore, StoreKind};
use super::report::Report;
use super::section::Section;
use super::{CacheSettings, CallerFields, limits, unavailable};

/// Checks `[cache]`.
pub(super) fn check(raw: &RawCache, report: &mut Report) -> CacheSettings {
    let mut section = Section::of(report, "cache");
    let ttl = section.within("ttl", &raw.ttl, &limits::TTL);
    let ttl_running = section.no_longer_than(
        "ttl_running",
        &raw.ttl_running,
        &limits::TTL_RUNNING,
        ("ttl", ttl),
    );
    let settings = CacheSettings {
        max_memory: section
            .within("max_memory", &raw.max_memory, &limits::MAX_MEMORY)
            .0,
        ttl: ttl.0,
        ttl_running: ttl_running.0,
        ttl_not_found: section.duration(
            "ttl_not_found",
            &raw.ttl_not_found,
            &limits::TTL_NOT_FOUND,
        ),
        stale_while_revalidate: section.duration(
            "stale_while_revalidate",
            &raw.stale_while_revalidate,
            &limits::STALE_WHILE_REVALIDATE,
        ),
        stale_if_error: section.duration(
            "stale_if_error",
            &raw.stale_if_error,
            &limits::STALE_IF_ERROR,
        ),
        caller_fields: match section.or("caller_fields", &raw.caller_fields, RawCallerFields::Keep)
        {
            RawCallerFields::Keep => CallerFields::Keep,
            RawCallerFields::Null => CallerFields::Null,
        },
    };
    if settings.stale_if_error < settings.stale_while_revalidate {
        report.warn(
            "cache.stale_if_error is shorter than cache.stale_while_revalidate: \
             an answer is served for the longer of the two, whether upstream fails or not",
        );
    }
    settings
}

/// Checks `[store]`, of which there is one kind.
pub(super) fn check_store(raw: &RawStore, report: &mut Report) {
    let mut section = Section::of(report, "store");
    section.only("kind", &raw.kind, &StoreKind::Memory, &unavailable::STORE);
}
