//! `[budget]` and `[budget.sweep]`: how many calls upstream gets.

use std::num::NonZeroU32;

use super::raw::{BudgetMode, RawBudget, RawSweep, SweepMode};
use super::report::Report;
use super::section::Section;
use super::{BudgetSettings, SweepSettings, limits, settings, unavailable};

/// Checks `[budget]`.
pub(super) fn check(raw: &RawBudget, report: &mut Report) -> BudgetSettings {
    let sweep = check_sweep(&raw.sweep, report);
    let mut section = Section::of(report, "budget");
    section.only(
        "mode",
        &raw.mode,
        &BudgetMode::Ttl,
        &unavailable::BUDGET_MODE,
    );
    section.only("learn", &raw.learn, &false, &unavailable::LEARNING);
    let requests = section.within("requests", &raw.requests, &limits::REQUESTS);
    BudgetSettings {
        mode: settings::BudgetMode::Ttl,
        learn: false,
        sweep,
        requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), // the bounds exclude 0
        window: section.duration("window", &raw.window, &limits::WINDOW),
    }
}

/// Sweeps are off, so the other keys are only read for their form.
fn check_sweep(raw: &RawSweep, report: &mut Report) -> SweepSettings {
    let mut section = Section::of(report, "budget.sweep");
    section.only("mode", &raw.mode, &SweepMode::Off, &unavailable::SWEEP);
    section.optional("projects", &raw.projects);
    let requests = section.within("requests", &raw.requests, &limits::SWEEP_REQUESTS);
    let shared = section.optional("shared", &raw.shared).unwrap_or(false);
    SweepSettings {
        mode: settings::SweepMode::Off,
        projects: Vec::new(),
        requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), // the bounds exclude 0
        shared,
    }
}
