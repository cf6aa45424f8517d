//! TLS, and the two versions of HTTP.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Version};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jobgate::clock::Clock;
use jobgate::config::TlsSettings;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::{HEALTH, connect};
use crate::support::{JOB, in_front_of, nth_job};
use crate::upstream::{A_JOB, Upstream};

fn get(path: &str, version: Version) -> Request<Empty<Bytes>> {
    let uri = format!("http://localhost{path}");
    let uri = if version == Version::HTTP_2 {
        &*uri
    } else {
        path
    };
    let request = Request::get(uri)
        .version(version)
        .header("host", "localhost");
    request.body(Empty::new()).unwrap()
}

/// A certificate for localhost in files, and clients that trust it.
struct Certificate {
    dir: TempDir,
    roots: RootCertStore,
}

// === impl Certificate ===

impl Certificate {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Self { dir, roots }
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings {
            cert_file: self.dir.path().join("cert.pem"),
            key_file: self.dir.path().join("key.pem"),
            clients: None,
        }
    }

    fn client(&self, protocols: &[&[u8]]) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

#[tokio::test]
async fn tls_from_files_serves_the_protocol_that_the_client_offers() {
    let certificate = Certificate::new();
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.tls = Some(certificate.settings()))
        .start();
    let path = format!("/v1/job/{JOB}/info");
    let mut tasks = JoinSet::new();
    for (offered, version) in [
        (&[&b"http/1.1"[..]][..], Version::HTTP_11),
        (&[], Version::HTTP_11),
        (&[b"h2", b"http/1.1"], Version::HTTP_2),
    ] {
        let name = ServerName::try_from("localhost").unwrap();
        let client = certificate.client(offered);
        let stream = client.connect(name, connect(&gateway).await).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed == Some(b"h2"), version == Version::HTTP_2);
        let (io, request) = (TokioIo::new(stream), get(&path, version));
        let answer = if version == Version::HTTP_2 {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tasks.spawn(async { drop(connection.await) });
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = http1::handshake(io).await.unwrap();
            tasks.spawn(async { drop(connection.await) });
            sender.send_request(request).await.unwrap()
        };
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
    }
    assert_eq!(upstream.calls(), 1);

    let mut plain = connect(&gateway).await;
    plain.write_all(HEALTH).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await; // a reset is as good an end
    assert!(!answer.starts_with(b"HTTP"), "TLS only");
    drop(tasks);
    gateway.end().await;
}

#[tokio::test]
async fn over_http2_a_hundred_requests_run_at_once_and_the_next_waits() {
    let upstream = Upstream::held(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url()).start();
    let io = TokioIo::new(connect(&gateway).await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async { drop(connection.await) });
    // the first answer comes after the server's settings, which name the limit
    let first = sender
        .clone()
        .send_request(get("/-/healthz", Version::HTTP_2))
        .await;
    assert_eq!(first.unwrap().status(), 200);

    let paths: Vec<_> = (0..101)
        .map(|n| format!("/v1/job/{}/info", nth_job(n)))
        .collect();
    let asking = paths.iter().map(|path| {
        let mut sender = sender.clone();
        async move {
            sender
                .send_request(get(path, Version::HTTP_2))
                .await
                .unwrap()
                .status()
        }
    });
    let (statuses, ()) = tokio::join!(join_all(asking), async {
        let all = || async { gateway.metric("jobgate_requests_waiting").await == 100.0 };
        gateway.until("a hundred wait", all).await;
        tokio::time::sleep(Duration::from_millis(50)).await; // a hundred and first would have come
        assert!(all().await);
        upstream.let_through(101);
    });
    assert!(statuses.iter().all(|status| *status == 200));
    assert_eq!(upstream.calls(), 101);
    drop((sender, tasks));
    gateway.end().await;
}
