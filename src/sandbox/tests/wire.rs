//! Faults of the wire, by the byte.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Double, act_id, ask, info, with_token};
use crate::clock::Clock;

/// How long a connection is watched for bytes that must not come.
const QUIET: Duration = Duration::from_millis(100);

/// What a client saw of an answer.
struct Seen {
    text: String,
    ended: Result<(), io::ErrorKind>,
}

impl Double {
    /// A connection on which this job has been asked for.
    async fn asked(&self, id: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: sandbox\r\nX-Auth-Token: jobgate-sandbox-token\r\n\r\n",
            info(id)
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Everything that comes until the connection ends.
    async fn seen(&self, id: &str) -> Seen {
        let mut bytes = Vec::new();
        let read = self.asked(id).await.read_to_end(&mut bytes).await;
        Seen {
            text: String::from_utf8(bytes).unwrap(),
            ended: read.map(drop).map_err(|error| error.kind()),
        }
    }
}

impl Seen {
    /// Head and body, if the head is whole.
    fn parts(&self) -> Option<(&str, &str)> {
        self.text.split_once("\r\n\r\n")
    }
}

/// The body's length as the head promises it.
#[track_caller]
fn promised(head: &str) -> usize {
    let (_, rest) = head.split_once("content-length: ").unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

#[track_caller]
fn id_in(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["result"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_answer_breaks_off_where_it_is_told_and_the_connection_is_closed_or_reset() {
    let double = Double::start(1_000).await;
    for (name, ended) in [
        ("faultcut", Ok(())),
        ("faultreset", Err(io::ErrorKind::ConnectionReset)),
    ] {
        let nothing = double.seen(&act_id(&format!("{name}start"))).await;
        assert_eq!(
            (nothing.text.as_str(), nothing.ended),
            ("", ended),
            "{name}"
        );

        let head = double.seen(&act_id(&format!("{name}head"))).await;
        assert!(
            head.text.starts_with("HTTP/1.1 200 OK\r\n"),
            "{name}: {}",
            head.text
        );
        assert_eq!((head.parts(), head.ended), (None, ended), "{name}");

        let body = double.seen(&act_id(&format!("{name}body"))).await;
        let (head, part) = body.parts().unwrap();
        assert_eq!(promised(head) / 2, part.len(), "{name}");
        assert!(part.starts_with("{\"result\":{"), "{name}: {part}");
        assert_eq!(body.ended, ended, "{name}");
    }
}

#[tokio::test]
async fn a_silent_connection_stays_open_until_the_client_closes_it() {
    let double = Double::start(1_000).await;
    for (at, has_head) in [("start", false), ("head", false), ("body", true)] {
        let mut stream = double.asked(&act_id(&format!("faultsilence{at}"))).await;
        let mut bytes = Vec::new();
        let ended = timeout(QUIET, stream.read_to_end(&mut bytes)).await;
        assert!(ended.is_err(), "{at}: it stays open");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.is_empty(), at == "start", "{text}");
        assert_eq!(text.contains("\r\n\r\n"), has_head, "{text}");
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "{at}");
    }
}

#[tokio::test]
async fn an_answer_drips_from_the_point_it_is_told() {
    let double = Double::start(1_000).await;
    let pause = Duration::from_millis(2);
    let clock = Clock::system();
    for (at, least_bytes) in [("start", 250), ("head", 200), ("body", 50)] {
        let rule = format!("do = {{ drip = {{ at = \"{at}\", pause = \"2ms\" }} }}");
        double.plays(&format!("[[rules]]\n{rule}"));
        let began = clock.now();
        let seen = double.seen(&act_id("missing")).await;
        let (head, body) = seen.parts().unwrap();
        assert!(head.starts_with("HTTP/1.1 422 "), "{head}");
        assert!(body.contains("DEVCB.00031006"), "{body}");
        assert_eq!((promised(head), seen.ended), (body.len(), Ok(())));
        let took = clock.now() - began;
        assert!(took >= pause * least_bytes, "{at}: {took:?}");
    }
}

#[tokio::test]
async fn a_late_answer_is_right_and_its_connection_is_kept() {
    let double = Double::start(1_000).await;
    let mut connection = double.connect().await;
    let clock = Clock::system();
    for _ in 0..2 {
        let began = clock.now();
        let id = act_id("faultdelay50ms");
        let answer = ask(&mut connection, with_token(http::Method::GET, &info(&id))).await;
        assert!(clock.now() - began >= Duration::from_millis(50));
        assert_eq!((answer.status, id_in(answer.text())), (200, id));
    }
    assert_eq!(double.sandbox.stats().connections, 1);
}

#[tokio::test]
async fn a_huge_body_has_its_size_and_is_a_job_all_the_same() {
    let double = Double::start(1_000).await;
    let id = act_id("faulthuge3mib");
    let seen = double.seen(&id).await;
    let (head, body) = seen.parts().unwrap();
    assert_eq!((promised(head), body.len()), (3 << 20, 3 << 20));
    assert_eq!(id_in(body), id);
    let small = double.seen(&act_id("faulthuge1b")).await;
    let (head, body) = small.parts().unwrap();
    assert_eq!(promised(head), body.len(), "never less than the job");
}

#[tokio::test]
async fn an_interim_answer_comes_before_the_right_one() {
    let double = Double::start(1_000).await;
    let id = act_id("faultinterim");
    let seen = double.seen(&id).await;
    let (interim, rest) = seen.parts().unwrap();
    assert_eq!(interim, "HTTP/1.1 103 Early Hints");
    let (head, body) = rest.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("connection: close"));
    assert_eq!((promised(head), id_in(body)), (body.len(), id));
}

#[tokio::test]
async fn a_second_answer_is_about_another_job_and_the_connection_stays_open() {
    let double = Double::start(1_000).await;
    let id = act_id("faulttwice");
    let mut bytes = Vec::new();
    let mut stream = double.asked(&id).await;
    let ended = timeout(QUIET, stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_err(), "it stays open");
    let text = String::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap();
    let (first, second) = rest.split_at(promised(head));
    assert_eq!(id_in(first), id);
    let (head, body) = second.split_once("\r\n\r\n").unwrap();
    assert_eq!(promised(head), body.len());
    assert_eq!(id_in(body), "f5af662119404ad187437cd272b5099b");
}

#[tokio::test]
async fn another_protocol_is_one_line() {
    let double = Double::start(1_000).await;
    let seen = double.seen(&act_id("faultnothttp")).await;
    assert_eq!(
        (seen.text.as_str(), seen.ended),
        ("SSH-2.0-sandbox\r\n", Ok(()))
    );
}

#[tokio::test]
async fn stopping_breaks_off_every_fault_under_way() {
    for id in ["faultdelay1h", "faultdripstart1h", "faultsilencebody"] {
        let double = Double::start(1_000).await;
        let mut stream = double.asked(&act_id(id)).await;
        let met = async {
            while double.sandbox.stats().acts == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), met).await.unwrap();
        double.stop.cancel();
        double.tasks.close();
        double.tasks.wait().await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}
