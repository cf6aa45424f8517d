//! `jobgate replay`: what other settings would have made of a recorded access log, so that settings are chosen by evidence.
//!
//! It reads the log once and replays each combination of settings over it. It reaches nothing and needs no secrets.

mod combination;
mod log;
mod told;

use std::path::Path;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::config::{self, BudgetMode, Settings, UpstreamFrom};
use jobgate::policy::refresh::Rules;
use jobgate::policy::replay::{Client, Mode, Terms, replay as play};

use super::terminal::{print, print_json};
use super::{DEFAULT_CONFIG, Failed, ReplayArgs};
use combination::{Combination, combinations};
pub(super) use log::read;
use told::{Row, Told};

/// Of the log, unless it is said: in the beginning nothing is stored, and a gateway that has run for a while is what is compared.
const WARM_UP_PART: u32 = 10;

pub(super) fn replay(args: &ReplayArgs) -> Result<(), Failed> {
    let settings = settings(args.config.as_deref())?;
    let current = Combination::of(&settings);
    let combinations = combinations(args, current)?;
    let trace = read(&args.logs, &settings)?;
    let span = trace.span();
    let warm_up = args.warm_up.unwrap_or(span / WARM_UP_PART).min(span);
    let base = Clock::system().now();
    let rows = combinations.into_iter().map(|settings_tried| Row {
        is_current: settings_tried == current,
        figures: play(&trace, &terms(&settings, &settings_tried), warm_up, base),
        settings: settings_tried,
    });
    let told = Told {
        rows: rows.collect(),
        forecast: trace.forecast(&rules(&settings)),
        trace: &trace,
        warm_up,
    };
    if args.json {
        print_json(&told.json()?)
    } else {
        print(&told.for_people())
    }
}

/// Of `[upstream]` nothing is needed here.
fn settings(file: Option<&Path>) -> Result<Settings, Failed> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = file.or_else(|| default.exists().then_some(default));
    let checked = config::load(file, UpstreamFrom::Sandbox, std::env::vars_os())?;
    Ok(checked.settings)
}

/// The rules of the schedule, as they are configured.
pub(super) fn rules(settings: &Settings) -> Rules {
    Rules {
        requests: settings.budget.requests,
        window: settings.budget.window,
        floors: settings.cache.lifetimes(),
        longest: settings.cache.stale_while_revalidate,
    }
}

fn terms(settings: &Settings, tried: &Combination) -> Terms {
    let clients = settings.auth.clients.iter().map(|client| Client {
        share: client.share,
        max_stale: client.max_stale,
    });
    Terms {
        mode: tried.mode,
        rules: tried.rules(settings.cache.stale_while_revalidate),
        windows: settings.cache.windows(),
        ttl_not_found: settings.cache.ttl_not_found,
        timeout: settings.upstream.timeout,
        clients: clients.collect(),
    }
}

// === impl Combination ===

impl Combination {
    fn of(settings: &Settings) -> Self {
        Self {
            mode: match settings.budget.mode {
                BudgetMode::Budget => Mode::Budget,
                BudgetMode::Ttl => Mode::Ttl,
            },
            requests: settings.budget.requests,
            window: settings.budget.window,
            ttl: settings.cache.ttl,
            ttl_running: settings.cache.ttl_running,
        }
    }

    fn rules(&self, longest: Duration) -> Rules {
        Rules {
            requests: self.requests,
            window: self.window,
            floors: jobgate::policy::freshness::Lifetimes {
                finished: self.ttl,
                running: self.ttl_running,
            },
            longest,
        }
    }
}
