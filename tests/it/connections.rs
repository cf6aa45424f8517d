//! Connections and their limits, over the whole gateway; each limit alone is tested beside the server.

mod protocols;

use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::config::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{JOB, PATIENCE, Running, in_front_of};
use crate::upstream::{A_JOB, Upstream};

const HEADER: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_millis(700);
const HEALTH: &[u8] = b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n";

fn short_limits(settings: &mut Settings) {
    settings.server.header_timeout = HEADER;
    settings.server.idle_timeout = IDLE;
    settings.server.request_timeout = Duration::from_millis(400);
}

async fn connect(gateway: &Running) -> TcpStream {
    TcpStream::connect(gateway.addr).await.unwrap()
}

/// Connections that ended for a reason.
async fn closed(gateway: &Running, reason: &str) -> f64 {
    let name = format!(r#"jobgate_connections_closed_total{{reason="{reason}"}}"#);
    gateway.metric(&name).await
}

#[tokio::test]
async fn each_way_of_holding_a_connection_open_has_its_limit_and_its_reason() {
    let gateway = in_front_of("http://127.0.0.1:1").with(short_limits).start();
    let half = &HEALTH[..20];
    let nothing = &[][..];
    for (first, then, reason, at_least) in [
        (nothing, nothing, "first", HEADER),
        (half, nothing, "first", HEADER),
        (HEALTH, half, "head", HEADER),
        (HEALTH, nothing, "idle", IDLE), // and so not at the limit of heads
    ] {
        let clock = Clock::system();
        let begun = clock.now();
        let mut stream = connect(&gateway).await;
        stream.write_all(first).await.unwrap();
        if first == HEALTH {
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
        }
        stream.write_all(then).await.unwrap();
        let mut rest = String::new();
        let read = timeout(PATIENCE, stream.read_to_string(&mut rest)).await;
        read.expect("closed in time").expect("in order");
        let took = clock.now().saturating_duration_since(begun);
        assert!(took >= at_least, "{reason}: {took:?}");
        let counted = || async { closed(&gateway, reason).await >= 1.0 };
        gateway.until("it is counted by its reason", counted).await;
    }
    assert_eq!(closed(&gateway, "first").await, 2.0);
    gateway.end().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_of_its_answers_is_cut() {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).with(short_limits).start();
    let mut stream = connect(&gateway).await;
    let request = format!("GET /v1/job/{JOB}/info HTTP/1.1\r\nhost: x\r\n\r\n");
    let requests = request.repeat(1000);
    let writing = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, writing).await.expect("cut in time");
    let counted = || async { closed(&gateway, "stalled").await == 1.0 };
    gateway.until("it is counted by its reason", counted).await;
    assert_eq!(upstream.calls(), 1);
    gateway.end().await;
}

#[tokio::test]
async fn beyond_the_most_connections_a_client_waits_until_another_leaves() {
    let gateway = in_front_of("http://127.0.0.1:1")
        .with(|settings| settings.server.max_connections = 2)
        .start();
    let (first, _second) = (connect(&gateway).await, connect(&gateway).await);
    let full = || async { gateway.metric("jobgate_connections").await == 2.0 };
    gateway.until("both are accepted", full).await;

    let mut third = connect(&gateway).await; // by the kernel
    third.write_all(HEALTH).await.unwrap();
    let mut answer = [0; 12];
    let early = timeout(Duration::from_millis(100), third.read_exact(&mut answer)).await;
    assert!(early.is_err(), "it is served while two others are");
    assert_eq!(
        gateway.metric("jobgate_connections_accepted_total").await,
        2.0
    );

    drop(first);
    timeout(PATIENCE, third.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop((third, _second));
    gateway.end().await;
}
