//! What came of a replay: a table for people, JSON for machines, and a sentence of advice if the figures carry one.

use std::num::NonZeroU32;
use std::time::Duration;

use jobgate::config::written;
use jobgate::policy::forecast::{Forecast, Verdict};
use jobgate::policy::replay::{Figures, Mode, Trace};
use serde_json::{Value, json};

use super::combination::Combination;
use crate::cli::Failed;
use crate::cli::sheet::{Sheet, seconds};

/// One row.
pub(super) struct Row {
    pub(super) settings: Combination,
    pub(super) figures: Figures,
    /// These are the settings of the configuration.
    pub(super) is_current: bool,
}

/// All that is told.
pub(super) struct Told<'a> {
    pub(super) trace: &'a Trace,
    pub(super) warm_up: Duration,
    pub(super) rows: Vec<Row>,
    /// Of the current settings.
    pub(super) forecast: Forecast,
}

const HEAD: [&str; 14] = [
    "", "mode", "requests", "window", "ttl", "running", "calls", "memory", "refused", "mean age",
    "half", "95 %", "oldest", "differ",
];

// === impl Told ===

impl Told<'_> {
    pub(super) fn for_people(&self) -> String {
        let trace = self.trace;
        let title = format!(
            "{} requests for {} jobs in {}",
            trace.asks(),
            trace.jobs(),
            seconds(trace.span().as_secs_f64())
        );
        let mut sheet = Sheet::titled(&title);
        sheet.tell("log", self.log());
        let rows = self.rows.iter().map(Row::cells);
        let cells: Vec<_> = [HEAD.map(str::to_owned)].into_iter().chain(rows).collect();
        sheet.tell("figures", aligned(&cells));
        sheet.tell("", [
            "*: the current settings. memory: answered from memory at once; refused: 429; differ: other than what is known to be true".to_owned(),
        ]);
        sheet.tell("forecast", [self.forecast.to_string()]);
        sheet.tell("advice", self.advice());
        sheet.into_text()
    }

    fn log(&self) -> Vec<String> {
        let trace = self.trace;
        let counted = self.rows.first().map_or(0, |row| row.figures.asks);
        let warm_up = seconds(self.warm_up.as_secs_f64());
        let call = written(Duration::from_millis(millis(trace.latency())));
        let mut lines = vec![format!(
            "{counted} requests are counted, after {warm_up} of warm-up; a call takes {call}"
        )];
        if trace.skipped() > 0 {
            let skipped = trace.skipped();
            lines.push(format!("lines that are no request for a job: {skipped}"));
        }
        if !trace.knows_states() {
            let told =
                "its lines have no etag: nothing differs, and all jobs are taken to be finished";
            lines.push(told.to_owned());
        }
        lines
    }

    pub(super) fn json(&self) -> Result<Vec<u8>, Failed> {
        let trace = self.trace;
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let told = json!({
            "log": {
                "requests": trace.asks(),
                "jobs": trace.jobs(),
                "clients": trace.clients(),
                "span_seconds": trace.span().as_secs_f64(),
                "skipped_lines": trace.skipped(),
                "call_seconds": trace.latency().as_secs_f64(),
                "knows_states": trace.knows_states(),
            },
            "warm_up_seconds": self.warm_up.as_secs_f64(),
            "rows": rows,
            "forecast": {
                "first_asks": self.forecast.first_asks,
                "floors": self.forecast.floors,
                "budget": self.forecast.budget,
                "verdict": match self.forecast.verdict() {
                    Verdict::Ample => "ample",
                    Verdict::Short => "short",
                    Verdict::Exceeded => "exceeded",
                },
            },
            "advice": self.advice(),
        });
        Ok(serde_json::to_vec(&told)?)
    }

    /// The smallest budget that refuses nobody, if with all else as it is now some do and some do not.
    fn advice(&self) -> Option<String> {
        let current = self.rows.iter().find(|row| row.is_current)?.settings;
        let alike = |row: &&Row| {
            let requests = current.requests;
            Combination {
                requests,
                ..row.settings
            } == current
        };
        let refuses = |row: &&Row| row.figures.refused > 0;
        let alike = || self.rows.iter().filter(alike);
        alike().find(refuses)?;
        let enough = alike().filter(|row| !refuses(row));
        let least: NonZeroU32 = enough.map(|row| row.settings.requests).min()?;
        let window = written(current.window);
        Some(format!(
            "Of the budgets tried with all else as it is, {least} calls in {window} is the smallest that refuses nobody."
        ))
    }
}

// === impl Row ===

impl Row {
    fn cells(&self) -> [String; HEAD.len()] {
        let (settings, figures) = (&self.settings, &self.figures);
        let age = |age: Duration| seconds(age.as_secs_f64());
        let percent = |ratio: f64| format!("{:.1} %", ratio * 100.0);
        [
            if self.is_current { "*" } else { "" }.to_owned(),
            settings.mode_word().to_owned(),
            settings.requests.to_string(),
            written(settings.window),
            written(settings.ttl),
            written(settings.ttl_running),
            figures.calls.to_string(),
            percent(figures.hit_ratio()),
            percent(figures.refused_ratio()),
            age(figures.ages.mean),
            age(figures.ages.p50),
            age(figures.ages.p95),
            age(figures.ages.oldest),
            figures.differing_ratio().map_or("-".to_owned(), percent),
        ]
    }

    fn json(&self) -> Value {
        let (settings, figures) = (&self.settings, &self.figures);
        json!({
            "current": self.is_current,
            "mode": settings.mode_word(),
            "requests": settings.requests,
            "window_seconds": settings.window.as_secs_f64(),
            "ttl_seconds": settings.ttl.as_secs_f64(),
            "ttl_running_seconds": settings.ttl_running.as_secs_f64(),
            "asks": figures.asks,
            "calls": figures.calls,
            "from_memory": figures.from_memory,
            "refused": figures.refused,
            "differing": figures.differing,
            "age_seconds": {
                "mean": figures.ages.mean.as_secs_f64(),
                "p50": figures.ages.p50.as_secs_f64(),
                "p95": figures.ages.p95.as_secs_f64(),
                "oldest": figures.ages.oldest.as_secs_f64(),
            },
        })
    }
}

impl Combination {
    fn mode_word(&self) -> &'static str {
        match self.mode {
            Mode::Budget => "budget",
            Mode::Ttl => "ttl",
        }
    }
}

/// Columns to the right, each as wide as its widest cell.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, &width)| format!("{cell:>width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
