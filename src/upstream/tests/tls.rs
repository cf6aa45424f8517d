//! Whom the client trusts, and that nobody else gets a request.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::script::{Reply, Script, Then};
use super::{GOOD, ask, build, settings};
use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::error::Error;
use crate::upstream::{TrustFault, Upstream, UpstreamFault};

/// A certificate for 127.0.0.1 that signs itself, and the server side of it.
pub(crate) struct Authority {
    directory: tempfile::TempDir,
    pub(crate) acceptor: TlsAcceptor,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = rustls::crypto::ring::default_provider().into();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self {
            directory,
            acceptor: TlsAcceptor::from(std::sync::Arc::new(config)),
        }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

fn tls(script: &Script, authority: &Authority) -> UpstreamSettings {
    UpstreamSettings {
        ca_file: Some(authority.ca_file()),
        ..settings(&format!("https://{}", script.address()))
    }
}

#[tokio::test]
async fn a_certificate_of_the_ca_file_is_trusted_and_its_connection_used_again() {
    let authority = Authority::new();
    let good = Reply::new(GOOD, Then::Keep);
    let script =
        Script::start_tls(vec![vec![good.clone(), good]], authority.acceptor.clone()).await;
    let upstream = build(&tls(&script, &authority));
    ask(&upstream).await.unwrap();
    ask(&upstream).await.unwrap();
    assert_eq!(script.requests(), [2]);
}

#[tokio::test]
async fn any_other_certificate_is_refused_before_a_request_is_sent() {
    let script = Script::start_tls(
        vec![vec![Reply::new(GOOD, Then::Keep)]],
        Authority::new().acceptor,
    )
    .await;
    let outcome = ask(&build(&tls(&script, &Authority::new()))).await;
    assert!(matches!(outcome, Err(Error::Unreachable(_))), "{outcome:?}");
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out_before_a_request_is_sent() {
    let script = Script::start(Vec::new()).await; // accepts, and waits for a request head that TLS never sends
    let upstream = build(&UpstreamSettings {
        connect_timeout: Duration::from_millis(100),
        ..tls(&script, &Authority::new())
    });
    let outcome = ask(&upstream).await;
    assert!(matches!(outcome, Err(Error::Unreachable(_))), "{outcome:?}");
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn connecting_counts_towards_the_whole() {
    let script = Script::start(Vec::new()).await;
    let upstream = build(&UpstreamSettings {
        timeout: Duration::from_millis(100),
        ..tls(&script, &Authority::new())
    });
    let outcome = ask(&upstream).await;
    assert!(matches!(outcome, Err(Error::TimedOut)), "{outcome:?}");
}

#[test]
fn an_endpoint_or_trust_that_cannot_work_is_found_at_the_start() {
    for endpoint in [
        "ftp://a.example",
        "/path",
        "a.example",
        "https://user@a.example",
    ] {
        let fault = Upstream::new(&settings(endpoint), Clock::system()).err();
        assert!(
            matches!(fault, Some(UpstreamFault::Endpoint)),
            "{endpoint}: {fault:?}"
        );
    }
    let authority = Authority::new();
    let with_file = |content: &str| {
        std::fs::write(authority.ca_file(), content).unwrap();
        let settings = UpstreamSettings {
            ca_file: Some(authority.ca_file()),
            ..settings("https://a.example")
        };
        Upstream::new(&settings, Clock::system()).err()
    };
    let empty = with_file("no certificate here");
    assert!(
        matches!(empty, Some(UpstreamFault::Trust(TrustFault::Empty(_)))),
        "{empty:?}"
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = with_file(broken);
    assert!(
        matches!(broken, Some(UpstreamFault::Trust(TrustFault::Unusable(_)))),
        "{broken:?}"
    );
}
