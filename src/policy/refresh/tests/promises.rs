//! Schedule and ledger together, whatever happens: what is never broken.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use proptest::prelude::{
    Strategy, TestCaseError, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::sharing::clients;
use super::{LONG, SECOND, job, rules};
use crate::clock::Clock;
use crate::policy::budget::{Ledger, Slot, Verdict};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::policy::refresh::{Look, Next, Schedule, Why};

/// The last two share what is left, one of them being whoever has no name.
const SHARES: [Option<f64>; 3] = [Some(0.5), Some(0.25), None];
const PARTS: [f64; 3] = [0.5, 0.25, 0.125];
/// Those who take turns besides: two clients, whoever has no name, and the refreshes.
const OTHERS: f64 = 4.0;
const JOBS: usize = 60;

#[derive(Clone, Debug)]
enum Step {
    /// A client asks for a few jobs from this one on.
    Ask(usize, usize, usize),
    Pass(u32),
    /// The oldest calls are answered: with a success, or not.
    Land(usize, bool),
    /// A client forces a look.
    Force(usize),
    Differs(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 0..JOBS, 1..20_usize).prop_map(|(client, job, jobs)| Step::Ask(client, job, jobs)),
        4 => (0..8_000_u32).prop_map(Step::Pass),
        4 => (1..20_usize, any::<bool>()).prop_map(|(calls, good)| Step::Land(calls, good)),
        1 => (0..JOBS).prop_map(Step::Force),
        1 => (0..JOBS).prop_map(Step::Differs),
    ]
}

struct Call {
    job: JobId,
    sent: Instant,
    slot: Slot,
    planned: bool,
}

/// The schedule, the ledger, and what became of the calls.
struct House {
    schedule: Schedule,
    ledger: Ledger,
    clients: Vec<ClientId>,
    now: Instant,
    flying: VecDeque<Call>,
    sent: Vec<Instant>,
    /// When the last answer about a stored job was sent for.
    stored: HashMap<JobId, Instant>,
    /// Whose first ask each grant was, since the client waits without a break.
    waits: [Option<(u32, u32)>; 3],
}

impl House {
    fn new() -> Self {
        let now = Clock::system().now();
        let clients = clients(3);
        let shares = clients.iter().copied().zip(SHARES);
        Self {
            schedule: Schedule::new(rules(), shares, now),
            ledger: Ledger::new(rules().requests, rules().window, now),
            clients,
            now,
            flying: VecDeque::new(),
            sent: Vec::new(),
            stored: HashMap::new(),
            waits: [None; 3],
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask(client, first, jobs) => {
                let client = self.clients[client];
                self.schedule.seen(client, self.now);
                for number in first..first + jobs {
                    let job = job(number % JOBS);
                    if self.stored.contains_key(&job) {
                        self.schedule.asked(&job, 1, self.now);
                    } else if self.flying.iter().all(|call| call.job != job) {
                        let until = self.now + LONG;
                        self.schedule.ask_first(client, job, until, self.now);
                    }
                }
            }
            Step::Pass(millis) => self.now += Duration::from_millis(millis.into()),
            Step::Land(calls, good) => {
                for call in (0..calls)
                    .map_while(|_| self.flying.pop_front())
                    .collect::<Vec<_>>()
                {
                    self.land(call, good);
                }
            }
            Step::Force(number) => self.send(job(number), false),
            Step::Differs(number) => self.schedule.differs(job(number)),
        }
    }

    fn land(&mut self, call: Call, good: bool) {
        self.ledger.settle(call.slot, self.now);
        if good {
            let look = Look {
                sent: call.sent,
                finished: true,
                changed: false,
                build: None,
            };
            self.schedule.looked(call.job, &look, self.now);
            self.stored.insert(call.job, call.sent);
        } else {
            self.schedule.failed(&call.job, self.now + SECOND);
        }
        if call.planned {
            self.schedule.ended(&call.job, self.now);
        }
    }

    fn send(&mut self, job: JobId, planned: bool) {
        if let Some(call) = self.flying.iter_mut().find(|call| call.job == job) {
            call.planned |= planned; // it joins the one that runs
            return;
        }
        if let Verdict::Granted(slot) = self.ledger.withdraw(self.now, 10 * SECOND) {
            let sent = self.now;
            self.sent.push(sent);
            self.flying.push_back(Call {
                job,
                sent,
                slot,
                planned,
            });
        }
    }

    /// Whatever goes out now.
    fn spend(&mut self) -> Result<(), TestCaseError> {
        while self.ledger.remaining(self.now) > 0 {
            self.note_waits();
            let Next::Look { job, why } = self.schedule.next(self.ledger.left(self.now), self.now)
            else {
                return Ok(());
            };
            let is_flying = self
                .flying
                .iter()
                .any(|call| call.job == job && call.planned);
            prop_assert!(!is_flying, "{job} is looked at already");
            if let (Why::Loss { .. }, Some(last)) = (why, self.stored.get(&job)) {
                let floor = *last + rules().floors.finished;
                prop_assert!(floor <= self.now, "{job} within its floor");
            }
            self.count_grant(why)?;
            self.send(job, true);
        }
        Ok(())
    }

    fn note_waits(&mut self) {
        for (client, waits) in self.clients.iter().zip(&mut self.waits) {
            *waits = match self.schedule.waits(*client) {
                0 => None,
                _ => Some(waits.unwrap_or_default()),
            };
        }
    }

    /// Of any `k` calls that are granted while a client with the share `s` waits, it gets at least `s·k` but for one of each other who takes turns.
    fn count_grant(&mut self, why: Why) -> Result<(), TestCaseError> {
        let all = self.clients.iter().zip(&mut self.waits).zip(PARTS);
        for ((client, waits), part) in all {
            let Some((own, granted)) = waits else {
                continue;
            };
            *granted += 1;
            *own += u32::from(why == Why::First(*client));
            let due = (part * f64::from(*granted)).floor() - OTHERS;
            prop_assert!(
                f64::from(*own) >= due,
                "{own} of {granted} for a share of {part}"
            );
        }
        Ok(())
    }

    fn most_in_a_window(&self) -> usize {
        let until = |first: &Instant| {
            self.sent
                .partition_point(|at| *at <= *first + rules().window)
        };
        let in_window = self
            .sent
            .iter()
            .enumerate()
            .map(|(nth, first)| until(first) - nth);
        in_window.max().unwrap_or_default()
    }
}

proptest! {
    #[test]
    fn budget_floors_and_shares_are_kept(steps in proptest::collection::vec(step(), 0..300)) {
        let mut house = House::new();
        for step in steps {
            house.take(&step);
            house.spend()?;
            prop_assert!(house.schedule.queue_is_sound());
        }
        prop_assert!(house.most_in_a_window() <= 50);
    }

    /// But for one call of each other client: who of two goes first whose turns come together is not told. Unless others
    /// ask after it.
    #[test]
    fn who_waits_is_called_when_it_was_told(asks in proptest::collection::vec((0..3_usize, 0..200_usize), 1..100), calls in 0..30_usize) {
        let mut house = House::new();
        let now = house.now;
        let mut told = HashMap::new();
        let mut granted = Vec::new();
        let (early, late) = asks.split_at(asks.len() / 2);
        for (client, number) in early {
            house.schedule.ask_first(house.clients[*client], job(*number), now + LONG, now);
        }
        for _ in 0..calls {
            house.schedule.next(50, now);
        }
        for (client, number) in late {
            house.schedule.ask_first(house.clients[*client], job(*number), now + LONG, now);
        }
        for (_, number) in &asks {
            if let Some(place) = house.schedule.first_in_line(&job(*number), now) {
                told.insert(job(*number), place);
            }
        }
        while let Next::Look { job, .. } = house.schedule.next(50, now) {
            granted.push(job);
        }
        prop_assert_eq!(granted.len(), told.len());
        for (before, job) in granted.iter().enumerate() {
            let told = told[job];
            prop_assert!(before <= told + 2, "{job} is called as number {before} and was told {told}");
            // those who wait for nothing are kept a refresh, which there is none of here
            prop_assert!(calls > 0 || told <= before + 3, "{job} is called as number {before} and was told {told}");
        }
    }
}
