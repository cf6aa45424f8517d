//! What a person is told who asks for help, or for something that cannot be done.

use std::net::TcpListener;

use super::{here, jobgate, run};

#[test]
fn a_wrong_command_line_ends_with_2_and_says_what_is_right() {
    let dir = here();
    for (args, told) in [
        (&[][..], "Usage: jobgate"),
        (&["sevre"], "serve"),
        (&["serve", "--sandbix"], "--sandbox"),
        (&["sandbox", "--listen", "nowhere"], "--listen"),
        (&["key"], "Usage: jobgate key"),
        (&["key", "new"], "<NAME>"),
        (&["key", "new", "no spaces"], "no client name"),
        (&["key", "new", ""], "no client name"),
        (&["explain"], "<JOB_ID>"),
        (&["explain", "bad"], "32 letters and digits"),
        (&["invalidate"], "<JOB_ID"),
        (
            &["invalidate", "--all", "901878212b1a49be9c1a1054c272762a"],
            "cannot be used with",
        ),
        (
            &["stats", "--admin", "https://127.0.0.1:9090"],
            "speaks plain HTTP; write http://",
        ),
        (
            &["stats", "--admin", "ftp://127.0.0.1:9090"],
            "such as http://127.0.0.1:9090",
        ),
        (&["stats", "--admin", "127.0.0.1:9090/api"], "--admin"),
        (&["stats", "--config", "absent.toml"], "absent.toml"),
        (
            &["stats", "--config", "absent.toml", "--admin", "http://h"],
            "absent.toml",
        ),
    ] {
        let (code, out, err) = run(&mut jobgate(&dir, args));
        assert_eq!((code, &*out), (2, ""), "{args:?}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
}

#[test]
fn help_goes_to_standard_output_and_names_every_command() {
    let dir = here();
    let (code, out, err) = run(&mut jobgate(&dir, &["--help"]));
    assert_eq!((code, &*err), (0, ""));
    for told in [
        "serve",
        "check",
        "sandbox",
        "key",
        "stats",
        "explain",
        "invalidate",
        "replay",
        "jobgate serve --sandbox",
        "Exit codes: 0 done",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    let (code, out, _) = run(&mut jobgate(&dir, &["sandbox", "--help"]));
    // the longest row, not folded
    let row = "f5af662119404ad187437cd272b5099b  200  the success example of the API document; create_time is a string\n";
    assert!(code == 0 && out.contains(row), "{out}");
    let (code, out, _) = run(&mut jobgate(&dir, &["--version"]));
    assert_eq!(
        (code, &*out),
        (0, concat!("jobgate ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn a_port_in_use_is_told_by_address_and_key_and_ends_with_1() {
    let dir = here();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (variable, key) in [
        ("JOBGATE_SERVER__LISTEN", "server.listen"),
        ("JOBGATE_ADMIN__LISTEN", "admin.listen"),
    ] {
        let (code, _, err) = run(jobgate(&dir, &["serve", "--sandbox"]).env(variable, &addr));
        assert_eq!(code, 1, "{err}");
        assert!(
            err.contains(&addr) && err.contains(key) && err.contains("in use"),
            "{err}"
        );
        assert!(!err.contains("jobgate serves"), "{err}");
    }
    let (code, _, err) = run(&mut jobgate(&dir, &["sandbox", "--listen", &addr]));
    assert!(
        code == 1 && err.contains(&addr) && err.contains("in use"),
        "{err}"
    );
}
