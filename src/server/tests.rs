//! Over real sockets, with limits short enough to wait for.

mod drain;
mod http1;
mod http2;
mod limits;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::metrics::CloseReason;
use super::{Drain, Drained, Server, ServerMetrics, Shared, Tls, bind};
use crate::clock::Clock;
use crate::config::ServerSettings;

/// The longest a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A limit that is to be passed.
const SHORT: Duration = Duration::from_millis(100);

/// A limit that is not to be passed.
const LONG: Duration = Duration::from_secs(60);

/// Bytes that no socket buffer takes.
const BIG_BYTES: usize = 32 * 1024 * 1024;

struct Running {
    addr: SocketAddr,
    drain: Drain,
    metrics: ServerMetrics,
    server: Server,
    /// How often `/held` was asked, and what lets its answers go.
    asked: Arc<Semaphore>,
    release: Arc<Semaphore>,
}

struct Client(TcpStream);

fn settings() -> ServerSettings {
    ServerSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: 2,
        base_path: String::new(),
        max_connections: 100,
        max_waiting: 100,
        header_timeout: LONG,
        max_header_bytes: 16 * 1024,
        idle_timeout: LONG,
        request_timeout: LONG,
        drain_delay: Duration::ZERO,
        drain_timeout: LONG,
        allowed_hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        tls: None,
    }
}

fn start(settings: &ServerSettings) -> Running {
    start_with(settings, None)
}

fn start_with(settings: &ServerSettings, tls: Option<Tls>) -> Running {
    let listener = bind(settings.listen).unwrap();
    let addr = listener.local_addr().unwrap();
    let shared = Shared {
        tls,
        metrics: ServerMetrics::default(),
        drain: Drain::new(),
        clock: Clock::system(),
    };
    let asked = Arc::new(Semaphore::new(0));
    let release = Arc::new(Semaphore::new(0));
    let gates = (Arc::clone(&asked), Arc::clone(&release));
    let server = Server::start(listener, settings, &shared, move |_peer| {
        let gates = gates.clone();
        tower::service_fn(move |request| answer(request, gates.clone()))
    })
    .unwrap();
    Running {
        addr,
        drain: shared.drain,
        metrics: shared.metrics,
        server,
        asked,
        release,
    }
}

async fn answer(
    request: Request<Incoming>,
    (asked, release): (Arc<Semaphore>, Arc<Semaphore>),
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let response = Response::builder();
    let response = match path.as_str() {
        "/big" => response.body(Full::from(vec![b'x'; BIG_BYTES])),
        "/refused" => response
            .status(400)
            .header("connection", "close")
            .body(Full::from("refused")),
        "/panic" => panic!("asked to"),
        "/held" => {
            asked.add_permits(1);
            release.acquire().await.unwrap().forget();
            response.body(Full::from(path))
        }
        _ => response.body(Full::from(path)),
    };
    Ok(response.unwrap())
}

// === impl Running ===

impl Running {
    async fn client(&self) -> Client {
        Client(TcpStream::connect(self.addr).await.unwrap())
    }

    /// Waits until `/held` has been asked once more.
    async fn held(&self) {
        let asked = timeout(PATIENCE, self.asked.acquire()).await;
        asked.unwrap().unwrap().forget();
    }

    /// Waits until exactly `count` connections have ended for this reason (the client sees the end a moment before).
    #[track_caller]
    fn ended(&self, count: u64, reason: CloseReason) -> impl Future<Output = ()> {
        let metrics = self.metrics.clone();
        async move {
            let ended = timeout(PATIENCE, async {
                while metrics.closed(reason) < count {
                    sleep(Duration::from_millis(1)).await;
                }
            });
            assert!(ended.await.is_ok(), "none ended as {reason:?}: {metrics:?}");
            assert_eq!(metrics.closed(reason), count);
        }
    }

    /// Drains, and checks that nothing is left over.
    async fn finish(self) -> Drained {
        self.drain.begin();
        let drained = timeout(PATIENCE, self.server.drained()).await.unwrap();
        assert_eq!(self.metrics.open(), 0);
        assert_eq!(drained.lost_workers, 0);
        drained
    }
}

// === impl Client ===

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        self.send(&request).await;
    }

    /// Reads on until the text ends so.
    async fn read_through(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let read = timeout(PATIENCE, self.0.read_buf(&mut text)).await;
            let read = read.expect("no answer").unwrap();
            assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&text));
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads everything up to the end of the connection, orderly or not.
    async fn read_to_end(&mut self) -> String {
        let mut text = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut text)).await;
        let _ = end.expect("still open");
        String::from_utf8(text).unwrap()
    }

    /// One request and its answer.
    async fn exchange(&mut self, path: &str) -> String {
        self.get(path).await;
        self.read_through(path).await
    }
}
