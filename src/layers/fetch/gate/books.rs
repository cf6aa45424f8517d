//! What the gate keeps under its lock: accounts and holds, asked in the right order.
//!
//! It waits for nothing and logs nothing.

use std::time::{Duration, Instant};

use super::{ApiStatus, GateStatus};
use crate::error::{Error, Refusal};
use crate::policy::budget::{Slot, Verdict};
use crate::policy::cause::Cause;
use crate::policy::hold::{Admit, Ending, Holds, InFlight, Ticket};
use crate::policy::limit::account::{Account, Ended, News, Taken};
use crate::policy::limit::{Api, Heard};

#[derive(Debug)]
pub(super) struct Books {
    pub(super) job: Account,
    /// `None`: lists are counted with the jobs.
    pub(super) list: Option<Account>,
    pub(super) holds: Holds,
    /// What upstream last said against the credential, until it takes it again.
    pub(super) refused: Option<Refusal>,
    /// The operator lets nothing out.
    pub(super) paused: bool,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) api: Api,
    slot: Slot,
    ticket: Ticket,
}

// === impl Books ===

impl Books {
    pub(super) fn admit(
        &mut self,
        now: Instant,
        api: Api,
        timeout: Duration,
    ) -> Option<Result<Call, Error>> {
        if let Some(refusal) = self.refusal(now, api) {
            return Some(Err(refusal));
        }
        let api = self.account_of(api);
        let Admit::Go(ticket) = self.holds.admit(now, api, self.in_flight(api)) else {
            return None;
        };
        Some(match self.account_mut(api).withdraw(now, timeout) {
            Verdict::Granted(slot) => Ok(Call { api, slot, ticket }),
            Verdict::Refused { retry_after } => Err(Error::BudgetSpent { retry_after }),
        })
    }

    /// Which hold there is, whatever the budget says.
    pub(super) fn held(&self, now: Instant, api: Api) -> Option<Cause> {
        if !self.holds.credential_left(now).is_zero() {
            Some(Cause::Credential)
        } else if !self.throttle_left(now, api).is_zero() {
            Some(Cause::Throttled)
        } else {
            self.holds.outage_left(now).map(|_| Cause::Unreachable)
        }
    }

    pub(super) fn refusal(&mut self, now: Instant, api: Api) -> Option<Error> {
        if self.paused {
            return Some(Error::Paused);
        }
        let (account, in_flight) = (self.account_of(api), self.in_flight(api));
        match self.holds.admit(now, account, in_flight) {
            Admit::Throttled { retry_after } => Some(Error::ThrottleHold { retry_after }),
            Admit::CredentialHold { retry_after } => {
                let clock = self.refused.as_ref().and_then(|refused| refused.clock);
                Some(Error::CredentialHold { retry_after, clock })
            }
            Admit::Down { cause, retry_after } => Some(Error::UpstreamDown { cause, retry_after }),
            // also where one must wait: no use in waiting for a call that could not be paid
            Admit::Go(_) | Admit::Wait => {
                let retry_after = self.account(api).ledger().retry_after(now)?;
                Some(Error::BudgetSpent { retry_after })
            }
        }
    }

    pub(super) fn end(
        &mut self,
        call: Call,
        ending: Ending,
        heard: &Heard,
        now: Instant,
    ) -> Vec<News> {
        let Call { api, slot, ticket } = call;
        let latest = if matches!(ending, Ending::NoAnswer | Ending::Lost) {
            slot.latest_end().max(now) // upstream may still be counting it
        } else {
            now
        };
        let held = !self.throttle_left(now, api).is_zero();
        self.holds.end(ticket, ending, now, latest);
        if matches!(ending, Ending::NotSent | Ending::Unreachable) {
            self.account_mut(api).refund(slot);
            return Vec::new();
        }
        let ended = Ended {
            taken: taken(ending),
            heard,
            held,
            now,
            latest,
        };
        self.account_mut(api).settle(slot, ended)
    }

    /// Keeps why the credential was refused. A signature with another time is as good as another credential.
    pub(super) fn blame(&mut self, ending: Ending, refusal: Option<Refusal>) {
        let clock = refusal.as_ref().and_then(|refusal| refusal.clock);
        match ending {
            Ending::CredentialRefused => self.refused = refusal,
            // an answer to a call from before the refusal proves nothing
            Ending::Authenticated if self.holds.is_proven() => self.refused = None,
            Ending::Authenticated
            | Ending::NotSent
            | Ending::Unreachable
            | Ending::Answered
            | Ending::Throttled { .. }
            | Ending::Lost
            | Ending::NoAnswer => {}
        }
        if clock.is_some_and(|fault| fault.corrected) {
            self.holds.renewed();
        }
    }

    pub(super) fn status(&self, now: Instant) -> GateStatus {
        let holds = &self.holds;
        GateStatus {
            job: self.api_status(now, Api::Job),
            list: (self.list.as_ref()).map(|_| self.api_status(now, Api::List)),
            credential_hold: some(holds.credential_left(now)),
            outage_hold: holds.outage_left(now),
            paused: self.paused,
            proven: holds.is_proven(),
            refusal: self
                .refused
                .as_ref()
                .map(|refusal| refusal.to_string().into()),
            failures: holds.failures(now),
        }
    }

    fn api_status(&self, now: Instant, api: Api) -> ApiStatus {
        ApiStatus {
            standing: self.account(api).standing(now),
            throttle_hold: some(self.throttle_left(now, api)),
        }
    }

    fn throttle_left(&self, now: Instant, api: Api) -> Duration {
        self.holds.throttle_left(now, self.account_of(api))
    }

    /// On whose account an API's calls go.
    pub(super) fn account_of(&self, api: Api) -> Api {
        if self.list.is_some() { api } else { Api::Job }
    }

    pub(super) fn account(&self, api: Api) -> &Account {
        match (api, &self.list) {
            (Api::List, Some(list)) => list,
            (Api::Job | Api::List, _) => &self.job,
        }
    }

    fn account_mut(&mut self, api: Api) -> &mut Account {
        match (api, &mut self.list) {
            (Api::List, Some(list)) => list,
            (Api::Job | Api::List, _) => &mut self.job,
        }
    }

    fn in_flight(&self, api: Api) -> InFlight {
        let of = |account: &Account| account.ledger().in_flight();
        InFlight {
            same: of(self.account(api)),
            all: of(&self.job) + self.list.as_ref().map_or(0, of),
        }
    }
}

fn taken(ending: Ending) -> Taken {
    match ending {
        Ending::Authenticated => Taken::Yes,
        Ending::Throttled { .. } => Taken::Throttled,
        Ending::NotSent
        | Ending::Unreachable
        | Ending::Answered
        | Ending::CredentialRefused
        | Ending::Lost
        | Ending::NoAnswer => Taken::Unknown,
    }
}

fn some(left: Duration) -> Option<Duration> {
    Some(left).filter(|left| !left.is_zero())
}
