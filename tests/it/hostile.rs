//! An upstream that lies, rambles, stammers or breaks off: one clear 502 within the limits, nothing stored, and a
//! connection that misbehaved is never used again.

use std::time::Duration;

use crate::raw::{Reply, Script, Then};
use crate::support::{DOCUMENTED, JOB, SECRET_KEY, in_front_of, nth_job};

const MIB: usize = 1024 * 1024;

/// What upstream says, and whether the next call must go out on another connection.
struct Case(&'static str, Reply, Next);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The HTTP was in order, only the body was not.
    Any,
    /// HTTP itself was broken.
    New,
}

impl Case {
    async fn play(self) {
        let Self(name, bad, next) = self;
        let good = Reply::of(200, DOCUMENTED);
        let script = Script::answering([good.clone(), bad, good]).await;
        let gateway = in_front_of(&script.url()).with_manual_clock().start();
        assert_eq!(
            gateway.job(&nth_job(1)).await.status,
            200,
            "the credential is proven"
        );

        let asked = tokio::time::timeout(Duration::from_secs(8), gateway.job(JOB)).await;
        let answer = asked.expect("sooner than upstream.timeout");
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (502, "JG.5024"),
            "{name}: {}",
            answer.text()
        );
        assert!(!answer.header("cache-status").contains("stored"), "{name}");
        assert!(!answer.headers.contains_key("retry-after"), "{name}");
        assert!(!answer.text().contains(SECRET_KEY), "{name}");
        assert_eq!(script.calls(), 2, "{name}: it is not asked again by itself");

        let after = gateway.job(JOB).await;
        let told = (after.status.as_u16(), after.header("cache-status"));
        assert_eq!(
            told,
            (200, "jobgate; fwd=uri-miss; stored; ttl=30"),
            "{name}: nothing was stored"
        );
        let asked = script.asked();
        assert_eq!(asked.len(), 3, "{name}");
        assert!(
            next == Next::Any || asked[2].connection != asked[1].connection,
            "{name}: {asked:?}"
        );
        let log = gateway.end().await;
        assert!(!log.contains(SECRET_KEY), "{name}");
    }
}

fn head(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")
}

fn padded(bytes: usize) -> Vec<u8> {
    let mut body = DOCUMENTED.as_bytes().to_vec();
    body.resize(bytes, b' ');
    body
}

fn closing(body: &[u8]) -> Reply {
    Reply::new(
        [head("Connection: close").as_bytes(), body].concat(),
        Then::Close,
    )
}

fn broken_http() -> Vec<Case> {
    let length = DOCUMENTED.len();
    let longer = format!(
        "{}{DOCUMENTED}",
        head(&format!("Content-Length: {}", length + 1))
    );
    let chunk = |size: &str| {
        format!(
            "{}{size}\r\n{DOCUMENTED}\r\n",
            head("Transfer-Encoding: chunked")
        )
    };
    let good = format!("{}{DOCUMENTED}", head(&format!("Content-Length: {length}")));
    let bomb = format!("Content-Encoding: gzip\r\nContent-Length: {length}");
    let many = format!("{}Content-Length: {length}", "X-A: b\r\n".repeat(200));
    let wide = format!(
        "X-A: {}\r\nContent-Length: {length}",
        "b".repeat(256 * 1024)
    );
    let new = |name, bytes: String, then| Case(name, Reply::new(bytes, then), Next::New);
    vec![
        Case(
            "a body too long",
            Reply::with(200, "", padded(MIB + 1)),
            Next::New,
        ),
        Case(
            "a body too long without a length",
            closing(&padded(MIB + 1)),
            Next::New,
        ),
        new(
            "a length too long and no body",
            head("Content-Length: 99999999999"),
            Then::Hang,
        ),
        new("a body cut off", longer, Then::Close),
        new(
            "a chunk cut off",
            chunk(&format!("{:x}", length + 9)),
            Then::Close,
        ),
        new(
            "a last chunk that never comes",
            chunk(&format!("{length:x}")),
            Then::Close,
        ),
        new("a chunk size that is none", chunk("zz"), Then::Hang),
        new(
            "a chunk size beyond all numbers",
            chunk("ffffffffffffffffff"),
            Then::Hang,
        ),
        new(
            "a length that is none",
            head("Content-Length: many"),
            Then::Hang,
        ),
        new(
            "two lengths",
            head("Content-Length: 2\r\nContent-Length: 3") + "{}",
            Then::Hang,
        ),
        new("a compressed body", head(&bomb) + DOCUMENTED, Then::Keep),
        new(
            "another transfer coding",
            head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n",
            Then::Keep,
        ),
        new(
            "early hints before the answer",
            format!("HTTP/1.1 103 Early Hints\r\n\r\n{good}"),
            Then::Keep,
        ),
        new(
            "continue before the answer",
            format!("HTTP/1.1 100 Continue\r\n\r\n{good}"),
            Then::Keep,
        ),
        new(
            "another protocol",
            "HTTP/1.1 101 Up\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n".into(),
            Then::Hang,
        ),
        new("no HTTP", "SSH-2.0-server\r\n".into(), Then::Hang),
        new("half a status line", "HTTP/1.1 20".into(), Then::Close),
        new("200 header fields", head(&many) + DOCUMENTED, Then::Hang),
        new("a header of 256 KiB", head(&wide) + DOCUMENTED, Then::Hang),
    ]
}

fn broken_bodies() -> Vec<Case> {
    let success = |result: &str| format!("{{\"result\":{{{result}}},\"status\":\"success\"}}");
    let deep = success(&format!(
        "\"a\":{}{}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    ));
    let escaped: String = SECRET_KEY
        .bytes()
        .map(|byte| format!("\\u{byte:04x}"))
        .collect();
    let echo = |text: &str| success(&format!("\"id\":\"{JOB}\",\"source_code\":\"{text}\""));
    let any = |name, status, body: &str| Case(name, Reply::of(status, body), Next::Any);
    vec![
        any("nothing", 200, ""),
        any("white space", 200, " \r\n "),
        any("HTML", 200, "<html><body>Welcome</body></html>"),
        any("no UTF-8", 200, "")
            .saying(b"{\"result\":{\"job_name\":\"\xff\xfe\"},\"status\":\"success\"}"),
        any("a byte order mark", 200, &format!("\u{feff}{DOCUMENTED}")),
        any("two values", 200, &format!("{DOCUMENTED}{DOCUMENTED}")),
        any(
            "a value cut off",
            200,
            DOCUMENTED.trim_end_matches(['}', '\n']),
        ),
        any("nested 10 000 deep", 200, &deep),
        any(
            "a status said twice",
            200,
            r#"{"result":{"id":"x"},"status":"fail","status":"success"}"#,
        ),
        any(
            "a result said twice",
            200,
            r#"{"result":{"id":"x"},"result":{"id":"y"},"status":"success"}"#,
        ),
        any(
            "a number of 400 digits",
            200,
            &success(&format!("\"health_score\":{}", "9".repeat(400))),
        ),
        any("a list", 200, "[]"),
        any(
            "a result that is a list",
            200,
            r#"{"result":[],"status":"success"}"#,
        ),
        any("no result", 200, r#"{"status":"success"}"#),
        any("no status", 200, r#"{"result":{}}"#),
        any("no content", 206, DOCUMENTED),
        any("a status nobody knows", 299, DOCUMENTED),
        any("a status beyond all classes", 999, DOCUMENTED),
        any("the secret", 200, &echo(SECRET_KEY)),
        any("the secret, escaped", 200, &echo(&escaped)),
        any(
            "the secret in an error",
            400,
            &format!(r#"{{"error_code":"CB.1","error_msg":"bad {SECRET_KEY}"}}"#),
        ),
        Case(
            "the secret as a request id",
            Reply::with(200, &format!("X-Request-Id: {SECRET_KEY}\r\n"), DOCUMENTED),
            Next::Any,
        ),
    ]
}

impl Case {
    fn saying(self, body: &[u8]) -> Self {
        Self(self.0, Reply::with(200, "", body), self.2)
    }
}

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
    let right = gateway.job(&second).await;
    assert_eq!(
        right.header("cache-status"),
        "jobgate; fwd=uri-miss; stored; ttl=30"
    );
    assert!(right.text().contains(&second));
    assert_eq!(script.calls(), 4);
    gateway.end().await;
}
