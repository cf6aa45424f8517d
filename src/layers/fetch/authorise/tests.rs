//! What the credential goes out on, what can be seen of it, and what time it is signed with.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, Request};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use super::{Authorise, Authorised};
use crate::clock::Clock;
use crate::config::{self, CredentialSettings, SecretSource, UpstreamFrom, UpstreamSettings};
use crate::credential::Credential;
use crate::error::Error;
use crate::layers::fetch::Call;
use crate::layers::fetch::around::around;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::judge::Judge;
use crate::layers::fetch::list::{JudgeList, ListRequest, PayList};
use crate::layers::fetch::pay::{Limits, Pay};
use crate::layers::fetch::signing_clock::SigningClock;
use crate::policy::hold::CredentialKind;
use crate::policy::job::JobId;
use crate::policy::limit::Heard;
use crate::policy::normalise::CallerFields;
use crate::policy::sweep::Source;
use crate::telemetry::metrics::{Metrics, Origin, UpstreamMetrics};
use crate::upstream::{Answer, Upstream};

const MINUTE: Duration = Duration::from_secs(60);
const HOST: &str = "build.example:8443";
const JOB: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";
/// Each secret, and the project's id.
const PRIVATE: [(&str, &str); 5] = [
    ("AK", "an-access-key-0123456789"),
    ("SK", "a-secret-key-0123456789"),
    ("SECURITY", "a-security-token-0123456789"),
    ("TOKEN", "a-token-0123456789"),
    ("PROJECT", "6c2f9a0d4e8b4f1c9d3e5a7b8c0d1e2f"),
];

fn private(name: &str) -> Option<String> {
    let found = PRIVATE.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| (*text).to_owned())
}

fn env(name: &str) -> SecretSource {
    SecretSource::Env(name.to_owned())
}

fn open(settings: CredentialSettings) -> Credential {
    let mut upstream = config::load(None, UpstreamFrom::Sandbox, [])
        .unwrap()
        .settings
        .upstream;
    upstream.credential = settings;
    Credential::open(&upstream, &private, &Clock::manual()).unwrap()
}

/// A signing credential with all that can go with one.
fn keys() -> Credential {
    open(CredentialSettings::AkSk {
        access_key_env: "AK".to_owned(),
        secret_key: env("SK"),
        security_token: Some(env("SECURITY")),
        project_id: private("PROJECT"),
    })
}

fn token() -> Credential {
    open(CredentialSettings::Token(env("TOKEN")))
}

fn metrics(clock: &Clock) -> UpstreamMetrics {
    let origin = Origin {
        version: "0",
        started: clock.wall(),
        nullable_fields: &[],
        log_lines_dropped: Counter::default(),
    };
    Metrics::register(&mut Registry::default(), origin).upstream
}

/// An upstream of its own time, behind the credential.
struct World {
    authorise: Authorise,
    clock: Clock,
    /// Its status, and by how much its clock is ahead.
    upstream: (u16, Duration),
    /// What its answers say.
    body: &'static str,
    sent: Arc<Mutex<Vec<Request<()>>>>,
}

// === impl World ===

impl World {
    fn new(credential: Credential, upstream: (u16, Duration)) -> Self {
        let clock = Clock::manual();
        let signing_clock = SigningClock::new(clock.clone());
        Self {
            authorise: Authorise::new(Arc::new(credential), HOST, signing_clock, metrics(&clock)),
            clock,
            upstream,
            body: "{}",
            sent: Arc::default(),
        }
    }

    fn wire(
        &self,
    ) -> impl Service<Request<()>, Response = Answer, Error = Error, Future: Send> + Clone + Send + 'static
    {
        let ((status, ahead), body) = (self.upstream, self.body);
        let (clock, sent) = (self.clock.clone(), Arc::clone(&self.sent));
        service_fn(move |request: Request<()>| {
            sent.lock().unwrap().push(request);
            std::future::ready(Ok::<_, Error>(Answer {
                status,
                request_id: None,
                limits: Heard::default(),
                body: body.into(),
                sent: clock.now(),
                date: Some(clock.wall() + ahead),
            }))
        })
    }

    async fn ask(&self, request: Request<()>) -> Result<Authorised, Error> {
        let wire = self.wire();
        let stack = around(self.authorise.clone()).layer(wire);
        stack.oneshot(request).await
    }

    async fn ask_for_the_job(&self) -> Authorised {
        let request = Request::get(JOB).body(()).unwrap();
        self.ask(request)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn sent(&self) -> Vec<Request<()>> {
        self.sent.lock().unwrap().drain(..).collect()
    }
}

#[tokio::test]
async fn the_credential_goes_out_on_what_it_is_for_and_on_nothing_else() {
    for credential in [keys, token] {
        let world = World::new(credential(), (200, Duration::ZERO));
        for path in [JOB, "/v1/job/list?page_index=0"] {
            let request = Request::get(path).body(()).unwrap();
            assert!(world.ask(request).await.is_ok(), "{path}");
        }
        for (path, method) in [
            (JOB, Method::POST),
            (JOB, Method::DELETE),
            (
                "/v1/job/901878212b1a49be9c1a1054c272762a/history",
                Method::GET,
            ),
            (
                "/v1/job/901878212b1a49be9c1a1054c272762a/info?a=b",
                Method::GET,
            ),
            ("/v3/auth/tokens", Method::GET),
            ("/", Method::GET),
        ] {
            let request = Request::builder().method(&method).uri(path).body(());
            let outcome = world.ask(request.unwrap()).await;
            assert!(
                matches!(outcome, Err(Error::Internal(_))),
                "{method} {path}"
            );
        }
        assert_eq!(world.sent().len(), 2);
    }
}

#[tokio::test]
async fn the_credential_goes_to_its_host_and_to_no_other() {
    for credential in [keys, token] {
        let world = World::new(credential(), (200, Duration::ZERO));
        for uri in [JOB.to_owned(), format!("https://{HOST}{JOB}")] {
            let request = Request::get(uri).body(()).unwrap();
            assert!(world.ask(request).await.is_ok());
        }
        for uri in [
            "https://elsewhere.example",
            "https://build.example",
            "https://u@build.example:8443",
        ] {
            let request = Request::get(format!("{uri}{JOB}")).body(()).unwrap();
            let outcome = world.ask(request).await;
            assert!(matches!(outcome, Err(Error::Internal(_))), "{uri}");
        }
        let request = Request::get(JOB)
            .header("host", "elsewhere.example")
            .body(())
            .unwrap();
        assert!(matches!(world.ask(request).await, Err(Error::Internal(_))));
        let sent = world.sent();
        assert_eq!(sent.len(), 2);
        assert!(
            sent.iter().all(|request| request.headers()["host"] == HOST),
            "the wire checks it again"
        );
    }
}

#[tokio::test]
async fn an_authorised_request_that_is_printed_shows_nothing() {
    for (credential, headers) in [(keys(), 5), (token(), 2)] {
        let world = World::new(credential, (200, Duration::ZERO));
        world.ask_for_the_job().await;
        let sent = world.sent();
        let printed = format!("{sent:?} {sent:#?}");
        for (name, text) in PRIVATE {
            assert!(!printed.contains(text), "{name}: {printed}");
        }
        let [request] = sent.as_slice() else {
            panic!("{} calls", sent.len())
        };
        assert_eq!(request.headers().len(), headers);
        for (name, value) in request.headers() {
            assert_eq!(format!("{value:?}"), "Sensitive", "{name}");
        }
        // and what is printed is what is sent: the texts are there
        let values = request
            .headers()
            .values()
            .map(|value| value.to_str().unwrap());
        let values: String = values.collect();
        assert!(
            values.contains("a-token") || values.contains("an-access-key"),
            "{values}"
        );
    }
}

#[tokio::test]
async fn a_panic_that_prints_what_it_holds_shows_nothing() {
    for credential in [keys(), token()] {
        let world = World::new(credential, (200, Duration::ZERO));
        let wire = service_fn(|request: Request<()>| async move {
            assert!(request.uri().path().is_empty(), "on purpose: {request:?}");
            Err::<Answer, _>(Error::not_success("unreachable"))
        });
        let stack = around(world.authorise.clone()).layer(wire);
        let asking = stack.oneshot(Request::get(JOB).body(()).unwrap());
        let panic = AssertUnwindSafe(asking).catch_unwind().await.err().unwrap();
        let told = panic.downcast_ref::<String>().unwrap();
        assert!(told.contains("Sensitive"), "{told}");
        for (name, text) in PRIVATE {
            assert!(!told.contains(text), "{name}: {told}");
        }
    }
}

#[tokio::test]
async fn a_refused_signature_is_blamed_on_the_clock_once_and_the_next_one_differs() {
    let world = World::new(keys(), (401, Duration::from_secs(20 * 60)));
    let first = world.ask_for_the_job().await;
    assert!(!first.renewed, "keys are not repeated");
    let fault = first.clock.unwrap();
    assert_eq!(fault.off.to_string(), "20 minutes behind");
    assert!(fault.corrected);

    assert_eq!(
        world.ask_for_the_job().await.clock,
        None,
        "now it is for something else"
    );
    let sent = world.sent();
    let dates: Vec<_> = sent
        .iter()
        .map(|request| &request.headers()["x-sdk-date"])
        .collect();
    assert_ne!(dates[0], dates[1]);
}

#[tokio::test]
async fn a_refused_token_has_nothing_to_do_with_the_clock() {
    let world = World::new(token(), (401, Duration::from_secs(20 * 60)));
    for _ in 0..3 {
        assert_eq!(world.ask_for_the_job().await.clock, None);
    }
}

/// To take a refusal for a passing trouble would be to send refused keys again and again, until they are locked.
#[tokio::test]
async fn of_an_answer_that_shows_a_secret_the_status_alone_is_heard_and_only_if_it_says_enough() {
    let shown = r#"{"error_msg":"Incorrect authentication: security token a-security\u002dtoken-0123456789"}"#;
    for (status, is_heard) in [
        (401, true),
        (429, true),
        (200, false),
        (400, false),
        (403, false),
        (500, false),
    ] {
        let mut world = World::new(keys(), (status, Duration::ZERO));
        world.body = shown;
        let outcome = world.ask(Request::get(JOB).body(()).unwrap()).await;
        match outcome {
            Ok(heard) => {
                assert!(is_heard, "{status}");
                assert_eq!((heard.answer.status, heard.answer.body.len()), (status, 0));
            }
            Err(error) => {
                assert!(
                    !is_heard && matches!(error, Error::NotSuccess { .. }),
                    "{status}"
                );
            }
        }
    }
}

/// A gate with a budget that is whole.
fn gate(clock: &Clock) -> Gate {
    let gate = Gate::new(
        NonZeroU32::new(5).unwrap(),
        MINUTE,
        CredentialKind::Lockable,
        clock.clone(),
    );
    clock.advance(2 * MINUTE);
    gate
}

#[track_caller]
fn assert_untouched(gate: &Gate) {
    let status = gate.status();
    let standing = status.job.standing;
    assert_eq!(
        (standing.remaining, standing.in_flight),
        (5, 0),
        "nothing is paid"
    );
    assert_eq!(
        (status.failures, status.outage_hold),
        (0, None),
        "and nothing is blamed"
    );
}

#[tokio::test]
async fn a_list_that_is_not_published_is_neither_sent_nor_paid() {
    let world = World::new(token(), (200, Duration::ZERO));
    let gate = gate(&world.clock);
    let list = ServiceBuilder::new()
        .layer(around(PayList::new(
            gate.clone(),
            MINUTE,
            metrics(&world.clock),
        )))
        .layer(around(JudgeList::new(MINUTE)))
        .layer(around(world.authorise.clone()))
        .service(world.wire());
    for project in ["../../v3/auth/tokens?", "short", ""] {
        let request = ListRequest {
            source: Source::Project(project.into()),
            page_index: 0,
        };
        let outcome = list.clone().oneshot(request).await;
        assert!(matches!(outcome, Err(Error::Internal(_))), "{project}");
        assert_untouched(&gate);
    }
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn a_credential_that_is_wired_to_another_host_is_neither_sent_nor_paid() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", elsewhere.local_addr().unwrap());
    let settings = UpstreamSettings {
        endpoint: endpoint.parse().unwrap(),
        connect_timeout: MINUTE,
        timeout: MINUTE,
        max_body: 1_000,
        max_in_flight: 1,
        ca_file: None,
        credential: CredentialSettings::Token(env("TOKEN")),
    };
    for credential in [keys, token] {
        let world = World::new(credential(), (200, Duration::ZERO));
        let (gate, clock) = (gate(&world.clock), world.clock.clone());
        let limits = Limits {
            patience: MINUTE,
            timeout: MINUTE,
        };
        let metrics = metrics(&clock);
        let upstream = Upstream::new(&settings, clock.clone()).unwrap();
        let fetch = ServiceBuilder::new()
            .layer(around(Pay::new(
                gate.clone(),
                limits,
                clock.clone(),
                metrics.clone(),
            )))
            .layer(around(Judge::new(MINUTE, CallerFields::Keep, metrics)))
            .layer(around(world.authorise.clone()))
            .service(upstream);
        let call = Call::new(JobId::parse(JOB.get(8..40).unwrap()).unwrap(), clock.now());
        let outcome = fetch.oneshot(call.clone()).await;
        assert!(matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
        assert_eq!(call.story().calls, 0);
        assert_untouched(&gate);
        let nobody = elsewhere.accept().unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
    }
}
