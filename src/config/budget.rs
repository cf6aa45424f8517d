//! `[budget]` and `[budget.sweep]`: how many calls upstream gets.

use std::num::NonZeroU32;

use super::raw::{BudgetMode, RawBudget, RawSweep, SweepMode};
use super::report::Report;
use super::section::Section;
use super::{BudgetSettings, limits, unavailable};

/// Checks `[budget]`.
pub(super) fn check(raw: &RawBudget, report: &mut Report) -> BudgetSettings {
    check_sweep(&raw.sweep, report);
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
        requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), // the bounds exclude 0
        window: section.duration("window", &raw.window, &limits::WINDOW),
    }
}

/// Sweeps are off, so the other keys are only read for their form.
fn check_sweep(raw: &RawSweep, report: &mut Report) {
    let mut section = Section::of(report, "budget.sweep");
    section.only("mode", &raw.mode, &SweepMode::Off, &unavailable::SWEEP);
    section.optional("projects", &raw.projects);
    section.within("requests", &raw.requests, &limits::SWEEP_REQUESTS);
    section.optional("shared", &raw.shared);
}
