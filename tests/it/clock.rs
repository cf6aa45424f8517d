//! A wrong clock: requests are signed by upstream's time, a key is not locked for it, and who looks is told.

use std::time::{Duration, SystemTime};

use jobgate::clock::Clock;
use jobgate::credential::Credential;

use crate::sandbox::Double;
use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

const REFUSED: (u16, &str) = (401, include_str!("../samples/error-401-signature.json"));
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that is this much off another, in seconds.
fn off(clock: &Clock, seconds: i64) -> Clock {
    let other = Clock::manual();
    set(&other, clock, seconds);
    other
}

fn set(clock: &Clock, by: &Clock, seconds: i64) {
    let off = Duration::from_secs(seconds.unsigned_abs());
    let right = by.wall();
    clock.set_wall(if seconds < 0 {
        right - off
    } else {
        right + off
    });
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

async fn skew(gateway: &Running) -> f64 {
    gateway.metric("jobgate_clock_skew_seconds").await
}

/// Asks for jobs that nobody asked for before.
struct Asker {
    asked: usize,
}

// === impl Asker ===

impl Asker {
    async fn ask(&mut self, gateway: &Running) -> Answer {
        self.asked += 1;
        gateway.job(&nth_job(self.asked)).await
    }
}

#[tokio::test]
async fn a_clock_that_is_twenty_minutes_off_costs_one_refusal_and_no_pause() {
    for seconds in [-20 * 60, 20 * 60] {
        let double = Double::start().await;
        let local = off(&double.clock, seconds);
        let gateway = double.gateway().with_clock(&local).start();
        let mut asker = Asker { asked: 0 };

        let refused = asker.ask(&gateway).await;
        assert_eq!(told(&refused), (502, "JG.5022".to_owned()));
        let cause = if seconds < 0 {
            "the gateway's clock was 20 minutes behind that of the upstream service"
        } else {
            "the gateway's clock was 20 minutes ahead of that of the upstream service"
        };
        assert!(refused.text().contains(cause), "{}", refused.text());
        let stats = double.sandbox.stats();
        assert_eq!((stats.requests, stats.unauthorised), (1, 1), "not repeated");

        for _ in 0..5 {
            assert_eq!(asker.ask(&gateway).await.status, 200);
        }
        let stats = double.sandbox.stats();
        assert_eq!((stats.requests, stats.unauthorised), (6, 1));
        assert!((skew(&gateway).await - seconds as f64).abs() < 2.0);
        let ready = gateway.admin("/readyz").await;
        assert_eq!(ready.status, 200);
        assert!(
            ready
                .text()
                .contains("requests are signed by upstream's time")
        );
        let stats = gateway.admin("/api/stats").await.text();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        let told = stats["upstream"]["clock_skew_seconds"].as_f64().unwrap();
        assert!((told - seconds as f64).abs() < 2.0, "{told}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_right_or_wrong_meanwhile_costs_no_more_than_one_call() {
    let double = Double::start().await;
    let local = off(&double.clock, -20 * 60);
    let gateway = double.gateway().with_clock(&local).start();
    let mut asker = Asker { asked: 0 };
    for (seconds, refused) in [(-20 * 60, 1), (0, 0), (40 * 60, 1), (0, 0)] {
        set(&local, &double.clock, seconds);
        let before = double.sandbox.stats().unauthorised;
        for _ in 0..5 {
            asker.ask(&gateway).await;
            local.advance(MINUTE);
            double.clock.advance(MINUTE);
        }
        let after = double.sandbox.stats().unauthorised;
        assert_eq!(after - before, refused, "{seconds} s off");
        assert!((skew(&gateway).await - seconds as f64).abs() < 2.0);
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_clock_that_is_more_than_a_day_off_is_named_and_not_followed() {
    let double = Double::start().await;
    let local = off(&double.clock, 30 * 60 * 60);
    let gateway = double.gateway().with_clock(&local).start();
    let mut asker = Asker { asked: 0 };
    let cause = "the gateway's clock was 30 hours ahead of that of the upstream service.";
    let refused = asker.ask(&gateway).await;
    assert_eq!(told(&refused), (502, "JG.5022".to_owned()));
    assert!(refused.text().contains(cause), "{}", refused.text());
    let held = asker.ask(&gateway).await;
    assert_eq!(told(&held), (503, "JG.5033".to_owned()));
    assert!(held.text().contains(cause), "{}", held.text());
    assert_eq!(double.sandbox.stats().requests, 1);

    let ready = gateway.admin("/readyz").await.text();
    assert!(
        ready.contains("too far to be allowed for: it must be set"),
        "{ready}"
    );
    gateway.end().await;
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_clock_never_lock_the_key() {
    let double = Double::start().await;
    let local = off(&double.clock, -20 * 60);
    let wrong = double.gateway_with("a-wrong-secret-key-0123456789");
    let gateway = wrong.with_clock(&local).start();
    let mut asker = Asker { asked: 0 };
    for _ in 0..60 {
        asker.ask(&gateway).await;
        local.advance(Duration::from_secs(5));
        double.clock.advance(Duration::from_secs(5));
        let stats = double.sandbox.stats();
        assert!(stats.unauthorised <= 4, "in five minutes");
    }
    let held = asker.ask(&gateway).await;
    assert_eq!(told(&held), (503, "JG.5033".to_owned()));
    assert!(
        !held.text().contains("clock"),
        "that is not why any more: {}",
        held.text()
    );
    gateway.end().await;
}

#[tokio::test]
async fn an_upstream_that_lies_about_the_time_does_not_make_the_gateway_lock_its_key() {
    const FIVE_MINUTES: Duration = Duration::from_secs(300);
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |nth, _| if nth % 3 == 0 { A_JOB } else { REFUSED });
    let upstream = upstream.await;
    let gateway = in_front_of(&upstream.url()).with_clock(&clock).start();
    let mut asker = Asker { asked: 0 };
    let mut refused: Vec<Duration> = Vec::new();
    let lies = [
        0, 7_200, -7_200, 7_200, 1_200, 0, -1_200, 86_000, -86_000, 100_000,
    ];
    for (step, lie) in (0..600).zip(lies.into_iter().cycle()) {
        upstream.dated(Some(lie));
        let before = upstream.calls();
        asker.ask(&gateway).await;
        let now = Duration::from_secs(5 * step);
        let of_now = (before..upstream.calls()).filter(|nth| nth % 3 != 0);
        refused.extend(of_now.map(|_| now));
        let recent = refused
            .iter()
            .filter(|at| now.saturating_sub(**at) < FIVE_MINUTES);
        assert!(recent.count() <= 4, "{now:?}");
        clock.advance(Duration::from_secs(5));
    }
    assert!(refused.len() > 8, "the lies were heard: {}", refused.len());
    gateway.end().await;
}

/// The `X-Sdk-Date` of each call, in seconds after this time.
fn signed(upstream: &Upstream, from: SystemTime) -> Vec<i64> {
    let from = jiff::Timestamp::try_from(from).unwrap().as_second();
    let dates = upstream.headers("x-sdk-date");
    let second = |text: &String| {
        let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).unwrap();
        jiff::tz::Offset::UTC
            .to_timestamp(date)
            .unwrap()
            .as_second()
    };
    dates.iter().map(|date| second(date) - from).collect()
}

#[tokio::test]
async fn two_answers_that_agree_are_believed_and_one_is_not() {
    let clock = Clock::manual();
    let (lie, more) = (20 * 60, 600);
    for (offs, times) in [
        (vec![0, 0, 0], vec![0, 0, 0, 0]),
        (vec![lie, 0, lie, 0], vec![0; 5]),
        (vec![lie, lie + more, lie + 2 * more], vec![0; 4]),
        (vec![lie, lie, lie], vec![0, 0, lie, lie]),
        (vec![-lie, -lie, 0, -lie], vec![0, 0, -lie, -lie, -lie]),
        (vec![lie, lie, 0, 0, 0], vec![0, 0, lie, lie, 0, 0]),
        (vec![30, 30, 30], vec![0; 4]),
    ] {
        let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
        let gateway = in_front_of(&upstream.url()).with_clock(&clock).start();
        let mut asker = Asker { asked: 0 };
        for off in offs.iter().chain(&[0]) {
            upstream.dated(Some(*off));
            assert_eq!(asker.ask(&gateway).await.status, 200);
        }
        let signed = signed(&upstream, clock.wall());
        let near = signed
            .iter()
            .zip(&times)
            .all(|(signed, time)| (signed - time).abs() <= 1);
        assert!(
            near && signed.len() == times.len(),
            "{offs:?}: {signed:?}, not {times:?}"
        );
        gateway.end().await;
    }
}

#[tokio::test]
async fn an_upstream_that_tells_no_time_is_believed_nothing() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| REFUSED).await;
    upstream.dated(None);
    let gateway = in_front_of(&upstream.url()).with_clock(&clock).start();
    let mut asker = Asker { asked: 0 };
    assert_eq!(
        told(&asker.ask(&gateway).await),
        (502, "JG.5022".to_owned())
    );
    assert_eq!(
        told(&asker.ask(&gateway).await),
        (503, "JG.5033".to_owned())
    );
    assert_eq!(signed(&upstream, clock.wall()), [0]);
    let metrics = gateway.admin("/metrics").await.text();
    assert!(
        !metrics.contains("\njobgate_clock_skew_seconds "),
        "not known"
    );
    gateway.end().await;
}

#[tokio::test]
async fn a_token_is_refused_for_itself_whatever_the_clock() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| REFUSED).await;
    upstream.dated(Some(20 * 60));
    let token = Credential::from_token("a-token-0123456789").unwrap();
    let builder = in_front_of(&upstream.url()).with_credential(token);
    let gateway = builder.with_clock(&clock).start();
    let refused = gateway.job(JOB).await;
    assert_eq!(told(&refused), (502, "JG.5022".to_owned()));
    assert!(!refused.text().contains("clock"), "{}", refused.text());
    let held = gateway.job(JOB).await;
    assert_eq!(told(&held), (503, "JG.5033".to_owned()), "the pause stands");
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}
