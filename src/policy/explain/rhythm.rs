//! What is known of a job's builds, and what that means for its stored answer.

use super::Case;
use crate::policy::happening::seconds;
use crate::policy::ladder::Known;
use crate::policy::refresh::Told;

/// With fewer builds of its own a job's rhythm is mostly a guess by what jobs here are like.
const FEW_BUILDS: f64 = 1.5;

// === impl Case ===

impl Case<'_> {
    /// How often the job is built and asked for, as far as is known, and how likely its stored answer is wrong; `None`: the schedule
    /// knows nothing of it, or there is none.
    #[must_use]
    pub fn rhythm(&self) -> Option<String> {
        let told = self.told()?;
        Some(format!(
            "{} {} {}",
            builds(&told),
            asks(&told),
            wrong(&told)
        ))
    }

    /// What the schedule knows, if it is of what is stored.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        let is_stored = matches!(self.known, Known::Job { .. });
        self.scheduled?.told.filter(|_| is_stored)
    }
}

fn builds(told: &Told) -> String {
    let (pause, length) = (seconds(told.pause), seconds(told.length));
    if told.builds < FEW_BUILDS {
        format!(
            "Its builds are hardly known yet; by the last one and by other jobs, about {pause} pass between two, and one takes about {length}."
        )
    } else {
        let builds = told.builds;
        format!(
            "About {pause} pass between two builds, and one takes about {length}, by the last {builds:.0} that were noticed."
        )
    }
}

fn asks(told: &Told) -> String {
    let (asks, window) = (number(told.asks), seconds(told.window));
    format!("It is asked for {asks} times in {window}.")
}

fn wrong(told: &Told) -> String {
    let (wrong, loss) = (percent(told.wrong), number(told.loss));
    let window = seconds(told.window);
    format!(
        "By now the stored answer is wrong with a chance of {wrong}; without a look {loss} wrong answers are expected in the next {window}."
    )
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        little if little < 0.1 => "less than 0.1 %".to_owned(),
        percent if percent < 9.95 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// Two or three digits.
fn number(number: f64) -> String {
    match number {
        little if little < 0.01 => "less than 0.01".to_owned(),
        little if little < 0.995 => format!("about {little:.2}"),
        few if few < 9.95 => format!("about {few:.1}"),
        many => format!("about {many:.0}"),
    }
}
