//! What the operator reads of limits.

use super::apis::with_lists;
use super::{TICK, WINDOW, ask};
use crate::layers::fetch::gate::Gate;
use crate::policy::hold::{CredentialKind, Ending};
use crate::policy::limit::{Heard, Limit};
use crate::telemetry::lines::memory::logged;

fn limit(requests: u32) -> Limit {
    Limit {
        requests: requests.try_into().unwrap(),
        window: WINDOW,
    }
}

fn throttle(gate: &Gate, passed: u32) {
    let mut permit = ask(gate).unwrap();
    permit.hear(Heard {
        passed: Some(limit(passed)),
        ..Heard::default()
    });
    permit.settle(Ending::Throttled { window: WINDOW });
}

#[test]
fn each_adoption_fall_back_and_lifting_is_a_warning_with_numbers() {
    let (gate, clock) = with_lists(3, None, CredentialKind::Renewable);
    let use_up = |windows: u32, calls: u32| {
        for _ in 0..windows {
            for _ in 0..calls {
                ask(&gate).unwrap().settle(Ending::Authenticated);
            }
            clock.advance(WINDOW + TICK);
        }
    };
    let lines = logged("limit", || {
        throttle(&gate, 1);
        clock.advance(WINDOW + TICK);
        use_up(10, 1);
        throttle(&gate, 1);
        clock.advance(WINDOW + TICK);
        use_up(20, 1);
        use_up(20, 2);
    });
    let of_limits = lines.iter().filter(|(_, _, limit)| !limit.is_empty());
    let told: Vec<_> = of_limits
        .map(|(level, message, limit)| {
            let message = message.split([',', ':']).next().unwrap();
            (level.as_str(), message, limit.as_str())
        })
        .collect();
    let (one, two) = ("1 call in 60s", "2 calls in 60s");
    let tried = "so many windows were used up without a throttle";
    assert_eq!(
        told,
        [
            ("WARN", "upstream names a lower limit", one),
            ("INFO", tried, two),
            ("WARN", "one more call was too many", one),
            ("INFO", tried, two),
            ("WARN", "the learned limit is lifted", two),
        ]
    );
}

#[test]
fn spending_by_others_is_a_warning_for_each_hold_with_what_was_spent_from_here() {
    let (gate, clock) = with_lists(50, None, CredentialKind::Renewable);
    ask(&gate).unwrap().settle(Ending::Authenticated);
    let lines = logged("limit", || {
        for _ in 0..2 {
            let [first, second] = [(); 2].map(|()| {
                let mut permit = ask(&gate).unwrap();
                permit.hear(Heard {
                    passed: Some(limit(50)),
                    ..Heard::default()
                });
                permit
            });
            for permit in [first, second] {
                permit.settle(Ending::Throttled { window: WINDOW });
            }
            clock.advance(WINDOW + TICK);
        }
    });
    let foreign = |line: &&(String, String, String)| line.1.contains("somebody else spends");
    let told: Vec<_> = lines.iter().filter(foreign).collect();
    assert_eq!(told.len(), 2, "{lines:?}");
    assert!(
        told.iter()
            .all(|(level, _, limit)| level == "WARN" && limit == "50 calls in 60s")
    );
}
