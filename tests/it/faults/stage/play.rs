//! What clients do while the fault holds, and when it is over.

use std::collections::BTreeSet;
use std::time::Duration;

use jobgate::sandbox::Scenario;

use super::{Situation, Stage};
use crate::support::PATIENCE;

/// The last of the seconds in which all clients ask, the first being 0. Rests after failed looks (1 s, 2 s, 4 s, less up to a
/// fifth) end within them, so looks are made at 0, 1, 3 and 7 s whatever the jitter.
const LAST_SECOND: u64 = 7;
/// After those, one client asks so often, at this distance, until the rests are as long as they get (30 s). What is stored is
/// past `stale_while_revalidate` each time.
const LONG_ASKS: u32 = 3;
const LONG_PAUSE: Duration = Duration::from_secs(80);
/// Most attempts of a look.
const ATTEMPTS: u64 = 3;

// === impl Stage ===

impl Stage {
    /// All clients ask, for some seconds.
    pub(in crate::faults) async fn seconds_of_asking(&mut self) {
        let before = self.calls();
        for second in 0..=LAST_SECOND {
            if second > 0 {
                self.advance(Duration::from_secs(1));
            }
            self.ask_together().await;
        }
        let calls = self.calls() - before;
        let expected = self.most_calls();
        if calls != expected {
            self.complain(&format!("{calls} calls, not {expected}"));
        }
    }

    /// One client asks now and then, until everything rests as long as it ever does. By then all was told that is ever told.
    pub(in crate::faults) async fn minutes_of_asking(&mut self) {
        for _ in 0..LONG_ASKS {
            self.advance(LONG_PAUSE);
            let before = self.calls();
            self.ask_alone().await;
            let calls = self.calls() - before;
            if calls > ATTEMPTS {
                self.complain(&format!("{calls} calls for one look"));
            }
        }
        self.expect(self.expected());
    }

    /// The fault is over: within the longest rest the job is fresh, for everybody.
    pub(in crate::faults) async fn lift_and_recover(&mut self) {
        self.is_on = false;
        self.advance(Duration::from_secs(1)); // so that each second has one truth
        self.double.sandbox.set_scenario(Scenario::default());
        let latest = self.now + self.case.back.within();
        while !self.is_fresh().await {
            if self.now >= latest {
                self.complain("not fresh again in time");
                return;
            }
            self.advance(Duration::from_secs(1));
        }
        let mut until_then: BTreeSet<_> = self.expected().iter().copied().collect();
        until_then.insert("fresh");
        self.expect_at_most(&until_then);
        self.ask_together().await;
        self.expect(&["fresh"]);
    }

    /// All clients ask for once, and once more: the first looks decide what is told, and there are no more of them.
    pub(in crate::faults) async fn ask_twice(&mut self) {
        let before = self.calls();
        self.ask_together().await;
        self.expect_at_most(&self.expected().iter().copied().collect());
        let first = self.calls() - before;
        self.ask_together().await;
        let settled = match self.situation {
            Situation::Cold => self.expected(),
            Situation::Stale | Situation::Behind => &self.expected()[self.expected().len() - 1..],
        };
        self.expect_at_most(&settled.iter().copied().collect());
        let (calls, most) = (self.calls() - before, self.most_calls());
        if first == 0 || calls > most {
            self.complain(&format!("{calls} calls, not at most {most}"));
        }
    }

    /// The fault is over, and so is the longest rest: after one more look all jobs are fresh.
    pub(in crate::faults) async fn lift_and_wait(&mut self) {
        self.is_on = false;
        self.double.sandbox.set_scenario(Scenario::default());
        self.advance(self.case.back.within());
        self.ask_alone().await; // where nobody is sure of upstream, one call goes first
        self.told.clear();
        self.ask_together().await;
        self.expect(&["fresh"]);
    }

    /// While the look behind their answers runs, clients get what is stored; after it, what came of it.
    pub(in crate::faults) async fn ask_before_and_after_the_look(&mut self) {
        const DURING: &str = "stale revalidating";
        let before = self.calls();
        self.ask_together().await;
        let mut expected: BTreeSet<_> = self.expected().iter().copied().collect();
        if !self.told.contains(DURING) {
            self.complain("nobody was answered while the look ran");
        }
        expected.insert(DURING);
        let look = async {
            while self.ask_alone().await.as_deref() == Some(DURING) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, look).await;
        ended.expect("the look ends");
        self.expect_at_most(&expected);
        expected.remove(DURING);
        self.ask_together().await;
        self.expect_at_most(&expected);
        let calls = self.calls() - before;
        if !(1..=ATTEMPTS).contains(&calls) {
            self.complain(&format!("{calls} calls for one look"));
        }
    }
}
