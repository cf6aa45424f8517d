//! What the looks at one job have shown of its builds.
//!
//! A look shows one state. What happened since the look before is censored: that there was a build, not how many. If bodies say
//! when the last build began, exactly one thing more is known: none began after it. So that build counts once and the idle time
//! counts from its end; of the time before it nothing is known, and nothing is counted. This is the likelihood, not a shortcut:
//! whatever happened before, the last event of a Poisson process lies t ago with density rate·e^(−rate·t).
//!
//! A build can only start where none runs, so jobs that build a lot are found at work: rate/(1 + rate·length) is the density of a start
//! just now. Near to it, and of the same form as all else here, is a start after a pause as long as a build. Were it one after no pause, the rates of
//! a fleet of which many are found at work would grow without bound, each job being taken to be like the others.

use super::fleet::Fleet;
use super::track::Shown;
use super::{Look, Rules, small};

/// Builds that are remembered; with each further one the older ones fade. A team's habits change within weeks, not within a few builds.
const MEMORY: f32 = 16.0;

/// Windows of what went before the first look that count in full; of a longer pause only the logarithm of what is beyond. A
/// pause of a night says little about the day.
const PAST: f64 = 10.0;

/// Lengths that the fleet's median counts for when a job's own is estimated.
const FLEET_LENGTHS: f64 = 2.0;

/// Of a length that nobody saw the end of, no more than this share is taken to have been the build.
const BUSY: f64 = 0.6;

/// No build is taken to be shorter, in windows. If upstream's clock is ahead of ours, builds seem to begin when they are looked at and to
/// take no time; the logarithm of nothing would outweigh all else that the fleet has shown.
const LEAST_LENGTH: f64 = 1.0 / 256.0;

/// Starts and lengths of one job's builds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rhythm {
    starts: f32,
    /// Windows without a build in which one could have started.
    idle: f32,
    lengths: f32,
    /// Sum of the logarithms of the lengths, in windows.
    logs: f32,
}

// === impl Rhythm ===

impl Rhythm {
    /// The first look: all there is to learn from is when the last build began.
    pub(super) fn first(shown: &Shown, look: &Look, fleet: &Fleet) -> Self {
        let mut rhythm = Self::default();
        if look.build.is_some() {
            let pause = rhythm.pause(shown, fleet);
            rhythm.starts = small(PAST / (PAST + pause));
            rhythm.idle = small(PAST * (pause / PAST).ln_1p());
        }
        rhythm
    }

    /// Another look; true when it saw a build's length.
    pub(super) fn learn(
        &mut self,
        before: &Shown,
        after: &Shown,
        look: &Look,
        rules: &Rules,
        fleet: &mut Fleet,
    ) {
        let between = rules.windows(look.sent.saturating_duration_since(before.looked));
        let elapsed = f64::from(after.elapsed);
        if after.is_another_build_than(before, look) {
            self.started(self.pause(after, fleet));
        } else if before.finished {
            self.idle += small(between);
        } else if after.finished {
            self.idle += small(between / 2.0);
            let length = f64::midpoint(f64::from(before.elapsed), elapsed);
            let log = length.max(LEAST_LENGTH).ln();
            fleet.saw_length(log, self.length(fleet).ln());
            self.lengths += 1.0;
            self.logs += small(log);
        }
    }

    /// Shape and windows of the gamma distribution of the rate at which builds start.
    pub(super) fn rate(&self, fleet: &Fleet) -> (f64, f64) {
        let (shape, windows) = fleet.rate();
        (
            shape + f64::from(self.starts),
            windows + f64::from(self.idle),
        )
    }

    /// Builds that its rate is learned from.
    pub(super) fn builds(&self) -> f64 {
        f64::from(self.starts)
    }

    /// Median length of a build, in windows.
    pub(super) fn length(&self, fleet: &Fleet) -> f64 {
        let logs = f64::from(self.logs) + FLEET_LENGTHS * fleet.length_log();
        (logs / (f64::from(self.lengths) + FLEET_LENGTHS)).exp()
    }

    /// The windows without a build that the start of the last one is evidence of.
    fn pause(&self, shown: &Shown, fleet: &Fleet) -> f64 {
        let (elapsed, length) = (f64::from(shown.elapsed), self.length(fleet));
        if shown.finished {
            elapsed - length.min(BUSY * elapsed)
        } else {
            length
        }
    }

    fn started(&mut self, pause: f64) {
        self.starts += 1.0;
        self.idle += small(pause);
        for (count, sum) in [
            (&mut self.starts, &mut self.idle),
            (&mut self.lengths, &mut self.logs),
        ] {
            if *count > MEMORY {
                *sum *= MEMORY / *count;
                *count = MEMORY;
            }
        }
    }
}
