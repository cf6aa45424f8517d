//! What is odd only when two sections are read together. Nothing here is a fault: each value is good by itself.

use super::item::written;
use super::report::Report;
use super::{AuthMode, BudgetMode, BudgetSettings, CacheSettings, ClientSettings, Settings, share};
use crate::policy::allowance::Allowance;

/// Warns of settings that do not do what whoever wrote them probably meant.
pub(super) fn check(settings: &Settings, report: &mut Report) {
    if settings.server.request_timeout < settings.upstream.timeout {
        report.warn(
            "server.request_timeout is shorter than upstream.timeout: \
             clients are sent away while a call still runs",
        );
    }
    let cache = &settings.cache;
    if settings.budget.mode == BudgetMode::Budget {
        check_plan(cache, report);
    }
    if settings.auth.mode == AuthMode::Keys {
        check_shares(settings, report);
    }
    let stale = cache.stale_while_revalidate.max(cache.stale_if_error);
    for client in &settings.auth.clients {
        let name = &client.name;
        if client.max_stale.is_some_and(|max_stale| max_stale > stale) {
            report.warn(format!(
                "max_stale of client \"{name}\" is longer than both stale windows of [cache], \
                 so it has no effect: it narrows them and cannot widen them"
            ));
        }
        if spends_all(client, &settings.budget) {
            report.warn(format!(
                "refresh of client \"{name}\" lets it spend the whole of [budget] by itself: \
                 the other clients then get what is stored"
            ));
        }
    }
}

/// Budget mode plans a lifetime between two bounds, and has nothing to plan where they meet.
fn check_plan(cache: &CacheSettings, report: &mut Report) {
    if cache.ttl >= cache.stale_while_revalidate {
        report.warn(format!(
            "cache.ttl, {}, is not shorter than cache.stale_while_revalidate, {}: budget mode plans lifetimes between the two, \
             so every answer about a finished job is fresh for exactly cache.ttl, however often the job is built",
            written(cache.ttl),
            written(cache.stale_while_revalidate)
        ));
    }
}

/// A share that decides nothing, and clients that the shares of others leave nothing.
fn check_shares(settings: &Settings, report: &mut Report) {
    let clients = &settings.auth.clients;
    let with_share = clients.iter().find(|client| client.share.is_some());
    match (settings.budget.mode, with_share, share::left_out(clients)) {
        (BudgetMode::Ttl, Some(ClientSettings { name, .. }), _) => report.warn(format!(
            "share of client \"{name}\" has no effect, because budget.mode is \"ttl\": \
             calls go to whoever asks first"
        )),
        (BudgetMode::Budget, _, Some(ClientSettings { name, .. })) => report.warn(format!(
            "the shares of [[clients]] add up to 1, so a client without one, such as \"{name}\", \
             gets hardly any call while others wait for theirs"
        )),
        (BudgetMode::Ttl, None, _) | (BudgetMode::Budget, _, None) => {}
    }
}

/// Whether the forced looks of one client may be all that upstream gets. One that `refresh` says nothing of is passed
/// over: a budget that small is on purpose.
fn spends_all(client: &ClientSettings, budget: &BudgetSettings) -> bool {
    let Allowance { times, per } = client.refresh;
    client.refresh != Allowance::DEFAULT
        && u128::from(times) * budget.window.as_nanos()
            >= u128::from(budget.requests.get()) * per.as_nanos()
}
