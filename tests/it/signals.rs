//! What signals do to the real program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::PATIENCE;

/// `jobgate serve --sandbox`, killed when a test fails.
struct Program(Child);

// === impl Program ===

impl Program {
    fn start() -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_jobgate"))
            .args(["serve", "--sandbox"])
            .env("JOBGATE_SERVER__LISTEN", "127.0.0.1:0")
            .env("JOBGATE_ADMIN__LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program starts"))
    }

    /// Its log, line by line as it comes.
    fn log(&mut self) -> Receiver<String> {
        let (lines, log) = mpsc::channel();
        let out = BufReader::new(self.0.stdout.take().expect("piped"));
        thread::spawn(move || {
            let lines_of_text = out.lines().map_while(Result::ok);
            lines_of_text
                .take_while(|line| lines.send(line.clone()).is_ok())
                .count()
        });
        log
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("the program lives");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill(); // mostly it has ended by itself
        let _ = self.0.wait();
    }
}

/// The next line that says `what`.
#[track_caller]
fn await_line(log: &Receiver<String>, what: &str) {
    let mut said = std::iter::from_fn(|| log.recv_timeout(PATIENCE).ok());
    assert!(
        said.any(|line| line.contains(what)),
        "the log never says {what:?}"
    );
}

#[test]
fn sighup_ends_nothing_and_sigterm_drains() {
    let mut program = Program::start();
    let log = program.log();
    await_line(&log, r#""message":"serving""#);
    program.signal(Signal::HUP);
    await_line(&log, "SIGHUP changes nothing");
    program.signal(Signal::TERM);
    await_line(&log, r#""message":"drained""#);
    let status = program.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}
