//! The sandbox over a real socket, with a clock that the test moves. Here is the harness; the tests are below.

mod acts;
mod bodies;
mod credential;
mod identity;
mod lists;
mod page;
mod scenarios;
mod traffic;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Sandbox, SandboxSettings, verify};
use crate::clock::Clock;

const ID: &str = "abcdefghijklmnopqrstuvwxyz012345";

const SECRET: &str = "jobgate-sandbox-secret-key-opens-nothing";

struct Double {
    sandbox: Sandbox,
    addr: SocketAddr,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Double {
    /// A sandbox with so many requests a minute.
    async fn start(requests: u32) -> Self {
        Self::with(SandboxSettings {
            requests,
            ..SandboxSettings::default()
        })
        .await
    }

    async fn with(settings: SandboxSettings) -> Self {
        let clock = Clock::manual();
        let sandbox = Sandbox::new(settings, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(sandbox.clone().serve(listener, stop.clone()));
        Self {
            sandbox,
            addr,
            clock,
            stop,
            tasks,
        }
    }

    /// What is done from now on.
    #[track_caller]
    fn plays(&self, scenario: &str) {
        self.sandbox.set_scenario(scenario.parse().unwrap());
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        self.tasks.spawn(connection);
        sender
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        ask(&mut self.connect().await, request).await
    }

    async fn get(&self, segment: &str) -> Answer {
        self.send(with_token(Method::GET, &info(segment))).await
    }

    /// Signed with `secret`, dated `age` before the sandbox's now.
    fn signed(&self, secret: &str, age: Duration) -> Request<Full<Bytes>> {
        let request = bare(Method::GET, &info(ID));
        let key = ("JOBGATESANDBOXACCESS", secret);
        self.sign(request, key, "host;x-sdk-date", age)
    }

    /// A request without a body, signed with an access and a secret key.
    fn sign(
        &self,
        request: Request<Full<Bytes>>,
        (access_key, secret): (&str, &str),
        signed_headers: &str,
        age: Duration,
    ) -> Request<Full<Bytes>> {
        let signed_at = Timestamp::try_from(self.clock.wall() - age).unwrap();
        let date = signed_at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (head, body) = with_header(request, "x-sdk-date", &date).into_parts();
        let signature = verify::signature(&head, b"", signed_headers, secret).unwrap();
        let authorization = format!(
            "SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={signed_headers}, Signature={signature}"
        );
        let request = Request::from_parts(head, body);
        with_header(request, "authorization", &authorization)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.field("error_code")
    }

    fn message(&self) -> String {
        self.field("error_msg")
    }

    #[track_caller]
    fn field(&self, name: &str) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body[name].as_str().unwrap().to_owned()
    }
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Answer {
    sender.ready().await.unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// An id that names an act.
fn act_id(start: &str) -> String {
    format!("{start:0<32}")
}

fn info(segment: &str) -> String {
    format!("/v1/job/{segment}/info")
}

fn bare(method: Method, target: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "sandbox")
        .body(Full::default())
        .unwrap()
}

fn with_token(method: Method, target: &str) -> Request<Full<Bytes>> {
    with_header(
        bare(method, target),
        "x-auth-token",
        "jobgate-sandbox-token",
    )
}

fn with_header(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap();
    request
        .headers_mut()
        .insert(HeaderName::from_static(name), value);
    request
}
