//! What upstream might say instead of a job, and what becomes of it.

use std::time::Duration;

use crate::raw::{Reply, Script, Then};
use crate::support::{DOCUMENTED, FIRST_REST, JOB, SECRET_KEY, in_front_of, nth_job};

pub(super) const MIB: usize = 1024 * 1024;

/// What upstream says, and whether the next call must go out on another connection.
pub(super) struct Case(&'static str, Reply, Next);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The HTTP was in order, only the body was not.
    Any,
    /// HTTP itself was broken.
    New,
}

impl Case {
    pub(super) async fn play(self) {
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
        let resting = gateway.job(JOB).await;
        assert_eq!(
            resting.code(),
            "JG.5024",
            "{name}: the same, without a call"
        );
        assert_eq!(script.calls(), 2, "{name}: it is not asked again by itself");

        gateway.clock.advance(FIRST_REST);
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

pub(super) fn head(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")
}

pub(super) fn padded(bytes: usize) -> Vec<u8> {
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

pub(super) fn broken_http() -> Vec<Case> {
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

pub(super) fn broken_bodies() -> Vec<Case> {
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
