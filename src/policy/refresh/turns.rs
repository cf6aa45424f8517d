//! Whose first-ever ask is next. Clients take turns by their shares (stride scheduling: each call moves a client's pass on by one
//! over its share, the lowest pass is next), so none with a share starves and none is held up by another's long queue.
//!
//! Refreshes serve the clients that wait for nothing. While there are such, refreshes have their shares of the calls; when every
//! active client waits for a first answer, first asks take all. So a scanner that walks through ten thousand jobs leaves the
//! wallboard's answers fresh, and a lone client's cold start is as fast as the budget allows.
//!
//! The **reserve** are calls that refreshes leave free, so that a first ask need not wait for the next one: as many as came
//! in a window lately, at most a fifth of the budget. None came: none is held back.

use std::collections::VecDeque;
use std::time::Instant;

use super::Rules;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// What clients without a share of their own have together, at least.
const LEAST_REST: f64 = 0.05;
/// The reserve is at most one call in this many.
const RESERVE_PART: u32 = 5;
/// Windows over which first asks are counted for the reserve.
const RECENT: f64 = 3.0;

/// Who may make the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This client's first-ever ask.
    First(usize),
    /// The refreshes.
    Refresh,
}

/// First-ever asks that wait, by client.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    clients: Vec<Client>,
    refreshes: f64,
    /// The pass of the call that was granted last: who comes back starts here, without credit.
    now: f64,
    recent: f64,
    counted: Instant,
}

#[derive(Clone, Debug)]
struct Client {
    id: ClientId,
    share: f64,
    waiting: VecDeque<JobId>,
    pass: f64,
    seen: Option<Instant>,
}

// === impl Turns ===

impl Turns {
    /// Clients with their shares; without any, everyone is [`ClientId::ANONYMOUS`].
    pub(super) fn new(
        shares: impl IntoIterator<Item = (ClientId, Option<f64>)>,
        rules: &Rules,
        now: Instant,
    ) -> Self {
        let anonymous = (ClientId::ANONYMOUS, None);
        let shares: Vec<_> = shares.into_iter().chain([anonymous]).collect();
        let given: f64 = shares.iter().filter_map(|(_, share)| *share).sum();
        let others = shares.iter().filter(|(_, share)| share.is_none()).count();
        let rest =
            (1.0 - given).max(LEAST_REST) / f64::from(u32::try_from(others).unwrap_or(u32::MAX));
        let client = |(id, share): (ClientId, Option<f64>)| Client {
            id,
            share: share.unwrap_or(rest).max(f64::EPSILON),
            waiting: VecDeque::new(),
            pass: 0.0,
            seen: None,
        };
        Self {
            clients: shares.into_iter().map(client).collect(),
            refreshes: 0.0,
            now: 0.0,
            recent: f64::from(rules.requests.get()), // a start is all first asks
            counted: now,
        }
    }

    /// The client asks for something, whatever it is.
    pub(super) fn seen(&mut self, client: ClientId, now: Instant) {
        let at = self.at(client);
        if let Some(client) = self.clients.get_mut(at) {
            client.seen = Some(now);
        }
    }

    /// The client asks for a job of which nothing is stored.
    pub(super) fn ask(&mut self, client: ClientId, job: JobId, now: Instant, rules: &Rules) {
        self.recent = self.recent(now, rules) + 1.0;
        self.counted = now;
        let (at, granted) = (self.at(client), self.now);
        if let Some(client) = self.clients.get_mut(at) {
            if client.waiting.is_empty() {
                client.pass = client.pass.max(granted);
            }
            client.seen = Some(now);
            client.waiting.push_back(job);
        }
    }

    /// Nobody waits for this job any more.
    pub(super) fn leave(&mut self, job: &JobId) {
        for client in &mut self.clients {
            client.waiting.retain(|waiting| waiting != job);
        }
    }

    /// First asks that wait.
    pub(super) fn waiting(&self) -> usize {
        self.clients.iter().map(|client| client.waiting.len()).sum()
    }

    /// How many first asks are granted before this one, if the job waits.
    pub(super) fn place(&self, job: &JobId) -> Option<usize> {
        let position = |client: &Client| client.waiting.iter().position(|waiting| waiting == job);
        let position = self.clients.iter().find_map(position)?;
        let before = |client: &Client| client.waiting.len().min(position);
        Some(self.clients.iter().map(before).sum())
    }

    /// Who is next.
    pub(super) fn next(&self, now: Instant, rules: &Rules) -> Turn {
        let Some((at, client)) = self.lowest() else {
            return Turn::Refresh;
        };
        let is_shared = self.served(now, rules) > 0.0;
        if is_shared && self.refreshes < client.pass {
            Turn::Refresh
        } else {
            Turn::First(at)
        }
    }

    /// Whose first-ever ask is next, if any waits.
    pub(super) fn first(&self) -> Option<usize> {
        self.lowest().map(|(at, _)| at)
    }

    /// Grants the client's call.
    pub(super) fn grant(&mut self, at: usize) -> Option<(ClientId, JobId)> {
        let client = self.clients.get_mut(at)?;
        let job = client.waiting.pop_front()?;
        self.now = self.now.max(client.pass);
        client.pass += 1.0 / client.share;
        Some((client.id, job))
    }

    /// A refresh was granted.
    pub(super) fn refreshed(&mut self, now: Instant, rules: &Rules) {
        let share = self.served(now, rules);
        self.refreshes = if self.waiting() > 0 && share > 0.0 {
            self.refreshes.max(self.now) + 1.0 / share
        } else {
            self.now // nobody was held up by it
        };
    }

    /// Calls that refreshes leave free.
    pub(super) fn reserve(&self, now: Instant, rules: &Rules) -> usize {
        let most = rules.requests.get() / RESERVE_PART;
        let recent = self.recent(now, rules) / RECENT;
        (0..most)
            .take_while(|&calls| f64::from(calls) + 0.5 < recent)
            .count()
    }

    /// The shares of the active clients that wait for nothing.
    fn served(&self, now: Instant, rules: &Rules) -> f64 {
        let active = |client: &&Client| {
            let seen = client.seen;
            seen.is_some_and(|seen| now.saturating_duration_since(seen) < rules.window)
        };
        let served = self.clients.iter().filter(active);
        let served = served.filter(|client| client.waiting.is_empty());
        served.map(|client| client.share).sum()
    }

    fn lowest(&self) -> Option<(usize, &Client)> {
        let clients = self.clients.iter().enumerate();
        let waiting = clients.filter(|(_, client)| !client.waiting.is_empty());
        waiting.min_by(|(_, a), (_, b)| a.pass.total_cmp(&b.pass))
    }

    fn recent(&self, now: Instant, rules: &Rules) -> f64 {
        let since = rules.windows(now.saturating_duration_since(self.counted));
        self.recent * (-since / RECENT).exp()
    }

    /// The last place is for those without a name.
    fn at(&self, client: ClientId) -> usize {
        let last = self.clients.len() - 1;
        client.index().map_or(last, |index| index.min(last))
    }
}
