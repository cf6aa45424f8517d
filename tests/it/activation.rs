//! A listening socket handed over by the service manager.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

/// Hands its standard input over as systemd does: as descriptor 3, named by two variables.
const HAND_OVER: &str =
    "exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" serve --sandbox";

/// `jobgate serve --sandbox` with `socket`, which stays open here too.
fn start_with(socket: &TcpListener) -> Child {
    let socket: OwnedFd = socket.try_clone().expect("a descriptor").into();
    Command::new("/bin/sh")
        .args(["-c", HAND_OVER, env!("CARGO_BIN_EXE_jobgate")])
        .env("JOBGATE_ADMIN__LISTEN", "")
        .stdin(socket)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

#[test]
fn an_inherited_socket_is_served_in_place_of_server_listen() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = socket.local_addr().expect("bound");
    let mut program = start_with(&socket);
    let mut banner = BufReader::new(program.stderr.take().expect("piped")).lines();
    let named = format!("http://{addr}");
    let is_named = banner.any(|line| line.is_ok_and(|line| line.ends_with(&named)));
    let mut answer = String::new();
    if is_named {
        let mut stream = TcpStream::connect(addr).expect("accepted");
        let request = "GET /-/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_string(&mut answer).expect("answered");
    }
    program.kill().expect("it lives");
    program.wait().expect("it ends");
    assert!(is_named, "the banner names {addr}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn an_inherited_socket_does_not_reach_further_than_server_listen() {
    let socket = TcpListener::bind("0.0.0.0:0").expect("a port");
    let ended = start_with(&socket).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("is reached from other machines"), "{said}");
}
