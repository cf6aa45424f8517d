//! An upstream that lies, rambles, stammers or breaks off: one clear 502 within the limits, nothing stored, and a
//! connection that misbehaved is never used again.

mod cases;

use std::time::Duration;

use crate::raw::{Reply, Script, Then};
use crate::support::{DOCUMENTED, FIRST_REST, JOB, in_front_of, nth_job};
use cases::{Case, MIB, broken_bodies, broken_http, head, padded};

#[tokio::test]
async fn every_way_to_break_http_is_a_502_and_the_end_of_the_connection() {
    futures_util::future::join_all(broken_http().into_iter().map(Case::play)).await;
}

#[tokio::test]
async fn every_body_that_is_no_job_is_a_502_and_is_not_stored() {
    futures_util::future::join_all(broken_bodies().into_iter().map(Case::play)).await;
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let script = Script::answering([Reply::with(200, "", padded(MIB))]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    assert_eq!(gateway.job(JOB).await.status, 200);
    gateway.end().await;
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit_and_no_further() {
    let chunks = head("Transfer-Encoding: chunked") + &"10\r\n0123456789abcdef\r\n".repeat(1000);
    let good = Reply::of(200, DOCUMENTED);
    let script = Script::answering([good.clone(), Reply::new(chunks, Then::Repeat), good]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    gateway.job(&nth_job(1)).await;
    assert_eq!(gateway.job(JOB).await.code(), "JG.5024");
    gateway.clock.advance(FIRST_REST);
    let poured = script.poured().await;
    assert!(
        poured < 32 * MIB,
        "{poured} bytes: more than the limit and what the sockets hold"
    );
    assert_eq!(
        gateway.job(JOB).await.header("cache-status"),
        "jobgate; fwd=uri-miss; stored; ttl=30"
    );
    gateway.end().await;
}

#[tokio::test]
async fn silence_within_an_answer_times_out_and_the_connection_is_not_used_again() {
    let half = format!("{}{{\"result\":", head("Content-Length: 1000"));
    let good = Reply::of(200, DOCUMENTED);
    for silence in ["", "HTTP/1.1 200 OK\r\n", half.as_str()] {
        let script =
            Script::answering([good.clone(), Reply::new(silence, Then::Hang), good.clone()]).await;
        let gateway = in_front_of(&script.url())
            .with_manual_clock()
            .with(|settings| settings.upstream.timeout = Duration::from_millis(300))
            .start();
        gateway.job(&nth_job(1)).await;
        let answer = gateway.job(JOB).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (504, "JG.5042".into()),
            "{silence:?}"
        );
        assert_eq!(script.calls(), 2, "a time-out is not repeated");
        gateway.clock.advance(FIRST_REST);
        assert_eq!(
            gateway.job(JOB).await.header("cache-status"),
            "jobgate; fwd=uri-miss; stored; ttl=30"
        );
        let asked = script.asked();
        assert_ne!(asked[1].connection, asked[2].connection);
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_second_answer_nobody_asked_for_is_never_the_next_jobs() {
    let length = DOCUMENTED.len();
    let forged = DOCUMENTED.replace("jobname", "forged1");
    let two: String = [DOCUMENTED, &forged]
        .iter()
        .map(|body| format!("{}{body}", head(&format!("Content-Length: {length}"))))
        .collect();
    let script = Script::answering([Reply::new(two, Then::Keep), Reply::of(200, DOCUMENTED)]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    for job in [JOB, &nth_job(1), &nth_job(2)] {
        let answer = gateway.job(job).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("forged1"), "{job}");
    }
    assert_eq!(script.calls(), 3);
    assert_ne!(script.asked()[0].connection, script.asked()[1].connection);
    gateway.end().await;
}

#[tokio::test]
async fn once_ids_have_agreed_an_answer_about_another_job_is_a_fault() {
    let about = |job: &str| {
        Reply::of(
            200,
            &DOCUMENTED.replace("f5af662119404ad187437cd272b5099b", job),
        )
    };
    let [first, second, third] = [1, 2, 3].map(nth_job);
    let strange = Reply::of(200, DOCUMENTED);
    let script = Script::answering([strange, about(&first), about(&third), about(&second)]).await;
    let gateway = in_front_of(&script.url()).with_manual_clock().start();
    assert_eq!(
        gateway.job(JOB).await.status,
        200,
        "until then a difference proves nothing"
    );
    assert_eq!(gateway.job(&first).await.status, 200);
    let wrong = gateway.job(&second).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code()),
        (502, "JG.5024".into())
    );
    assert!(
        !wrong.text().contains(&third),
        "nothing of the other job is shown"
    );
    gateway.clock.advance(FIRST_REST);
    let right = gateway.job(&second).await;
    assert_eq!(
        right.header("cache-status"),
        "jobgate; fwd=uri-miss; stored; ttl=30"
    );
    assert!(right.text().contains(&second));
    assert_eq!(script.calls(), 4);
    gateway.end().await;
}
