//! Makes a trace of the lines of a log, in whatever order they come.

use std::time::Duration;

use indexmap::IndexSet;

use super::line::{Line, State, Tells, TextFormat};
use super::trace::{Ask, Change, Trace};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// Further names are taken for nobody's: each call is weighed against every client, so a log with a name of its own in each line would
/// take days.
const MOST_CLIENTS: usize = 1_000;

/// How long a call takes if no line tells: a usual round trip to upstream.
const USUAL_CALL: Duration = Duration::from_millis(200);
/// Calls whose durations are kept for the median, 8 bytes each.
const CALLS_KEPT: usize = 100_000;

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
        if let Some(index) = self.clients.get_index_of(name) {
            return ClientId::at(index);
        }
        if name == "-" || self.clients.len() >= MOST_CLIENTS {
            return ClientId::ANONYMOUS;
        }
        ClientId::at(self.clients.insert_full(name.to_owned()).0)
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

#[cfg(test)]
mod tests;
