//! The program itself, at log level `trace`, through successes and every kind of failure: nothing it writes or answers
//! shows a credential or a client's key, in whatever dress.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use jobgate::credential::Credential;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::clients::{KEY, OTHER_KEY};
use crate::raw::{Reply, Script, Then, Wire, field};
use crate::support::{ACCESS_KEY, DOCUMENTED, JOB, PATIENCE, SECRET_KEY, nth_job};

const TOKEN: &str = "MIIF-token-test-0123456789abcdef+/0123456789abcdef==";
/// What a client may present by mistake: a key of somewhere else, and a cloud token too long to be ours.
const WRONG_KEY: &str = "jg_00000000000000000000000000000bad";

/// The program, running.
struct Program {
    child: Child,
    listen: String,
    admin: String,
    output: Vec<JoinHandle<String>>,
    /// Everything it answered.
    answers: String,
}

impl Program {
    fn start(script: &Script, credential: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("gateway.toml");
        let endpoint = script.url();
        let keys = [KEY, OTHER_KEY].map(|key| hex::encode(Sha256::digest(key)));
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"trace\"\n\
             [upstream]\nendpoint = \"{endpoint}\"\ntimeout = \"300ms\"\nconnect_timeout = \"300ms\"\n\
             [upstream.credential]\n{credential}\n[budget]\nrequests = 10000\n\
             [[clients]]\nname = \"wallboard\"\nkey_sha256 = [\"{}\"]\n\
             [[clients]]\nname = \"bot\"\nkey_sha256 = [\"{}\"]\n",
            keys[0], keys[1],
        );
        std::fs::write(&config, text).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_jobgate"))
            .args(["serve", "--config"])
            .arg(&config)
            .env_clear()
            .envs([
                ("TEST_AK", ACCESS_KEY),
                ("TEST_SK", SECRET_KEY),
                ("TEST_TOKEN", TOKEN),
            ])
            .env("RUST_LOG", "trace") // dependencies stay quiet whatever the environment says
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (log, told) = (
            child.stdout.take().expect("piped"),
            child.stderr.take().expect("piped"),
        );
        let (sender, serving) = mpsc::channel();
        let output = vec![
            std::thread::spawn(move || read_log(log, &sender)),
            std::thread::spawn(move || std::io::read_to_string(told).expect("UTF-8")),
        ];
        let serving: Value = serving.recv_timeout(PATIENCE).expect("it serves");
        let address = |name: &str| serving[name].as_str().expect("an address").to_owned();
        Self {
            listen: address("listen"),
            admin: address("admin"),
            child,
            output,
            answers: String::new(),
        }
    }

    async fn ask(&mut self, path: &str, fields: &str) -> u16 {
        let addr = self.listen.clone();
        self.send(&addr, path, fields).await
    }

    async fn job(&mut self, n: usize) -> u16 {
        let path = format!("/v1/job/{}/info", nth_job(n));
        self.ask(&path, &format!("X-Api-Key: {KEY}\r\n")).await
    }

    async fn send(&mut self, addr: &str, path: &str, fields: &str) -> u16 {
        let mut wire = Wire::open(addr.parse().expect("an address")).await;
        wire.write(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n"
        ))
        .await;
        let answer = wire.rest().await;
        self.answers += &answer;
        answer
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .expect("a status line")
    }

    /// The operator looks at everything there is.
    async fn inspect(&mut self) {
        let admin = self.admin.clone();
        for path in ["/metrics", "/readyz", "/healthz", "/api/entries", "/"] {
            self.send(&admin, path, "").await;
        }
    }

    /// Ends it by a signal, and gives its log and everything that it wrote or answered.
    fn end(mut self) -> (String, String) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.expect("an id"), rustix::process::Signal::TERM)
            .expect("it runs");
        assert!(self.child.wait().expect("it ends").success());
        let mut output = self
            .output
            .drain(..)
            .map(|thread| thread.join().expect("it reads"));
        let (log, told) = (
            output.next().expect("the log"),
            output.next().expect("the rest"),
        );
        drop(output);
        let everything = format!("{log}{told}{}", self.answers);
        (log, everything)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it has ended already, unless the test failed
    }
}

/// Reads the log to its end; the line that says "serving" names the addresses.
fn read_log(log: impl Read, serving: &mpsc::Sender<Value>) -> String {
    let mut all = String::new();
    for line in BufReader::new(log).lines() {
        let line = line.expect("UTF-8");
        let fields: Value = serde_json::from_str(&line).expect("every line is JSON");
        if fields["message"] == "serving" {
            let _ = serving.send(fields); // the test may have given up
        }
        all = all + &line + "\n";
    }
    all
}

/// What upstream says, one thing after the other: first a success, so that the credential is proven.
fn replies(last: Reply) -> Vec<Reply> {
    let error = |status, text: &str| {
        Reply::of(
            status,
            &format!(r#"{{"error_code":"CB.00060200","error_msg":"{text}"}}"#),
        )
    };
    let mut replies = vec![Reply::of(200, DOCUMENTED)];
    for secret in [SECRET_KEY, TOKEN] {
        let escaped: String = secret
            .bytes()
            .map(|byte| format!("\\u{byte:04x}"))
            .collect();
        let job = DOCUMENTED.replace("jobname", secret);
        replies.extend([
            error(400, secret),
            error(500, &escaped),
            Reply::of(200, &job),
            Reply::of(200, &DOCUMENTED.replace("jobname", &escaped)),
            Reply::with(422, &format!("X-Request-Id: {secret}\r\n"), "{}"),
            Reply::with(
                302,
                &format!("Location: https://elsewhere.example/{secret}\r\n"),
                "",
            ),
            Reply::with(200, &format!("Content-Encoding: {secret}\r\n"), "{}"),
            Reply::new(
                format!("HTTP/1.1 200 {secret}\r\nContent-Length: 9\r\n\r\n{{"),
                Then::Close,
            ),
            Reply::new(format!("{secret}\r\n\r\n"), Then::Close),
        ]);
    }
    replies.extend([
        error(400, &format!("ak {ACCESS_KEY} not exist")),
        error(
            422,
            &format!("Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, Signature=00"),
        ),
        Reply::of(200, "<html>"),
        Reply::new("", Then::Hang),
        last,
    ]);
    replies
}

/// Everything that clients and upstream can do; gives what must not be found, and what was written.
async fn live(credential: &str, last: Reply) -> (Vec<String>, String) {
    let replies = replies(last);
    let calls = replies.len();
    let script = Script::answering(replies).await;
    let mut program = Program::start(&script, credential);
    let mut served = Vec::new();
    for n in 0..calls {
        served.push(program.job(n).await);
    }
    // an error echoing the token is no secret's under a signing key and the other way round; all of them are asked
    assert_eq!((served[0], script.calls()), (200, calls), "{served:?}");
    assert!(served.contains(&502) && served.contains(&504), "{served:?}");
    assert_eq!(
        program.job(calls).await,
        if served[calls - 1] == 429 { 429 } else { 503 }
    );
    assert_eq!(script.calls(), calls, "a hold");

    let path = format!("/v1/job/{JOB}/info");
    let token = "M".repeat(600) + TOKEN;
    for fields in [
        String::new(),
        format!("X-Api-Key: {WRONG_KEY}\r\n"),
        format!("X-Auth-Token: {token}\r\n"),
        format!("X-Auth-Token: {TOKEN}\r\n"),
        format!("Authorization: Bearer {SECRET_KEY}\r\n"),
        format!(
            "Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host, Signature=00\r\n"
        ),
        format!("X-Api-Key: {KEY}\r\nX-Api-Key: {OTHER_KEY}\r\n"),
    ] {
        assert_eq!(program.ask(&path, &fields).await, 401, "{fields}");
    }
    let query = format!("/nothing?key={KEY}&token={TOKEN}");
    assert_eq!(
        program
            .ask(&query, &format!("Cookie: {SECRET_KEY}\r\n"))
            .await,
        404
    );
    assert_eq!(
        program
            .ask(
                &format!("/v1/job/bad/info?{KEY}"),
                &format!("X-Api-Key: {OTHER_KEY}\r\n")
            )
            .await,
        400
    );
    program.inspect().await;

    let (log, everything) = program.end();
    assert!(
        log.contains(r#""level":"DEBUG""#),
        "the level is below info:\n{log}"
    );
    for shown in [
        "wallboard",
        "fetch failed",
        "jobgate_requests_total",
        "JG.5024",
        "budget",
    ] {
        assert!(everything.contains(shown), "{shown} should be found");
    }
    (needles(&script), everything)
}

/// The secrets as they are, and the signatures and tokens as they were sent.
fn needles(script: &Script) -> Vec<String> {
    let mut needles = [SECRET_KEY, ACCESS_KEY, TOKEN, KEY, OTHER_KEY, WRONG_KEY]
        .map(str::to_owned)
        .to_vec();
    for asked in script.asked() {
        let sent = ["authorization", "x-auth-token"].map(|name| field(&asked.head, name));
        let sent = sent
            .into_iter()
            .flatten()
            .last()
            .expect("every call is authorised");
        let secret = sent
            .rsplit_once("Signature=")
            .map_or(sent, |(_, signature)| signature);
        needles.push(secret.to_owned());
    }
    needles
}

/// A text in every dress it might be written in: plain, JSON-escaped, hexadecimal, base64 wherever it begins.
fn dresses(secret: &str) -> Vec<String> {
    let hex = hex::encode(secret);
    let mut dresses = vec![secret.to_owned(), hex.to_uppercase(), hex];
    dresses.push(
        secret
            .bytes()
            .map(|byte| format!("\\u{byte:04x}"))
            .collect(),
    );
    dresses.extend((0..3).map(|offset| base64_at(offset, secret)));
    dresses
}

/// The base64 digits that depend on `text` alone when it stands `offset` bytes behind a multiple of three.
fn base64_at(offset: usize, text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = std::iter::repeat_n(0, offset).chain(text.bytes());
    let bits: Vec<u8> = bytes
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let sextets = bits
        .chunks_exact(6)
        .map(|six| six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)));
    let digits: String = sextets.map(|sextet| char::from(DIGITS[sextet])).collect();
    digits.chars().skip((offset * 8).div_ceil(6)).collect()
}

fn assert_hidden(needles: &[String], everything: &str) {
    for needle in needles {
        assert!(needle.len() >= 16, "{needle} would be found by chance");
        for dress in dresses(needle) {
            let found = everything.lines().find(|line| line.contains(&dress));
            assert_eq!(found, None, "{needle} as {dress}");
        }
    }
}

#[tokio::test]
async fn nothing_ever_shows_the_signing_keys_a_signature_or_a_clients_key() {
    let credential = "kind = \"aksk\"\naccess_key_env = \"TEST_AK\"\nsecret_key_env = \"TEST_SK\"";
    let refused = format!("Incorrect IAM authentication information: ak {ACCESS_KEY} not exist");
    let last = Reply::of(
        401,
        &format!(r#"{{"error_code":"APIGW.0301","error_msg":"{refused}"}}"#),
    );
    let (mut needles, everything) = live(credential, last).await;
    needles.retain(|needle| needle != TOKEN); // here it is any text of upstream's, and no secret
    assert_hidden(&needles, &everything);
}

#[tokio::test]
async fn nothing_ever_shows_the_token_or_a_clients_key() {
    let last = Reply::of(
        429,
        r#"{"error_code":"APIGW.0308","error_msg":"over ratelimit,limit:1,time:1 hour"}"#,
    );
    let (mut needles, everything) =
        live("kind = \"token\"\ntoken_env = \"TEST_TOKEN\"", last).await;
    needles.retain(|needle| needle != SECRET_KEY); // here it is any text of upstream's, and no secret
    assert_hidden(&needles, &everything);
}

#[test]
fn a_credential_that_is_refused_at_the_start_is_not_shown_either() {
    for bad in [
        "short-secret",
        "blank in-the-middle-of-it",
        "line-feed-at-its-very-end\n",
        "ümläut-öf-16-bytes",
    ] {
        let faults = [
            Credential::from_keys(ACCESS_KEY, bad),
            Credential::from_token(bad),
        ];
        for fault in faults.map(|refused| refused.err().expect("refused")) {
            let told = format!("{fault:?} {fault}");
            assert!(!told.contains(bad.trim()), "{told}");
        }
    }
}

/// The search itself: it finds what is there.
#[test]
fn every_dress_is_found() {
    assert_eq!(base64_at(0, "Man"), "TWFu");
    assert_eq!(base64_at(1, "an"), "Fu"); // the first digit's bits are shared with what stands before
    assert!("TWFu".contains(&base64_at(1, "an")) && "TWFu".contains(&base64_at(2, "n")));
    assert_eq!(dresses("k")[..4], ["k", "6B", "6b", "\\u006b"]);
    let found = std::panic::catch_unwind(|| {
        assert_hidden(
            &["0123456789abcdef".into()],
            "x30313233343536373839616263646566",
        )
    });
    assert!(found.is_err());
}
