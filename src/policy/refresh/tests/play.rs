//! Plays a world in virtual time: asks come in, calls go out within the ledger, answers are judged.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::LONG;
use super::world::{State, World};
use crate::clock::Clock;
use crate::policy::budget::{Ledger, Slot, Verdict};
use crate::policy::client::ClientId;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;
use crate::policy::refresh::{Build, Look, Next, Rules, Schedule};

/// Seconds in the budget's window.
const WINDOW: f64 = 60.0;
/// Seconds from sending a call to its answer.
const LATENCY: f64 = 0.4;
/// Seconds between two occasions to send.
const TICK: f64 = 0.1;

/// Who spends the calls.
pub(super) trait Contender {
    /// The job is asked for; `stored` tells whether there is an answer.
    fn asked(&mut self, job: usize, stored: bool, now: Instant);
    /// A look sent at `look.sent` has shown this.
    fn looked(&mut self, job: usize, look: &Look, now: Instant);
    /// The next look, if one is to be made now.
    fn next(&mut self, remaining: usize, now: Instant) -> Option<usize>;
}

/// How it went.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Score {
    /// Per cent of the answers that were wrong.
    pub(super) wrong: f64,
    /// Asks in the judged time for which nothing was stored.
    pub(super) unanswered: u32,
    pub(super) looks: u32,
    /// Shortest seconds between two looks at a finished job.
    pub(super) closest: f64,
}

fn rules(world: &World, scale: f64) -> Rules {
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds / scale);
    Rules {
        requests: NonZeroU32::new(world.setup.quota).unwrap(),
        window: seconds(WINDOW),
        floors: Lifetimes {
            finished: seconds(30.0),
            running: seconds(5.0),
        },
        longest: seconds(600.0),
    }
}

pub(super) fn play<C: Contender>(world: &World, contender: impl FnOnce(Instant) -> C) -> Score {
    play_scaled(world, 1.0, contender)
}

/// The same with a clock on which each second of the world takes only `1 / scale`.
pub(super) fn play_scaled<C: Contender>(
    world: &World,
    scale: f64,
    contender: impl FnOnce(Instant) -> C,
) -> Score {
    let start = Clock::system().now();
    let moment = |at: f64| start + Duration::from_secs_f64(at / scale);
    let mut contender = contender(start);
    let rules = rules(world, scale);
    let mut ledger = Ledger::new(rules.requests, rules.window, start);
    let mut stored: Vec<Option<(State, f64)>> = vec![None; world.jobs.len()];
    let mut flying: VecDeque<(f64, usize, Slot)> = VecDeque::new();
    let mut asks = world.asks().into_iter().peekable();
    let (mut wrong, mut judged) = (0_u32, 0_u32);
    let mut score = Score {
        closest: f64::MAX,
        ..Score::default()
    };
    for tick in 0.. {
        let at = f64::from(tick) * TICK;
        if at > world.setup.end() {
            break;
        }
        let now = moment(at);
        while let Some((sent, job, slot)) = flying.pop_front_if(|(sent, ..)| *sent + LATENCY <= at)
        {
            ledger.settle(slot, now);
            let state = world.jobs[job].at(at);
            let began = world.jobs[job].began(state);
            let former = stored[job].replace((state, sent));
            if let Some((before, last)) = former
                && !before.running
            {
                score.closest = score.closest.min(sent - last);
            }
            let look = Look {
                sent: moment(sent),
                finished: !state.running,
                changed: former.is_some_and(|(before, _)| before != state),
                build: Some(Build {
                    stamp: u64::try_from(state.build).unwrap() + 1,
                    age: Duration::from_secs_f64((sent - began).max(0.0) / scale),
                }),
            };
            contender.looked(job, &look, now);
        }
        while let Some((asked, job)) = asks.next_if(|&(asked, _)| asked <= at) {
            contender.asked(job, stored[job].is_some(), now);
            if asked < world.setup.warm_up {
                continue;
            }
            match stored[job] {
                None => score.unanswered += 1,
                Some((state, _)) => {
                    judged += 1;
                    wrong += u32::from(state != world.jobs[job].at(asked));
                }
            }
        }
        while ledger.remaining(now) > 0
            && let Some(job) = contender.next(ledger.left(now), now)
        {
            let Verdict::Granted(slot) = ledger.withdraw(now, rules.window) else {
                unreachable!("calls remain")
            };
            flying.push_back((at, job, slot));
            score.looks += u32::from(at >= world.setup.warm_up);
        }
    }
    score.wrong = 100.0 * f64::from(wrong) / f64::from(judged);
    score
}

/// The schedule under test.
pub(super) struct ByPolicy<'a> {
    schedule: Schedule,
    world: &'a World,
    index: HashMap<JobId, usize>,
    /// Whoever asks for one of these joins the look that is under way.
    flying: Vec<bool>,
    /// Bodies tell of the last build.
    tells: bool,
}

// === impl ByPolicy ===

impl<'a> ByPolicy<'a> {
    pub(super) fn new(world: &'a World, tells: bool, now: Instant) -> Self {
        let by_policy = Self::scaled(world, 1.0, now);
        Self { tells, ..by_policy }
    }

    pub(super) fn scaled(world: &'a World, scale: f64, now: Instant) -> Self {
        let jobs = world.jobs.iter().enumerate();
        Self {
            schedule: Schedule::new(rules(world, scale), [], now),
            world,
            flying: vec![false; world.jobs.len()],
            index: jobs.map(|(index, job)| (job.id, index)).collect(),
            tells: true,
        }
    }
}

impl Contender for ByPolicy<'_> {
    fn asked(&mut self, job: usize, stored: bool, now: Instant) {
        let id = self.world.jobs[job].id;
        if stored {
            self.schedule.seen(ClientId::ANONYMOUS, now);
            self.schedule.asked(&id, 1, now);
        } else if !self.flying[job] {
            self.schedule
                .ask_first(ClientId::ANONYMOUS, id, now + LONG, now);
        }
    }

    fn looked(&mut self, job: usize, look: &Look, now: Instant) {
        let build = look.build.filter(|_| self.tells);
        self.flying[job] = false;
        self.schedule
            .looked(self.world.jobs[job].id, &Look { build, ..*look }, now);
    }

    fn next(&mut self, remaining: usize, now: Instant) -> Option<usize> {
        match self.schedule.next(remaining, now) {
            Next::Look { job, .. } => {
                let job = self.index[&job];
                self.flying[job] = true;
                Some(job)
            }
            Next::Wait { .. } => None,
        }
    }
}

/// A fixed lifetime: whoever asks for an older answer starts a look, in order of asking.
pub(super) struct ByLifetime {
    lifetime: Duration,
    looked: Vec<Option<Instant>>,
    queue: VecDeque<usize>,
    queued: Vec<bool>,
}

// === impl ByLifetime ===

impl ByLifetime {
    pub(super) fn new(world: &World, lifetime: Duration) -> Self {
        let jobs = world.jobs.len();
        Self {
            lifetime,
            looked: vec![None; jobs],
            queue: VecDeque::new(),
            queued: vec![false; jobs],
        }
    }
}

impl Contender for ByLifetime {
    fn asked(&mut self, job: usize, _stored: bool, now: Instant) {
        let is_fresh = self.looked[job].is_some_and(|looked| now < looked + self.lifetime);
        if !is_fresh && !std::mem::replace(&mut self.queued[job], true) {
            self.queue.push_back(job);
        }
    }

    fn looked(&mut self, job: usize, look: &Look, _now: Instant) {
        self.looked[job] = Some(look.sent);
        self.queued[job] = false;
    }

    fn next(&mut self, _remaining: usize, _now: Instant) -> Option<usize> {
        self.queue.pop_front()
    }
}
