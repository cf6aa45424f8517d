//! Clients take turns by their shares: none with a share starves, and none is held up by another's long queue.

use std::time::Duration;

use super::{BIT, MINUTE, Stage, told_to_wait};
use crate::clients::{KEY, OTHER_KEY};
use crate::support::{Answer, Builder, nth_job};
use crate::upstream::A_JOB;

const THIRD_KEY: &str = "jg_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb";

/// Jobs of the scanner; those of others are below.
const SCANNED: usize = 1_000;

/// A wallboard, a scanner and a bot with these shares.
fn three_clients(builder: Builder, shares: [Option<f64>; 3]) -> Builder {
    let clients = [
        ("wallboard", KEY),
        ("scanner", OTHER_KEY),
        ("bot", THIRD_KEY),
    ];
    builder.in_keys_mode(&clients).with(|settings| {
        for (client, share) in settings.auth.clients.iter_mut().zip(shares) {
            client.share = share;
        }
    })
}

impl Stage {
    async fn shared(requests: u32, shares: [Option<f64>; 3]) -> Self {
        let change = |builder| three_clients(builder, shares);
        Self::built(requests, |_, _| A_JOB, change).await
    }

    async fn ask(&self, key: &str, job: usize) -> Answer {
        let path = format!("/v1/job/{}/info", nth_job(job));
        self.gateway.get(&path, &[("x-api-key", key)]).await
    }

    /// Spends the budget one call each time `pause` has passed, so that calls come free in the same way.
    async fn spent_evenly(&self, requests: usize, pause: Duration) {
        for n in 0..requests {
            assert_eq!(self.ask(THIRD_KEY, 500 + n).await.status, 200);
            self.pass(pause).await;
        }
    }

    /// The calls from this one on, by whether the scanner asked.
    fn scans(&self, from: usize) -> Vec<bool> {
        let jobs = self.upstream.jobs().split_off(from);
        let scanned = |job: &String| usize::from_str_radix(job, 16).unwrap() >= SCANNED;
        jobs.iter().map(scanned).collect()
    }
}

#[tokio::test]
async fn a_client_with_one_ask_is_not_behind_a_scanner_with_hundreds() {
    const REQUESTS: u32 = 10;
    let stage = Stage::shared(REQUESTS, [None; 3]).await;
    stage.spent_evenly(10, Duration::from_secs(2)).await;
    // the first call is free again in a little more than forty seconds, each further one two seconds later
    for n in 0..300 {
        let wait = told_to_wait(&stage.ask(OTHER_KEY, SCANNED + n).await);
        assert!(wait >= 41);
    }
    let wait = told_to_wait(&stage.ask(KEY, 1).await);
    assert!(
        (41..=43).contains(&wait),
        "first or second in turn, not {wait}"
    );
    stage.seconds(u32::try_from(wait).unwrap()).await;
    assert_eq!(stage.looks(&nth_job(1)).len(), 1);
    assert_eq!(stage.ask(KEY, 1).await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn clients_that_wait_get_calls_in_proportion_to_their_shares() {
    let stage = Stage::shared(16, [Some(0.2), Some(0.6), None]).await;
    stage.spent_evenly(16, BIT).await;
    for n in 0..16 {
        told_to_wait(&stage.ask(KEY, n).await);
        told_to_wait(&stage.ask(OTHER_KEY, SCANNED + n).await);
    }
    stage.pass(MINUTE).await;
    let scans = stage.scans(16);
    assert_eq!(scans.len(), 16);
    for (granted, _) in scans.iter().enumerate() {
        let of_scanner = scans[..=granted].iter().filter(|scan| **scan).count();
        let due = (granted + 1) * 3 / 4;
        assert!(of_scanner.abs_diff(due) <= 1, "{scans:?}");
    }
    stage.end().await;
}

/// The scanner asks for new jobs without end, as fast as it is answered.
#[tokio::test]
async fn a_scanner_takes_neither_the_wallboards_refreshes_nor_another_clients_first_answers() {
    const JOBS: usize = 10;
    let stage = Stage::shared(10, [Some(0.5), Some(0.2), Some(0.1)]).await;
    for n in 0..JOBS {
        assert_eq!(stage.ask(KEY, n).await.status, 200);
    }
    let mut scanned = SCANNED;
    let mut longest_wait = 0;
    let mut before = 0;
    for second in 0..300_usize {
        for n in 0..JOBS {
            assert_eq!(stage.ask(KEY, n).await.status, 200);
        }
        for _ in 0..3 {
            stage.ask(OTHER_KEY, scanned).await;
            scanned += 1;
        }
        if second == 120 {
            before = stage.upstream.calls(); // the start is over, the budget is used up
        }
        if second % 100 == 50 {
            let answer = stage.ask(THIRD_KEY, 100 + second).await;
            let wait = if answer.status == 200 {
                0
            } else {
                told_to_wait(&answer)
            };
            longest_wait = longest_wait.max(wait);
        }
        stage.seconds(1).await;
    }
    let scans = stage.scans(before);
    let of_scanner = scans.iter().filter(|scan| **scan).count();
    // of thirty calls in three minutes; the wallboard's share is five of the seven parts that two of them have
    assert!((28..=30).contains(&scans.len()), "{}", scans.len());
    assert!(of_scanner <= 30 * 2 / 7 + 2, "{of_scanner} of thirty");
    assert!(of_scanner >= 30 * 2 / 8 - 2, "{of_scanner} of thirty");
    assert!(
        longest_wait <= 60,
        "{longest_wait} s for a tenth of ten calls a minute"
    );
    stage.end().await;
}
