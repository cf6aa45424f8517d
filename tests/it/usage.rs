//! Who asked, who paid: `/-/usage`, the metrics and the access log say the same, and together they say what was called.

use std::collections::BTreeMap;
use std::time::Duration;

use jobgate::clock::Clock;
use jobgate::policy::cost::Cost;
use serde_json::{Value, json};

use crate::clients::{KEY, OTHER_KEY};
use crate::support::{Answer, JOB, Running, in_front_of, nth_job};
use crate::upstream::{A_JOB, Said, Upstream};

const NOT_FOUND: Said = (422, include_str!("../samples/error-422-not-found.json"));
const BAD_GATEWAY: Said = (502, include_str!("../samples/error-502-apigw.json"));
const FAILED: Said = (500, "{}");

/// In front of an upstream, for two clients.
fn for_two(upstream: &Upstream, clock: &Clock) -> Running {
    in_front_of(&upstream.url())
        .with_clock(clock)
        .with_stale_answers()
        .in_keys_mode(&[("wallboard", KEY), ("bot", OTHER_KEY)])
        .start()
}

fn path(job: &str) -> String {
    format!("/v1/job/{job}/info")
}

async fn ask(gateway: &Running, key: &str, job: &str) -> Answer {
    gateway.get(&path(job), &[("x-api-key", key)]).await
}

/// What a client is told of itself, without what a clock says.
async fn usage(gateway: &Running, key: &str) -> Value {
    let answer = gateway.get("/-/usage", &[("x-api-key", key)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    let uptime = body.as_object_mut().unwrap().remove("uptime_seconds");
    assert!(uptime.unwrap().is_f64());
    body
}

async fn paid(gateway: &Running, client: &str) -> f64 {
    let name = format!(r#"jobgate_client_calls_total{{client="{client}"}}"#);
    gateway.metric(&name).await
}

/// In millionths, each client's by the access log, which is also what its account says; in all it is what was called.
async fn assert_it_adds_up(gateway: Running, calls: usize) -> BTreeMap<String, u64> {
    let millionths = |calls: f64| Cost::from(calls).millionths();
    let gateway_paid = millionths(paid(&gateway, "(gateway)").await);
    let accounts =
        ["wallboard", "bot"].map(async |client| millionths(paid(&gateway, client).await));
    let accounts = futures_util::future::join_all(accounts).await;
    let log = gateway.end().await;
    let mut logged = BTreeMap::<_, u64>::new();
    for line in log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        if let (Some(client), Some(cost)) = (line["client"].as_str(), line["cost"].as_f64()) {
            *logged.entry(client.to_owned()).or_default() += millionths(cost);
        }
    }
    assert_eq!(
        accounts,
        ["wallboard", "bot"].map(|client| logged.get(client).copied().unwrap_or_default())
    );
    assert_eq!(
        accounts.iter().sum::<u64>() + gateway_paid,
        1_000_000 * calls as u64
    );
    logged
}

#[tokio::test]
async fn a_client_is_told_its_own_numbers_and_nobody_elses() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = for_two(&upstream, &clock);
    let nothing = json!({
        "client": "bot", "asked": 0, "free": 0, "paid": 0.0, "stale": 0, "refused": 0, "by_outcome": {}
    });
    for _ in 0..3 {
        ask(&gateway, KEY, JOB).await;
    }
    ask(&gateway, KEY, "bad").await;
    assert_eq!(usage(&gateway, OTHER_KEY).await, nothing);
    ask(&gateway, OTHER_KEY, JOB).await;
    assert_eq!(
        usage(&gateway, KEY).await,
        json!({
            "client": "wallboard", "asked": 4, "free": 2, "paid": 1.0, "stale": 0, "refused": 1,
            "by_outcome": {"hit": 2, "miss": 1, "refused": 1}
        })
    );
    assert_eq!(
        usage(&gateway, OTHER_KEY).await,
        json!({
            "client": "bot", "asked": 1, "free": 1, "paid": 0.0, "stale": 0, "refused": 0, "by_outcome": {"hit": 1}
        })
    );
    assert_eq!(upstream.calls(), 1);
    assert_it_adds_up(gateway, 1).await;
}

#[tokio::test]
async fn usage_needs_a_key_and_is_read_only() {
    let clock = Clock::system();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = for_two(&upstream, &clock);
    let key = &[("x-api-key", KEY)][..];
    let head = gateway.ask("HEAD", "/-/usage", key).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_ne!(head.header("content-length"), "0");
    assert_eq!(
        head.header("content-type"),
        "application/json;charset=UTF-8"
    );
    assert_eq!(head.header("cache-status"), "");
    for (method, path, headers, status, code) in [
        ("GET", "/-/usage", &[][..], 401, "JG.4011"),
        ("GET", "/-/usage", &[("x-api-key", "no")], 401, "JG.4011"),
        ("POST", "/-/usage", key, 405, "JG.4051"),
        ("DELETE", "/-/usage", key, 405, "JG.4051"),
        ("GET", "/-/usage/bot", key, 404, "JG.4041"),
        ("GET", "/-/usages", key, 404, "JG.4041"),
    ] {
        let answer = gateway.ask(method, path, headers).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (status, code),
            "{method} {path}"
        );
        assert_eq!(
            answer.header("allow"),
            if status == 405 { "GET, HEAD" } else { "" }
        );
    }
    assert_eq!(upstream.calls(), 0);
    gateway.end().await;
}

#[tokio::test]
async fn in_open_mode_it_is_everybodys_and_stands_below_the_base_path_too() {
    let upstream = Upstream::start(&Clock::system(), |_, _| A_JOB).await;
    let gateway = in_front_of(&upstream.url())
        .with(|settings| settings.server.base_path = "/build".to_owned())
        .start();
    gateway.job(JOB).await;
    for path in ["/-/usage", "//-/usage", "/build/-/usage", "/-/usage?x=1"] {
        let answer = gateway.get(path, &[]).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (&body["client"], &body["asked"]),
            (&"-".into(), &1.into()),
            "{path}"
        );
    }
    gateway.end().await;
}

#[tokio::test]
async fn those_who_wait_for_a_call_split_it_and_whoever_hung_up_is_not_among_them() {
    let clock = Clock::system();
    let upstream = Upstream::held(&clock, |_, _| A_JOB).await;
    let gateway = for_two(&upstream, &clock);
    let waiting = async |requests: f64| {
        let here = async || gateway.metric("jobgate_requests_waiting").await == requests;
        gateway.until("so many wait", here).await;
    };
    let leaves = tokio::net::TcpStream::connect(gateway.addr).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\nx-api-key: {OTHER_KEY}\r\n\r\n",
        path(JOB)
    );
    leaves.try_write(request.as_bytes()).unwrap();
    waiting(1.0).await;
    let (answers, ()) = tokio::join!(
        futures_util::future::join_all([KEY, KEY, OTHER_KEY].map(|key| ask(&gateway, key, JOB))),
        async {
            waiting(4.0).await;
            drop(leaves);
            waiting(3.0).await;
            upstream.let_through(1);
        }
    );
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(upstream.calls(), 1);
    let logged = assert_it_adds_up(gateway, 1).await;
    assert!(
        (666_666..=666_667).contains(&logged["wallboard"]),
        "{logged:?}"
    );
    assert!((333_333..=333_334).contains(&logged["bot"]), "{logged:?}");
}

#[tokio::test]
async fn retries_and_failures_are_paid_and_a_stale_answer_that_waited_in_vain_is_not_free() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |n, _| match n {
        0 => BAD_GATEWAY, // and tried once more
        1 => A_JOB,
        2 => NOT_FOUND,
        _ => FAILED,
    })
    .await;
    let gateway = for_two(&upstream, &clock);
    assert_eq!(ask(&gateway, KEY, JOB).await.status, 200);
    assert_eq!(ask(&gateway, KEY, &nth_job(1)).await.status, 404);
    assert_eq!(
        ask(&gateway, KEY, &nth_job(1)).await.status,
        404,
        "remembered"
    );
    clock.advance(Duration::from_secs(30 + 600)); // older than is served at once
    assert_eq!(ask(&gateway, KEY, JOB).await.status, 200);
    assert_eq!(ask(&gateway, KEY, JOB).await.status, 200, "the job rests");
    assert_eq!(
        usage(&gateway, KEY).await,
        json!({
            "client": "wallboard", "asked": 5, "free": 2, "paid": 4.0, "stale": 2, "refused": 0,
            "by_outcome": {"failed": 1, "hit": 1, "miss": 1, "stale": 2}
        })
    );
    assert_eq!(
        gateway.metric("jobgate_calls_saved_total").await,
        1.0,
        "5 would have called, 4 calls"
    );
    assert_eq!(upstream.calls(), 4);
    assert_it_adds_up(gateway, 4).await;
}

#[tokio::test]
async fn a_look_behind_an_answer_is_the_gateways_to_pay() {
    let clock = Clock::manual();
    let upstream = Upstream::start(&clock, |_, _| A_JOB).await;
    let gateway = for_two(&upstream, &clock);
    ask(&gateway, KEY, JOB).await;
    clock.advance(Duration::from_secs(31));
    assert!(
        ask(&gateway, OTHER_KEY, JOB)
            .await
            .label()
            .1
            .ends_with("detail=revalidating")
    );
    gateway
        .until("the look has ended", async || {
            paid(&gateway, "(gateway)").await > 0.0
        })
        .await;
    let bot = usage(&gateway, OTHER_KEY).await;
    assert_eq!(
        (&bot["free"], &bot["stale"], &bot["paid"]),
        (&1.into(), &1.into(), &0.0.into())
    );
    assert_eq!(
        gateway.metric("jobgate_calls_saved_total").await,
        0.0,
        "two asked, two calls"
    );
    gateway
        .operate(&format!("/api/entries/{JOB}/refresh"))
        .await;
    assert_eq!(paid(&gateway, "(gateway)").await, 2.0);
    let stats: Value = serde_json::from_slice(&gateway.admin("/api/stats").await.body).unwrap();
    assert_eq!(
        stats["savings"],
        json!({"share": 0.0, "asked": 2, "free": 1, "paid": 1.0, "stale": 1, "refused": 0, "gateway_paid": 2.0})
    );
    assert_it_adds_up(gateway, 3).await;
}

#[tokio::test]
async fn the_log_tells_of_each_job_its_tag_and_whether_it_runs() {
    let clock = Clock::system();
    let running = crate::support::DOCUMENTED.replace("Finished", "Running");
    let running: &'static str = running.leak();
    let finished_first = move |n, _: &_| if n == 0 { A_JOB } else { (200, running) };
    let upstream = Upstream::start(&clock, finished_first).await;
    let gateway = for_two(&upstream, &clock);
    let stored = ask(&gateway, KEY, JOB).await;
    let etag = stored.header("etag").to_owned();
    let runs = ask(&gateway, KEY, &nth_job(1)).await;
    let condition = [("x-api-key", KEY), ("if-none-match", &etag)];
    assert_eq!(gateway.get(&path(JOB), &condition).await.status, 304);
    gateway.ask("HEAD", &path(JOB), &condition[..1]).await;
    ask(&gateway, KEY, "bad").await;
    usage(&gateway, KEY).await;
    let log = gateway.end().await;
    let told = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let is_access = line["target"] == "access";
        is_access.then(|| {
            (
                line["etag"].clone(),
                line["running"].clone(),
                line["cost"].clone(),
            )
        })
    });
    let tag = |etag: &str| Value::from(etag.get(1..9).unwrap());
    let (one, other) = (tag(&etag), tag(runs.header("etag")));
    let mut told: Vec<_> = told.map(|told| format!("{told:?}")).collect();
    let (yes, no, none) = (json!(true), json!(false), Value::Null);
    let expected = [
        (one.clone(), no.clone(), json!(1)),
        (other, yes, json!(1)),
        (one.clone(), no.clone(), json!(0)),
        (one, no, json!(0)),
        (none.clone(), none.clone(), json!(0)),
        (none.clone(), none, json!(0)),
    ];
    let mut expected: Vec<_> = expected.map(|line| format!("{line:?}")).into();
    told.sort(); // each worker writes its own lines
    expected.sort();
    assert_eq!(told, expected);
}
