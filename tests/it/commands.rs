//! The real binary, as somebody at a terminal meets it.

mod admin;
mod check;
mod live;
mod replay;
mod scenario;
mod usage;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::PATIENCE;

const BINARY: &str = env!("CARGO_BIN_EXE_jobgate");

/// What the sandbox' credential must not be found in.
const SANDBOX_SECRET: &str = "jobgate-sandbox-secret-key-opens-nothing";

/// The binary in a directory of its own, with nothing of this process' environment but any free ports.
fn jobgate(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(args)
        .current_dir(dir.path())
        .env_clear()
        .env("JOBGATE_SERVER__LISTEN", "127.0.0.1:0")
        .env("JOBGATE_ADMIN__LISTEN", "127.0.0.1:0");
    command
}

/// Exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = status.code().expect("ended by itself");
    (code, text(stdout), text(stderr))
}

fn here() -> TempDir {
    TempDir::new().unwrap()
}

/// A command that serves until it is told to end; killed if a test fails.
struct Serving {
    child: Child,
    said: Receiver<String>,
    log: std::path::PathBuf,
}

// === impl Serving ===

impl Serving {
    fn start(dir: &TempDir, args: &[&str]) -> Self {
        let log = dir.path().join("log");
        let mut child = jobgate(dir, args)
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = say.send(line); // the test may have ended
            }
        });
        Self { child, said, log }
    }

    /// The next line on standard error that contains this.
    #[track_caller]
    fn says(&self, what: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).expect("it says so");
            if line.contains(what) {
                return line;
            }
        }
    }

    /// The URL in the next line that contains this.
    #[track_caller]
    fn tells_url(&self, what: &str) -> String {
        let line = self.says(what);
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        url.expect("a URL").to_owned()
    }

    /// Asks it to end, and gives exit code and log.
    fn terminate(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), fs::read_to_string(&self.log).unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill(); // mostly it has ended already
        let _ = self.child.wait();
    }
}

/// `GET`s a URL with more header lines; the answer as it came.
fn get(url: &str, headers: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_first_command_serves_names_its_addresses_and_drains_on_sigterm() {
    let dir = here();
    let serving = Serving::start(&dir, &["serve", "--sandbox"]);
    let clients = serving.tells_url("  clients ");
    let admin = serving.tells_url("  admin ");
    serving.says("(the built-in sandbox)");
    let (first, second) = (
        serving.tells_url("curl http"),
        serving.tells_url("curl -i http"),
    );
    assert!(first.starts_with(&clients) && second.starts_with(&clients));

    let answer = get(&first, "");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("fwd=uri-miss"),
        "{answer}"
    );
    assert!(
        answer.contains(r#""create_time":1717574458000"#),
        "{answer}"
    );
    let again = get(&second, "");
    assert!(
        again.starts_with("HTTP/1.1 200 OK") && again.contains("jobgate; hit"),
        "{again}"
    );
    assert!(get(&format!("{admin}/readyz"), "").starts_with("HTTP/1.1 200 OK"));

    let (code, log) = serving.terminate();
    assert_eq!(code, Some(0));
    for told in [r#""serving""#, r#""outcome":"hit""#, r#""drained""#] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
    assert!(!log.contains(SANDBOX_SECRET));
}

/// Nobody can have spent anything there before.
#[test]
fn the_built_in_sandbox_answers_a_budget_of_first_asks_at_once() {
    let dir = here();
    let serving = Serving::start(&dir, &["serve", "--sandbox"]);
    let clients = serving.tells_url("  clients ");
    let status = |job: usize| {
        let answer = get(&format!("{clients}/v1/job/{job:032}/info"), "");
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert!((0..50).all(|job| status(job) == "200"));
    assert_eq!(status(50), "429");
    assert_eq!(serving.terminate().0, Some(0));
}

#[test]
fn a_new_key_opens_the_gateway_once_its_lines_are_pasted_and_nothing_else_does() {
    let dir = here();
    let (code, pasted, _) = run(&mut jobgate(&dir, &["key", "new", "wall-board.1"]));
    assert_eq!(code, 0);
    let key = pasted
        .lines()
        .find(|line| line.starts_with("jgk_"))
        .unwrap();
    assert_eq!(key.len(), 4 + 64, "256 bits");
    let lines = &pasted[pasted.find("[[clients]]").unwrap()..];
    assert!(lines.contains(&hex::encode(Sha256::digest(key))));
    assert!(!lines.contains(key));
    let (_, other, _) = run(&mut jobgate(&dir, &["key", "new", "wall-board.1"]));
    assert!(!other.contains(key), "each is another");

    fs::write(dir.path().join("gateway.toml"), lines).unwrap();
    let serving = Serving::start(&dir, &["serve", "--sandbox", "--config", "gateway.toml"]);
    serving.says("clients with a key: wall-board.1");
    let url = serving.says("curl -H 'X-Api-Key: YOUR-KEY' http");
    let url = url.split_whitespace().last().unwrap();
    for (headers, status, code) in [
        (format!("X-Api-Key: {key}\r\n"), "HTTP/1.1 200", "success"),
        (format!("X-Api-Key: {key}0\r\n"), "HTTP/1.1 401", "JG.4011"),
        (String::new(), "HTTP/1.1 401", "JG.4011"),
    ] {
        let answer = get(url, &headers);
        assert!(
            answer.starts_with(status) && answer.contains(code),
            "{answer}"
        );
    }
    let (code, log) = serving.terminate();
    assert_eq!(code, Some(0));
    assert!(!log.contains(key));
}

#[test]
fn the_sandbox_alone_answers_who_has_its_credential_and_ends_on_sigterm() {
    let dir = here();
    let serving = Serving::start(&dir, &["sandbox", "--listen", "127.0.0.1:0"]);
    let url = serving.tells_url("sandbox: ");
    assert!(get(&url, "").contains("successnormalised000000000000000  200"));
    let job = format!("{url}/v1/job/{}/info", crate::support::JOB);
    let token = "x-auth-token: jobgate-sandbox-token\r\n";
    assert!(get(&job, token).starts_with("HTTP/1.1 200 OK"));
    assert!(get(&job, "").starts_with("HTTP/1.1 401"));
    assert_eq!(serving.terminate().0, Some(0));
}
