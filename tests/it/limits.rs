//! Limits that upstream names: kept from then on, probed for room, and not confused with what others spend.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jobgate::clock::Clock;
use serde_json::{Value, json};

use crate::support::{Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream};

const MINUTE: Duration = Duration::from_secs(60);
/// A little more than nothing: a call is out of a window strictly after it.
const BIT: Duration = Duration::from_millis(1);

/// Throttles with a limit in their text.
const TEN_A_MINUTE: Said = throttle(
    r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:1 minute"}"#,
);
const TEN_IN_3_SECONDS: Said = throttle(
    r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:10,time:3 second"}"#,
);
const TWELVE_IN_3_SECONDS: Said = throttle(
    r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:12,time:3 second"}"#,
);
const NONE_A_MINUTE: Said = throttle(
    r#"{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:0,time:1 minute"}"#,
);

const fn throttle(body: &'static str) -> Said {
    (429, body)
}

/// A quota as upstream keeps it: so many calls in any window, refused ones included.
struct Quota {
    requests: usize,
    window: Duration,
    counted: Mutex<VecDeque<Instant>>,
}

impl Quota {
    fn new(requests: usize, window: Duration) -> Self {
        Self {
            requests,
            window,
            counted: Mutex::default(),
        }
    }

    /// Counts a call; whether it is within the quota.
    fn takes(&self, now: Instant) -> bool {
        let mut counted = self.counted.lock().unwrap();
        while counted.front().is_some_and(|at| *at + self.window < now) {
            counted.pop_front();
        }
        counted.push_back(now);
        counted.len() <= self.requests
    }
}

/// A gateway that learns, with so many calls a minute, whose start is over.
fn learning(clock: &Clock, upstream: &Upstream, requests: u32, learn: bool) -> Running {
    let gateway = in_front_of(&upstream.url())
        .with(|settings| {
            settings.budget.requests = NonZeroU32::new(requests).unwrap();
            settings.budget.window = MINUTE;
            settings.budget.learn = learn;
            settings.cache.ttl = Duration::from_secs(24 * 60 * 60);
        })
        .with_clock(clock)
        .start();
    clock.advance(MINUTE + BIT);
    gateway
}

/// Asks for jobs that nobody has asked for yet.
struct Asking<'a> {
    gateway: &'a Running,
    next: usize,
}

impl<'a> Asking<'a> {
    fn at(gateway: &'a Running) -> Self {
        Self { gateway, next: 0 }
    }

    /// The statuses of so many, one after the other.
    async fn new_jobs(&mut self, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let answer = self.gateway.job(&nth_job(self.next)).await;
            self.next += 1;
            statuses.push(answer.status.as_u16());
        }
        statuses
    }

    /// How many of so many are served.
    async fn served(&mut self, count: usize) -> usize {
        let statuses = self.new_jobs(count).await;
        statuses.iter().filter(|status| **status == 200).count()
    }
}

async fn json_of(gateway: &Running, path: &str) -> Value {
    serde_json::from_slice(&gateway.admin(path).await.body).unwrap()
}

async fn in_force(gateway: &Running) -> f64 {
    let name = r#"jobgate_limit_requests{api="job",source="in_force"}"#;
    gateway.metric(name).await
}

async fn changes(gateway: &Running, change: &str) -> f64 {
    let name = format!(r#"jobgate_limit_changes_total{{api="job",change="{change}"}}"#);
    gateway.metric(&name).await
}

#[tokio::test]
async fn a_limit_that_a_throttle_names_is_met_once_and_never_again() {
    let clock = Clock::manual();
    let (quota, now) = (Quota::new(10, MINUTE), clock.clone());
    let answer = move |_, _: &_| {
        if quota.takes(now.now()) {
            A_JOB
        } else {
            TEN_A_MINUTE
        }
    };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = learning(&clock, &upstream, 50, true);

    let mut asking = Asking::at(&gateway);
    let statuses = asking.new_jobs(20).await;
    assert_eq!(statuses, [[200; 10], [429; 10]].concat());
    assert_eq!(
        upstream.calls(),
        11,
        "one was throttled, nine were not sent"
    );
    let throttled_at = clock.now();

    // steps that no window is a multiple of, far fewer than it takes to try one more
    let mut served = 10;
    for _ in 0..60 {
        clock.advance(Duration::from_millis(7_001));
        served += asking.served(7).await;
    }
    let arrivals = upstream.arrivals();
    assert_eq!(arrivals.len(), served + 1, "no other throttle");
    let after: Vec<_> = arrivals.iter().filter(|at| **at > throttled_at).collect();
    for first in &after {
        let in_window = |at: &&&Instant| *at >= first && ***at <= **first + MINUTE;
        assert!(after.iter().filter(in_window).count() <= 10);
    }
    assert_eq!(
        after.len(),
        10 * 6,
        "360 s after the hold, each minute used up"
    );
    let configured = r#"jobgate_limit_requests{api="job",source="configured"}"#;
    assert_eq!(gateway.metric(configured).await, 50.0);
    assert_eq!(
        (in_force(&gateway).await, changes(&gateway, "adopted").await),
        (10.0, 1.0)
    );
    gateway.end().await;
}

#[tokio::test]
async fn room_above_a_learned_limit_is_found_call_by_call_and_what_was_good_is_kept() {
    const WINDOW: Duration = Duration::from_secs(3);
    let clock = Clock::manual();
    let (quota, now) = (Quota::new(12, WINDOW), clock.clone());
    // once a limit of ten is named; what upstream takes is twelve
    let answer = move |n, _: &_| match (n, quota.takes(now.now())) {
        (10, _) => TEN_IN_3_SECONDS,
        (_, true) => A_JOB,
        (_, false) => TWELVE_IN_3_SECONDS,
    };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = learning(&clock, &upstream, 1_000, true);

    let mut asking = Asking::at(&gateway);
    assert_eq!(asking.served(15).await, 10);
    let mut sent = Vec::new();
    for _ in 0..55 {
        clock.advance(WINDOW + BIT);
        let before = upstream.calls();
        asking.new_jobs(15).await;
        sent.push(upstream.calls() - before);
    }
    // one more goes out in the very window that is the last of those it takes
    let expected = [
        vec![10; 9],
        vec![11; 10],
        vec![12; 10],
        vec![13], // the last of them is throttled
        vec![12; 19],
        vec![13], // tried again after twice as many
        vec![12; 5],
    ]
    .concat();
    assert_eq!(sent, expected);
    assert_eq!(in_force(&gateway).await, 12.0);
    for (change, times) in [
        ("adopted", 1.0),
        ("raised", 4.0),
        ("fell_back", 2.0),
        ("lifted", 0.0),
    ] {
        assert_eq!(changes(&gateway, change).await, times, "{change}");
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_limit_in_the_headers_is_kept_to_before_any_throttle() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    for (name, value) in [
        ("X-Apig-RateLimit-api", "remain:199,limit:200,time:1 minute"),
        ("X-Apig-RateLimit-user", "remain:9,limit:10,time:1 minute"),
        ("X-Apig-RateLimit-app", "remain:0,limit:0,time:1 minute"),
        ("X-Apig-RateLimit-ip", "no limit"),
    ] {
        upstream.adding(name, value);
    }
    let gateway = learning(&clock, &upstream, 50, true);

    let mut asking = Asking::at(&gateway);
    for window in 1..=12 {
        let statuses = asking.new_jobs(20).await;
        assert_eq!(statuses, [[200; 10], [429; 10]].concat(), "window {window}");
        assert_eq!(upstream.calls(), 10 * window, "and none tries one more");
        clock.advance(MINUTE + BIT);
    }
    assert_eq!(upstream.headers("x-apig-mode"), vec!["debug"; 120]);
    assert_eq!(gateway.metric("jobgate_limits_ignored_total").await, 240.0);
    assert_eq!(
        gateway
            .metric(r#"jobgate_upstream_calls_total{result="throttled"}"#)
            .await,
        0.0
    );
    gateway.end().await;
}

#[tokio::test]
async fn who_is_not_to_learn_neither_asks_nor_keeps_to_what_is_named() {
    let clock = Clock::manual();
    let answer = |n, _: &_| if n == 5 { TEN_A_MINUTE } else { A_JOB };
    let upstream = Upstream::start(&clock, answer).await;
    upstream.adding("x-apig-ratelimit-user", "remain:1,limit:2,time:1 minute");
    let gateway = learning(&clock, &upstream, 50, false);

    let mut asking = Asking::at(&gateway);
    assert_eq!(asking.served(10).await, 5);
    clock.advance(MINUTE + BIT);
    assert_eq!(asking.served(60).await, 50, "the whole budget");
    assert_eq!(upstream.headers("x-apig-mode"), vec![""; 56]);
    assert_eq!(
        (in_force(&gateway).await, changes(&gateway, "adopted").await),
        (50.0, 0.0)
    );
    gateway.end().await;
}

#[tokio::test]
async fn a_limit_that_cannot_be_meant_is_counted_and_changes_nothing() {
    let clock = Clock::manual();
    let answer = |n, _: &_| if n == 5 { NONE_A_MINUTE } else { A_JOB };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = learning(&clock, &upstream, 50, true);

    let mut asking = Asking::at(&gateway);
    assert_eq!(asking.served(10).await, 5);
    clock.advance(MINUTE + BIT);
    assert_eq!(asking.served(60).await, 50);
    assert_eq!(gateway.metric("jobgate_limits_ignored_total").await, 1.0);
    assert_eq!(in_force(&gateway).await, 50.0);
    gateway.end().await;
}

#[tokio::test]
async fn a_throttle_that_is_not_the_gateways_own_doing_is_told_as_such() {
    let clock = Clock::manual();
    let answer = |n, _: &_| {
        if n == 3 || n == 5 {
            TEN_A_MINUTE
        } else {
            A_JOB
        }
    };
    let upstream = Upstream::start(&clock, answer).await;
    let gateway = learning(&clock, &upstream, 10, true);
    let foreign = r#"jobgate_foreign_throttles_total{api="job"}"#;
    let told = |log: &str| log.matches("somebody else spends the same quota").count();

    let mut asking = Asking::at(&gateway);
    assert_eq!(asking.served(9).await, 3);
    assert_eq!(gateway.metric(foreign).await, 1.0);
    let stats = json_of(&gateway, "/api/stats").await;
    let limit = json!({"requests": 10, "window_seconds": 60.0});
    let expected = json!({"limit": limit, "own": 4});
    assert_eq!(stats["budget"]["apis"][0]["foreign"], expected);
    let why = json_of(&gateway, "/readyz").await["why"].to_string();
    assert_eq!(told(&why), 1, "{why}");
    assert_eq!(in_force(&gateway).await, 10.0, "as configured");

    clock.advance(MINUTE + BIT);
    let why = json_of(&gateway, "/readyz").await["why"].to_string();
    assert_eq!(told(&why), 0, "the hold is over: {why}");
    assert_eq!(asking.served(5).await, 1);
    assert_eq!(gateway.metric(foreign).await, 2.0);
    gateway.end().await;
}
