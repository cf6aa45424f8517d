//! Name, connection, TLS: nothing that fails here costs a call.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::live::What;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Trial, trial};
use crate::raw::{Reply, Script, Then};

/// What the server says to each call: there is no such job.
const NO_JOB: &str = r#"{"error_code":"DEVCB.00031006","error_msg":"no such job"}"#;

/// A server over TLS that counts the requests it is sent.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    files: TempDir,
    _tasks: JoinSet<()>,
}

// === impl Server ===

impl Server {
    /// With a certificate for 127.0.0.1 of an authority of its own, changed like this.
    async fn start(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test Authority");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Testers");
        let key = KeyPair::generate().unwrap();
        let files = TempDir::new().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(files.path().join("ca.pem"), pem).unwrap();
        let issuer = Issuer::new(params, key);

        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = rustls::crypto::ring::default_provider().into();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&requests);
        tasks.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), seen));
        Self {
            url,
            requests,
            files,
            _tasks: tasks,
        }
    }

    /// A run that trusts its authority.
    fn trial(&self) -> Trial {
        let ca_file = self.files.path().join("ca.pem");
        trial(&self.url).with(|settings| settings.upstream.ca_file = Some(ca_file))
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, seen: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (tls, seen) = (tls.clone(), Arc::clone(&seen));
        connections.spawn(async move {
            let Ok(mut stream) = tls.accept(socket).await else {
                return; // refused by the client
            };
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") {
                    seen.fetch_add(1, Ordering::SeqCst);
                    head.clear();
                    let length = NO_JOB.len();
                    let answer =
                        format!("HTTP/1.1 422 Told\r\nContent-Length: {length}\r\n\r\n{NO_JOB}");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_ends_it_at_once() {
    let tried = trial("https://nowhere.invalid").run().await;
    tried.assert_failed(What::Dns, "nowhere.invalid cannot be resolved");
    assert_eq!(tried.path(), [What::Dns]);
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let tried = trial(&url).run().await;
    tried.assert_failed(What::Connect, "nothing listens at this port");
    assert_eq!(tried.path(), [What::Dns, What::Connect]);
}

#[tokio::test]
async fn a_good_certificate_is_told_with_its_issuer_and_its_end() {
    let server = Server::start(|_| {}).await;
    let tried = server.trial().run().await;
    tried.assert_good(
        What::Tls,
        "TLS 1.3, certificate issued by \"Test Authority, Testers\", ",
    );
    tried.assert_good(What::Job, "the credential is taken");
    assert_eq!(server.requests(), 2, "both calls, and no other");
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_worth_a_word() {
    let soon = Clock::system().wall() + Duration::from_secs(10 * 24 * 60 * 60 + 60);
    let server = Server::start(|params| params.not_after = soon.into()).await;
    let tried = server.trial().run().await;
    tried.assert_doubtful(What::Tls, "10 days left");
    tried.assert_doubtful(What::Tls, "expires soon");
}

#[tokio::test]
async fn a_certificate_that_is_not_good_ends_it_before_a_request_is_sent() {
    for (change, words) in [
        (
            (|params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1))
                as fn(&mut CertificateParams),
            "certificate has expired",
        ),
        (
            |params| params.not_before = date_time_ymd(4000, 1, 1),
            "not valid yet: most often this machine's clock is behind",
        ),
        (
            |params| *params = CertificateParams::new(["elsewhere.example".to_owned()]).unwrap(),
            "certificate is not for 127.0.0.1",
        ),
    ] {
        let server = Server::start(change).await;
        let tried = server.trial().run().await;
        tried.assert_failed(What::Tls, words);
        assert_eq!(server.requests(), 0, "{words}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_stranger_ends_it_before_a_request_is_sent() {
    let (server, other) = (Server::start(|_| {}).await, Server::start(|_| {}).await);
    let ca_file = other.files.path().join("ca.pem");
    let trusting = server.trial();
    let tried = trusting
        .with(|settings| settings.upstream.ca_file = Some(ca_file))
        .run()
        .await;
    tried.assert_failed(What::Tls, "upstream.ca_file");
    tried.assert_failed(What::Tls, "Nobody whom this machine trusts");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let server = Server::start(|_| {}).await;
    fs::write(server.files.path().join("ca.pem"), "nothing").unwrap();
    let tried = server.trial().run().await;
    tried.assert_failed(What::Tls, "no certificate in ");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_no_riddle() {
    let plain = Script::answering([Reply::new("HTTP/1.1 400 Told\r\n\r\n", Then::Close)]).await;
    // it waits for lines, which a handshake need not have: the limit of time ends it then
    let tried = trial(&plain.url().replace("http:", "https:"))
        .with(|settings| settings.upstream.connect_timeout = Duration::from_millis(200))
        .run()
        .await;
    tried.assert_failed(What::Tls, "does not speak TLS at this port");
}

#[tokio::test]
async fn a_server_that_is_silent_in_the_handshake_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap(); // takes connections, and nobody reads
    let url = format!("https://{}", listener.local_addr().unwrap());
    let tried = trial(&url)
        .with(|settings| settings.upstream.connect_timeout = Duration::from_millis(100))
        .run()
        .await;
    tried.assert_failed(
        What::Tls,
        "no end of the handshake within upstream.connect_timeout",
    );
}
