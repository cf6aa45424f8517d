//! What is odd only when two sections are read together. Nothing here is a fault: each value is good by itself.

use super::report::Report;
use super::{BudgetSettings, ClientSettings, Settings};
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

/// Whether the forced looks of one client may be all that upstream gets. One that `refresh` says nothing of is passed
/// over: a budget that small is on purpose.
fn spends_all(client: &ClientSettings, budget: &BudgetSettings) -> bool {
    let Allowance { times, per } = client.refresh;
    client.refresh != Allowance::DEFAULT
        && u128::from(times) * budget.window.as_nanos()
            >= u128::from(budget.requests.get()) * per.as_nanos()
}
