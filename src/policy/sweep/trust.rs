//! Is what lists say borne out by looks? A difference leads to a look; if that brings an unchanged body, the list was wrong.

use std::collections::VecDeque;

use super::Distrust;
use super::compare::Difference;

/// Differences that are remembered.
const DIFFERENCES: usize = 8;
/// Contradictions among them that are too many. One or two may be a list that lags behind a look; of eight, three false
/// alarms are a habit.
const CONTRADICTIONS: usize = 3;

/// Differences that are not counted as such, because looks have contradicted them: a field that lists spell in their own way.
#[derive(Clone, Debug, Default)]
pub struct Ignored(Vec<Difference>);

/// The last differences, and what became of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// With whether the look bore it out.
    last: VecDeque<(Difference, bool)>,
    pub(super) ignored: Ignored,
    pub(super) contradictions: u64,
}

// === impl Trust ===

impl Trust {
    /// The look that a difference led to has brought a changed body, or not.
    pub(super) fn settled(
        &mut self,
        difference: Difference,
        changed: bool,
    ) -> Result<(), Distrust> {
        if self.ignored.contains(difference) {
            self.contradictions += u64::from(!changed);
            return Ok(()); // found by a list before that was known
        }
        if self.last.len() == DIFFERENCES {
            self.last.pop_front();
        }
        self.last.push_back((difference, changed));
        if changed {
            return Ok(());
        }
        self.contradictions += 1;
        let wrong = self.last.iter().filter(|(_, changed)| !changed);
        let alike = wrong.clone().filter(|(other, _)| *other == difference);
        if difference.is_minor() && alike.count() >= CONTRADICTIONS {
            self.ignored.0.push(difference);
            self.last.retain(|(other, _)| *other != difference);
            Ok(())
        } else if wrong.count() >= CONTRADICTIONS {
            Err(Distrust::Contradicted)
        } else {
            Ok(())
        }
    }

    /// Another try: what was wrong then does not count.
    pub(super) fn restart(&mut self) {
        self.last.clear();
    }
}

// === impl Ignored ===

impl Ignored {
    /// Whether this difference is not counted.
    #[must_use]
    pub fn contains(&self, difference: Difference) -> bool {
        self.0.contains(&difference)
    }

    /// All of them, in the order in which they were found out.
    #[must_use]
    pub fn as_slice(&self) -> &[Difference] {
        &self.0
    }
}

// === impl Difference ===

impl Difference {
    /// Lists are of use without it: the builds are what changes.
    fn is_minor(self) -> bool {
        matches!(self, Self::Field(_) | Self::Vanished)
    }
}
