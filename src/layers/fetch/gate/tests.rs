mod apis;
mod log;

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::{Gate, Permit};
use crate::clock::Clock;
use crate::error::{ClockFault, ClockOff, Error, Refusal};
use crate::policy::hold::{CredentialKind, Ending};
use crate::policy::limit::Api;

const WINDOW: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_nanos(1);

type Verdict = Result<Permit, Error>;

/// A gate whose start is long over: the whole budget is free.
fn warm(requests: u32, kind: CredentialKind) -> (Gate, Clock) {
    let clock = Clock::manual();
    let requests = NonZeroU32::new(requests).unwrap();
    let gate = Gate::new(requests, WINDOW, kind, clock.clone());
    clock.advance(WINDOW + TICK);
    (gate, clock)
}

/// One asker, polled by hand.
struct Asker(Pin<Box<dyn Future<Output = Verdict> + Send>>);

impl Asker {
    fn new(gate: &Gate) -> Self {
        Self::to(gate, Api::Job)
    }

    fn to(gate: &Gate, api: Api) -> Self {
        let gate = gate.clone();
        Self(Box::pin(async move { gate.admit(api, TIMEOUT).await }))
    }

    fn poll(&mut self) -> Option<Verdict> {
        let mut context = Context::from_waker(Waker::noop());
        match self.0.as_mut().poll(&mut context) {
            Poll::Ready(verdict) => Some(verdict),
            Poll::Pending => None,
        }
    }
}

#[track_caller]
fn ask(gate: &Gate) -> Verdict {
    Asker::new(gate).poll().expect("a verdict at once")
}

/// Askers of which each has looked once and waits.
#[track_caller]
fn waiting(gate: &Gate, count: usize) -> Vec<Asker> {
    let mut askers: Vec<_> = (0..count).map(|_| Asker::new(gate)).collect();
    for asker in &mut askers {
        assert!(asker.poll().is_none());
    }
    askers
}

fn prove(gate: &Gate) {
    ask(gate).unwrap().settle(Ending::Authenticated);
}

#[test]
fn a_call_that_was_not_sent_is_not_paid_and_all_others_are() {
    for (ending, paid) in [
        (Ending::NotSent, 0),
        (Ending::Unreachable, 0),
        (Ending::Authenticated, 1),
        (Ending::Throttled { window: WINDOW }, 1),
        (Ending::CredentialRefused, 1),
        (Ending::NoAnswer, 1),
        (Ending::Lost, 1),
    ] {
        let (gate, _clock) = warm(5, CredentialKind::Lockable);
        ask(&gate).unwrap().settle(ending);
        let status = gate.status();
        assert_eq!(
            (
                5 - status.job.standing.remaining,
                status.job.standing.in_flight
            ),
            (paid, 0)
        );
    }
}

#[test]
fn over_budget_the_wait_is_exact() {
    let (gate, clock) = warm(1, CredentialKind::Renewable);
    prove(&gate);
    for left in [WINDOW + TICK, TICK] {
        match ask(&gate) {
            Err(Error::BudgetSpent { retry_after }) => assert_eq!(retry_after, left),
            other => panic!("{other:?}"),
        }
        clock.advance(left.saturating_sub(TICK));
    }
    clock.advance(TICK);
    prove(&gate);
}

#[test]
fn a_dropped_permit_is_a_call_that_lasted_until_its_deadline() {
    let (gate, clock) = warm(1, CredentialKind::Renewable);
    drop(ask(&gate).unwrap());
    assert_eq!(gate.status().job.standing.in_flight, 0);
    clock.advance(TIMEOUT + WINDOW);
    assert_eq!(gate.left(Api::Job), 0);
    clock.advance(TICK);
    assert_eq!(gate.left(Api::Job), 1);
}

#[test]
fn a_panic_in_the_middle_of_a_call_leaks_nothing() {
    let (gate, _clock) = warm(5, CredentialKind::Renewable);
    let task = gate.clone();
    let ended = std::thread::spawn(move || {
        let _permit = ask(&task).unwrap();
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    let status = gate.status();
    assert_eq!(
        (status.job.standing.in_flight, status.job.standing.remaining),
        (0, 4)
    );
}

#[test]
fn a_hold_costs_nothing() {
    let (gate, _clock) = warm(5, CredentialKind::Renewable);
    let ending = Ending::Throttled { window: WINDOW };
    ask(&gate).unwrap().settle(ending);
    for _ in 0..100 {
        let verdict = ask(&gate);
        assert!(
            matches!(verdict, Err(Error::ThrottleHold { retry_after }) if retry_after == WINDOW)
        );
    }
    assert_eq!(gate.left(Api::Job), 4);
}

/// The pause because upstream is down once began where the deadline of the lost call would have been.
#[test]
fn a_connection_that_is_lost_at_once_is_tried_again_after_a_pause_and_not_after_a_deadline_and_a_pause()
 {
    let (gate, clock) = warm(50, CredentialKind::Lockable);
    prove(&gate);
    for _ in 0..3 {
        ask(&gate).unwrap().settle(Ending::Lost);
    }
    let pause = gate.status().outage_hold.expect("upstream is down");
    assert!(pause <= Duration::from_secs(1), "{pause:?}");
    clock.advance(pause);
    ask(&gate).unwrap().settle(Ending::Authenticated);
}

#[test]
fn while_unproven_the_others_wait_and_all_go_once_it_is_proven() {
    let (gate, _clock) = warm(50, CredentialKind::Renewable);
    let first = ask(&gate).unwrap();
    let mut askers = waiting(&gate, 10);
    assert_eq!(gate.status().job.standing.in_flight, 1);
    first.settle(Ending::Authenticated);
    let permits: Vec<_> = askers
        .iter_mut()
        .map(|asker| asker.poll().unwrap())
        .collect();
    assert!(permits.iter().all(Result::is_ok));
    assert_eq!(gate.status().job.standing.in_flight, 10);
}

#[test]
fn a_refusal_for_a_time_that_is_corrected_counts_and_pauses_nothing() {
    let (gate, clock) = warm(50, CredentialKind::Lockable);
    let fault = |corrected| ClockFault {
        off: ClockOff(SignedDuration::from_mins(-20)),
        corrected,
    };
    let refuse = |clock| {
        let mut permit = ask(&gate).unwrap();
        permit.blame(Some(Refusal::from("APIGW.0301 no").because_of(clock)));
        permit.settle(Ending::CredentialRefused);
    };
    let said = || gate.status().refusal;
    assert_eq!(said(), None);
    let held_because_of = || match ask(&gate) {
        Err(Error::CredentialHold { retry_after, clock }) => (retry_after.as_secs(), clock),
        other => panic!("{other:?}"),
    };
    refuse(Some(fault(true)));
    assert_eq!(gate.status().failures, 1);
    assert_eq!(gate.status().credential_hold, None);

    refuse(Some(fault(false)));
    assert_eq!(held_because_of(), (30, Some(fault(false))));
    clock.advance(Duration::from_secs(30));

    refuse(None);
    assert_eq!(held_because_of(), (60, None), "the last refusal says why");
    assert_eq!(said().as_deref(), Some("APIGW.0301 no"));
    clock.advance(Duration::from_secs(60));

    refuse(Some(fault(true)));
    let (left, clock) = held_because_of();
    assert_eq!(gate.status().failures, 4);
    assert!(
        left > 200,
        "{left}: however good the reason, there are no five failures in five minutes"
    );
    assert_eq!(clock, Some(fault(true)));
}

/// What upstream said is known until it takes the credential: an answer from before the refusal is no proof.
#[test]
fn what_upstream_said_is_kept_until_it_takes_the_credential_again() {
    let (gate, clock) = warm(50, CredentialKind::Renewable);
    ask(&gate).unwrap().settle(Ending::Authenticated);
    let (mut refused, late) = (ask(&gate).unwrap(), ask(&gate).unwrap());
    let words = "APIGW.0307 The token must be updated";
    refused.blame(Some(words.into()));
    refused.settle(Ending::CredentialRefused);
    late.settle(Ending::Authenticated);
    assert_eq!(gate.status().refusal.as_deref(), Some(words));

    clock.advance(Duration::from_secs(30));
    let status = gate.status();
    assert_eq!((status.credential_hold, status.proven), (None, false));
    assert_eq!(status.refusal.as_deref(), Some(words));
    ask(&gate).unwrap().settle(Ending::Authenticated);
    assert_eq!(gate.status().refusal, None);
}

#[test]
fn a_refusal_turns_every_waiter_away_at_once() {
    let (gate, _clock) = warm(50, CredentialKind::Lockable);
    let first = ask(&gate).unwrap();
    let mut askers = waiting(&gate, 10);
    first.settle(Ending::CredentialRefused);
    for asker in &mut askers {
        let verdict = asker.poll().unwrap();
        assert!(
            matches!(verdict, Err(Error::CredentialHold { retry_after, .. }) if retry_after.as_secs() == 30)
        );
    }
    let status = gate.status();
    assert_eq!(
        (status.job.standing.remaining, status.failures),
        (49, 1),
        "one call"
    );
}

#[test]
fn a_throttle_turns_every_waiter_away_at_once() {
    let (gate, _clock) = warm(50, CredentialKind::Renewable);
    let first = ask(&gate).unwrap();
    let mut askers = waiting(&gate, 10);
    first.settle(Ending::Throttled { window: WINDOW });
    for asker in &mut askers {
        let verdict = asker.poll().unwrap();
        assert!(matches!(verdict, Err(Error::ThrottleHold { .. })));
    }
}

#[test]
fn nobody_waits_for_a_call_that_could_not_be_paid() {
    let (gate, _clock) = warm(1, CredentialKind::Renewable);
    let _first = ask(&gate).unwrap();
    assert!(matches!(ask(&gate), Err(Error::BudgetSpent { .. })));
}

#[test]
fn a_waiter_that_is_dropped_hands_its_turn_on() {
    let (gate, _clock) = warm(50, CredentialKind::Renewable);
    let first = ask(&gate).unwrap();
    let mut askers = waiting(&gate, 3);
    first.settle(Ending::NoAnswer); // wakes the first waiter, which is gone before it can look
    askers.remove(0);
    let second = askers.remove(0).poll().unwrap().unwrap();
    assert!(askers[0].poll().is_none(), "still one at a time");
    assert_eq!(gate.status().job.standing.in_flight, 1);
    drop(askers);
    second.settle(Ending::Authenticated);
    let status = gate.status();
    assert_eq!(
        (status.job.standing.in_flight, status.job.standing.remaining),
        (0, 48)
    );
}

#[test]
fn a_renewed_token_goes_out_at_once() {
    let (gate, _clock) = warm(50, CredentialKind::Renewable);
    ask(&gate).unwrap().settle(Ending::CredentialRefused);
    assert!(matches!(ask(&gate), Err(Error::CredentialHold { .. })));
    gate.renewed();
    prove(&gate);
    assert!(gate.status().proven);
}

#[test]
fn the_status_tells_both_holds() {
    let (gate, _clock) = warm(50, CredentialKind::Lockable);
    prove(&gate);
    let [first, second] = [(); 2].map(|()| ask(&gate).unwrap());
    first.settle(Ending::CredentialRefused);
    second.settle(Ending::Throttled { window: WINDOW });
    let status = gate.status();
    let (job, held) = (status.job, status.credential_hold);
    assert_eq!((job.standing.remaining, job.standing.in_flight), (47, 0));
    assert_eq!(job.throttle_hold, Some(WINDOW));
    assert_eq!((held, status.failures), (Some(Duration::from_secs(30)), 1));
    assert_eq!(
        (status.outage_hold, status.paused, status.proven),
        (None, false, false)
    );
    assert_eq!(status.list, None, "lists are counted with the jobs");
}

/// Runs 10 000 askers whose calls end as `ending` says; gives the endings of all, and the most in flight at once.
async fn herd(gate: &Gate, ending: Ending) -> (Vec<Result<(), Error>>, usize) {
    let mut askers = JoinSet::new();
    for _ in 0..10_000 {
        let gate = gate.clone();
        askers.spawn(async move {
            let permit = gate.admit(Api::Job, TIMEOUT).await?;
            let in_flight = gate.status().job.standing.in_flight;
            tokio::task::yield_now().await;
            permit.settle(ending);
            Ok(in_flight)
        });
    }
    let verdicts = askers.join_all().await;
    let most = verdicts.iter().flatten().max().copied().unwrap_or(0);
    let verdicts = verdicts.into_iter().map(|verdict| verdict.map(drop));
    (verdicts.collect(), most)
}

#[tokio::test]
async fn a_herd_of_ten_thousand_is_given_the_budget_and_no_more() {
    for (kind, most_allowed) in [
        (CredentialKind::Lockable, 4),
        (CredentialKind::Renewable, 49),
    ] {
        let (gate, _clock) = warm(50, kind);
        let (verdicts, most) = herd(&gate, Ending::Authenticated).await;
        assert_eq!(verdicts.iter().flatten().count(), 50);
        let spent = |error: &&Error| matches!(error, Error::BudgetSpent { .. });
        let errors = verdicts.iter().filter_map(|verdict| verdict.as_ref().err());
        assert_eq!(errors.filter(spent).count(), 9_950);
        assert!(most <= most_allowed, "{most} in flight at once");
        let status = gate.status();
        assert_eq!(
            (status.job.standing.remaining, status.job.standing.in_flight),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn a_herd_with_a_wrong_key_makes_one_call() {
    let (gate, _clock) = warm(50, CredentialKind::Lockable);
    let (verdicts, most) = herd(&gate, Ending::CredentialRefused).await;
    assert_eq!((verdicts.iter().flatten().count(), most), (1, 1));
    assert_eq!(gate.left(Api::Job), 49);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_lose_no_wake_up() {
    for ending in [Ending::Authenticated, Ending::Answered, Ending::NotSent] {
        let (gate, _clock) = warm(10_000, CredentialKind::Renewable);
        let (verdicts, _) = herd(&gate, ending).await;
        assert!(verdicts.iter().all(Result::is_ok), "{ending:?}");
    }
}
