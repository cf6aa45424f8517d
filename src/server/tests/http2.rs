use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::metrics::CloseReason;
use super::{PATIENCE, Running, SHORT, settings, start};

/// An HTTP/2 client, and its connection's end.
pub(super) struct Client {
    requests: SendRequest<Empty<Bytes>>,
    end: JoinHandle<hyper::Result<()>>,
}

impl Client {
    async fn connect(running: &Running) -> Self {
        Self::over(running.client().await.0).await
    }

    /// Pings much more often than any limit of these tests, also without a request.
    #[expect(clippy::disallowed_methods, reason = "its end is waited for")]
    pub(super) async fn over<I>(io: I) -> Self
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_millis(10))
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(io))
            .await
            .unwrap();
        let end = tokio::spawn(connection);
        Self { requests, end }
    }

    pub(super) async fn get(&self, path: &str) -> hyper::Result<String> {
        let uri = format!("http://x{path}");
        let request = Request::get(uri).body(Empty::new()).unwrap();
        let response = timeout(PATIENCE, self.requests.clone().send_request(request)).await;
        let response = response.expect("no answer")?;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    async fn closed(self) -> hyper::Result<()> {
        timeout(PATIENCE, self.end).await.expect("open").unwrap()
    }
}

#[tokio::test]
async fn prior_knowledge_is_enough() {
    let running = start(&settings());
    let client = Client::connect(&running).await;
    assert_eq!(client.get("/one").await.unwrap(), "/one");
    assert_eq!(client.get("/two").await.unwrap(), "/two");
    drop(client);
    running.finish().await;
}

#[tokio::test]
async fn many_requests_at_once_share_a_connection() {
    let running = start(&settings());
    let client = Client::connect(&running).await;
    let held = async { tokio::join!(client.get("/held"), client.get("/held")) };
    let others = async {
        running.held().await;
        running.held().await;
        assert_eq!(client.get("/quick").await.unwrap(), "/quick");
        running.release.add_permits(2);
    };
    let ((one, two), ()) = tokio::join!(held, others);
    assert_eq!(
        (one.unwrap(), two.unwrap()),
        ("/held".to_owned(), "/held".to_owned())
    );
    assert_eq!(running.metrics.open(), 1);
    running.finish().await;
}

#[tokio::test]
async fn pings_are_no_head_and_survive_its_limit() {
    let mut quick = settings();
    quick.header_timeout = SHORT;
    let running = start(&quick);
    let client = Client::connect(&running).await;
    client.get("/one").await.unwrap();
    tokio::time::sleep(SHORT * 3).await; // the time itself is what is tested
    client.get("/two").await.unwrap();
    assert_eq!(running.metrics.closed(CloseReason::Head), 0);
    running.finish().await;
}

#[tokio::test]
async fn pings_do_not_keep_an_idle_connection_open() {
    let mut quick = settings();
    quick.idle_timeout = SHORT;
    let running = start(&quick);
    let client = Client::connect(&running).await;
    client.get("/one").await.unwrap();
    client.closed().await.unwrap();
    running.ended(1, CloseReason::Idle).await;
    running.finish().await;
}

#[tokio::test]
async fn streams_among_which_nothing_moves_are_cut() {
    let mut quick = settings();
    quick.request_timeout = SHORT;
    let running = start(&quick);
    let client = Client::connect(&running).await;
    let (one, two) = tokio::join!(client.get("/held"), client.get("/held"));
    assert!(one.is_err() && two.is_err());
    running.ended(1, CloseReason::Busy).await;
    running.finish().await;
}

#[tokio::test]
async fn a_drain_lets_running_streams_finish() {
    let running = start(&settings());
    let client = Client::connect(&running).await;
    let drain = async {
        running.held().await;
        running.drain.begin();
        running.release.add_permits(1);
    };
    let (answer, ()) = tokio::join!(client.get("/held"), drain);
    assert_eq!(answer.unwrap(), "/held");
    client.closed().await.unwrap();
    assert_eq!(running.finish().await.cut, 0);
}
