//! A recorded log in the form in which it is replayed.
//!
//! It costs 16 bytes for each ask, 24 for each change of a job, and a few hundred for each job and client: some 20 MB for a million asks. Asks
//! are put in order of time once all lines are read, so files may come in any order, and lines that overtook each other do no harm.

use std::time::Duration;

use indexmap::IndexSet;

use super::line::{Line, State, Tells, TextFormat};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// How long a call takes if no line tells: a usual round trip to upstream.
const USUAL_CALL: Duration = Duration::from_millis(200);
/// Calls whose durations are kept for the median, 8 bytes each.
const CALLS_KEPT: usize = 100_000;

/// Who asked for which job and when, and how the jobs were.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) jobs: IndexSet<JobId>,
    clients: IndexSet<String>,
    /// In order of time.
    pub(super) asks: Vec<Ask>,
    /// How each job was at the beginning.
    pub(super) first: Vec<State>,
    /// In order of time.
    pub(super) changes: Vec<Change>,
    pub(super) latency: Duration,
    knows_states: bool,
    skipped: u64,
}

/// Someone asks for a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// Since the first one.
    pub(super) at_ms: u64,
    /// Its place in [`Trace::jobs`].
    pub(super) job: u32,
    pub(super) client: ClientId,
}

/// A job has become another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) at_ms: u64,
    pub(super) job: u32,
    pub(super) state: State,
}

/// Makes a trace of lines.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    jobs: IndexSet<JobId>,
    clients: IndexSet<String>,
    asks: Vec<(i64, u32, ClientId)>,
    /// What lines told, where it was not what the line before had told of the job.
    seen: Vec<(i64, u32, State)>,
    last: Vec<Option<State>>,
    calls_us: Vec<u64>,
    skipped: u64,
}

// === impl Recorder ===

impl Recorder {
    /// `configured` are the names of the clients in the order of the configuration.
    pub fn new<'a>(configured: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            clients: configured.into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// Takes a line, with its end or without. One that is no ask for a job is counted and passed over.
    ///
    /// # Errors
    /// The log is in the format for people.
    pub fn line(&mut self, line: &[u8]) -> Result<(), TextFormat> {
        match Line::parse(line)? {
            Some(line) => self.ask(&line),
            None => self.skip(),
        }
        Ok(())
    }

    /// Counts a line that is too long to be one of ours.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    fn ask(&mut self, line: &Line<'_>) {
        let (index, _) = self.jobs.insert_full(line.job);
        let Ok(job) = u32::try_from(index) else {
            return self.skip(); // a job more than four thousand million
        };
        self.last.resize(self.jobs.len(), None);
        let client = self.client(line.client);
        self.asks.push((line.at_ms, job, client));
        if self.calls_us.len() < CALLS_KEPT {
            self.calls_us.extend(line.call_us);
        }
        let Some(last) = self.last.get_mut(index) else {
            return;
        };
        let state = match (line.tells, *last) {
            (Tells::State(state), _) => state,
            (Tells::Exists, None | Some(State::Denied)) => State::UNKNOWN,
            (Tells::Exists, Some(State::Job { .. })) | (Tells::Nothing, _) => return,
        };
        if last.replace(state) != Some(state) {
            self.seen.push((line.at_ms, job, state));
        }
    }

    fn client(&mut self, name: &str) -> ClientId {
        if name == "-" {
            return ClientId::ANONYMOUS;
        }
        let known = self.clients.get_index_of(name);
        let index = known.unwrap_or_else(|| self.clients.insert_full(name.to_owned()).0);
        ClientId::at(index)
    }

    /// The whole trace; `None` if there was no ask.
    #[must_use]
    pub fn finish(mut self) -> Option<Trace> {
        self.asks.sort_by_key(|&(at_ms, ..)| at_ms); // stable: what came in one millisecond stays in order
        self.seen.sort_by_key(|&(at_ms, ..)| at_ms);
        let &(start, ..) = self.asks.first()?;
        let since = |at_ms: i64| at_ms.saturating_sub(start).unsigned_abs();
        let asks = self.asks.into_iter().map(|(at_ms, job, client)| Ask {
            at_ms: since(at_ms),
            job,
            client,
        });
        let seen = self.seen.into_iter().map(|(at_ms, job, state)| Change {
            at_ms: since(at_ms),
            job,
            state,
        });
        let (first, changes, knows_states) = changes(seen, self.jobs.len());
        Some(Trace {
            asks: asks.collect(),
            jobs: self.jobs,
            clients: self.clients,
            first,
            changes,
            latency: median(self.calls_us).unwrap_or(USUAL_CALL),
            knows_states,
            skipped: self.skipped,
        })
    }
}

/// How the jobs were at first, what changed then, and whether any line told how a job stood. What is first seen of a job was so before.
fn changes(seen: impl Iterator<Item = Change>, jobs: usize) -> (Vec<State>, Vec<Change>, bool) {
    let (mut first, mut now) = (vec![State::UNKNOWN; jobs], vec![None; jobs]);
    let (mut changes, mut knows_states) = (Vec::new(), false);
    for change in seen {
        knows_states |= matches!(change.state, State::Job { .. }) && change.state != State::UNKNOWN;
        let job = change.job as usize;
        let (Some(first), Some(now)) = (first.get_mut(job), now.get_mut(job)) else {
            continue;
        };
        match now.replace(change.state) {
            None => *first = change.state,
            Some(before) if before != change.state => changes.push(change),
            Some(_) => {}
        }
    }
    (first, changes, knows_states)
}

fn median(mut micros: Vec<u64>) -> Option<Duration> {
    let half = micros.len() / 2;
    let (_, median, _) = (half < micros.len()).then(|| micros.select_nth_unstable(half))?;
    Some(Duration::from_micros(*median))
}

// === impl State ===

impl State {
    /// What a job is of which no line tells how it stands: finished, and always the same.
    const UNKNOWN: Self = Self::Job {
        etag: 0,
        running: false,
    };

    /// No build runs.
    pub(super) fn is_finished(self) -> bool {
        !matches!(self, Self::Job { running: true, .. })
    }
}

// === impl Trace ===

impl Trace {
    /// How many asks for jobs there are.
    #[must_use]
    pub fn asks(&self) -> usize {
        self.asks.len()
    }

    /// How many jobs were asked for.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// How many clients are known, the configured ones included; those without a name are none.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// From the first ask to the last.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.asks
            .last()
            .map_or(Duration::ZERO, |ask| Duration::from_millis(ask.at_ms))
    }

    /// How long a call takes: the median of those recorded.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.latency
    }

    /// Lines tell how jobs stand, not only that they are there.
    #[must_use]
    pub fn knows_states(&self) -> bool {
        self.knows_states
    }

    /// Lines that are no ask for a job.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests;
