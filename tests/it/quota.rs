//! The budget holds, whatever is asked; what is spent is told exactly; and a throttle is waited out.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::join_all;
use jobgate::clock::Clock;
use jobgate::credential::Credential;
use tokio::net::TcpSocket;

use crate::support::{Answer, Builder, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const WINDOW: Duration = Duration::from_secs(60);
const BAD_GATEWAY: &str = include_str!("../samples/error-502-apigw.json");
const THROTTLED: &str = include_str!("../samples/error-429-user.json");
const TOO_MANY: &str = include_str!("../samples/error-500-too-many.json");

/// A gateway whose time, and whose upstream's, is `clock`, with so many calls in a window.
fn with_budget(clock: &Clock, upstream: &str, requests: u32) -> Builder {
    let mut builder = in_front_of(upstream).with(|settings| {
        settings.budget.requests = NonZeroU32::new(requests).unwrap();
        settings.budget.window = WINDOW;
        settings.cache.ttl = Duration::from_secs(3600);
    });
    builder.clock = clock.clone();
    builder
}

async fn ask_at_once(gateway: &Running, jobs: std::ops::Range<usize>) -> Vec<Answer> {
    let ids: Vec<_> = jobs.map(nth_job).collect();
    join_all(ids.iter().map(|id| gateway.job(id))).await
}

/// A refusal for want of budget, or while upstream throttles: how long to wait, in seconds.
#[track_caller]
fn refused(answer: &Answer) -> u64 {
    let told = (answer.status.as_u16(), answer.code());
    assert_eq!(told, (429, "JG.4292".to_owned()), "{}", answer.text());
    answer.header("retry-after").parse().expect("whole seconds")
}

async fn remaining(gateway: &Running) -> f64 {
    gateway.metric("jobgate_budget_remaining").await
}

#[tokio::test]
async fn no_window_however_it_is_cut_sees_more_calls_than_the_budget() {
    const BUDGET: u32 = 50;
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = with_budget(&clock, &upstream.url(), BUDGET)
        .started_again()
        .start();

    // A herd at the start; then a crowd of new jobs at steps that no window is a multiple of.
    let mut asked = 2_000;
    let mut answers = ask_at_once(&gateway, 0..asked).await;
    let served = |answers: &[Answer]| answers.iter().filter(|a| a.status == 200).count();
    assert_eq!(served(&answers), 1, "a start makes one call at once");
    for _ in 0..40 {
        clock.advance(Duration::from_millis(7_001));
        answers.extend(ask_at_once(&gateway, asked..asked + 30).await);
        asked += 30;
    }

    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!((1..=61).contains(&refused(answer)));
    }
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), served(&answers), "one call a job");
    for first in &arrivals {
        let in_window = |at: &&std::time::Instant| *at >= first && **at <= *first + WINDOW;
        let calls = arrivals.iter().filter(in_window).count();
        assert!(calls <= BUDGET as usize, "{calls} calls in one window");
    }
    // nine at the steps of the first window, then fifty in each nine steps, and five steps more
    assert_eq!(arrivals.len(), 9 + 3 * BUDGET as usize + 46);
    gateway.end().await;
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_served_and_a_second_less_is_too_little() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = with_budget(&clock, &upstream.url(), 5)
        .started_again()
        .start();

    // one call at once, one after half a window, and the others when the first window is over: at 0, 31 and 61 s
    assert_eq!(gateway.job(&nth_job(0)).await.status, 200);
    for (job, pause, calls) in [(1, 0, 1), (2, 0, 4), (6, 13, 1), (7, 0, 4)] {
        clock.advance(Duration::from_secs(pause));
        let wait = refused(&gateway.job(&nth_job(job)).await);
        clock.advance(Duration::from_secs(wait - 1));
        let before = upstream.calls();
        assert_eq!(refused(&gateway.job(&nth_job(job)).await), 1);
        assert_eq!(upstream.calls(), before);
        clock.advance(Duration::from_secs(1));
        for job in job..job + calls {
            assert_eq!(gateway.job(&nth_job(job)).await.status, 200, "{job}");
        }
        refused(&gateway.job(&nth_job(job + calls)).await);
        assert_eq!(upstream.calls(), before + calls);
    }
    gateway.end().await;
}

#[tokio::test]
async fn each_retry_is_paid_and_none_goes_out_unpaid() {
    // (the budget; upstream calls; what is left)
    for (budget, calls, left) in [(5, 4, 1.0), (4, 4, 0.0), (3, 3, 0.0)] {
        let clock = Clock::manual();
        let answer = |n, _: &_| if n == 0 { A_JOB } else { (502, BAD_GATEWAY) };
        let upstream = Upstream::start(&clock, answer).await;
        let gateway = with_budget(&clock, &upstream.url(), budget).start();

        assert_eq!(gateway.job(&nth_job(0)).await.status, 200);
        let told = gateway.job(&nth_job(1)).await;
        assert_eq!(
            told.status, 502,
            "what upstream said last, also if no call was left to repeat it"
        );
        assert_eq!((upstream.calls(), remaining(&gateway).await), (calls, left));
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_costs_nothing() {
    let nobody = TcpSocket::new_v4().unwrap(); // held and not listened on, so that no other test gets its port
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    let gateway = with_budget(&Clock::manual(), &url, 1).start();

    for job in 0..3 {
        let answer = gateway.job(&nth_job(job)).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (502, "JG.5021".to_owned()));
        assert_eq!(remaining(&gateway).await, 1.0);
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_throttle_is_waited_out_for_its_window_while_what_is_stored_is_served() {
    // (what upstream says, its code, the window it names or that of the budget)
    for (said, code, window) in [
        ((429, THROTTLED), "APIGW.0308", 60),
        ((500, TOO_MANY), "CB.00060211", 45),
    ] {
        let clock = Clock::manual();
        let answer = move |n, _: &_| if n == 1 { said } else { A_JOB };
        let upstream = Upstream::start(&clock, answer).await;
        let gateway = with_budget(&clock, &upstream.url(), 1000)
            .with(|settings| settings.budget.window = Duration::from_secs(45))
            .start();
        let stored = gateway.job(&nth_job(0)).await;

        let throttled = gateway.job(&nth_job(1)).await;
        let told = (throttled.status.as_u16(), throttled.code());
        assert_eq!(told, (429, code.to_owned()));
        assert_eq!(throttled.header("retry-after"), window.to_string());
        assert!(throttled.text().contains(r#""source":"upstream""#));

        for (left, until_next) in [(window, 20), (window - 20, window - 21), (1, 1)] {
            for job in 1..4 {
                assert_eq!(refused(&gateway.job(&nth_job(job)).await), left);
            }
            let hit = gateway.job(&nth_job(0)).await;
            assert_eq!((hit.status.as_u16(), &hit.body), (200, &stored.body));
            clock.advance(Duration::from_secs(until_next));
        }
        assert_eq!(upstream.calls(), 2, "no call while it lasts");
        assert_eq!(gateway.job(&nth_job(1)).await.status, 200);
        assert_eq!(upstream.calls(), 3);
        gateway.end().await;
    }
}

#[tokio::test]
async fn no_more_than_max_in_flight_are_asked_at_once_and_the_rest_follow() {
    let clock = Clock::manual();
    let upstream = Upstream::held(&clock, |_, _| A_JOB).await;
    let gateway = with_budget(&clock, &upstream.url(), 1_000)
        .with(|settings| settings.upstream.max_in_flight = 2)
        .with_credential(Credential::from_token("a-token-of-the-tests").unwrap()) // no cap of its own, once proven
        .start();
    let proof = nth_job(0);
    let (proven, ()) = tokio::join!(gateway.job(&proof), async { upstream.let_through(1) });
    assert_eq!(proven.status, 200);

    let asking = ask_at_once(&gateway, 1..6);
    let steering = async {
        for answered in 0..5 {
            let most = (1 + answered + 2).min(6);
            gateway
                .until("two more are asked", || async { upstream.calls() == most })
                .await;
            upstream.let_through(1);
        }
    };
    let (answers, ()) = tokio::join!(asking, steering);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(upstream.calls(), 6);
    gateway.end().await;
}

#[tokio::test]
async fn a_call_whose_turn_comes_after_everybody_has_gone_is_not_made() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let clock = Clock::manual();
    let upstream = Upstream::held(&clock, |_, _| A_JOB).await;
    let gateway = with_budget(&clock, &upstream.url(), 1_000)
        .with(|settings| {
            settings.upstream.max_in_flight = 1;
            settings.server.request_timeout = PATIENCE;
        })
        .start();

    let answers = ask_at_once(&gateway, 0..4);
    let steering = async {
        gateway
            .until("all wait, one of them for its answer", || async {
                upstream.calls() == 1 && gateway.metric("jobgate_requests_waiting").await == 4.0
            })
            .await;
        clock.advance(PATIENCE); // by the gateway's time; the clients of this test are still there to be told
        upstream.let_through(4);
    };
    let (answers, ()) = tokio::join!(answers, steering);
    let late = answers.iter().filter(|answer| answer.status == 504).count();
    assert_eq!(late, 3, "one was under way");
    assert_eq!(upstream.calls(), 1, "nothing is paid for nobody");
    gateway.end().await;
}
