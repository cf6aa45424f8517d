//! The end in good order: what runs is finished, what comes is sent elsewhere, and nobody waits for ever.

use std::time::Duration;

use jobgate::app::Ended;
use jobgate::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{JOB, PATIENCE, Running, in_front_of};
use crate::upstream::{A_JOB, Upstream};

const NOTHING_LEFT: Ended = Ended {
    cut_connections: 0,
    lost_fetches: 0,
};

/// A drain that goes on beside the test.
struct Draining(JoinSet<Ended>);

// === impl Draining ===

impl Draining {
    fn begin(gateway: &mut Running) -> Self {
        let mut task = JoinSet::new();
        task.spawn(gateway.drain());
        Self(task)
    }

    async fn ended(&mut self) -> Ended {
        let ended = tokio::time::timeout(PATIENCE, self.0.join_next()).await;
        ended
            .expect("in time")
            .expect("one drain")
            .expect("no panic")
    }
}

/// A connection that has sent this, as far as the gateway has taken it in.
async fn connection(gateway: &Running, sent: &str) -> TcpStream {
    let open = gateway.metric("jobgate_connections").await;
    let mut stream = TcpStream::connect(gateway.addr).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let accepted = || async { gateway.metric("jobgate_connections").await > open };
    gateway.until("the connection is accepted", accepted).await;
    stream
}

fn request(job: &str) -> String {
    format!("GET /v1/job/{job}/info HTTP/1.1\r\nhost: x\r\n\r\n")
}

/// All that still comes.
async fn rest_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.expect("closed in time").expect("in order");
    text
}

async fn refuses_connections(gateway: &Running) {
    let refused = || async { TcpStream::connect(gateway.addr).await.is_err() };
    gateway.until("new connections are refused", refused).await;
}

async fn is_waited_for(gateway: &Running) {
    let waiting = || async { gateway.metric("jobgate_requests_waiting").await == 1.0 };
    gateway.until("a request waits", waiting).await;
}

#[tokio::test]
async fn what_runs_is_answered_while_idle_connections_close_and_new_ones_are_refused() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let mut gateway = in_front_of(&upstream.url()).start();
    let mut idle = connection(&gateway, "GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let running = connection(&gateway, &request(JOB)).await;
    is_waited_for(&gateway).await;

    let mut draining = Draining::begin(&mut gateway);
    refuses_connections(&gateway).await;
    rest_of(idle).await;
    let ready = gateway.admin("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains(r#""draining":true"#),
        "{}",
        ready.text()
    );
    assert_eq!(gateway.metric("jobgate_draining").await, 1.0);

    upstream.let_through(1);
    let answer = rest_of(running).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(draining.ended().await, NOTHING_LEFT);
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn a_request_that_arrives_late_on_an_open_connection_is_sent_elsewhere() {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let mut gateway = in_front_of(&upstream.url()).start();
    let text = request(JOB);
    let (first, second) = text.split_at(8);
    let mut late = connection(&gateway, first).await;

    let mut draining = Draining::begin(&mut gateway);
    refuses_connections(&gateway).await;
    late.write_all(second.as_bytes()).await.unwrap();
    let answer = rest_of(late).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    assert!(answer.contains("\r\nconnection: close"), "{answer}");
    assert!(answer.contains("JG.5032"), "{answer}");
    assert_eq!(draining.ended().await, NOTHING_LEFT);
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn before_the_drain_it_is_not_ready_but_still_serves_for_as_long_as_set() {
    let delay = Duration::from_millis(500);
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let mut gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.drain_delay = delay)
        .start();

    let mut draining = Draining::begin(&mut gateway);
    let not_ready = || async { gateway.admin("/readyz").await.status == 503 };
    gateway.until("it says so", not_ready).await;
    let fresh = connection(&gateway, &request(JOB)).await;
    assert_eq!(gateway.job(JOB).await.status, 200);
    assert_eq!(draining.ended().await, NOTHING_LEFT);
    let answer = rest_of(fresh).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    refuses_connections(&gateway).await;
    gateway.end().await;
}

/// One limit for connections and fetches together, not one after the other.
#[tokio::test]
async fn what_takes_too_long_is_cut_and_counted_within_one_drain_timeout() {
    let limit = Duration::from_secs(1);
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let mut gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.drain_timeout = limit)
        .start();
    let running = connection(&gateway, &request(JOB)).await;
    is_waited_for(&gateway).await;

    let (clock, mut draining) = (Clock::system(), Draining::begin(&mut gateway));
    let begun = clock.now();
    let ended = draining.ended().await;
    let took = clock.now().saturating_duration_since(begun);
    assert_eq!((ended.cut_connections, ended.lost_fetches), (1, 1));
    assert!(took >= limit && took < limit.mul_f32(1.8), "{took:?}");
    assert_eq!(rest_of(running).await, "");
    gateway.end().await;
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_any_more_is_finished_by_the_drain() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let mut gateway = in_front_of(&upstream.url()).start();
    let gone = connection(&gateway, &request(JOB)).await;
    is_waited_for(&gateway).await;
    drop(gone);

    let mut draining = Draining::begin(&mut gateway);
    refuses_connections(&gateway).await;
    let alone = || async { gateway.metric("jobgate_connections").await == 0.0 };
    gateway.until("no connection is left", alone).await;
    upstream.let_through(1);
    assert_eq!(draining.ended().await, NOTHING_LEFT);
    gateway.end().await;
}
