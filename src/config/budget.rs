//! `[budget]` and `[budget.sweep]`: how many calls upstream gets, and what they are spent on.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::place::element;
use super::raw::{RawBudget, RawBudgetMode, RawSweep, RawSweepMode};
use super::report::Report;
use super::section::Section;
use super::{BudgetMode, BudgetSettings, SweepMode, SweepSettings, limits};

/// Checks `[budget]`.
pub(super) fn check(raw: &RawBudget, report: &mut Report) -> BudgetSettings {
    let mut section = Section::of(report, "budget");
    let mode = match section.or("mode", &raw.mode, RawBudgetMode::Budget) {
        RawBudgetMode::Budget => BudgetMode::Budget,
        RawBudgetMode::Ttl => BudgetMode::Ttl,
    };
    let settings = BudgetSettings {
        mode,
        requests: number(section.within("requests", &raw.requests, &limits::REQUESTS)),
        window: section.duration("window", &raw.window, &limits::WINDOW),
        learn: section.or("learn", &raw.learn, true),
        sweep: check_sweep(&raw.sweep, mode, report),
    };
    let sweep = &settings.sweep;
    if sweep.mode != SweepMode::Off && sweep.shared && sweep.requests >= settings.requests {
        report.warn(format!(
            "budget.sweep.requests, {}, lets list calls spend the whole of budget.requests, {}, \
             since budget.sweep.shared is true: jobs may then wait for their look",
            sweep.requests, settings.requests
        ));
    }
    settings
}

/// Checks `[budget.sweep]`. With fixed lifetimes nothing is done with what a list tells, so none is asked for.
fn check_sweep(raw: &RawSweep, budget: BudgetMode, report: &mut Report) -> SweepSettings {
    let mut section = Section::of(report, "budget.sweep");
    let mode = match section.or("mode", &raw.mode, RawSweepMode::Auto) {
        RawSweepMode::Auto => SweepMode::Auto,
        RawSweepMode::Recent => SweepMode::Recent,
        RawSweepMode::Projects => SweepMode::Projects,
        RawSweepMode::Off => SweepMode::Off,
    };
    let projects = check_projects(raw, mode, &mut section);
    let is_idle = budget == BudgetMode::Ttl;
    if is_idle && raw.mode.is_some() && mode != SweepMode::Off {
        section.report.warn(
            "budget.sweep has no effect, because budget.mode is \"ttl\": no list call is made; \
             write budget.sweep.mode = \"off\", or budget.mode = \"budget\"",
        );
    }
    SweepSettings {
        mode: if is_idle { SweepMode::Off } else { mode },
        projects,
        requests: number(section.within("requests", &raw.requests, &limits::SWEEP_REQUESTS)),
        shared: section.or("shared", &raw.shared, false),
    }
}

/// Checks `projects`, which one mode needs and no other reads.
fn check_projects(raw: &RawSweep, mode: SweepMode, section: &mut Section<'_>) -> Vec<String> {
    let Some(projects) = section.optional("projects", &raw.projects) else {
        if mode == SweepMode::Projects && raw.projects.is_none() {
            lack_projects(section);
        }
        return Vec::new();
    };
    if projects.len() > limits::PROJECTS {
        let message = format!("must be at most {} projects", limits::PROJECTS);
        section.fault("projects", message);
    }
    check_each(&projects, section);
    if mode == SweepMode::Projects && projects.is_empty() {
        lack_projects(section);
    }
    if mode != SweepMode::Projects && !projects.is_empty() {
        section.report.warn(
            "budget.sweep.projects has no effect, because budget.sweep.mode is not \"projects\"",
        );
    }
    projects
}

fn lack_projects(section: &mut Section<'_>) {
    section.fault(
        "projects",
        "must name at least one CodeArts project when budget.sweep.mode is \"projects\"",
    );
}

fn check_each(projects: &[String], section: &mut Section<'_>) {
    let mut first_of = BTreeMap::new();
    for (nth, project) in projects.iter().enumerate() {
        let key = element("projects", nth);
        if !is_project_id(project) {
            let message = "not the id of a CodeArts project, which is 32 letters and digits";
            section.fault(&key, message);
        } else if let Some(first) = first_of.insert(project, nth) {
            let first = section.path(&element("projects", first));
            section.fault(&key, format!("is the same project as {first}"));
        }
    }
}

fn is_project_id(text: &str) -> bool {
    text.len() == limits::PROJECT_ID_CHARS && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

/// A number whose bounds exclude 0.
fn number(bounded: u32) -> NonZeroU32 {
    NonZeroU32::new(bounded).unwrap_or(NonZeroU32::MIN)
}
