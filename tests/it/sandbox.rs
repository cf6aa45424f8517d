//! The gateway before the built-in double: every recorded answer, and jobs that live.

mod faults;
mod scenarios;

use std::num::NonZeroU32;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::credential::Credential;
use jobgate::sandbox::{MISSING_PREFIX, Sandbox, SandboxCredential, SandboxSettings, catalogue};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::raw::Wire;
use crate::support::{Builder, in_front_of};

/// A sandbox on a port of its own; it ends with the test.
pub(crate) struct Double {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

// === impl Double ===

impl Double {
    /// With a clock that the test moves, and a quota that no test spends by accident.
    pub(crate) async fn start() -> Self {
        Self::with_quota(10_000).await
    }

    /// With a quota of so many calls a minute.
    pub(crate) async fn with_quota(requests: u32) -> Self {
        let settings = SandboxSettings {
            requests,
            ..SandboxSettings::default()
        };
        Self::with(settings).await
    }

    /// As set up.
    pub(crate) async fn with(settings: SandboxSettings) -> Self {
        let clock = Clock::manual();
        let sandbox = Sandbox::new(settings, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut tasks = JoinSet::new();
        tasks.spawn(sandbox.clone().serve(listener, CancellationToken::new()));
        Self {
            sandbox,
            clock,
            url,
            _tasks: tasks,
        }
    }

    /// What a list call is answered, by the sandbox itself.
    pub(crate) async fn list(&self, target: &str) -> serde_json::Value {
        let addr = self.url.strip_prefix("http://").expect("a URL");
        let mut wire = Wire::open(addr.parse().expect("an address")).await;
        let token = SandboxCredential::default().token;
        let token = token.expose_secret();
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {addr}\r\nX-Auth-Token: {token}\r\n\r\n");
        wire.write(request).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status(), 200, "{target}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// A gateway before it, on the same clock, with this secret key.
    pub(crate) fn gateway_with(&self, secret_key: &str) -> Builder {
        let access_key = SandboxCredential::default().access_key;
        let credential = Credential::from_keys(&access_key, secret_key).expect("good keys");
        let mut builder = in_front_of(&self.url).with_credential(credential);
        builder.clock = self.clock.clone();
        builder
    }

    /// A gateway before it with the right key.
    pub(crate) fn gateway(&self) -> Builder {
        self.gateway_with(SandboxCredential::default().secret_key.expose_secret())
    }
}

/// What a client gets for each recorded answer: status, and the code of an error.
#[rustfmt::skip] // a row a line
const THROUGH_THE_GATEWAY: &[(&str, u16, &str)] = &[
    ("f5af662119404ad187437cd272b5099b", 200, ""),
    ("successnormalised000000000000000", 200, ""),
    ("successnulls00000000000000000000", 200, ""),
    ("successmissingandunknown00000000", 200, ""),
    ("fail200statusfail000000000000000", 502, "JG.5024"),
    ("fail200nestederror00000000000000", 502, "DEV.CH.10001"),
    ("fail200errorcode0000000000000000", 502, "DEV.CB.032000"),
    ("failstringified00000000000000000", 502, "DEV.CB.032302"),
    ("error400taskid000000000000000000", 400, "CB.00060201"),
    ("error400devcb0000000000000000000", 400, "DEV.CB.032011"),
    ("error401signature000000000000000", 502, "JG.5022"),
    ("error401akunknown000000000000000", 502, "JG.5022"),
    ("error401aklocked0000000000000000", 502, "JG.5022"),
    ("error401tokenexpired000000000000", 502, "JG.5022"),
    ("error401tokenundecryptable000000", 502, "JG.5022"),
    ("error401iam000000000000000000000", 502, "JG.5022"),
    ("error403apigw0000000000000000000", 502, "JG.5022"),
    ("error403build0000000000000000000", 403, "CB.00031059"),
    ("error403encodedauthorization0000", 502, "PAP5.0001"),
    ("error404apigw0000000000000000000", 502, "JG.5025"),
    ("error404build0000000000000000000", 404, "CB.00060214"),
    ("error422notfound0000000000000000", 404, "DEVCB.00031006"),
    ("error429user00000000000000000000", 429, "APIGW.0308"),
    ("error429api000000000000000000000", 429, "APIGW.0308"),
    ("error500internal0000000000000000", 500, "CB.00060101"),
    ("error500busy00000000000000000000", 500, "CB.00060100"),
    ("error500toomany00000000000000000", 429, "CB.00060211"),
    ("error500backend00000000000000000", 500, "CB.00030004"),
    ("error502apigw0000000000000000000", 502, "APIGW.0201"),
    ("error503apigw0000000000000000000", 503, "APIGW.0613"),
    ("error504apigw0000000000000000000", 504, "APIGW.0201"),
    ("error502loadbalancer000000000000", 502, "JG.5023"),
    ("error503empty0000000000000000000", 503, "JG.5023"),
    ("errorcamelcase000000000000000000", 400, "DEV.CB.032011"),
    ("errorcodemessage0000000000000000", 400, "DEV.CB.032011"),
    ("errorstringlyfail000000000000000", 400, "JG.5024"),
];

/// Each before a gateway of its own, because some make it stop calling.
#[tokio::test]
async fn every_recorded_answer_reaches_the_client_as_its_row_says() {
    let ids: Vec<_> = catalogue().iter().map(|example| example.id).collect();
    let rows: Vec<_> = THROUGH_THE_GATEWAY.iter().map(|row| row.0).collect();
    assert_eq!(rows, ids, "a row for each, and none besides");

    for &(id, status, code) in THROUGH_THE_GATEWAY {
        let double = Double::start().await;
        let gateway = double.gateway().start();
        let answer = gateway.job(id).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (status, code.to_owned()), "{id}: {}", answer.text());
        if status != 200 {
            assert!(answer.text().starts_with(r#"{"error_code":""#), "{id}");
            assert!(
                !answer.text().contains("encoded_authorization_message"),
                "{id}"
            );
        }
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_job_that_does_not_exist_is_a_404_and_is_asked_for_each_time() {
    let double = Double::start().await;
    let gateway = double.gateway().start();
    let id = format!("{MISSING_PREFIX:0<32}");
    for calls in 1..=2 {
        let answer = gateway.job(&id).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "DEVCB.00031006".to_owned())
        );
        assert_eq!(double.sandbox.stats().answered, calls);
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_job_lives_and_is_fresh_for_as_long_as_its_state_says() {
    let double = Double::start().await;
    let gateway = double.gateway().start();
    let id = "abcdefghijklmnopqrstuvwxyz012345";

    let mut seen = Vec::new();
    for _ in 0..400 {
        let answer = gateway.job(id).await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let result = &body["result"];
        let state = result["running_status"].as_str().unwrap().to_owned();
        assert!(
            result["create_time"].is_i64(),
            "a number, as the SDKs want it"
        );
        let lifetime = if state == "Finished" { 30 } else { 5 };
        assert_eq!(
            answer.header("cache-control"),
            format!("private, max-age={lifetime}")
        );

        let calls = double.sandbox.stats().answered;
        double
            .clock
            .advance(Duration::from_millis(lifetime * 1000 - 1));
        let hit = gateway.job(id).await;
        assert_eq!(
            (&hit.body, double.sandbox.stats().answered),
            (&answer.body, calls)
        );
        double.clock.advance(Duration::from_millis(1));
        seen.push(state);
        seen.dedup();
        if seen.ends_with(&["InQueue", "Running", "Finished", "InQueue"].map(str::to_owned)) {
            break;
        }
    }
    assert!(seen.len() >= 4, "a whole build was seen: {seen:?}");
    assert_eq!(double.sandbox.stats().unauthorised, 0);
    gateway.end().await;
}

#[tokio::test]
async fn the_quota_of_the_double_is_never_touched_by_a_gateway_with_the_same_budget() {
    let double = Double::with_quota(50).await;
    let budget = NonZeroU32::new(50).unwrap();
    let gateway = double
        .gateway()
        .with(|settings| settings.budget.requests = budget)
        .start();
    for step in 0..30 {
        for job in 0..15 {
            gateway.job(&crate::support::nth_job(step * 15 + job)).await;
        }
        double.clock.advance(Duration::from_millis(7_001));
    }
    let stats = double.sandbox.stats();
    assert_eq!((stats.throttled, stats.unauthorised), (0, 0));
    assert!(stats.answered > 150, "it did call: {stats:?}");
    gateway.end().await;
}
