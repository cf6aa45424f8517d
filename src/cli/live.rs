//! `jobgate check --live`: prints the steps as they end, a line or a few each.

use jobgate::clock::Clock;
use jobgate::config::Settings;
use jobgate::live::{Live, Step, Verdict};
use jobgate::policy::diagnosis::Advice;
use jobgate::policy::job::JobId;

use super::Failed;
use super::running::control_runtime;
use super::terminal::{harmless, print};

/// Width of the word that a line begins with, and of what is tried.
const WORD_WIDTH: usize = 7;
const WHAT_WIDTH: usize = 10;

pub(super) fn prove(settings: &Settings, job: Option<JobId>) -> Result<(), Failed> {
    print("trying upstream, with at most two calls\n")?;
    let live = Live {
        settings,
        job,
        clock: Clock::system(),
        env: &|name| std::env::var(name).ok(),
    };
    let mut printed = Ok(());
    let mut tell = |step: Step| {
        if printed.is_ok() {
            printed = print(&lines(&step));
        }
    };
    let proven = control_runtime()?.block_on(live.run(&mut tell));
    printed?;
    Ok(proven?)
}

/// What is told of a step: one line, and two more if somebody must do something.
fn lines(step: &Step) -> String {
    let (word, advice) = match &step.verdict {
        Verdict::Announced => ("calling", None),
        Verdict::Good => ("good", None),
        Verdict::Doubtful(advice) => ("warning", Some(advice)),
        Verdict::Failed(advice) => ("FAILED", Some(advice)),
    };
    let said = harmless(&step.said);
    let what = step.what.as_str();
    let first = format!("  {word:<WORD_WIDTH$}  {what:<WHAT_WIDTH$}  {said}");
    let mut lines = format!("{}\n", first.trim_end());
    if let Some(Advice { wrong, action }) = advice {
        let indent = " ".repeat(2 + WORD_WIDTH + 2 + WHAT_WIDTH + 2);
        lines += &format!(
            "{indent}{}\n{indent}-> {}\n",
            harmless(wrong),
            harmless(action)
        );
    }
    lines
}
