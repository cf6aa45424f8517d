#![expect(
    clippy::unchecked_time_subtraction,
    reason = "a test that is wrong about time may panic"
)]

mod credential;
mod outage;
mod promises;
mod throttle;

use std::time::{Duration, Instant};

use super::{Admit, CredentialKind, Ending, Holds, InFlight, Ticket};
use crate::clock::Clock;
use crate::policy::limit::Api;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const TICK: Duration = Duration::from_nanos(1);
const LOCKABLE: CredentialKind = CredentialKind::Lockable;
const RENEWABLE: CredentialKind = CredentialKind::Renewable;

fn throttled(window: Duration) -> Ending {
    Ending::Throttled { window }
}

/// Holds, their time, and the calls in flight.
struct Play {
    holds: Holds,
    now: Instant,
    in_flight: [usize; 2],
}

impl Play {
    fn new(kind: CredentialKind) -> Self {
        Self {
            holds: Holds::new(kind, 0),
            now: Clock::manual().now(),
            in_flight: [0; 2],
        }
    }

    fn proven(kind: CredentialKind) -> Self {
        let mut play = Self::new(kind);
        play.call(Ending::Authenticated);
        play
    }

    fn ask(&mut self) -> Admit {
        self.ask_for(Api::Job)
    }

    fn ask_for(&mut self, api: Api) -> Admit {
        let same = self.in_flight[api as usize];
        let all = self.in_flight.iter().sum();
        self.holds.admit(self.now, api, InFlight { same, all })
    }

    #[track_caller]
    fn send(&mut self) -> Ticket {
        self.send_to(Api::Job)
    }

    #[track_caller]
    fn send_to(&mut self, api: Api) -> Ticket {
        let Admit::Go(ticket) = self.ask_for(api) else {
            panic!("{:?}", self.ask_for(api));
        };
        self.in_flight[api as usize] += 1;
        ticket
    }

    fn end(&mut self, ticket: Ticket, ending: Ending) {
        self.in_flight[ticket.api as usize] -= 1;
        self.holds.end(ticket, ending, self.now, self.now);
    }

    #[track_caller]
    fn call(&mut self, ending: Ending) {
        let ticket = self.send();
        self.end(ticket, ending);
    }

    /// A call as soon as upstream's being down allows one.
    #[track_caller]
    fn call_after_pause(&mut self, ending: Ending) {
        if let Admit::Down { retry_after, .. } = self.ask() {
            self.pass(retry_after);
        }
        self.call(ending);
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
    }

    /// How many calls can be sent at once.
    fn room(&mut self) -> usize {
        let before = self.in_flight;
        while self.in_flight[0] < 100 && matches!(self.ask(), Admit::Go(_)) {
            self.in_flight[0] += 1;
        }
        let room = self.in_flight[0] - before[0];
        self.in_flight = before;
        room
    }

    #[track_caller]
    fn assert_throttled_for(&mut self, retry_after: Duration) {
        assert_eq!(self.ask(), Admit::Throttled { retry_after });
    }

    #[track_caller]
    fn assert_credential_held_for(&mut self, retry_after: Duration) {
        assert_eq!(self.ask(), Admit::CredentialHold { retry_after });
    }
}

#[test]
fn of_two_holds_the_longer_one_answers() {
    for (window, expected) in [
        (
            SECOND,
            Admit::CredentialHold {
                retry_after: 30 * SECOND,
            },
        ),
        (
            MINUTE,
            Admit::Throttled {
                retry_after: MINUTE,
            },
        ),
    ] {
        let mut play = Play::proven(LOCKABLE);
        let [first, second] = [(); 2].map(|()| play.send());
        play.end(first, Ending::CredentialRefused);
        play.end(second, throttled(window));
        assert_eq!(play.ask(), expected);
    }
}
