//! What is known of a stored answer as time goes by: the chance that it still holds, and what a look would be worth.
//!
//! Times are in windows. A curve begins at the look that brought the answer.

/// Points at which the area below a curve without a closed form is taken, up to where hardly anything is left of it.
const POINTS: u32 = 6;
const TAIL: f64 = 0.02;
/// A look is planned no closer and no further than this, in powers of two of a window: a 64th of one, and about 45 days of the default.
const OCTAVES: std::ops::Range<f64> = -6.0..16.0;
/// Halvings of that range: a planned look is off by at most 0.4 %.
const HALVINGS: u32 = 12;

/// The chance that an answer still holds, `time` after the look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Curve {
    /// No build was running. Builds start at a constant rate of which only a gamma distribution is known, with this shape and
    /// this many windows; so the chance falls as Lomax's distribution does.
    Idle { shape: f64, windows: f64 },
    /// A build was running, for `elapsed` by then. Lengths of builds are log-logistic, which is the log-normal distribution with
    /// a survival function that costs one power.
    Running {
        median: f64,
        steepness: f64,
        elapsed: f64,
    },
}

// === impl Curve ===

impl Curve {
    /// The chance that the answer still holds.
    pub(super) fn holds(&self, time: f64) -> f64 {
        match *self {
            Self::Idle { shape, windows } => (1.0 + time / windows).powf(-shape),
            Self::Running {
                median,
                steepness,
                elapsed,
            } => {
                let odds = |length: f64| (length / median).powf(steepness);
                (1.0 + odds(elapsed)) / (1.0 + odds(elapsed + time))
            }
        }
    }

    /// Windows of a wrong answer that a look at `time` prevents: with `holds` = S, ∫₀ᵗ S − t·S(t). This is the index of Azar et
    /// al. (2018) for any S; for an exponential one it is [1 − (1 + x)·e⁻ˣ] / rate with x = rate·t.
    pub(super) fn worth(&self, time: f64) -> f64 {
        (self.area(time) - time * self.holds(time)).max(0.0)
    }

    /// When a look is worth that much.
    pub(super) fn due(&self, worth: f64) -> f64 {
        let (mut early, mut late) = (OCTAVES.start, OCTAVES.end);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(early, late);
            if self.worth(middle.exp2()) < worth {
                early = middle;
            } else {
                late = middle;
            }
        }
        late.exp2()
    }

    fn area(&self, time: f64) -> f64 {
        match *self {
            Self::Idle { shape, windows } if (shape - 1.0).abs() < 1e-3 => {
                windows * (time / windows).ln_1p()
            }
            Self::Idle { shape, windows } => {
                let rest = 1.0 - shape;
                windows * (rest * (time / windows).ln_1p()).exp_m1() / rest
            }
            Self::Running {
                median,
                steepness,
                elapsed,
            } => {
                let odds = 1.0 + (elapsed / median).powf(steepness);
                let tail = median * (odds / TAIL).powf(steepness.recip()) - elapsed;
                let width = time.min(tail) / f64::from(POINTS);
                let middles = (0..POINTS).map(|point| (f64::from(point) + 0.5) * width);
                middles.map(|middle| self.holds(middle)).sum::<f64>() * width
            }
        }
    }
}
