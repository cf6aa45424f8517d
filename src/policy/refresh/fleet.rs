//! What jobs here are like: the prior of a job of which little is known yet.
//!
//! Learned as it goes from all jobs (empirical Bayes): the mean rate at which builds start, the median length of a build and how
//! far lengths stray from what was expected of them. The width of the prior of rates is fixed.

/// Shape of the gamma distribution of rates over jobs: a few build often, most hardly ever. Of 0.1 to 1, 0.2 and 0.3 had the
/// lowest share of wrong answers over thirteen simulated worlds.
const SHAPE: f64 = 0.25;

/// Before anything is known: builds start 20 windows apart and last about one. It counts as much as what five jobs show.
const FIRST_GUESS: f64 = 5.0;
const FIRST_RATE: f64 = 1.0 / 20.0;
/// Spread of the logarithm of lengths at first: two in three lie within a factor of 2.2.
const FIRST_VARIANCE: f64 = 0.64;
/// Builds never last as alike as that: a factor of 1.2.
const LEAST_VARIANCE: f64 = 0.04;

/// The last so many observations make the fleet's means.
const MEMORY: f64 = 512.0;

/// π/√3: a logistic distribution's standard deviation in units of its scale.
const LOGISTIC: f64 = 1.813_799_364_234_217_8;

/// Means over the jobs of a fleet.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    rate: Mean,
    length_log: Mean,
    variance: Mean,
}

/// A mean over the last [`MEMORY`] observations, roughly.
#[derive(Clone, Copy, Debug)]
struct Mean {
    value: f64,
    count: f64,
}

// === impl Fleet ===

impl Fleet {
    pub(super) fn new() -> Self {
        Self {
            rate: Mean::guess(FIRST_RATE),
            length_log: Mean::guess(0.0),
            variance: Mean::guess(FIRST_VARIANCE),
        }
    }

    /// A job's rate, as far as it is known, in starts a window.
    pub(super) fn saw_rate(&mut self, (shape, windows): (f64, f64)) {
        self.rate.add(shape / windows);
    }

    /// A build's length and what had been expected, both as logarithms.
    pub(super) fn saw_length(&mut self, log: f64, expected: f64) {
        self.length_log.add(log);
        self.variance.add((log - expected).powi(2));
    }

    /// Shape and windows of the prior of rates.
    pub(super) fn rate(&self) -> (f64, f64) {
        (SHAPE, SHAPE / self.rate.value)
    }

    /// Logarithm of the median length of a build, in windows.
    pub(super) fn length_log(&self) -> f64 {
        self.length_log.value
    }

    /// Steepness of the log-logistic distribution of lengths.
    pub(super) fn steepness(&self) -> f64 {
        LOGISTIC / self.variance.value.max(LEAST_VARIANCE).sqrt()
    }
}

// === impl Mean ===

impl Mean {
    fn guess(value: f64) -> Self {
        let count = FIRST_GUESS;
        Self { value, count }
    }

    fn add(&mut self, value: f64) {
        self.count = (self.count + 1.0).min(MEMORY);
        self.value += (value - self.value) / self.count;
    }
}
