//! `jobgate check --live` at a terminal, before the sandbox.

use std::fs;

use regex::Regex;

use super::{SANDBOX_SECRET, Serving, here, jobgate, run};

const ACCESS_KEY: &str = "JOBGATESANDBOXACCESS";

fn configuration(endpoint: &str) -> String {
    format!(
        "auth.mode = \"open\"\n[upstream]\nendpoint = \"{endpoint}\"\n[upstream.credential]\nkind = \"aksk\"\n\
         access_key_env = \"THE_AK\"\nsecret_key_env = \"THE_SK\"\n"
    )
}

/// Without what differs from run to run.
fn settled(out: &str) -> String {
    let mut text = out.to_owned();
    for (changing, settled) in [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"in \d+ms", "in Nms"),
        (r"request id \w+", "request id ID"),
        (r"sees \d+ jobs", "sees N jobs"),
    ] {
        let changing = Regex::new(changing).unwrap();
        text = changing.replace_all(&text, settled).into_owned();
    }
    text
}

#[test]
fn check_live_says_a_line_for_each_step() {
    let dir = here();
    let sandbox = Serving::start(&dir, &["sandbox", "--listen", "127.0.0.1:0"]);
    let url = sandbox.tells_url("sandbox: ");
    fs::write(dir.path().join("gateway.toml"), configuration(&url)).unwrap();
    let check = |args: &[&str], secret_key: &str| {
        let mut command = jobgate(&dir, args);
        run(command.env("THE_AK", ACCESS_KEY).env("THE_SK", secret_key))
    };
    let (code, out, err) = check(&["check", "--live"], SANDBOX_SECRET);
    assert_eq!((code, &*err), (0, ""), "{out}");
    let (summary, steps) = out.split_once("trying upstream").unwrap();
    assert!(summary.contains("gateway.toml is good"), "{summary}");
    insta::assert_snapshot!(settled(steps));

    let wrong = format!("{SANDBOX_SECRET}?");
    let (code, out, err) = check(&["check", "--live"], &wrong);
    assert_eq!(code, 1, "{out}");
    assert_eq!(
        err,
        "jobgate: upstream cannot be used as configured: the last step above says why\n"
    );
    assert!(
        out.contains("  FAILED   job         401 APIGW.0301"),
        "{out}"
    );
    assert!(
        out.contains("-> Put in the secret key that was issued with this access key"),
        "{out}"
    );
    assert!(
        !out.contains(SANDBOX_SECRET) && !out.contains(ACCESS_KEY),
        "{out}"
    );
    assert_eq!(sandbox.terminate().0, Some(0));
}

#[test]
fn check_live_asks_for_the_job_that_is_named_and_for_none_without_live() {
    let dir = here();
    for (args, told) in [
        (
            &["check", "--job", "901878212b1a49be9c1a1054c272762a"][..],
            "--live",
        ),
        (
            &["check", "--live", "--job", "short"],
            "32 letters and digits",
        ),
    ] {
        let (code, out, err) = run(&mut jobgate(&dir, args));
        assert_eq!((code, &*out), (2, ""), "{args:?}");
        assert!(err.contains(told), "{told}: {err}");
    }
}
