use std::fs;
use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::Tls;
use super::super::metrics::CloseReason;
use super::{Running, SHORT, http2, settings, start_with};
use crate::config::TlsSettings;

fn certificate() -> (Tls, CertificateDer<'static>) {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = TempDir::new().unwrap();
    let files = TlsSettings {
        cert_file: dir.path().join("cert.pem"),
        key_file: dir.path().join("key.pem"),
        clients: None,
    };
    fs::write(&files.cert_file, made.cert.pem()).unwrap();
    fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    (Tls::load(&files).unwrap(), made.cert.der().clone())
}

async fn connect(
    running: &Running,
    trusted: CertificateDer<'static>,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let stream = running.client().await.0;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn http2_is_agreed_by_alpn() {
    let (tls, trusted) = certificate();
    let running = start_with(&settings(), Some(tls));
    let stream = connect(&running, trusted, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let client = http2::Client::over(stream).await;
    assert_eq!(client.get("/one").await.unwrap(), "/one");
    running.finish().await;
}

#[tokio::test]
async fn http1_is_kept_alive_over_tls_and_closed_with_notice() {
    let (tls, trusted) = certificate();
    let mut quick = settings();
    quick.idle_timeout = SHORT;
    let running = start_with(&quick, Some(tls));
    let mut stream = connect(&running, trusted, b"http/1.1").await;
    for _ in 0..2 {
        stream
            .write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"/one") {
            stream.read_buf(&mut answer).await.unwrap();
        }
    }
    // Without the notice this read would be an error.
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    running.ended(1, CloseReason::Idle).await;
    running.finish().await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let (tls, _) = certificate();
    let mut quick = settings();
    quick.header_timeout = SHORT;
    let running = start_with(&quick, Some(tls));
    for beginning in ["", "\u{16}\u{3}\u{1}"] {
        let mut client = running.client().await;
        client.send(beginning).await;
        assert_eq!(client.read_to_end().await, "");
    }
    running.ended(2, CloseReason::Handshake).await;
    running.finish().await;
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_is_refused_at_once() {
    let (tls, _) = certificate();
    let running = start_with(&settings(), Some(tls));
    let mut client = running.client().await;
    client.get("/one").await;
    running.ended(1, CloseReason::Handshake).await;
    running.finish().await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_handshakes() {
    let (tls, _) = certificate();
    let running = start_with(&settings(), Some(tls));
    let mut client = running.client().await;
    client.send("\u{16}\u{3}\u{1}").await;
    while running.metrics.open() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.finish().await.cut, 0);
}
