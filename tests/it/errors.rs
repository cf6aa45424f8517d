//! Every row of the error table, as it stands on the wire; and what an error leaves behind.

mod cases;

use std::fmt::Write as _;
use std::time::Duration;

use jobgate::policy::problem::TABLE;

use crate::raw::{RawAnswer, Reply, Script, Then, Wire};
use crate::support::{DOCUMENTED, JOB, in_front_of, nth_job};
use cases::{get, own_cases, upstream_cases};

/// Rows of the operator's listener alone: see the tests of `admin`.
const ADMIN_ONLY: &[&str] = &[
    "no or wrong admin token",
    "admin side asked by a foreign web page",
];

/// A request whose head was under way when the drain began. There is one worker, which takes what comes in order: when
/// it has answered the second connection, it has read what the first one sent before.
async fn while_draining() -> (RawAnswer, bool) {
    let gateway = in_front_of("http://127.0.0.1:9")
        .with(|settings| settings.server.workers = 1)
        .start();
    let mut late = Wire::open(gateway.addr).await;
    let mut idle = Wire::open(gateway.addr).await;
    let request = get(JOB);
    let (begun, rest) = request.split_at(20);
    late.write(begun).await;
    idle.write(get("bad")).await;
    assert_eq!(idle.answer().await.status(), 400);
    let client = async {
        assert_eq!(idle.rest().await, "", "the drain has begun");
        late.write(rest).await;
        let answer = late.answer().await;
        assert_eq!(late.rest().await, "");
        answer
    };
    let (_, answer) = tokio::join!(gateway.end(), client);
    (answer, true)
}

/// A request for a job of which nothing is stored, while the operator lets nothing out.
async fn while_paused() -> (RawAnswer, bool) {
    let script = Script::answering([Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url()).start();
    let paused = gateway.operate("/api/upstream/pause").await;
    assert_eq!(paused.status, 200, "{}", paused.text());
    let mut wire = Wire::open(gateway.addr).await;
    wire.write(get(JOB)).await;
    let answer = wire.answer().await;
    assert_eq!(script.calls(), 0);
    gateway.operate("/api/upstream/resume").await;
    wire.write(get(JOB)).await;
    assert_eq!(wire.answer().await.status(), 200, "the connection goes on");
    drop(wire);
    gateway.end().await;
    (answer, false)
}

#[tokio::test]
async fn every_row_of_the_table_has_these_bytes_on_the_wire() {
    let mut told = String::new();
    let mut covered = ADMIN_ONLY.to_vec();
    let cases = own_cases().into_iter().chain(upstream_cases());
    let played = cases.map(|case| async {
        let (cause, (status, retry_after)) = (case.cause, case.expected);
        (cause, status, retry_after, case.play().await)
    });
    let mut played = futures_util::future::join_all(played).await;
    played.push(("draining", 503, Some(5), while_draining().await));
    let paused = while_paused().await;
    played.push((
        "upstream calls paused by the operator",
        503,
        Some(30),
        paused,
    ));
    for (cause, status, retry_after, (answer, closed)) in played {
        let row = TABLE.iter().find(|row| row.cause == cause);
        let row = row.unwrap_or_else(|| panic!("no such row: {cause}"));
        covered.push(cause);
        let seconds = answer
            .field("retry-after")
            .map(|text| text.parse().expect("seconds"));
        assert_eq!(
            (answer.status(), seconds),
            (status, retry_after),
            "{cause}: {answer:?}"
        );
        assert_eq!(answer.status(), row.status.as_u16(), "{cause}");
        assert_eq!(
            answer.field("allow"),
            row.allow.then_some("GET, HEAD"),
            "{cause}"
        );
        assert_eq!(closed, row.close || cause == "draining", "{cause}");
        let _ = writeln!(
            told,
            "# {cause}\n{}\n{}\n",
            undated(&answer.head),
            answer.body
        );
    }
    covered.sort_unstable();
    let mut rows: Vec<&str> = TABLE.iter().map(|row| row.cause).collect();
    rows.sort_unstable();
    assert_eq!(covered, rows, "one case for each row, and none without one");
    insta::assert_snapshot!(told);
}

/// It did not go forward, so `Cache-Status` must not say that it did.
#[tokio::test]
async fn a_request_that_finds_no_room_is_told_so() {
    let (good, silence) = (Reply::of(200, DOCUMENTED), Reply::new("", Then::Hang));
    let script = Script::answering([good, silence]).await;
    let gateway = in_front_of(&script.url())
        .with_manual_clock()
        .with(|settings| settings.server.max_waiting = 1)
        .with(|settings| settings.upstream.timeout = Duration::from_secs(1))
        .start();
    gateway.job(JOB).await;
    gateway.clock.advance(Duration::from_secs(31));
    let other = nth_job(1);
    let told = async {
        script.was_asked(2).await; // the one place is taken
        [gateway.job(JOB).await, gateway.job(&nth_job(2)).await]
    };
    let (waited, told) = tokio::join!(gateway.job(&other), told);
    assert_eq!(waited.code(), "JG.5042");
    for answer in &told {
        assert_eq!(answer.code(), "JG.5031");
        assert_eq!(answer.header("cache-status"), "jobgate; detail=overloaded");
    }
    assert_eq!(script.calls(), 2);
    gateway.end().await;
}

/// The head without the only line that changes from day to day.
fn undated(head: &str) -> String {
    let date = head
        .lines()
        .filter(|line| line.starts_with("date: ") && line.ends_with(" GMT"));
    assert_eq!(date.count(), 1, "{head}");
    let lines: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with("date: "))
        .collect();
    lines.join("\n")
}
