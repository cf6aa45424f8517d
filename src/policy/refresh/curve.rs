//! What is known of a stored answer as time goes by: the chance that it still holds, and what a look would be worth.
//!
//! Times are in windows. A curve begins at the look that brought the answer.

/// Points at which the area below a curve without a closed form is taken, up to where hardly anything is left of it.
const POINTS: u32 = 6;
const TAIL: f64 = 0.02;
/// A look is planned no closer than a 64th of a window and no further than 65 536 windows, 45 days of the default; as logarithms.
const NEAREST: f64 = -6.0 * std::f64::consts::LN_2;
const FURTHEST: f64 = 16.0 * std::f64::consts::LN_2;
/// A planned look is off by this share at most.
const PRECISION: f64 = 0.03;
/// Steps to find it; three or four are usual.
const STEPS: u32 = 16;

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

    /// When a look is worth that much: Newton's method on the logarithms of both, along which the worth is nearly straight, with
    /// bisection wherever a step would leave what is still possible.
    pub(super) fn due(&self, worth: f64) -> f64 {
        let (mut least, mut most) = (NEAREST, FURTHEST);
        let mut log = self.first_guess(worth).ln().clamp(least, most);
        for _ in 0..STEPS {
            let time = log.exp();
            let reached = self.worth(time);
            if reached < worth {
                least = log;
            } else {
                most = log;
            }
            let slope = time * time * self.ends(time) / reached;
            let next = log + (worth / reached).ln() / slope;
            let is_possible = least <= next && next <= most; // neither if it is not a number
            let next = if is_possible {
                next
            } else {
                f64::midpoint(least, most)
            };
            let is_found = (next - log).abs() < PRECISION;
            log = next;
            if is_found {
                break;
            }
        }
        log.exp()
    }

    /// A time that is none too late: as if the chance of a change stayed what it was at the look.
    fn first_guess(&self, worth: f64) -> f64 {
        match *self {
            Self::Idle { shape, windows } => (2.0 * worth * windows / shape).sqrt(),
            Self::Running { median, .. } => median,
        }
    }

    /// The density of the answer's end: −S′.
    fn ends(&self, time: f64) -> f64 {
        let holds = self.holds(time);
        match *self {
            Self::Idle { shape, windows } => holds * shape / (windows + time),
            Self::Running {
                median,
                steepness,
                elapsed,
            } => {
                let length = elapsed + time;
                let odds = (length / median).powf(steepness);
                holds * steepness / length * odds / (1.0 + odds)
            }
        }
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
