//! The program itself, as an operator runs it: a file, secrets in the environment, a signal at the end.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{BOT_SECRET, PASSWORD, SECURITY_TOKEN, TOKEN};
use crate::clients::{KEY, OTHER_KEY};
use crate::raw::{Script, Wire};
use crate::support::{ACCESS_KEY, PATIENCE, SECRET_KEY, nth_job};

/// The program, running.
pub(super) struct Program {
    child: Child,
    listen: String,
    admin: String,
    output: Vec<JoinHandle<String>>,
    /// Everything it answered.
    answers: String,
}

impl Program {
    pub(super) fn start(script: &Script, credential: &str) -> Self {
        let (_folder, mut serve) = command(&["serve"], script, credential);
        let mut child = serve
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

    pub(super) async fn ask(&mut self, path: &str, fields: &str) -> u16 {
        let addr = self.listen.clone();
        self.send(&addr, path, fields).await
    }

    pub(super) async fn job(&mut self, n: usize) -> u16 {
        let path = format!("/v1/job/{}/info", nth_job(n));
        self.ask(&path, &format!("X-Api-Key: {KEY}\r\n")).await
    }

    pub(super) async fn send(&mut self, addr: &str, path: &str, fields: &str) -> u16 {
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
    pub(super) async fn inspect(&mut self) {
        let admin = self.admin.clone();
        let job = format!("/api/entries/{}", nth_job(0));
        for path in [
            "/metrics",
            "/readyz",
            "/healthz",
            "/api/stats",
            "/api/entries",
            &job,
            "/",
        ] {
            self.send(&admin, path, "").await;
        }
        for path in ["/-/usage", "/-/healthz", "/v3/projects"] {
            self.ask(path, &format!("X-Api-Key: {KEY}\r\n")).await;
        }
    }

    /// What it may take of the system, as the system sees it.
    #[cfg(target_os = "linux")]
    pub(super) fn limits(&self) -> String {
        let limits = format!("/proc/{}/limits", self.child.id());
        std::fs::read_to_string(limits).expect("it runs")
    }

    /// Ends it by a signal, and gives its log and everything that it wrote or answered.
    pub(super) fn end(mut self) -> (String, String) {
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

/// The whole of what `jobgate check --live` writes, which tries upstream and ends.
pub(super) fn check_live(script: &Script, credential: &str) -> String {
    let (_folder, mut check) = command(&["check", "--live"], script, credential);
    let output = check.output().expect("it runs");
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
        .concat()
}

/// The binary in front of this upstream, with every secret in its environment; its file is gone with the folder.
fn command(args: &[&str], script: &Script, credential: &str) -> (TempDir, Command) {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("gateway.toml");
    let endpoint = script.url();
    let keys = [KEY, OTHER_KEY].map(|key| hex::encode(Sha256::digest(key)));
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"trace\"\n\
         [upstream]\nendpoint = \"{endpoint}\"\ntimeout = \"300ms\"\nconnect_timeout = \"300ms\"\n\
         [upstream.credential]\n{credential}\n[budget]\nmode = \"ttl\"\nrequests = 10000\n\
         [[clients]]\nname = \"wallboard\"\nkey_sha256 = [\"{}\"]\n\
         [[clients]]\nname = \"bot\"\nkey_sha256 = [\"{}\"]\nsecret_env = \"TEST_BOT\"\n",
        keys[0], keys[1],
    );
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
    command
        .args(args)
        .arg("--config")
        .arg(&config)
        .env_clear()
        .envs([
            ("TEST_AK", ACCESS_KEY),
            ("TEST_SK", SECRET_KEY),
            ("TEST_SECURITY", SECURITY_TOKEN),
            ("TEST_TOKEN", TOKEN),
            ("TEST_PASSWORD", PASSWORD),
            ("TEST_BOT", BOT_SECRET),
        ])
        .env("RUST_LOG", "trace"); // dependencies stay quiet whatever the environment says
    (folder, command)
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
