//! `jobgate stats`, `explain` and `invalidate`, in front of an admin listener whose parts are a double, and of a real gateway.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use jobgate::admin::operate::{
    Explanation, Key, Operate, Page, Query, Refreshed, State, Summary, Told,
};
use jobgate::admin::{self, Access, Admin, Parts};
use jobgate::clock::Clock;
use jobgate::config::{AdminSettings, SecretSource};
use jobgate::credential::Health;
use jobgate::policy::cost::Cost;
use jobgate::policy::forecast::Forecast;
use jobgate::policy::job::JobId;
use jobgate::policy::outcome::OutcomeKind;
use jobgate::policy::refresh::Outlook;
use jobgate::policy::skew;
use jobgate::telemetry::metrics::{
    CallResult, Facts, Metrics, Origin, Snapshot, StatusClass, facts,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{Serving, get, here, jobgate, run};
use crate::support::{JOB, nth_job};

const TOKEN: &str = "an-admin-token-0123456789";

/// Knows three jobs, and what it was asked to forget.
#[derive(Default)]
struct Double(Mutex<Vec<String>>);

struct Standing;

/// An admin listener that serves while this lives.
struct Listening {
    addr: SocketAddr,
    double: Arc<Double>,
    metrics: Metrics,
    clock: Clock,
    stop: CancellationToken,
    runtime: Runtime,
}

// === impl Double ===

impl Double {
    fn forgotten(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Operate for Double {
    fn entries(&self, _query: &Query) -> Page {
        unreachable!("no command lists entries")
    }

    fn explain(&self, job: JobId) -> Explanation {
        if job.as_str() == JOB {
            known(job)
        } else {
            unknown(job)
        }
    }

    fn invalidate(&self, job: JobId) -> bool {
        self.0.lock().unwrap().push(job.to_string());
        job.as_str() == JOB
    }

    fn invalidate_all(&self) -> u64 {
        self.0.lock().unwrap().push("all".to_owned());
        3
    }

    fn refresh(&self, _job: JobId) -> Pin<Box<dyn Future<Output = Refreshed> + Send>> {
        unreachable!("no command forces a look")
    }

    fn pause(&self, _paused: bool) -> bool {
        unreachable!("no command pauses")
    }

    fn keys(&self) -> BTreeMap<String, Vec<Key>> {
        let key = |kind: &str, fingerprint: &str, last_used: Option<&str>| Key {
            kind: kind.to_owned(),
            fingerprint: fingerprint.to_owned(),
            last_used: last_used.map(str::to_owned),
        };
        let keys = vec![
            key("key", "1a2b3c4d", None),
            key("secret", "5e6f7081", Some("2026-11-24T08:32:50Z")),
        ];
        BTreeMap::from([("wallboard".to_owned(), keys)])
    }
}

fn event(seconds_ago: f64, what: &'static str, times: u64, text: &str) -> Told {
    Told {
        at: "2026-11-24T08:32:50Z".to_owned(),
        seconds_ago,
        what: what.into(),
        text: text.to_owned(),
        times,
    }
}

fn known(job: JobId) -> Explanation {
    let hit = event(
        2.2,
        "hit",
        3,
        "answered from memory, fresh for another 20 s",
    );
    let look = event(
        72.0,
        "look",
        1,
        "upstream answered 200 \u{1b}[31mand it was stored",
    );
    Explanation {
        summary: Summary {
            job_id: job.to_string(),
            state: State::Stale,
            age_seconds: Some(72.0),
            ttl_seconds: Some(-42.0),
            finished: Some(true),
            bytes: Some(559),
            hits: Some(3),
            next_look_seconds: Some(0.0),
        },
        etag: Some("\"f1b3\"".to_owned()),
        last_answer: Some(hit.clone()),
        if_asked_now: "answered from memory at once, stale, and refreshed behind".to_owned(),
        rhythm: Some("it builds now and then".to_owned()),
        next_look: "with the next request".to_owned(),
        plan: None, // in the sentences already
        story: vec![hit, look],
    }
}

fn unknown(job: JobId) -> Explanation {
    let summary = Summary {
        job_id: job.to_string(),
        state: State::Unknown,
        age_seconds: None,
        ttl_seconds: None,
        finished: None,
        bytes: None,
        hits: None,
        next_look_seconds: None,
    };
    Explanation {
        summary,
        etag: None,
        last_answer: None,
        if_asked_now: "upstream would be asked".to_owned(),
        rhythm: None,
        next_look: "with the next request".to_owned(),
        plan: None,
        story: Vec::new(),
    }
}

impl Facts for Standing {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            accepting: true,
            requests_waiting: 4,
            budget_requests: 50,
            budget_window: Duration::from_secs(60),
            budget_remaining: 41,
            outlook: Some(Outlook {
                jobs: 400,
                first_asks: 3,
                forecast: Forecast {
                    first_asks: 51.5,
                    floors: 120.0,
                    budget: NonZeroU32::new(50).unwrap(),
                    window: Duration::from_secs(60),
                },
            }),
            calls_in_flight: 2,
            paused: true,
            throttle_hold: Some(Duration::from_millis(11_200)),
            credential_refusal: Some("APIGW.0301 ak is locked".into()),
            credential: Health {
                available: true,
                expired_since: Some(Duration::from_secs(25)),
                ..Health::default()
            },
            local_clock: Some(skew::Standing {
                difference: SignedDuration::from_mins(-20),
                verdict: skew::Verdict::Corrected,
            }),
            cache_entries: 1_234,
            cache_bytes: 1_500_000,
            cache_max_bytes: 256 * 1024 * 1024,
            cache_evictions: 1,
            absent_jobs: 6,
            ..Snapshot::default()
        }
    }
}

// === impl Listening ===

impl Listening {
    fn start(token: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (double, clock) = (Arc::new(Double::default()), Clock::manual());
        let mut registry = Registry::default();
        facts::register(&mut registry, Arc::new(Standing));
        let origin = Origin {
            version: "0",
            started: SystemTime::UNIX_EPOCH,
            nullable_fields: &[],
            log_lines_dropped: Counter::default(),
        };
        let metrics = Metrics::register(&mut registry, origin);
        let settings = AdminSettings {
            listen: Some(addr),
            allowed_hosts: Vec::new(),
            token: token.map(|_| SecretSource::Env("T".to_owned())),
        };
        let admin = Admin::new(Parts {
            registry,
            facts: Arc::new(Standing),
            requests: metrics.requests.clone(),
            upstream: metrics.upstream.clone(),
            operate: double.clone(),
            access: Access::open(&settings, &|_| token.map(str::to_owned)).unwrap(),
            clock: clock.clone(),
            look_patience: Duration::from_secs(1),
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        std::mem::drop(runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            admin::serve(listener, admin, stopped).await;
        }));
        Self {
            addr,
            double,
            metrics,
            clock,
            stop,
            runtime,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Runs a command against it by `--admin`.
    fn told(&self, dir: &TempDir, args: &[&str]) -> (i32, String, String) {
        let url = self.url();
        run(jobgate(dir, args).args(["--admin", &url]))
    }

    fn end(self) {
        self.stop.cancel();
        self.runtime.shutdown_timeout(crate::support::PATIENCE);
    }
}

#[test]
fn explain_tells_a_stranger_why_and_what_next() {
    let (dir, listening) = (here(), Listening::start(None));
    let (code, out, err) = listening.told(&dir, &["explain", JOB]);
    assert_eq!((code, &*err), (0, ""));
    let expected = "\
901878212b1a49be9c1a1054c272762a: stale. The stored answer is 1m 12s old, and 42s past its lifetime.
  stored       559 bytes of a finished job, hits: 3, ETag \"f1b3\"
  last answer  2s ago, hit (3 times): answered from memory, fresh for another 20 s
  asked now    answered from memory at once, stale, and refreshed behind
  rhythm       it builds now and then
  next look    with the next request
  story            2s ago  hit (3 times): answered from memory, fresh for another 20 s
               1m 12s ago  look: upstream answered 200 \u{fffd}[31mand it was stored
";
    assert_eq!(out, expected);
    let (code, out, _) = listening.told(&dir, &["explain", &nth_job(1)]);
    let expected = "\
00000000000000000000000000000001: unknown. Nothing is stored or remembered of it.
  asked now    upstream would be asked
  next look    with the next request
";
    assert_eq!((code, &*out), (0, expected));
    listening.end();
}

#[test]
fn invalidate_says_of_each_job_what_became_of_it() {
    let (dir, listening) = (here(), Listening::start(None));
    let other = nth_job(1);
    let (code, out, err) = listening.told(&dir, &["invalidate", JOB, &other]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        out,
        format!("{JOB}  forgotten\n{other}  nothing was stored\n")
    );
    assert_eq!(listening.double.forgotten(), [JOB, &other]);

    let (code, out, _) = listening.told(&dir, &["invalidate", "--all"]);
    assert_eq!((code, &*out), (0, "entries forgotten: 3\n"));
    assert_eq!(listening.double.forgotten(), ["all"]);

    // one bad id among good ones: nothing is asked at all
    let (code, out, err) = listening.told(&dir, &["invalidate", JOB, "bad"]);
    assert_eq!((code, &*out), (2, ""));
    assert!(err.contains("bad"), "{err}");
    assert_eq!(listening.double.forgotten(), [""; 0]);
    listening.end();
}

#[test]
fn stats_are_told_for_people() {
    let (dir, listening) = (here(), Listening::start(None));
    let (requests, upstream) = (&listening.metrics.requests, &listening.metrics.upstream);
    let (wallboard, ci) = (requests.client("wallboard"), requests.client("ci"));
    let _silent = requests.client("silent");
    for (client, outcome, class, times) in [
        (&wallboard, OutcomeKind::Hit, StatusClass::Success, 6),
        (&wallboard, OutcomeKind::Miss, StatusClass::Success, 1),
        (&ci, OutcomeKind::Held, StatusClass::ClientError, 1),
    ] {
        for _ in 0..times {
            requests.answered(outcome, class, Duration::from_micros(80));
            client.answered(outcome);
        }
    }
    upstream.called(CallResult::Success, Duration::from_millis(200));
    wallboard.account().pay(Cost::of_millionths(666_667));
    ci.account().pay(Cost::of_millionths(333_333));
    listening.clock.advance(Duration::from_secs(3_723));
    let (code, out, err) = listening.told(&dir, &["stats"]);
    assert_eq!((code, &*err), (0, ""));
    let expected = concat!(
        "jobgate ",
        env!("CARGO_PKG_VERSION"),
        ", up 1h 2m 3s
  saved        75.0 % of the upstream calls: 6; asked 8, free 6, paid 1, refused 1
  requests     8 in all
               75.0 % of those for a job answered from memory
               hit 6, held 1, miss 1
               waiting for upstream now: 4
  clients      wallboard  asked 7, free 6, paid 0.67 (hit 6, miss 1)
               ci         asked 1, free 0, paid 0.33, refused 1 (held 1)
  keys         wallboard  key 1a2b3c4d not used yet, secret 5e6f7081 last used 2026-11-24T08:32:50Z
  latency      held       half at most 100us, 99 of 100 at most 100us
               hit        half at most 100us, 99 of 100 at most 100us
               miss       half at most 100us, 99 of 100 at most 100us
  upstream     calls: 1, of them retries: 0; under way now: 2
               success 1
               paused by the operator: no call goes out
               it throttles: no call for another 12s
               the local clock is 20 minutes behind upstream's
  credential   refused by upstream (APIGW.0301 ak is locked): the next call tries it again, expired 25s ago
  budget       41 of 50 calls in 1m may go out now
  plan         jobs whose looks are planned: 400
               jobs in line for their first call: 3
               jobs asked for the first time need 51.5 calls in 60s, and all others 120.0 to be as fresh as ttl and ttl_running allow; 50 may be made: the budget does not cover the first, so clients are refused (429 JG.4292)
  cache        entries: 1234, 1.4 MiB of 256.0 MiB; gone to make room: 1; jobs known to be denied or failing: 6
"
    );
    assert_eq!(out, expected);
    listening.end();
}

#[test]
fn json_is_what_the_api_said() {
    let (dir, listening) = (here(), Listening::start(None));
    for (args, path) in [
        (&["stats"][..], "/api/stats".to_owned()),
        (&["explain", JOB], format!("/api/entries/{JOB}")),
    ] {
        let answer = get(&format!("{}{path}", listening.url()), "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let (code, out, _) = listening.told(&dir, &[args, &["--json"]].concat());
        assert_eq!((code, out), (0, format!("{body}\n")));
    }
    let other = nth_job(1);
    let (_, out, _) = listening.told(&dir, &["invalidate", "--json", JOB, &other]);
    let lines = format!(
        "{{\"job_id\":\"{JOB}\",\"found\":true}}\n{{\"job_id\":\"{other}\",\"found\":false}}\n"
    );
    assert_eq!(out, lines);
    listening.end();
}

#[test]
fn the_token_is_taken_from_the_environment_and_shown_nowhere() {
    let (dir, listening) = (here(), Listening::start(Some(TOKEN)));
    let url = listening.url();
    let ask = |token: Option<&str>| {
        let mut command = jobgate(&dir, &["invalidate", "--all", "--admin", &url]);
        command.envs(token.map(|token| ("JOBGATE_ADMIN_TOKEN", token)));
        run(&mut command)
    };
    assert_eq!(ask(Some(TOKEN)).0, 0);
    assert_eq!(listening.double.forgotten(), ["all"]);
    for (token, told) in [
        (
            None,
            &[
                "JG.4011",
                "admin.token_env or admin.token_file",
                "JOBGATE_ADMIN_TOKEN",
            ][..],
        ),
        (
            Some("another-token-0123456789"),
            &[
                "JG.4011",
                "is that of the environment variable JOBGATE_ADMIN_TOKEN",
            ],
        ),
        (Some("short"), &["too short: at least 16 bytes"]),
        (Some(""), &["empty"]),
    ] {
        let (code, out, err) = ask(token);
        assert_eq!((code, &*out), (1, ""), "{err}");
        for told in told {
            assert!(err.contains(told), "{told}: {err}");
        }
        assert!(!err.contains("another-token"), "{err}");
    }
    assert_eq!(listening.double.forgotten(), [""; 0]);
    listening.end();
}

#[test]
fn the_address_is_that_of_the_configuration() {
    let (dir, listening) = (here(), Listening::start(None));
    let (addr, port) = (listening.addr.to_string(), listening.addr.port());
    let file = format!("[admin]\nlisten = \"{addr}\"\n[auth]\nmode = \"open\"\n");
    fs::write(dir.path().join("gateway.toml"), &file).unwrap();
    fs::write(dir.path().join("other.toml"), file).unwrap();
    for args in [&["stats"][..], &["stats", "--config", "other.toml"]] {
        let (code, _, err) = run(jobgate(&dir, args).env_remove("JOBGATE_ADMIN__LISTEN"));
        assert_eq!((code, &*err), (0, ""), "{args:?}");
    }
    let empty = here();
    let by_variable = run(jobgate(&empty, &["stats"]).env("JOBGATE_ADMIN__LISTEN", &addr));
    assert_eq!(by_variable.0, 0, "{by_variable:?}");
    let by_name = format!("http://localhost:{port}/");
    assert_eq!(
        run(&mut jobgate(&empty, &["stats", "--admin", &by_name])).0,
        0
    );

    for (listen, told) in [("", "admin.listen is off"), ("127.0.0.1:0", "--admin")] {
        let (code, out, err) =
            run(jobgate(&empty, &["stats"]).env("JOBGATE_ADMIN__LISTEN", listen));
        assert_eq!((code, &*out), (2, ""));
        assert!(err.contains(told), "{err}");
    }
    listening.end();
}

#[test]
fn the_address_may_be_named_beside_the_file_that_knows_the_token() {
    let (dir, listening) = (here(), Listening::start(Some(TOKEN)));
    let url = listening.url();
    let file = "[admin]\nlisten = \"\"\ntoken_file = \"token\"\n";
    fs::write(dir.path().join("gateway.toml"), file).unwrap();
    fs::write(dir.path().join("token"), TOKEN).unwrap();
    let ask = |args: &[&str]| run(jobgate(&dir, &["stats", "--admin", &url]).args(args));
    assert_eq!(ask(&["--config", "gateway.toml"]).0, 0);

    fs::write(dir.path().join("token"), "another-token-0123456789").unwrap();
    let (code, _, err) = ask(&["--config", "gateway.toml"]);
    assert!(
        code == 1 && err.contains("is that of the file token"),
        "{err}"
    );
    let (code, _, err) = ask(&[]);
    assert!(
        code == 1 && err.contains("No token was sent"),
        "not by itself: {err}"
    );
    listening.end();
}

#[test]
fn of_the_file_only_admin_is_judged() {
    let (dir, listening) = (here(), Listening::start(None));
    let addr = listening.addr;
    let documented =
        include_str!("../../../gateway.toml").replace("127.0.0.1:9090", &addr.to_string());
    let others = format!("[admin]\nlisten = \"{addr}\"\n[servr]\n[cache]\nttl = 3\n");
    for text in [documented, others] {
        fs::write(dir.path().join("gateway.toml"), text).unwrap();
        let asked = run(jobgate(&dir, &["stats"]).env_remove("JOBGATE_ADMIN__LISTEN"));
        assert_eq!((asked.0, &*asked.2), (0, ""));
    }
    let text = format!("[admin]\nlisten = \"{addr}\"\ntokn_env = \"T\"\n");
    fs::write(dir.path().join("gateway.toml"), text).unwrap();
    let (code, out, err) = run(jobgate(&dir, &["stats"]).env_remove("JOBGATE_ADMIN__LISTEN"));
    assert_eq!((code, &*out), (2, ""));
    assert!(
        err.contains("gateway.toml:3: admin.tokn_env: unknown key"),
        "{err}"
    );
    listening.end();
}

#[test]
fn a_gateway_that_is_not_there_is_told_by_the_address_that_was_tried() {
    let dir = here();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = silent.local_addr().unwrap();
    drop(silent);
    for args in [&["stats"][..], &["explain", JOB], &["invalidate", "--all"]] {
        let (code, out, err) =
            run(jobgate(&dir, args).args(["--admin", &format!("http://{nobody}")]));
        assert_eq!((code, &*out), (1, ""));
        for told in [
            &format!("no gateway answers at http://{nobody}"),
            "refused",
            "admin.listen",
        ] {
            assert!(err.contains(told), "{told}: {err}");
        }
    }
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Runs a command against something that gives this one answer: its address, exit code, standard output, standard error.
fn against(answer: String, args: &[&str]) -> (String, i32, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let once = std::thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let dir = here();
    let (code, out, err) = run(jobgate(&dir, args).args(["--admin", &url]));
    once.join().unwrap();
    (url, code, out, err)
}

#[test]
fn what_is_no_admin_listener_is_told_so() {
    let problem = r#"{"error_code":"X.404","error_msg":"no \u001b[m\nall is well \u202e"}"#;
    for (answer, told) in [
        ("SSH-2.0-nothing\r\n".to_owned(), "does not speak HTTP"),
        (http("200 OK", "ok"), "no admin listener"),
        (http("200 OK", "{}"), "no admin listener"),
        (http("404 Not Found", "no"), "no admin listener"),
        (
            http("404 Not Found", problem),
            "refuses: no \u{fffd}[m\u{fffd}all is well \u{fffd} (X.404)",
        ),
    ] {
        let (url, code, out, err) = against(answer, &["stats"]);
        assert_eq!((code, &*out), (1, ""));
        assert!(err.contains(&url) && err.contains(told), "{told}: {err}");
    }
}

#[test]
fn nothing_that_is_shown_steers_the_terminal() {
    let told = |state: &str, text: &str| {
        let mut told = serde_json::to_value(known(JobId::parse(JOB).unwrap())).unwrap();
        told["state"] = state.into();
        told["next_look"] = text.into();
        http("200 OK", &told.to_string())
    };
    let (escape, sequence) = ("\u{1b}[2J", "\u{9b}2J"); // one of two bytes, and one of one character
    let text = format!("{escape}{sequence}\nforged: \u{202e}line");
    let shown = "\u{fffd}[2J\u{fffd}2J\u{fffd}forged: \u{fffd}line";
    let (_, code, out, _) = against(told("stale", &text), &["explain", JOB]);
    assert_eq!(code, 0);
    assert!(out.contains(shown), "{out}");
    let (_, code, _, err) = against(told(escape, ""), &["explain", JOB]);
    assert_eq!(code, 1);
    assert!(err.contains("unknown variant `\u{fffd}[2J`"), "{err}");
    let (_, code, out, _) = against(told("stale", &text), &["explain", JOB, "--json"]);
    assert_eq!(code, 0);
    assert!(!out.trim_end().contains(char::is_control), "{out}");
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read["next_look"], text, "it means the same");
}

#[test]
fn a_name_of_any_length_is_shown() {
    let dir = here();
    let listening = Listening::start(None);
    let url = listening.url();
    let (_, out, _) = run(&mut jobgate(&dir, &["stats", "--json", "--admin", &url]));
    let mut stats: serde_json::Value = serde_json::from_str(&out).unwrap();
    let name = "n".repeat(70_000); // wider than a column can be
    stats["clients"] = serde_json::json!([{
        "name": name, "total": 1, "by_outcome": {}, "asked": 1, "free": 1, "paid": 0.0, "stale": 0, "refused": 0
    }]);
    let (_, code, out, err) = against(http("200 OK", &stats.to_string()), &["stats"]);
    assert_eq!((code, &*err), (0, ""));
    assert!(out.contains(&name));
}

#[test]
fn a_running_gateway_is_asked_and_logs_the_act_however_quiet_it_is() {
    let dir = here();
    let file = "[log]\nlevel = \"error\"\naccess = \"off\"\n[auth]\nmode = \"open\"\n[budget]\nmode = \"ttl\"\n";
    fs::write(dir.path().join("quiet.toml"), file).unwrap();
    let serving = Serving::start(&dir, &["serve", "--sandbox", "--config", "quiet.toml"]);
    let admin = serving.tells_url("  admin ");
    let job = serving.tells_url("curl http");
    get(&job, "");
    get(&job, "");
    let (code, out, err) = run(&mut jobgate(&dir, &["stats", "--admin", &admin]));
    assert_eq!((code, &*err), (0, ""));
    for told in [
        "2 in all",
        "50.0 % of the upstream calls: 1; asked 2, free 1, paid 1\n",
        "hit 1, miss 1",
        "accepted by upstream",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    for args in [&["explain", JOB][..], &["invalidate", JOB]] {
        let (code, _, err) = run(jobgate(&dir, args).args(["--admin", &admin]));
        assert_eq!((code, &*err), (0, ""));
    }
    let (code, log) = serving.terminate();
    assert_eq!(code, Some(0));
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 1, "{log}");
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        (&line["target"], &line["act"], &line["job.id"]),
        (&"jobgate::audit".into(), &"invalidate".into(), &JOB.into())
    );
}
