//! What is looked at next.

use super::{LONG, SECOND, Stage, job, rules};
use crate::policy::client::ClientId;
use crate::policy::refresh::schedule::{Next, Wait, Why};
use crate::policy::refresh::told::Standing;
use crate::policy::refresh::{Look, Schedule};

#[test]
fn of_two_jobs_alike_the_one_asked_for_more_often_is_next() {
    let mut stage = Stage::new();
    for number in [1, 2] {
        stage.idle(number, 1, 600);
    }
    for _ in 0..60 {
        stage.wait(1);
        stage.schedule.asked(&job(1), 1, stage.now);
        stage.schedule.asked(&job(2), 5, stage.now);
    }
    let (next, why) = stage.next().unwrap();
    assert_eq!(next, job(2));
    assert!(
        matches!(why, Why::Loss { asks, wrong } if (200.0..400.0).contains(&asks) && (0.0..0.5).contains(&wrong)),
        "{why:?}"
    );
}

#[test]
fn a_first_ever_ask_goes_before_a_proven_difference_and_that_before_a_loss() {
    let mut stage = Stage::new();
    for number in [1, 2] {
        stage.idle(number, 1, 600);
    }
    stage.poll(1, 60);
    stage.schedule.asked(&job(2), 1, stage.now);
    stage.schedule.differs(job(2));
    stage
        .schedule
        .ask_first(ClientId::ANONYMOUS, job(3), stage.now + LONG, stage.now);
    let first = Why::First(ClientId::ANONYMOUS);
    assert_eq!(stage.next(), Some((job(3), first)));
    assert_eq!(stage.next(), Some((job(2), Why::Differs)));
    assert!(matches!(stage.next(), Some((next, Why::Loss { .. })) if next == job(1)));
    assert_eq!(stage.next(), None, "all three are under way");
}

#[test]
fn a_job_is_not_looked_at_within_its_floor_unless_it_was_proven_to_differ() {
    for (finished, floor) in [(true, 30), (false, 5)] {
        let mut stage = Stage::new();
        stage.look(1, finished, 1, 60);
        stage.poll(1, floor - 1);
        let told = stage.schedule.next(50, stage.now);
        let until = Some(stage.now + SECOND);
        let why = Wait::Floors;
        assert_eq!(told, Next::Wait { until, why }, "{floor} s");
        stage.poll(1, 1);
        assert!(stage.next().is_some(), "{floor} s");

        stage.look(1, finished, 1, 60 + u64::from(floor));
        stage.schedule.differs(job(1));
        assert_eq!(stage.next(), Some((job(1), Why::Differs)));
    }
}

#[test]
fn a_difference_that_a_look_has_settled_is_not_looked_at_again() {
    let mut stage = Stage::new();
    stage.idle(1, 1, 60);
    stage.schedule.differs(job(1));
    stage.wait(1);
    stage.idle(1, 2, 1);
    assert_eq!(stage.next(), None);
}

#[test]
fn what_a_list_has_shown_to_differ_is_told_to_be_wrong_whatever_the_rhythm_says() {
    let mut stage = Stage::new();
    stage.idle(1, 1, 600);
    stage.poll(1, 60);
    let told = |stage: &Stage| stage.schedule.explain(&job(1), stage.now).unwrap();
    assert!(told(&stage).wrong < 0.5, "{:?}", told(&stage));
    stage.schedule.differs(job(1));
    let told = told(&stage);
    assert!((told.wrong, told.loss) == (1.0, told.asks), "{told:?}");
}

#[test]
fn a_look_that_brought_nothing_leaves_its_job_alone_until_then_proven_or_not() {
    let mut stage = Stage::new();
    stage.idle(1, 1, 600);
    stage.poll(1, 60);
    assert!(stage.next().is_some());
    stage.schedule.failed(&job(1), stage.now + 100 * SECOND);
    stage.schedule.differs(job(1));
    stage.poll(1, 99);
    assert_eq!(stage.next(), None);
    let told = stage.schedule.explain(&job(1), stage.now).unwrap();
    assert_eq!(told.standing, Standing::Resting(stage.now + SECOND));
    stage.poll(1, 1);
    assert_eq!(stage.next(), Some((job(1), Why::Differs)));
}

#[test]
fn who_is_not_asked_for_any_more_is_forgotten_and_not_looked_at() {
    let mut stage = Stage::new();
    stage.idle(1, 1, 600);
    stage.poll(1, 60);
    stage.wait(601);
    assert_eq!(stage.next(), None);
    assert!(stage.schedule.is_empty());
    stage.schedule.asked(&job(1), 1, stage.now);
    assert!(stage.schedule.is_empty(), "only a look brings it back");
}

#[test]
fn when_most_jobs_fall_silent_at_once_all_looks_go_to_those_that_do_not() {
    let mut stage = Stage::new();
    stage.busy(200);
    stage.poll(7, 601);
    stage.schedule.differs(job(8));
    for _ in 0..10 {
        stage.poll(7, 30);
        let (next, _) = stage.next().unwrap();
        assert_eq!(next, job(7));
        stage.idle(7, 1, 600);
    }
    assert!(stage.schedule.len() < 200);
}

#[test]
fn what_is_no_longer_stored_is_not_looked_at() {
    let mut stage = Stage::new();
    stage.idle(1, 1, 600);
    stage.schedule.differs(job(1));
    stage.poll(1, 60);
    stage.schedule.forget(&job(1));
    assert_eq!(stage.next(), None);
}

#[test]
fn an_answer_sent_for_before_the_last_one_teaches_nothing() {
    let mut stage = Stage::new();
    let sent = stage.now;
    stage.wait(1);
    stage.idle(1, 1, 600);
    let before = stage.schedule.explain(&job(1), stage.now);
    let look = Look {
        sent,
        finished: false,
        changed: true,
        build: None,
    };
    stage.schedule.looked(job(1), &look, stage.now);
    assert_eq!(stage.schedule.explain(&job(1), stage.now), before);
}

#[test]
fn a_lifetime_is_the_planned_look_within_the_floor_and_the_longest() {
    let mut stage = Stage::new();
    for (began, finished) in [(1, true), (60, false), (86_400, true), (86_400 * 365, true)] {
        for _ in 0..20 {
            stage.poll(1, 60);
            let plan = stage.look(1, finished, 1, began);
            let floor = rules().floors.of(finished);
            assert!(
                (floor..=rules().longest).contains(&plan.lifetime),
                "{plan:?}"
            );
            if plan.lifetime < rules().longest {
                assert_eq!(stage.now + plan.lifetime, plan.next_look);
            }
            stage.next();
        }
    }
}

/// The documented bound is `stale_while_revalidate` itself, also where the window is longer.
#[test]
fn a_window_longer_than_stale_while_revalidate_lengthens_no_lifetime() {
    let mut stage = Stage::new();
    stage.schedule.rules.longest = 45 * SECOND;
    let looks = stage.busy(100); // a look each two seconds: none is planned sooner than after three minutes
    let plan = stage.look(looks.len(), true, 1, 600);
    assert_eq!(plan.lifetime, 45 * SECOND, "{plan:?}");
    assert!(plan.next_look > stage.now + 45 * SECOND, "{plan:?}");
}

#[test]
fn refreshes_go_out_evenly_and_first_asks_at_once() {
    let mut stage = Stage::new();
    for number in 0..10 {
        stage.idle(number, 1, 600);
    }
    for _ in 0..60 {
        stage.wait(1);
        for number in 0..10 {
            stage.schedule.asked(&job(number), 1, stage.now);
        }
    }
    assert!(stage.next().is_some());
    let paced = stage.schedule.next(50, stage.now);
    let until = Some(stage.now + 60 * SECOND / 50);
    let why = Wait::Pace;
    assert_eq!(paced, Next::Wait { until, why });
    for number in 20..23 {
        stage.schedule.ask_first(
            ClientId::ANONYMOUS,
            job(number),
            stage.now + LONG,
            stage.now,
        );
        assert!(matches!(stage.next(), Some((_, Why::First(_)))));
    }
}

#[test]
fn the_last_calls_are_kept_for_first_asks_while_there_are_such() {
    let now = crate::clock::Clock::system().now();
    let mut schedule = Schedule::new(rules(), [], now);
    let look = Look {
        sent: now,
        finished: true,
        changed: false,
        build: None,
    };
    schedule.looked(job(1), &look, now);
    let later = now + 35 * SECOND;
    schedule.asked(&job(1), 60, later);
    let kept = schedule.next(5, later);
    assert!(
        matches!(
            kept,
            Next::Wait {
                why: Wait::Reserve,
                ..
            }
        ),
        "a start is all first asks: {kept:?}"
    );
    let much_later = later + 540 * SECOND;
    schedule.asked(&job(1), 60, much_later);
    let spent = schedule.next(1, much_later + 30 * SECOND);
    assert!(matches!(spent, Next::Look { .. }), "{spent:?}");
}

#[test]
fn an_explanation_tells_rhythm_loss_and_place() {
    let mut stage = Stage::new();
    let looks = stage.busy(200);
    assert_eq!(stage.schedule.explain(&job(999), stage.now), None);
    assert_eq!(stage.schedule.due(&job(999), stage.now), None);
    let last = *looks.last().unwrap();
    let told = stage.schedule.explain(&last, stage.now).unwrap();
    assert_eq!(told.age, 2 * SECOND);
    assert!(
        told.wrong > 0.0 && told.loss > told.asks * told.wrong,
        "{told:?}"
    );
    assert!(told.pause > 60 * SECOND && told.length > SECOND, "{told:?}");
    let outlook = stage.schedule.outlook(stage.now);
    assert_eq!((outlook.jobs, outlook.first_asks), (200, 0));
    assert_eq!(outlook.forecast, stage.schedule.forecast(stage.now));
    let place = |job: &_| match stage.schedule.explain(job, stage.now).unwrap().standing {
        Standing::Planned { place, at } => {
            assert_eq!(stage.schedule.due(job, stage.now), Some(at));
            Some((place, at))
        }
        Standing::UnderWay
        | Standing::Differs(_)
        | Standing::Resting(_)
        | Standing::Floor { .. } => None,
    };
    let mut places: Vec<_> = (0..200).filter_map(|number| place(&job(number))).collect();
    assert!(
        places.len() > 150,
        "with so many jobs the budget decides and not the floor: {places:?}"
    );
    places.sort_unstable();
    assert!(places.is_sorted_by_key(|(_, at)| at), "{places:?}");
    let (next, _) = stage.next().unwrap();
    let told = stage.schedule.explain(&next, stage.now).unwrap();
    assert_eq!(told.standing, Standing::UnderWay);
    assert_eq!(stage.schedule.due(&next, stage.now), Some(stage.now));
    assert!(
        !looks.iter().rev().take(50).any(|looked| *looked == next),
        "it was looked at just now"
    );
}

#[test]
fn overdue_jobs_whose_looks_fail_do_not_stand_before_the_others_for_ever() {
    let mut stage = Stage::new();
    for number in 0..30 {
        stage.idle(number, 1, 600);
    }
    stage.wait(60);
    for number in 0..30 {
        stage.schedule.asked(&job(number), 10, stage.now);
        stage.schedule.overdue(job(number));
    }
    let mut overdue = Vec::new();
    for _ in 0..20 {
        stage.wait(2);
        let (next, why) = stage.next().unwrap();
        let number = (0..30).find(|&number| job(number) == next).unwrap();
        if number < 4 {
            stage.schedule.failed(&next, stage.now + 300 * SECOND);
        } else {
            stage.idle(number, 1, 900);
        }
        overdue.extend((why == Why::Overdue).then_some(number));
    }
    assert!(overdue.iter().any(|&number| number >= 4), "{overdue:?}");
}
