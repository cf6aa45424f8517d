//! A job's place in the schedule, as data for the operator who asks.

use std::time::{Duration, Instant};

use super::schedule::Schedule;
use super::track::{Place, Track};
use crate::policy::client::ClientId;
use crate::policy::forecast::Forecast;
use crate::policy::job::JobId;

/// What the schedule knows of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// How often it is asked for, in a window.
    pub asks: f64,
    /// Mean time between the starts of its builds, as far as it is known.
    pub pause: Duration,
    /// Median length of its builds, as far as it is known.
    pub length: Duration,
    /// The chance that the stored answer is wrong.
    pub wrong: f64,
    /// Wrong answers that are expected in a window from now if there is no look.
    pub loss: f64,
    /// Since the last look was sent.
    pub age: Duration,
    /// Where it stands, and why its next look is when it is.
    pub standing: Standing,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A look is under way.
    UnderWay,
    /// A sweep has shown that the stored answer is wrong; so many looks are made before this one.
    Differs(usize),
    /// The last look brought nothing; none is made before then.
    Resting(Instant),
    /// Looked at so lately that its floor decides when it is looked at next.
    Floor(Instant),
    /// Planned for then, when a look is worth as much as those that the budget pays for; so many are planned before.
    Planned {
        /// The planned time.
        at: Instant,
        /// Looks planned before.
        place: usize,
    },
}

// === impl Schedule ===

impl Schedule {
    /// What is known of a job, and where it stands; `None`: it is not in the schedule. Walks through the queue.
    #[must_use]
    pub fn explain(&self, job: &JobId, now: Instant) -> Option<Told> {
        let track = self.tracks.get(job)?;
        let rules = &self.rules;
        let curve = track.curve(&self.fleet);
        let age = track.age(now);
        let asks = track.demand.rate(now, rules);
        let (shape, windows) = track.rhythm.rate(&self.fleet);
        let wrong = |after: f64| 1.0 - curve.holds(rules.windows(age) + after);
        Some(Told {
            asks,
            pause: rules.duration(windows / shape),
            length: rules.duration(track.rhythm.length(&self.fleet)),
            wrong: wrong(0.0),
            loss: asks * f64::midpoint(wrong(0.0), wrong(1.0)),
            age,
            standing: self.standing(job, track),
        })
    }

    /// How many calls are granted before this job's, if somebody waits for its first answer.
    #[must_use]
    pub fn first_in_line(&self, job: &JobId, now: Instant) -> Option<usize> {
        self.turns.place(job, now, &self.rules)
    }

    /// How many calls are granted before a further first ask of this client.
    #[must_use]
    pub fn end_of_line(&self, client: ClientId, now: Instant) -> usize {
        self.turns.end(client, now, &self.rules)
    }

    /// What the demand of now would need: calls in a window for first asks, and for looks at all that is asked for as often as their floors
    /// allow. Walks over all jobs.
    #[must_use]
    pub fn forecast(&self, now: Instant) -> Forecast {
        let rules = &self.rules;
        let asked = self
            .tracks
            .values()
            .filter(|track| !track.is_silent(now, rules));
        let asked = asked.map(|track| {
            let asks = track.demand.rate(now, rules);
            (asks, rules.floors.of(track.shown.finished))
        });
        Forecast {
            first_asks: self.turns.firsts(now, rules),
            floors: Forecast::floors(asked, rules.window),
            budget: rules.requests,
            window: rules.window,
        }
    }

    /// Jobs in the schedule.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Nobody asks for anything that is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    fn standing(&self, job: &JobId, track: &Track) -> Standing {
        let proven = || self.proven.iter().position(|proven| proven == job);
        match track.place {
            Place::Flying => Standing::UnderWay,
            Place::Resting => Standing::Resting(track.due),
            Place::Queued if track.differs => Standing::Differs(proven().unwrap_or(0)),
            Place::Queued if track.due == track.floor(&self.rules) => Standing::Floor(track.due),
            Place::Queued => Standing::Planned {
                at: track.due,
                place: self.queue.range(..(track.due, *job)).count(),
            },
        }
    }
}
