//! What is believed of jobs, and what that does to the plan.

use std::time::Duration;

use super::{SECOND, Stage, job, rules};
use crate::policy::refresh::curve::Curve;
use crate::policy::refresh::demand::Demand;
use crate::policy::refresh::track::Track;
use crate::policy::refresh::{Look, Schedule};

#[test]
fn with_a_rate_that_is_known_well_the_index_is_that_of_the_literature() {
    let rate = 0.05;
    let known = Curve::Idle {
        shape: 1e6,
        windows: 1e6 / rate,
    };
    for time in [0.1, 1.0, 10.0, 100.0] {
        let x: f64 = rate * time;
        let index = (1.0 - (1.0 + x) * (-x).exp()) / rate;
        let worth = known.worth(time);
        assert!(
            (worth / index - 1.0).abs() < 0.01,
            "{time}: {worth} {index}"
        );
    }
}

#[test]
fn every_curve_falls_and_a_look_is_planned_for_when_it_is_worth_enough() {
    let curves = [
        Curve::Idle {
            shape: 0.25,
            windows: 5.0,
        },
        Curve::Idle {
            shape: 1.0,
            windows: 5.0,
        },
        Curve::Idle {
            shape: 12.25,
            windows: 100.0,
        },
        Curve::Running {
            median: 1.5,
            steepness: 2.0,
            elapsed: 0.0,
        },
        Curve::Running {
            median: 1.5,
            steepness: 9.0,
            elapsed: 1.2,
        },
    ];
    for curve in curves {
        assert!((curve.holds(0.0) - 1.0).abs() < 1e-9, "{curve:?}");
        let mut last = (1.0, 0.0);
        for step in 1..100 {
            let time = f64::from(step) * 0.2;
            let next = (curve.holds(time), curve.worth(time));
            assert!(
                next.0 < last.0 && next.1 >= 0.99 * last.1,
                "{curve:?} at {time}: {next:?} after {last:?}"
            );
            last = next;
        }
        for time in [0.5, 2.0, 8.0] {
            let due = curve.due(curve.worth(time));
            assert!(
                (due / time - 1.0).abs() < 0.02,
                "{curve:?}: {due} for {time}"
            );
        }
    }
}

#[test]
fn the_area_below_a_running_builds_curve_is_close_enough_however_late_it_is() {
    for (median, steepness, elapsed) in [
        (1.5, 2.0, 0.0),
        (1.5, 2.0, 9.0),
        (1.5, 9.0, 1.2),
        (20.0, 9.0, 0.0),
    ] {
        let curve = Curve::Running {
            median,
            steepness,
            elapsed,
        };
        for time in [0.5, 2.0, 8.0, 100.0] {
            let parts = 100_000_u32;
            let width = time / f64::from(parts);
            let area: f64 = (0..parts)
                .map(|part| curve.holds((f64::from(part) + 0.5) * width) * width)
                .sum();
            let exact = area - time * curve.holds(time);
            let worth = curve.worth(time);
            let off = (worth - exact).abs();
            assert!(
                off < 0.2 * exact + 0.01,
                "{curve:?} at {time}: {worth}, not {exact}"
            );
        }
    }
}

#[test]
fn a_running_build_is_looked_at_when_it_has_run_for_as_long_as_they_do() {
    let curve = Curve::Running {
        median: 10.0,
        steepness: 20.0,
        elapsed: 1.0,
    };
    assert!(curve.holds(6.0) > 0.98);
    assert!(curve.holds(12.0) < 0.05);
}

#[test]
fn demand_is_learned_within_a_few_asks_and_lost_within_a_few_that_do_not_come() {
    let start = crate::clock::Clock::system().now();
    let rules = rules();
    for (gap, asks_at_once) in [(1, 1), (10, 1), (60, 1), (60, 40), (600, 1)] {
        let mut demand = Demand::first(start);
        let mut now = start;
        for _ in 0..20 {
            now += gap * SECOND;
            demand.count(asks_at_once, now, &rules);
        }
        let truth = 60.0 * f64::from(asks_at_once) / f64::from(gap);
        let rate = demand.rate(now, &rules);
        assert!(
            (rate / truth - 1.0).abs() < 0.15,
            "{gap} s: {rate} for {truth}"
        );
        let rate = demand.rate(now + 20 * gap * SECOND, &rules);
        let most = 0.11 * 60.0 / f64::from(gap);
        assert!(rate < most, "{gap} s, silent: {rate}");
    }
}

#[test]
fn a_job_that_builds_often_is_known_from_one_that_does_not() {
    let mut stage = Stage::new();
    for round in 0..12 {
        stage.wait(300);
        stage.idle(1, round, 200);
        stage.idle(2, 0, 10_000 + 300 * round);
    }
    let told = [1, 2].map(|number| stage.schedule.explain(&job(number), stage.now).unwrap());
    assert!(told[0].pause * 3 < told[1].pause, "{told:?}");
    stage.wait(60);
    let wrong = [1, 2].map(|number| {
        stage
            .schedule
            .explain(&job(number), stage.now)
            .unwrap()
            .wrong
    });
    assert!(wrong[0] > 3.0 * wrong[1], "{wrong:?}");
}

#[test]
fn the_end_of_a_build_is_no_new_build_but_tells_its_length() {
    let mut stage = Stage::new();
    for round in 0..20_u64 {
        stage.wait(600);
        stage.running(1, round, 570);
        stage.wait(60);
        stage.idle(1, round, 630);
        for later in 1..=6 {
            stage.wait(600);
            stage.idle(1, round, 630 + 600 * later);
        }
    }
    let told = stage.schedule.explain(&job(1), stage.now).unwrap();
    assert!((550..650).contains(&told.length.as_secs()), "{told:?}");
    assert!((3_000..5_000).contains(&told.pause.as_secs()), "{told:?}");
}

#[test]
fn bodies_that_do_not_tell_of_builds_are_learned_from_by_their_changes() {
    let pause = |changes: bool| {
        let mut stage = Stage::new();
        for _ in 0..20 {
            let look = Look {
                sent: stage.now,
                finished: true,
                changed: changes,
                build: None,
            };
            stage.schedule.looked(job(1), &look, stage.now);
            stage.wait(600);
        }
        stage.schedule.explain(&job(1), stage.now).unwrap().pause
    };
    let (busy, quiet) = (pause(true), pause(false));
    assert!((200..700).contains(&busy.as_secs()), "{busy:?}");
    assert!(quiet > 20 * busy, "{quiet:?}");
}

#[test]
fn a_new_job_is_taken_to_be_like_the_others_here() {
    let pause_of_a_new_one = |gap: u32| {
        let mut stage = Stage::new();
        for round in 0..40_u64 {
            for number in 0..20 {
                stage.idle(number, round, u64::from(gap / 2));
                stage.schedule.asked(&job(number), 1, stage.now);
            }
            stage.wait(gap);
            for _ in 0..20 {
                if let Some((job, _)) = stage.next() {
                    stage.schedule.failed(&job, stage.now);
                }
                stage.wait(2);
            }
        }
        let look = Look {
            sent: stage.now,
            finished: true,
            changed: false,
            build: None,
        };
        stage.schedule.looked(job(99), &look, stage.now);
        stage.schedule.explain(&job(99), stage.now).unwrap().pause
    };
    let (busy, quiet) = (pause_of_a_new_one(60), pause_of_a_new_one(580));
    assert!(busy * 3 < quiet, "{busy:?} {quiet:?}");
}

#[test]
fn what_is_kept_of_a_job_is_small() {
    assert!(size_of::<Track>() <= 112, "{}", size_of::<Track>());
}

#[test]
fn nothing_known_and_odd_times_make_no_odd_plans() {
    let now = crate::clock::Clock::system().now();
    for age in [Duration::ZERO, Duration::from_secs(u64::MAX >> 12)] {
        let mut schedule = Schedule::new(rules(), [], now);
        let look = Look {
            sent: now,
            finished: age.is_zero(),
            changed: true,
            build: Some(crate::policy::refresh::Build { stamp: 0, age }),
        };
        for _ in 0..3 {
            let plan = schedule.looked(job(1), &look, now);
            assert!(
                plan.lifetime >= 5 * SECOND && plan.lifetime <= 600 * SECOND,
                "{plan:?}"
            );
        }
        let told = schedule.explain(&job(1), now).unwrap();
        assert!(
            told.loss.is_finite() && (0.0..=1.0).contains(&told.wrong),
            "{told:?}"
        );
    }
}

/// Whoever finds most jobs at work must not conclude that they build without any pause: an answer that is taken to be wrong at once,
/// whenever it is looked at, is worth no look.
#[test]
fn jobs_found_at_work_are_not_given_up_as_always_wrong() {
    let mut stage = Stage::new();
    for number in 0..40 {
        match number % 2 {
            0 => stage.running(number, 1, 30),
            _ => stage.idle(number, 1, 90),
        };
    }
    for second in 0..600_u64 {
        stage.wait(1);
        for number in 0..40 {
            stage.schedule.asked(&job(number), 1, stage.now);
        }
        if let Some((next, _)) = stage.next() {
            let number = (0..40).find(|number| job(*number) == next).unwrap();
            let is_at_work = second % 3 > 0;
            match is_at_work {
                true => stage.running(number, second, 30),
                false => stage.idle(number, second, 90),
            };
        }
    }
    for number in 0..40 {
        let told = stage.schedule.explain(&job(number), stage.now).unwrap();
        assert!(told.pause > 10 * SECOND, "{told:?}");
        assert!(
            told.age < 180 * SECOND,
            "40 jobs and 50 calls a minute: {told:?}"
        );
    }
}

#[test]
fn what_is_vouched_for_is_believed_longer_and_yet_looked_at_when_calls_are_left_over() {
    let mut stage = Stage::new();
    stage.look(1, true, 1, 0);
    stage.wait(29);
    stage.schedule.asked(&job(1), 9, stage.now);
    let wrong = |stage: &Stage| stage.schedule.explain(&job(1), stage.now).unwrap().wrong;
    let (guessed, until) = (wrong(&stage), stage.now);
    stage.schedule.vouched(|_, _| Some(until), stage.now);
    assert!(wrong(&stage) < guessed / 100.0, "{guessed}");
    assert_eq!(stage.next(), None, "its floor counts from the look");
    stage.wait(1);
    let told = stage.schedule.explain(&job(1), stage.now).unwrap();
    assert_eq!(told.age, 30 * SECOND, "nobody has looked since");
    assert!(
        matches!(stage.next(), Some((next, crate::policy::refresh::Why::Loss { .. })) if next == job(1))
    );

    // an answer that was sent for before that, and comes after it, counts all the same
    stage.schedule.ended(&job(1), stage.now);
    let sent = stage.now.checked_sub(SECOND).unwrap();
    stage.schedule.vouched(|_, _| Some(stage.now), stage.now);
    let look = Look {
        sent,
        finished: false,
        changed: true,
        build: None,
    };
    stage.schedule.looked(job(1), &look, stage.now);
    assert_eq!(stage.schedule.running().count(), 0, "bodies do not tell");
    assert!(stage.schedule.explain(&job(1), stage.now).unwrap().age >= SECOND);
}

/// How long after a look that has found it running a job is looked at again, on a fleet whose builds seem to take so long.
fn next_look_at_a_running_job(began: u64) -> Duration {
    let mut stage = Stage::new();
    stage.busy(100);
    for build in 1..60 {
        stage.running(1_000, build, began);
        stage.wait(60);
        stage.idle(1_000, build, began + 60 * u64::from(began > 0));
        stage.wait(60);
    }
    stage.poll(1, 60);
    stage.running(2_000, 1, 120).next_look - stage.now
}

#[test]
fn a_running_job_is_looked_at_soon_though_upstreams_clock_is_ahead_of_ours() {
    let (right, ahead) = (
        next_look_at_a_running_job(30),
        next_look_at_a_running_job(0),
    );
    assert!(ahead < 4 * right, "{right:?} {ahead:?}");
}
