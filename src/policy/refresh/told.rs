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
    /// `budget.window`
    pub window: Duration,
    /// Its own builds that this is learned from. The older ones fade, so it is no whole number, and at most 16; below one, what jobs
    /// here are like says more.
    pub builds: f64,
    /// Mean time from the end of a build to the start of the next, as far as it is known.
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

/// What lies before the schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Jobs that are asked for, whose looks are planned.
    pub jobs: usize,
    /// First asks in line.
    pub first_asks: usize,
    /// What all of them need.
    pub forecast: Forecast,
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
    /// It would be worth a look before its floor, and so is looked at then; so many looks are planned before.
    Floor {
        /// The planned time.
        at: Instant,
        /// Looks planned before.
        place: usize,
    },
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
        let age = now.saturating_duration_since(track.shown.seen());
        let asks = track.demand.rate(now, rules);
        let (shape, windows) = track.rhythm.rate(&self.fleet);
        let wrong = |after: f64| match track.differs {
            true => 1.0, // shown by a list: nothing to be guessed
            false => 1.0 - curve.holds(rules.windows(track.age(now)) + after),
        };
        Some(Told {
            asks,
            window: rules.window,
            builds: track.rhythm.builds(),
            pause: rules.duration(windows / shape),
            length: rules.duration(track.rhythm.length(&self.fleet)),
            wrong: wrong(0.0),
            loss: asks * f64::midpoint(wrong(0.0), wrong(1.0)),
            age,
            standing: self.standing(job, track),
        })
    }

    /// When the job's look is planned, or now if one is under way or a difference is proven; `None`: it is not in the schedule.
    #[must_use]
    pub fn due(&self, job: &JobId, now: Instant) -> Option<Instant> {
        let track = self.tracks.get(job)?;
        Some(match track.place {
            Place::Flying => now,
            Place::Queued if track.differs => now,
            Place::Queued | Place::Resting => track.due,
        })
    }

    /// What lies before it. Walks over all jobs.
    #[must_use]
    pub fn outlook(&self, now: Instant) -> Outlook {
        Outlook {
            jobs: self.len(),
            first_asks: self.turns.waiting(),
            forecast: self.forecast(now),
        }
    }

    /// How many calls are granted before this job's, if somebody waits for its first answer.
    #[must_use]
    pub fn first_in_line(&self, job: &JobId, now: Instant) -> Option<usize> {
        self.turns.place(job, now, &self.rules)
    }

    /// How many calls are granted before this client's first ask for a job, whether it is in line, in another one's line or in none.
    #[must_use]
    pub fn place(&self, client: ClientId, job: &JobId, now: Instant) -> usize {
        let end = self.end_of_line(client, now);
        let place = self.first_in_line(job, now);
        place.map_or(end, |place| place.min(end))
    }

    /// How many calls are granted before a further first ask of this client.
    #[must_use]
    pub fn end_of_line(&self, client: ClientId, now: Instant) -> usize {
        self.turns.end(client, now, &self.rules)
    }

    /// What the demand of now would need: calls in a window for first asks, and for looks at all that is asked for as often as their floors
    /// allow. Who finds no place in line is not counted, since it asks again and again; so a line that does not get shorter counts on top of
    /// those that came. Walks over all jobs.
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
            first_asks: self.turns.demand(now, rules),
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
        let at = track.due;
        let place = || self.queue.range(..(at, *job)).count();
        let proven = || self.proven.iter().position(|proven| proven == job);
        match track.place {
            Place::Flying => Standing::UnderWay,
            Place::Resting => Standing::Resting(at),
            Place::Queued if track.differs => Standing::Differs(proven().unwrap_or(0)),
            Place::Queued if at == track.floor(&self.rules) => {
                Standing::Floor { at, place: place() }
            }
            Place::Queued => Standing::Planned { at, place: place() },
        }
    }
}
