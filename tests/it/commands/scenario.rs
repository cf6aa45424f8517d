//! `--scenario`: what is done with the file, and what is said of one that is wrong.

use std::fs;

use super::{Serving, get, here, jobgate, run};

const TOKEN: &str = "x-auth-token: jobgate-sandbox-token\r\n";

#[test]
fn a_scenario_that_is_wrong_ends_with_2_and_all_its_faults() {
    let dir = here();
    let text = "speed = 0\n[[rules]]\ndo = \"cut\"\nevry = 2\n";
    fs::write(dir.path().join("wrong.toml"), text).unwrap();
    for args in [
        &["sandbox", "--scenario", "wrong.toml"][..],
        &["serve", "--sandbox", "--scenario", "wrong.toml"],
    ] {
        let (code, out, err) = run(&mut jobgate(&dir, args));
        assert_eq!((code, &*out), (2, ""), "{args:?}: {err}");
        let lines: Vec<_> = err.lines().collect();
        assert_eq!(lines.len(), 4, "{err}");
        assert_eq!(lines[0], "jobgate: the scenario is wrong");
        assert_eq!(lines[1], "wrong.toml:1: speed = 0: must be from 1 to 100");
        assert!(lines[2].starts_with("wrong.toml:3: rules[0].do = \"cut\": "));
        assert!(lines[2].ends_with("write for example do = { cut = \"body\" }"));
        assert!(lines[3].starts_with("wrong.toml:4: rules[0].evry: unknown key"));
    }
}

#[test]
fn a_scenario_that_is_not_there_or_not_for_the_sandbox_ends_with_2() {
    let dir = here();
    for (args, told) in [
        (
            &["sandbox", "--scenario", "none.toml"][..],
            "none.toml: cannot be read",
        ),
        (&["serve", "--scenario", "none.toml"], "--sandbox"),
    ] {
        let (code, _, err) = run(&mut jobgate(&dir, args));
        assert!(code == 2 && err.contains(told), "{args:?}: {code} {err}");
    }
}

#[test]
fn the_sandbox_alone_plays_its_scenario_and_says_so() {
    let dir = here();
    let text = "requests = 7\n[[rules]]\ntimes = 1\ndo = { status = 503 }\n";
    fs::write(dir.path().join("s.toml"), text).unwrap();
    let args = ["sandbox", "--listen", "127.0.0.1:0", "--scenario", "s.toml"];
    let serving = Serving::start(&dir, &args);
    let url = serving.tells_url("sandbox: ");
    serving.says("7 calls in 60s");
    serving.says("s.toml; rules: 1");
    let job = format!("{url}/v1/job/{}/info", crate::support::JOB);
    assert!(get(&job, TOKEN).starts_with("HTTP/1.1 503 "));
    assert!(get(&job, TOKEN).starts_with("HTTP/1.1 200 "));
    assert_eq!(serving.terminate().0, Some(0));
}

#[test]
fn the_gateway_before_the_sandbox_meets_the_scenario_too() {
    let dir = here();
    fs::write(dir.path().join("s.toml"), "[[rules]]\ndo = \"missing\"\n").unwrap();
    let serving = Serving::start(&dir, &["serve", "--sandbox", "--scenario", "s.toml"]);
    let url = serving.tells_url("  clients ");
    let answer = get(&format!("{url}/v1/job/{}/info", crate::support::JOB), "");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("DEVCB.00031006"), "{answer}");
    assert_eq!(serving.terminate().0, Some(0));
}

#[test]
fn help_names_the_scenario_and_every_act() {
    let dir = here();
    let (code, out, _) = run(&mut jobgate(&dir, &["sandbox", "--help"]));
    for told in [
        "--scenario <FILE>",
        "faultcutbody00000000000000000000  do = { cut = \"body\" }",
    ] {
        assert!(code == 0 && out.contains(told), "{told}: {out}");
    }
}
