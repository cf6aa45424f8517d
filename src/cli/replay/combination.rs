//! Which settings are tried.

use std::num::NonZeroU32;
use std::time::Duration;

use jobgate::policy::replay::Mode;

use crate::cli::{Failed, ReplayArgs};

/// Rows that are shown at most: more cannot be compared at a glance, and each is a replay of the whole log.
const MOST: usize = 64;

/// Settings that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Combination {
    pub(super) mode: Mode,
    pub(super) requests: NonZeroU32,
    pub(super) window: Duration,
    pub(super) ttl: Duration,
    pub(super) ttl_running: Duration,
}

/// The current settings, and each combination of those that are asked for; if none are, a few that are of use.
pub(super) fn combinations(
    args: &ReplayArgs,
    current: Combination,
) -> Result<Vec<Combination>, Failed> {
    let others = if asks_for_some(args) {
        let count = asked_for_count(args);
        if count >= MOST {
            let text = format!(
                "{count} combinations are asked for, and the current settings are one more; at most {MOST} are replayed at once"
            );
            return Err(Failed::Wrong(text));
        }
        asked_for(args, current)
    } else {
        usual(current)
    };
    let mut all = vec![current];
    for other in others {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    Ok(all)
}

fn asks_for_some(args: &ReplayArgs) -> bool {
    let is_varied = !(args.requests.is_empty() && args.mode.is_empty());
    is_varied || !(args.ttl.is_empty() && args.ttl_running.is_empty()) || args.window.is_some()
}

fn asked_for_count(args: &ReplayArgs) -> usize {
    [
        args.requests.len(),
        args.mode.len(),
        args.ttl.len(),
        args.ttl_running.len(),
    ]
    .into_iter()
    .fold(1, |count, choices| count.saturating_mul(choices.max(1)))
}

fn asked_for(args: &ReplayArgs, current: Combination) -> Vec<Combination> {
    let window = args.window.unwrap_or(current.window);
    let mut all = vec![Combination { window, ..current }];
    all = vary(all, &args.mode, |mode, row| Combination { mode, ..row });
    all = vary(all, &args.requests, |requests, row| Combination {
        requests,
        ..row
    });
    all = vary(all, &args.ttl, |ttl, row| Combination { ttl, ..row });
    all = vary(all, &args.ttl_running, |ttl_running, row| Combination {
        ttl_running,
        ..row
    });
    // as the configuration has it: running jobs are never kept for longer than finished ones
    let bounded = |row: Combination| Combination {
        ttl_running: row.ttl_running.min(row.ttl),
        ..row
    };
    all.into_iter().map(bounded).collect()
}

/// Each row with each value; as it is if there are none.
fn vary<T: Copy>(
    rows: Vec<Combination>,
    values: &[T],
    with: impl Fn(T, Combination) -> Combination,
) -> Vec<Combination> {
    if values.is_empty() {
        return rows;
    }
    let with = &with;
    let each = |row| values.iter().map(move |&value| with(value, row));
    rows.into_iter().flat_map(each).collect()
}

/// Half and twice the budget, and the other mode.
fn usual(current: Combination) -> Vec<Combination> {
    let requests = current.requests;
    let half = NonZeroU32::new(requests.get() / 2).unwrap_or(requests);
    let double = requests.saturating_mul(NonZeroU32::MIN.saturating_add(1));
    let other = match current.mode {
        Mode::Budget => Mode::Ttl,
        Mode::Ttl => Mode::Budget,
    };
    let mode = Combination {
        mode: other,
        ..current
    };
    let budgets = [half, double].map(|requests| Combination {
        requests,
        ..current
    });
    budgets.into_iter().chain([mode]).collect()
}
