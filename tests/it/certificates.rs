//! Client certificates over real TLS: who is let in, as whom, and what of them decides.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jobgate::clock::Clock;
use jobgate::config::{ClientCertificates, ClientSettings, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{JOB, PATIENCE, Running, in_front_of};
use crate::upstream::{A_JOB, Upstream};

const BOT_KEY: &str = "jgk_bot_0123456789abcdef0123456789abcdef";

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a client shows.
type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        (
            certificate,
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
    }
}

async fn ask_on(
    sender: &mut http1::SendRequest<Empty<Bytes>>,
    headers: &[(&str, &str)],
) -> Option<u16> {
    let mut request = Request::get(format!("/v1/job/{JOB}/info")).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = sender.send_request(request.body(Empty::new()).unwrap());
    let answer = answer.await.ok()?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await.ok()?;
    Some(status)
}

/// A gateway that asks for certificates of one authority, and the way to it.
struct House {
    gateway: Running,
    upstream: Upstream,
    clock: Clock,
    authority: Authority,
    roots: RootCertStore,
    _files: TempDir,
}

impl House {
    /// Its clients are `wallboard`, who has no key, and `bot`, who has one.
    async fn new(required: bool) -> Self {
        let authority = Authority::new();
        let files = TempDir::new().unwrap();
        let write = |name: &str, text: String| -> PathBuf {
            let path = files.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let tls = TlsSettings {
            cert_file: write("cert.pem", made.cert.pem()),
            key_file: write("key.pem", made.signing_key.serialize_pem()),
            clients: Some(ClientCertificates {
                ca_file: write("ca.pem", authority.pem.clone()),
                required,
            }),
        };
        let clock = Clock::manual();
        let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
        let gateway = in_front_of(&upstream.url())
            .with_clock(&clock)
            .in_keys_mode(&[("wallboard", "never used"), ("bot", BOT_KEY)])
            .with(|settings| {
                settings.server.tls = Some(tls);
                let wallboard: &mut ClientSettings = &mut settings.auth.clients[0];
                wallboard.key_sha256.clear();
            })
            .start();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Self {
            gateway,
            upstream,
            clock,
            authority,
            roots,
            _files: files,
        }
    }

    /// The status of a request for the job on a new connection; `None`: there was no answer.
    async fn ask(&self, shown: Option<Shown>, headers: &[(&str, &str)]) -> Option<u16> {
        tokio::time::timeout(PATIENCE, self.try_ask(shown, headers))
            .await
            .expect("an end in time")
    }

    async fn try_ask(&self, shown: Option<Shown>, headers: &[(&str, &str)]) -> Option<u16> {
        let headers = &[headers];
        self.try_ask_in_turn(shown, headers, || {}).await.pop()?
    }

    /// The same for several requests on one connection, after each of which something is done.
    async fn try_ask_in_turn(
        &self,
        shown: Option<Shown>,
        requests: &[&[(&str, &str)]],
        then: impl Fn(),
    ) -> Vec<Option<u16>> {
        let Some(stream) = self.shake_hands(shown).await else {
            return Vec::new();
        };
        let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
            return Vec::new();
        };
        let exchange = async {
            let mut statuses = Vec::new();
            for headers in requests {
                statuses.push(ask_on(&mut sender, headers).await);
                then();
            }
            drop(sender);
            statuses
        };
        // with TLS 1.3 a client learns only after its handshake that it was refused
        tokio::join!(exchange, connection).0
    }

    async fn shake_hands(&self, shown: Option<Shown>) -> Option<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let config = match shown {
            Some((certificate, key)) => config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.gateway.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.ok()
    }

    async fn asked_as(&self, client: &str) -> f64 {
        let name = format!("jobgate_client_requests_total{{client=\"{client}\",outcome=\"hit\"}}");
        self.gateway.metric(&name).await
    }

    async fn end(self) {
        self.gateway.end().await;
    }
}

#[tokio::test]
async fn where_a_certificate_is_required_nobody_speaks_without_a_good_one() {
    let house = House::new(true).await;
    let stranger = Authority::new().issue("wallboard", |_| {});
    let expired = house.authority.issue("wallboard", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 2);
    });
    for shown in [None, Some(stranger), Some(expired)] {
        let key = [("x-api-key", BOT_KEY)];
        assert_eq!(house.ask(shown, &key).await, None, "not even with a key");
    }
    assert_eq!(house.upstream.calls(), 0);
    let wallboard = || Some(house.authority.issue("wallboard", |_| {}));
    assert_eq!(house.ask(wallboard(), &[]).await, Some(200));
    assert_eq!(house.ask(wallboard(), &[]).await, Some(200));
    assert_eq!(house.asked_as("wallboard").await, 1.0);
    house.end().await;
}

#[tokio::test]
async fn a_key_that_is_presented_decides_and_the_certificate_speaks_where_there_is_none() {
    let house = House::new(false).await;
    let shown = |name: &str| Some(house.authority.issue(name, |_| {}));
    let key = [("x-api-key", BOT_KEY)];
    let wrong = [("x-api-key", "jgk_wrong")];
    assert_eq!(house.ask(None, &key).await, Some(200), "a key will do");
    assert_eq!(house.ask(None, &[]).await, Some(401));
    assert_eq!(house.ask(shown("wallboard"), &[]).await, Some(200));
    assert_eq!(
        (
            house.asked_as("wallboard").await,
            house.asked_as("bot").await
        ),
        (1.0, 0.0)
    );
    assert_eq!(house.ask(shown("wallboard"), &key).await, Some(200));
    assert_eq!(
        (
            house.asked_as("wallboard").await,
            house.asked_as("bot").await
        ),
        (1.0, 1.0),
        "as bot"
    );
    assert_eq!(house.ask(shown("wallboard"), &wrong).await, Some(401));
    assert_eq!(house.ask(shown("nobody"), &[]).await, Some(401));
    assert_eq!(house.upstream.calls(), 1);
    house.end().await;
}

#[tokio::test]
async fn a_certificate_speaks_until_its_end_on_an_open_connection_too() {
    let house = House::new(true).await;
    let shown = || {
        let ends = |params: &mut CertificateParams| params.not_after = date_time_ymd(2100, 1, 1);
        Some(house.authority.issue("wallboard", ends))
    };
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800); // 2100-01-01
    let key = [("x-api-key", BOT_KEY)];
    let requests = [&[][..], &[], &key];
    let second = Duration::from_secs(1);
    for (later, statuses) in [
        (end - second, [200, 200, 200]),
        (end, [200, 200, 200]),
        (end + second, [200, 401, 200]), // a key speaks for itself
    ] {
        house.clock.set_wall(end - second);
        let then = || house.clock.set_wall(later);
        let asked = house.try_ask_in_turn(shown(), &requests, then).await;
        assert_eq!(asked, statuses.map(Some), "{later:?}");
    }
    house.end().await;
}
