//! When the next sweep is due.

use std::num::NonZeroU32;

use super::{Mode, Page, Stage, idle, rules};
use crate::policy::sweep::{Rules, Why};

fn pages(count: u64) -> Vec<Page> {
    (0..count)
        .rev()
        .map(|page| idle(0, page * 100..page * 100 + 100, 10_000))
        .collect()
}

/// A stage after sweeps of so many pages, of which each found so many differences.
fn after(rules: Rules, sizes: &[u64], found: u32) -> Stage {
    let mut stage = Stage::new(rules);
    for size in sizes {
        let running = if *size > 1 { vec![99] } else { vec![] };
        let report = stage.walk(&running, &pages(*size));
        stage.sweeps.ended(
            report,
            super::Tally {
                found,
                confirmed: 1,
            },
            stage.now,
        );
    }
    stage
}

fn with_requests(requests: u32) -> Rules {
    let requests = NonZeroU32::new(requests).unwrap();
    Rules {
        requests,
        ..rules(Mode::Recent)
    }
}

fn shared(requests: u32, mode: Mode) -> Rules {
    Rules {
        shared: true,
        mode,
        ..with_requests(requests)
    }
}

#[track_caller]
fn assert_waits(stage: &Stage, windows: f64) {
    assert!(
        (stage.wait() - windows).abs() < 1e-6,
        "{} is not {windows}",
        stage.wait()
    );
}

#[test]
fn on_its_own_quota_sweeps_go_out_evenly_at_what_it_pays() {
    for (requests, sizes, windows) in [
        (20, vec![1], 1.0 / 19.0),
        (20, vec![2], 2.0 / 18.0),
        (20, vec![2, 1], 1.0 / 18.0), // the next may take two again
        (1, vec![1, 1], 1.0),
    ] {
        assert_waits(&after(with_requests(requests), &sizes, 0), windows);
    }
}

#[test]
fn a_quota_that_upstream_names_is_heeded() {
    let mut stage = after(with_requests(20), &[1], 0);
    stage.sweeps.set_requests(NonZeroU32::new(4).unwrap());
    stage.round(&pages(1), 0, 0);
    assert_waits(&stage, 1.0 / 3.0);
}

#[test]
fn on_a_shared_quota_a_sweep_waits_until_it_finds_as_much_as_it_costs() {
    // one in 3 s at first: with two found in each, the rate is some 40 a window, and the quota is what bounds them
    assert_waits(&after(shared(20, Mode::Recent), &[1; 12], 2), 1.0 / 19.0);
    // nothing found: each waits as long as all before
    let idle = after(shared(20, Mode::Recent), &[1; 4], 0);
    assert_waits(&idle, 4.0 / 19.0);
    let long = after(shared(20, Mode::Recent), &[1; 30], 0);
    assert_waits(&long, 10.0);
}

#[test]
fn what_piled_up_during_a_pause_tells_nothing_of_the_rate() {
    let mut stage = after(shared(20, Mode::Auto), &[1; 10], 0);
    assert!(stage.is_off());
    stage.round(&pages(1), 90, 0); // after 5 windows
    stage.round(&pages(1), 0, 0);
    assert_waits(&stage, 1.0 / 19.0);
    stage.round(&pages(1), 0, 0);
    assert_waits(&stage, 2.0 / 19.0);
}

#[test]
fn on_a_shared_quota_auto_gives_up_what_does_not_pay() {
    let stage = after(shared(20, Mode::Auto), &[1; 10], 0);
    let decision = stage.sweeps.state().decisions.remove(0);
    assert_eq!(decision.why, Why::SavesNothing);
    let stage = after(shared(20, Mode::Auto), &[1; 30], 1);
    assert!(!stage.is_off(), "one found for each call");
}
