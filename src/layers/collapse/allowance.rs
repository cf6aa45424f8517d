//! How often each client may force a look: `clients.refresh`.

use crate::clock::Clock;
use crate::limiter::Limiter;
use crate::policy::allowance::Allowance;
use crate::policy::client::ClientId;

/// The allowances of all clients, and one of whoever asks in open mode. `None`: never.
pub(super) struct Allowances {
    clients: Vec<Option<Limiter>>,
    anonymous: Option<Limiter>,
}

// === impl Allowances ===

impl Allowances {
    /// Of each client, in the order of [`ClientId::index`].
    pub(super) fn new(clients: &[Allowance], clock: &Clock) -> Self {
        let clients = clients
            .iter()
            .map(|allowance| Limiter::new(*allowance, clock));
        Self {
            clients: clients.collect(),
            anonymous: Limiter::new(Allowance::DEFAULT, clock),
        }
    }

    /// Takes one look off the client's allowance, if there is one left.
    pub(super) fn take(&self, client: ClientId) -> bool {
        let limiter = match client.index() {
            Some(index) => self.clients.get(index),
            None => Some(&self.anonymous),
        };
        limiter
            .and_then(Option::as_ref)
            .is_some_and(|limiter| limiter.take().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Allowances;
    use crate::clock::Clock;
    use crate::policy::allowance::Allowance;
    use crate::policy::client::ClientId;

    #[test]
    fn each_client_has_its_own_allowance_and_nobody_in_particular_the_default() {
        let of = |times| Allowance {
            times,
            per: Duration::from_secs(60),
        };
        let allowances = Allowances::new(&[of(0), of(2)], &Clock::manual());
        for (client, times) in [
            (ClientId::at(0), 0),
            (ClientId::at(1), 2),
            (ClientId::at(2), 0),
            (ClientId::ANONYMOUS, 10),
        ] {
            let taken = (0..20).filter(|_| allowances.take(client)).count();
            assert_eq!(taken, times, "{client:?}");
        }
    }
}
