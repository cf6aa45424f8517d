//! Who pays for a fetch: those who wait for its end, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;

use super::{ForwardReason, House, PATIENCE, Wait, entry, job, kind};
use crate::error::Error;
use crate::policy::client::ClientId;
use crate::policy::cost::Cost;
use crate::policy::outcome::OutcomeKind;

impl House {
    /// What clients paid, and what the gateway did.
    fn paid(&self) -> (Cost, Cost) {
        let clients = self.accounts.of(ClientId::ANONYMOUS).account();
        (clients.paid(), self.accounts.gateway().paid())
    }

    async fn all_landed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        assert_eq!(self.collapse.flights(), 0);
    }
}

const ONE: u32 = 1;

fn calls(clients: u32, gateway: u32) -> (Cost, Cost) {
    (Cost::of_calls(clients), Cost::of_calls(gateway))
}

#[tokio::test]
async fn however_a_fetch_ends_those_who_wait_pay_all_its_calls() {
    for ending in ["stored", "failed", "panicked"] {
        let house = House::costing(2, move |_, entry| async move {
            tokio::task::yield_now().await;
            assert_ne!(ending, "panicked", "as this test wants");
            match ending {
                "stored" => Ok(entry),
                _ => Err(Error::TimedOut),
            }
        });
        let _answers = tokio::join!(house.ask(), house.ask(), house.ask());
        house.all_landed().await;
        assert_eq!(house.fetches(), 1);
        assert_eq!(house.paid(), calls(2, 0), "{ending}");
    }
}

#[tokio::test]
async fn whoever_hangs_up_pays_nothing_and_takes_nothing_from_the_whole() {
    for staying in [0, 1] {
        let house = House::costing(ONE, |_, entry| async move {
            tokio::task::yield_now().await;
            Ok(entry)
        });
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(house.ask())).collect();
        for asker in &mut waiting {
            assert!(poll!(asker.as_mut()).is_pending());
        }
        waiting.truncate(staying);
        for asker in waiting {
            kind(asker.await);
        }
        house.all_landed().await;
        let staying = u32::try_from(staying).unwrap();
        assert_eq!(house.paid(), calls(staying, 1 - staying));
    }
}

#[tokio::test]
async fn whoever_goes_between_the_end_and_being_told_leaves_its_share_to_the_gateway() {
    let house = House::costing(ONE, |_, entry| async move { Ok(entry) });
    let (mut one, mut two) = (Box::pin(house.ask()), Box::pin(house.ask()));
    assert!(poll!(one.as_mut()).is_pending());
    assert!(poll!(two.as_mut()).is_pending());
    house.all_landed().await;
    drop(one);
    assert_eq!(kind(two.await), OutcomeKind::Collapsed);
    let half = Cost::of_millionths(500_000);
    assert_eq!(house.paid(), (half, half));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_outlives_everybodys_patience_is_the_gateways() {
    let house = House::costing(ONE, |_, entry| async move {
        tokio::time::sleep(PATIENCE * 2).await;
        Ok(entry)
    });
    assert!(house.ask().await.is_err());
    assert_eq!(house.paid(), calls(0, 0), "not while it runs");
    house.all_landed().await;
    assert_eq!(house.paid(), calls(0, 1));
}

#[tokio::test]
async fn what_nobody_waits_for_is_the_gateways_unless_somebody_joins() {
    let house = House::costing(ONE, |_, entry| async move {
        tokio::task::yield_now().await;
        Ok(entry)
    });
    let stale = Arc::new(entry(&house.clock));
    let renew = || {
        house.store.jobs.put(job(), Arc::clone(&stale));
        house.clock.advance(Duration::from_secs(31));
    };
    renew();
    let behind = house.forward(ForwardReason::Stale, Wait::Behind);
    assert_eq!(kind(behind.await), OutcomeKind::Stale);
    while house.collapse.flights() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.paid(), calls(0, 1), "a look behind");

    renew();
    let behind = house.forward(ForwardReason::Stale, Wait::Behind);
    assert_eq!(kind(behind.await), OutcomeKind::Stale);
    let joins = house.forward(ForwardReason::Request, Wait::Forced);
    assert_eq!(kind(joins.await), OutcomeKind::Collapsed);
    assert_eq!(
        house.paid(),
        calls(1, 1),
        "a look behind that a client waits for"
    );

    let landing = house.collapse.look(job()).await;
    assert!(landing.result.is_ok());
    house.all_landed().await;
    assert_eq!(house.paid(), calls(1, 2), "the operator's look");
    assert_eq!(house.fetches(), 3);
}
