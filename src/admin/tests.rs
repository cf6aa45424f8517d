use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Admin, MAX_CONNECTIONS, serve};
use crate::telemetry::metrics::{Facts, Snapshot, facts};

/// Long enough never to be the reason that a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct State(Mutex<Snapshot>);

impl Facts for State {
    fn snapshot(&self) -> Snapshot {
        self.0.lock().unwrap().clone()
    }
}

struct Running {
    addr: SocketAddr,
    state: Arc<State>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn running() -> Running {
    let state = Arc::new(State::default());
    state.0.lock().unwrap().accepting = true;
    let mut registry = Registry::default();
    facts::register(&mut registry, state.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let admin = Admin::new(Arc::new(registry), state.clone());
    let serving = serve(listener, admin, stop.clone());
    let serving = TaskTracker::new().spawn(serving);
    Running {
        addr,
        state,
        stop,
        serving,
    }
}

impl Running {
    /// Sends a request line with the right `Host` on a connection of its own.
    async fn ask(&self, request_line: &str) -> Answer {
        let addr = self.addr;
        self.send(&format!(
            "{request_line} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Stops the listener; it must come to an end by itself.
    async fn stopped(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

impl Answer {
    #[track_caller]
    fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.head);
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["error_code", "error_msg", "request_id", "source"]);
        assert_eq!(body["error_code"], code);
        assert_eq!(body["source"], "gateway");
        let id = body["request_id"].as_str().unwrap();
        assert!(self.head.contains(&format!("x-request-id: {id}")) && id.len() == 32);
        assert!(
            self.head
                .contains("content-type: application/json;charset=utf-8")
        );
    }
}

#[tokio::test]
async fn the_process_says_that_it_lives() {
    let admin = running().await;
    let answer = admin.ask("GET /healthz").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#));
    assert!(answer.head.contains("cache-control: no-store"));
    admin.stopped().await;
}

#[tokio::test]
async fn it_stays_ready_while_upstream_or_the_credential_fails_and_says_so() {
    let admin = running().await;
    *admin.state.0.lock().unwrap() = Snapshot {
        accepting: true,
        budget_requests: 50,
        throttle_hold: Some(Duration::from_millis(1500)),
        credential_hold: Some(Duration::from_secs(30)),
        ..Snapshot::default()
    };
    let answer = admin.ask("GET /readyz").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        concat!(
            r#"{"ready":true,"draining":false,"why":["#,
            r#""upstream throttles: no calls for another 2 s, fresh stored answers are served","#,
            r#""upstream refused the gateway's credential: next try in 30 s, fresh stored answers are served","#,
            r#""the upstream budget is spent for now, fresh stored answers are served"],"#,
            r#""upstream":{"throttled_seconds":1.5},"credential":{"proven":false,"held_seconds":30.0},"#,
            r#""budget":{"requests":50,"remaining":0}}"#
        )
    );
    admin.stopped().await;
}

#[tokio::test]
async fn it_is_not_ready_before_it_accepts_and_while_it_drains() {
    let admin = running().await;
    for (accepting, draining, status, why) in [
        (false, false, 503, "does not accept yet"),
        (true, false, 200, r#""why":[]"#),
        (true, true, 503, "draining: "),
        (false, true, 503, "draining: "),
    ] {
        *admin.state.0.lock().unwrap() = Snapshot {
            accepting,
            draining,
            budget_remaining: 1,
            credential_proven: true,
            ..Snapshot::default()
        };
        let answer = admin.ask("GET /readyz").await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    admin.stopped().await;
}

#[tokio::test]
async fn metrics_are_openmetrics_and_agree_with_readiness() {
    let admin = running().await;
    admin.state.0.lock().unwrap().draining = true;
    let answer = admin.ask("GET /metrics?query=ignored").await;
    assert_eq!(answer.status, 200);
    let content_type =
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.head.contains(content_type), "{}", answer.head);
    assert!(answer.body.contains("\njobgate_draining 1\n"));
    assert!(answer.body.ends_with("# EOF\n"));
    admin.stopped().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let admin = running().await;
    for path in ["/healthz", "/readyz", "/nothing"] {
        let get = admin.ask(&format!("GET {path}")).await;
        let head = admin.ask(&format!("HEAD {path}")).await;
        assert_eq!(head.status, get.status);
        assert!(head.body.is_empty());
        let length = format!("content-length: {}", get.body.len());
        assert!(head.head.contains(&length), "{path}: {}", head.head);
    }
    admin.stopped().await;
}

#[tokio::test]
async fn what_is_not_answered_is_refused_in_the_one_shape() {
    let admin = running().await;
    admin.ask("GET /").await.assert_error(404, "JG.4041");
    admin
        .ask("POST /nothing")
        .await
        .assert_error(404, "JG.4041");
    let post = admin.ask("POST /healthz").await;
    post.assert_error(405, "JG.4051");
    assert!(post.head.contains("allow: get, head"));

    let with_host =
        |host: &str| format!("GET /metrics HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    let misdirected = admin.send(&with_host("Host: evil.example\r\n")).await;
    misdirected.assert_error(421, "JG.4211");
    assert!(!misdirected.body.contains("jobgate_"), "no metric leaks");
    let nameless = admin.send(&with_host("")).await;
    nameless.assert_error(400, "JG.4002");
    admin.stopped().await;
}

#[tokio::test]
async fn a_body_is_not_read() {
    let admin = running().await;
    let addr = admin.addr;
    let request =
        format!("POST /healthz HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 1000000\r\n\r\n");
    let answer = admin.send(&request).await; // reads to the end although the body never comes
    answer.assert_error(405, "JG.4051");
    admin.stopped().await;
}

#[tokio::test]
async fn one_connection_more_than_there_are_places_waits_for_a_place() {
    let admin = running().await;
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(admin.addr).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", admin.addr);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 1];
        timeout(PATIENCE, stream.read_exact(&mut first))
            .await
            .unwrap()
            .unwrap();
        held.push(stream); // answered, and kept alive
    }
    let waiting = admin.ask("GET /healthz");
    let mut waiting = Box::pin(waiting);
    assert!(
        timeout(Duration::from_millis(50), waiting.as_mut())
            .await
            .is_err(),
        "there was a place too many"
    );
    held.pop();
    assert_eq!(waiting.as_mut().await.status, 200);
    drop((waiting, held));
    admin.stopped().await;
}

#[tokio::test]
async fn stopping_closes_idle_connections() {
    let admin = running().await;
    let mut idle = TcpStream::connect(admin.addr).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", admin.addr);
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    timeout(PATIENCE, idle.read_exact(&mut first))
        .await
        .unwrap()
        .unwrap();
    admin.stopped().await;
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(br#"{"status":"ok"}"#));
}
