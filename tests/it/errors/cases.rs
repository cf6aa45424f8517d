//! How each row of the error table is brought about.

use std::time::{Duration, SystemTime};

use jobgate::config::{CredentialSettings, SecretSource, Settings};
use jobgate::credential::Credential;
use jobgate::policy::allowance::Allowance;

use crate::clients::KEY;
use crate::raw::{RawAnswer, Reply, Script, Then, Wire};
use crate::support::{Builder, DOCUMENTED, JOB, in_front_of, nth_job, open};

/// How a row is brought about.
pub(super) struct Case {
    /// Its name in the table.
    pub(super) cause: &'static str,
    /// What upstream says; the first word is for the case itself.
    upstream: Vec<Reply>,
    /// What is special about the gateway.
    with: fn(Builder) -> Builder,
    /// What is sent before, whose answer does not matter.
    before: Option<String>,
    /// What is sent.
    request: String,
    /// What is answered, by status and headers; the exact bytes are in the snapshot.
    pub(super) expected: (u16, Option<u64>),
}

impl Case {
    /// A request for the job that fails before upstream is asked.
    fn refused(cause: &'static str, status: u16, request: String) -> Self {
        Self {
            cause,
            upstream: vec![Reply::of(200, DOCUMENTED)],
            with: |gateway| gateway,
            before: None,
            request,
            expected: (status, None),
        }
    }

    /// A good request that upstream answers badly.
    fn answered(cause: &'static str, status: u16, upstream: Reply) -> Self {
        Self {
            upstream: vec![upstream],
            ..Self::refused(cause, status, get(JOB))
        }
    }

    fn with(self, with: fn(Builder) -> Builder) -> Self {
        Self { with, ..self }
    }

    fn after(self, job: &str) -> Self {
        let before = Some(get(job));
        Self { before, ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        let expected = (self.expected.0, Some(seconds));
        Self { expected, ..self }
    }

    /// The whole answer, and whether the connection was closed after it.
    pub(super) async fn play(self) -> (RawAnswer, bool) {
        let script = Script::answering(self.upstream).await;
        let gateway = (self.with)(in_front_of(&script.url()).with_manual_clock()).start();
        let mut wire = Wire::open(gateway.addr).await;
        if let Some(before) = &self.before {
            wire.write(before).await;
            wire.answer().await;
        }
        wire.write(&self.request).await;
        let answer = wire.answer().await;
        let closed = answer.field("connection") == Some("close");
        if closed {
            assert_eq!(wire.rest().await, "");
        } else {
            wire.write(request("GET", "/nothing", "")).await;
            assert_eq!(wire.answer().await.status(), 400, "the connection goes on");
            drop(wire);
        }
        gateway.end().await;
        (answer, closed)
    }
}

pub(super) fn get(job: &str) -> String {
    request(
        "GET",
        &format!("/v1/job/{job}/info"),
        "Host: gateway.example\r\n",
    )
}

pub(super) fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\n{fields}X-Request-Id: r-1\r\n\r\n")
}

fn info(fields: &str) -> String {
    request("GET", &format!("/v1/job/{JOB}/info"), fields)
}

/// Those in which the gateway speaks for itself.
pub(super) fn own_cases() -> Vec<Case> {
    const HOST: &str = "Host: gateway.example\r\n";
    let keyed = |cause, status, fields: &str| {
        Case::refused(cause, status, info(&format!("{HOST}{fields}")))
            .with(|gateway| gateway.in_keys_mode(&[("wallboard", KEY)]))
    };
    let no_job = request("GET", "/v1/job/too-short/info", HOST);
    let no_route = request("GET", "/v1/job/list", HOST);
    let long = format!("/v1/job/{JOB}/info?{}", "q".repeat(8192));
    let token = format!("X-Auth-Token: {}\r\n", "M".repeat(513));
    let key = format!("X-Api-Key: {KEY}\r\n");
    let signed =
        "Authorization: SDK-HMAC-SHA256 Access=wallboard, SignedHeaders=host, Signature=00\r\n";
    let at_eight = format!(
        "X-Sdk-Date: 20240605T080058Z\r\nAuthorization: SDK-HMAC-SHA256 Access=wallboard, SignedHeaders=x-sdk-date, Signature={}\r\n",
        "00".repeat(32)
    );
    vec![
        Case::refused("bad job id", 400, no_job),
        Case::refused("unreadable request", 400, info("")),
        Case::refused(
            "request that announces a body",
            400,
            info(&format!("{HOST}Content-Length: 5\r\n")),
        ),
        keyed("no client key", 401, ""),
        keyed("unknown client key", 401, "X-Api-Key: nobody's\r\n"),
        keyed("client key over 512 bytes", 401, &token),
        keyed("bad signature of a virtual AK/SK", 401, signed),
        keyed("client clock off by more than 15 minutes", 401, &at_eight).with(|gateway| {
            let ten = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_581_658);
            gateway.clock.set_wall(ten);
            gateway.in_keys_mode(&[("wallboard", KEY)])
        }),
        keyed("client may not see this job", 403, &key).with(|gateway| {
            gateway
                .in_keys_mode(&[("wallboard", KEY)])
                .with(|settings| settings.auth.clients[0].jobs = Some(Vec::new()))
        }),
        Case {
            before: Some(info(&format!("{HOST}{key}"))),
            ..keyed("client above its rate", 429, &key)
        }
        .with(|gateway| {
            gateway
                .in_keys_mode(&[("wallboard", KEY)])
                .with(|settings| settings.auth.clients[0].rate = Some(one_in_a_minute()))
        })
        .retry_after(60),
        Case::refused("no such route", 404, no_route),
        Case::refused(
            "wrong method",
            405,
            request("DELETE", &format!("/v1/job/{JOB}/info"), HOST),
        ),
        Case::refused("request target too long", 414, request("GET", &long, HOST)),
        Case::refused("host not served here", 421, get(JOB)).with(|gateway| {
            gateway.with(|settings| settings.server.allowed_hosts = vec!["other.example".into()])
        }),
        Case::refused(
            "`only-if-cached` and nothing stored",
            504,
            info(&format!("{HOST}Cache-Control: only-if-cached\r\n")),
        ),
        Case::refused(
            "nothing stored that may be served, and the budget is spent",
            429,
            get(JOB),
        )
        .with(|gateway| gateway.with(one_call_a_minute))
        .after(&nth_job(1))
        .retry_after(61), // a slot is free strictly after its window
        Case::answered(
            "nothing stored that may be served, and upstream throttles",
            429,
            throttle("30 second"),
        )
        .after(&nth_job(1))
        .retry_after(30),
        Case::answered(
            "upstream refuses the central credential",
            502,
            sample("401-signature"),
        ),
        Case::answered(
            "calls held back after a refused central credential",
            503,
            sample("401-signature"),
        )
        .after(&nth_job(1))
        .retry_after(30),
        Case::refused("central credential not available", 503, get(JOB))
            .with(|gateway| gateway.with_credential(taken_away()))
            .retry_after(5),
        Case::refused("too many requests in flight or waiting", 503, get(JOB))
            .with(|gateway| gateway.with(|settings| settings.server.max_waiting = 0))
            .retry_after(1),
        Case::refused("a fault of the gateway", 500, get(JOB)).with(|gateway| {
            gateway
                .clock
                .advance(Duration::from_secs(9_000 * 365 * 86_400)); // no date for a signature
            gateway
        }),
    ]
}

/// Those that upstream brings about.
pub(super) fn upstream_cases() -> Vec<Case> {
    vec![
        Case::answered("upstream 400", 400, sample("400-task-id")),
        Case::answered(
            "upstream 403 of the build service",
            403,
            sample("403-build"),
        ),
        Case::answered(
            "upstream 404 of the build service, or 422 `…00031006`: no such job",
            404,
            sample("422-not-found"),
        ),
        Case::answered("upstream 422, any other", 422, Reply::of(422, "")),
        Case::answered(
            "upstream 429, or 500 `…00060211`: throttled",
            429,
            throttle("3 minute"),
        )
        .retry_after(180),
        Case::answered(
            "upstream set up wrongly (API-gateway 0101, 0103, 04xx; 405, 413, 414, 494; any 3xx)",
            502,
            Reply::with(302, "Location: https://elsewhere.example/\r\n", ""),
        ),
        Case::answered("upstream 500", 500, Reply::of(500, "")),
        Case::answered("upstream 502", 502, sample("502-apigw")),
        Case::answered(
            "upstream 503",
            503,
            Reply::with(503, "Retry-After: 7\r\n", ""),
        ),
        Case::answered("upstream 504", 504, sample("504-apigw")),
        Case::answered(
            "upstream 200 that is no success, not JSON, cut off or too large; any answer without a row of its own",
            502,
            Reply::of(200, "<html>"),
        ),
        Case::refused("cannot connect to upstream", 502, get(JOB)).with(|gateway| {
            let nobody =
                std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
            let endpoint = format!("http://{}", nobody.expect("a port"));
            gateway.with(|settings| settings.upstream.endpoint = endpoint.parse().expect("a URL"))
        }),
        Case::answered(
            "connection to upstream lost",
            502,
            Reply::new("", Then::Close),
        ),
        Case::answered("timed out", 504, Reply::new("", Then::Hang)).with(|gateway| {
            gateway.with(|settings| settings.upstream.timeout = Duration::from_millis(200))
        }),
    ]
}

fn one_call_a_minute(settings: &mut Settings) {
    settings.budget.requests = std::num::NonZeroU32::MIN;
    settings.budget.window = Duration::from_secs(60);
}

fn one_in_a_minute() -> Allowance {
    Allowance {
        times: 1,
        per: Duration::from_secs(60),
    }
}

fn throttle(window: &str) -> Reply {
    let text = format!("policy user over ratelimit,limit:10,time:{window}");
    Reply::of(
        429,
        &format!(r#"{{"error_code":"APIGW.0308","error_msg":"{text}"}}"#),
    )
}

fn sample(name: &str) -> Reply {
    let status = name.split('-').next().expect("a status");
    let path = format!(
        "{}/tests/samples/error-{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let body = std::fs::read_to_string(path).expect("a sample");
    Reply::with(
        status.parse().expect("a status"),
        "X-Request-Id: fd6530a01c098076\r\n",
        body,
    )
}

/// A credential whose file was there at the start and is gone now.
fn taken_away() -> Credential {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "token-test-0123456789abcdef").expect("written");
    let settings = CredentialSettings::Token(SecretSource::File(file));
    open(settings)
}
