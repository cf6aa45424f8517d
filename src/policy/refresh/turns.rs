//! Whose first-ever ask is next. Clients take turns by their shares (stride scheduling: each call moves a client's pass on by one
//! over its share, the lowest pass is next), so none with a share starves and none is held up by another's long queue.
//!
//! Refreshes serve the clients that wait for nothing. While there are such, refreshes have their shares of the calls; when every
//! active client waits for a first answer, first asks take all. So a scanner that walks through ten thousand jobs leaves the
//! wallboard's answers fresh, and a lone client's cold start is as fast as the budget allows.
//!
//! Who waits is remembered for a while, also when it was told to come back later: its turn comes, and it finds the answer. A client is
//! remembered with no more jobs than a window pays for, so a scanner that has gone leaves little behind.
//!
//! The **reserve** are calls that refreshes leave free, so that a first ask need not wait for the next one: as many as came
//! in a window lately, at most a fifth of the budget. None came: none is held back. Nor while first asks wait: then it is turns that
//! decide, or a scanner that never stops would have every call. For the same reason refreshes are not
//! [paced](super::schedule) while more first asks come than the reserve is for: calls come free as unevenly as they were made, and the
//! scanner would have each that comes too soon.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::Rules;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// What clients without a share of their own have together, at least.
const LEAST_REST: f64 = 0.05;
/// The reserve is at most one call in this many.
const RESERVE_PART: u32 = 5;

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
    /// Until when each ask is remembered, and the place of its client.
    asks: HashMap<JobId, (usize, Instant)>,
    refreshes: f64,
    /// The pass of the call that was granted last: who comes back starts here, without credit.
    now: f64,
    /// First asks in about a window until they were `counted`; and of these, no more than the reserve can hold.
    firsts: f64,
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
            asks: HashMap::new(),
            refreshes: 0.0,
            now: 0.0,
            firsts: 0.0,
            recent: f64::from(rules.requests.get() / RESERVE_PART), // a start is all first asks
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

    /// The client asks for a job of which nothing is stored, which is remembered until then. One that another client has in line
    /// changes lines if its turn comes sooner then. False: the client has as many in line as a window pays for.
    pub(super) fn ask(
        &mut self,
        (client, job): (ClientId, JobId),
        until: Instant,
        now: Instant,
        rules: &Rules,
    ) -> bool {
        let place = self.place(&job, now, rules);
        let is_sooner = place.is_none_or(|place| self.end(client, now, rules) < place);
        if let Some((_, remembered)) = self.asks.get_mut(&job)
            && !is_sooner
        {
            *remembered = until.max(*remembered);
            return true;
        }
        let at = self.at(client);
        let most = usize::try_from(rules.requests.get()).unwrap_or(usize::MAX);
        if let Some(client) = self.clients.get_mut(at) {
            client.seen = Some(now);
            if client.waiting.len() >= most {
                return place.is_some();
            }
        }
        let before = self.asks.get(&job).map(|(_, until)| *until);
        let until = before.map_or(until, |before| before.max(until));
        self.leave(&job); // else who asks for what a scanner has lined up would have the scanner's share
        let granted = self.now;
        let Some(client) = self.clients.get_mut(at) else {
            return false;
        };
        if client.waiting.is_empty() {
            client.pass = client.pass.max(granted);
        }
        client.waiting.push_back(job);
        self.asks.insert(job, (at, until));
        true
    }

    /// It was the first ask for a job that nothing was known of.
    pub(super) fn count(&mut self, now: Instant, rules: &Rules) {
        let most = f64::from(rules.requests.get() / RESERVE_PART);
        self.firsts = self.firsts(now, rules) + 1.0;
        self.recent = (self.recent(now, rules) + 1.0).min(most);
        self.counted = now;
    }

    /// Nobody waits for this job any more.
    pub(super) fn leave(&mut self, job: &JobId) {
        if let Some((at, _)) = self.asks.remove(job)
            && let Some(client) = self.clients.get_mut(at)
        {
            client.waiting.retain(|waiting| waiting != job);
        }
    }

    /// Forgets the asks at the front that nobody has repeated for too long.
    pub(super) fn lapse(&mut self, now: Instant) {
        let Self { clients, asks, .. } = self;
        for client in clients
            .iter_mut()
            .filter(|client| !client.waiting.is_empty())
        {
            while let Some(job) = client.waiting.front()
                && asks.get(job).is_none_or(|(_, until)| *until <= now)
            {
                asks.remove(job);
                client.waiting.pop_front();
            }
        }
    }

    /// First asks that wait.
    pub(super) fn waiting(&self) -> usize {
        self.asks.len()
    }

    /// How many calls are granted before this job's, if it waits; refreshes count if they take turns with first asks.
    pub(super) fn place(&self, job: &JobId, now: Instant, rules: &Rules) -> Option<usize> {
        let (at, _) = self.asks.get(job)?;
        let client = self.clients.get(*at)?;
        let position = client.waiting.iter().position(|waiting| waiting == job)?;
        Some(self.granted_before(*at, position, now, rules))
    }

    /// How many calls are granted before a further ask of this client.
    pub(super) fn end(&self, client: ClientId, now: Instant, rules: &Rules) -> usize {
        let at = self.at(client);
        let position = self
            .clients
            .get(at)
            .map_or(0, |client| client.waiting.len());
        self.granted_before(at, position, now, rules)
    }

    fn granted_before(&self, at: usize, position: usize, now: Instant, rules: &Rules) -> usize {
        let Some(client) = self.clients.get(at) else {
            return 0;
        };
        let pass = client.pass.max(self.now) + as_f64(position) / client.share;
        let others = self.clients.iter().enumerate();
        let others = others.filter(|(other, client)| *other != at && !client.waiting.is_empty());
        let firsts = others.map(|(_, other)| {
            let granted = ((pass - other.pass) * other.share).max(0.0).ceil();
            granted.min(as_f64(other.waiting.len()))
        });
        // whoever has this ask in line waits itself, so no refresh serves it
        let served = self.served(now, rules, Some(at));
        let refreshes = ((pass - self.refreshes.max(self.now)) * served).max(0.0);
        let refreshes = if self.is_crowded(now, rules) {
            refreshes.ceil()
        } else {
            refreshes.ceil().min(1.0) // paced, the others come later
        };
        whole(as_f64(position) + firsts.sum::<f64>() + refreshes)
    }

    /// Lately more first asks came than the reserve is for. Then refreshes have the calls of their turns all the same, however close
    /// together.
    pub(super) fn is_crowded(&self, now: Instant, rules: &Rules) -> bool {
        self.waiting() > 0
            && self.firsts(now, rules) > f64::from(rules.requests.get() / RESERVE_PART)
    }

    /// Who is next.
    pub(super) fn next(&self, now: Instant, rules: &Rules) -> Turn {
        let Some((at, client)) = self.lowest() else {
            return Turn::Refresh;
        };
        let is_shared = self.served(now, rules, None) > 0.0;
        if is_shared && self.refreshes.max(self.now) < client.pass {
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
        self.asks.remove(&job);
        self.now = self.now.max(client.pass);
        client.pass += 1.0 / client.share;
        Some((client.id, job))
    }

    /// A refresh was granted.
    pub(super) fn refreshed(&mut self, now: Instant, rules: &Rules) {
        let share = self.served(now, rules, None);
        self.refreshes = if self.waiting() > 0 && share > 0.0 {
            self.refreshes.max(self.now) + 1.0 / share
        } else {
            self.now // nobody was held up by it
        };
    }

    /// Calls that refreshes leave free.
    pub(super) fn reserve(&self, now: Instant, rules: &Rules) -> usize {
        if self.waiting() > 0 {
            return 0;
        }
        let most = rules.requests.get() / RESERVE_PART;
        let recent = self.recent(now, rules);
        (0..most)
            .take_while(|&calls| f64::from(calls) + 0.5 < recent)
            .count()
    }

    /// The shares of the active clients that wait for nothing, but for the one that is about to.
    fn served(&self, now: Instant, rules: &Rules, but: Option<usize>) -> f64 {
        let active = |client: &&Client| {
            let seen = client.seen;
            seen.is_some_and(|seen| now.saturating_duration_since(seen) < rules.window)
        };
        let others = self.clients.iter().enumerate();
        let others = others.filter(|(at, _)| Some(*at) != but);
        let served = others.map(|(_, client)| client).filter(active);
        let served = served.filter(|client| client.waiting.is_empty());
        served.map(|client| client.share).sum()
    }

    fn lowest(&self) -> Option<(usize, &Client)> {
        let clients = self.clients.iter().enumerate();
        let waiting = clients.filter(|(_, client)| !client.waiting.is_empty());
        waiting.min_by(|(_, a), (_, b)| a.pass.total_cmp(&b.pass))
    }

    /// First asks in a window, lately.
    fn firsts(&self, now: Instant, rules: &Rules) -> f64 {
        self.firsts * self.faded(now, rules)
    }

    /// Calls in a window that first asks need: for those that came lately, and once more for those that still wait.
    pub(super) fn demand(&self, now: Instant, rules: &Rules) -> f64 {
        self.firsts(now, rules) + as_f64(self.waiting())
    }

    fn recent(&self, now: Instant, rules: &Rules) -> f64 {
        self.recent * self.faded(now, rules)
    }

    fn faded(&self, now: Instant, rules: &Rules) -> f64 {
        let since = rules.windows(now.saturating_duration_since(self.counted));
        (-since).exp()
    }

    /// The last place is for those without a name.
    fn at(&self, client: ClientId) -> usize {
        let last = self.clients.len() - 1;
        client.index().map_or(last, |index| index.min(last))
    }
}

#[cfg(test)]
impl Turns {
    pub(super) fn waits(&self, client: ClientId) -> usize {
        self.clients
            .get(self.at(client))
            .map_or(0, |client| client.waiting.len())
    }
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count: not negative, and a float beyond the bounds saturates"
)]
fn whole(count: f64) -> usize {
    count as usize
}
