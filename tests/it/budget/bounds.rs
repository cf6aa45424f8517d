//! Never more calls than the budget in any window, however it is cut.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, stream};

use super::{MINUTE, Stage, most_in_a_window, told_to_wait};
use crate::support::nth_job;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks for these jobs, some hundred at a time; how many were answered.
async fn herd(stage: &Stage, jobs: std::ops::Range<usize>) -> usize {
    let asking = jobs.map(async |job| {
        let answer = stage.gateway.job(&nth_job(job)).await;
        if answer.status == 200 {
            return 1;
        }
        assert!(told_to_wait(&answer) >= 1);
        0
    });
    let answered: Vec<usize> = stream::iter(asking).buffer_unordered(300).collect().await;
    answered.into_iter().sum()
}

#[tokio::test]
async fn a_herd_of_ten_thousand_cold_jobs() {
    let stage = Stage::new(50).await;
    assert_eq!(herd(&stage, 0..10_000).await, 50);
    assert_eq!(stage.upstream.calls(), 50);
    // steps that no window is a multiple of
    for step in 0..30 {
        stage.pass(Duration::from_millis(7_001)).await;
        herd(&stage, 10_000 + 20 * step..10_020 + 20 * step).await;
    }
    let arrivals = stage.upstream.arrivals();
    assert_eq!(most_in_a_window(&arrivals, MINUTE), 50);
    // two hundred and ten seconds, three windows of them after the first
    assert_eq!(arrivals.len(), 4 * 50, "and it is used");
    let mut jobs = stage.upstream.jobs();
    jobs.sort();
    jobs.dedup();
    assert_eq!(
        jobs.len(),
        4 * 50,
        "never the same twice while others wait for their first"
    );
    stage.end().await;
}

/// Time leaps, and wall time goes its own way, by hours in both directions.
#[tokio::test]
async fn a_clock_that_jumps() {
    let stage = Stage::new(10).await;
    let jobs = stage.stored(0..6).await;
    let true_time = stage.clock.wall();
    let leaps = [
        0.9, 59.999, 0.001, 61.0, 3.3, 3_599.0, 0.5, 86_400.0, 7.7, 29.9, 30.1, 600.0,
    ];
    for (nth, leap) in leaps.into_iter().cycle().take(60).enumerate() {
        let wall = match nth % 4 {
            0 => true_time - DAY,
            1 => true_time + DAY,
            2 => SystemTime::UNIX_EPOCH,
            _ => true_time,
        };
        stage.clock.set_wall(wall);
        for job in &jobs {
            let answer = stage.gateway.job(job).await;
            if answer.status != 200 {
                told_to_wait(&answer);
            }
        }
        stage.pass(Duration::from_secs_f64(leap)).await;
    }
    let arrivals = stage.upstream.arrivals();
    assert!(most_in_a_window(&arrivals, MINUTE) <= 10);
    for job in &jobs {
        let looks = stage.looks(job);
        let closest = looks.windows(2).map(|two| two[1] - two[0]).min();
        assert!(closest >= Some(Duration::from_secs(30)), "{closest:?}");
        assert!(looks.len() >= 10, "it goes on: {}", looks.len());
    }
    stage.end().await;
}
