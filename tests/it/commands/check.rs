//! `jobgate check`.

use std::fs;

use super::{here, jobgate, run};

/// A good section, whose secret is in the variable UP.
const UPSTREAM: &str = "[upstream]\nregion = \"cn-north-4\"\n[upstream.credential]\nkind = \"token\"\ntoken_env = \"UP\"\n";

#[test]
fn check_says_how_the_budget_is_spent() {
    let dir = here();
    for (settings, told) in [
        ("sweep.mode = \"off\"", "50 calls in 60s, mode budget\n"),
        (
            "requests = 7\nsweep = { mode = \"recent\", requests = 5 }",
            "7 calls in 60s, mode budget; sweep recent, at most 5 lists in 60s\n",
        ),
        ("mode = \"ttl\"", "50 calls in 60s, mode ttl\n"),
    ] {
        let file = format!("[auth]\nmode = \"open\"\n[budget]\n{settings}\n{UPSTREAM}");
        fs::write(dir.path().join("gateway.toml"), file).unwrap();
        let (code, out, err) = run(&mut jobgate(&dir, &["check"]));
        assert_eq!((code, &*err), (0, ""));
        assert!(out.contains(&format!("  budget      {told}")), "{out}");
    }
}

#[test]
fn check_accepts_a_good_file_without_its_secrets_and_warns_of_them() {
    let dir = here();
    let (_, key, _) = run(&mut jobgate(&dir, &["key", "new", "ci"]));
    let clients = &key[key.find("[[clients]]").unwrap()..];
    let file = format!(
        "[upstream]\nregion = \"cn-north-4\"\n[upstream.credential]\nkind = \"aksk\"\naccess_key_env = \"THE_AK\"\nsecret_key_env = \"THE_SK\"\n{clients}"
    );
    fs::write(dir.path().join("gateway.toml"), file).unwrap();

    let (code, out, err) = run(&mut jobgate(&dir, &["check"]));
    assert_eq!((code, &*err), (0, ""));
    assert!(out.contains("gateway.toml is good"), "{out}");
    assert!(out.contains("warning: ") && out.contains("THE_AK"), "{out}");
    assert!(out.contains("clients with a key: ci"), "{out}");

    let budget = "50 calls in 60s, mode budget; sweep auto, at most 20 lists in 60s\n";
    assert!(out.contains(budget), "{out}");

    let secret = "a-secret-key-of-some-length-0123456789";
    let mut command = jobgate(&dir, &["check", "--config", "gateway.toml"]);
    let (code, out, _) = run(command
        .env("THE_AK", "AKTESTTESTTESTTEST00")
        .env("THE_SK", secret));
    assert_eq!(
        (code, out.contains("warning"), out.contains(secret)),
        (0, false, false),
        "{out}"
    );

    // to serve, they are needed
    let (code, _, err) = run(&mut jobgate(&dir, &["serve"]));
    assert_eq!(code, 1);
    assert!(err.contains("THE_AK"), "{err}");
}

#[test]
fn check_and_serve_say_the_same_of_a_token_that_cannot_be_used() {
    let dir = here();
    let token = dir.path().join("short.token");
    fs::write(&token, "fifteen-bytes-x").unwrap();
    for (key, told) in [
        (
            "token_env = \"THE_TOKEN\"",
            "admin.token_env: environment variable THE_TOKEN: the value is too short: at least 16 bytes",
        ),
        (
            "token_env = \"ABSENT\"",
            "admin.token_env: environment variable ABSENT is not set",
        ),
        (
            "token_file = \"short.token\"",
            "admin.token_file: file short.token: the value is too short: at least 16 bytes",
        ),
        (
            "token_file = \"no.token\"",
            "admin.token_file: cannot read file no.token: No such file",
        ),
    ] {
        let file = format!("auth.mode = \"open\"\n{UPSTREAM}[admin]\n{key}\n");
        fs::write(dir.path().join("gateway.toml"), file).unwrap();
        let with_secrets = |args: &[&str]| {
            let mut command = jobgate(&dir, args);
            command
                .env("UP", "t".repeat(64))
                .env("THE_TOKEN", "fifteen-bytes-x");
            command
        };
        let (code, out, _) = run(&mut with_secrets(&["check"]));
        assert!(
            code == 0 && out.starts_with(&format!("warning: {told}")),
            "{out}"
        );
        for args in [
            &["serve"][..],
            &["serve", "--sandbox", "--config", "gateway.toml"],
        ] {
            let (code, _, err) = run(&mut with_secrets(args));
            assert_eq!(code, 1, "{err}");
            assert!(err.starts_with(&format!("jobgate: {told}")), "{err}");
        }
        let (_, out, _) = run(with_secrets(&["check"]).env("JOBGATE_ADMIN__LISTEN", ""));
        assert!(!out.contains("warning"), "nobody will ask for it: {out}");
    }
}

#[test]
fn check_refuses_listeners_that_serve_could_not_have_both() {
    let dir = here();
    let file = format!(
        "auth.mode = \"open-to-network\"\n{UPSTREAM}[server]\nlisten = \"0.0.0.0:28080\"\n[admin]\nlisten = \"127.0.0.1:28080\"\n"
    );
    fs::write(dir.path().join("gateway.toml"), file).unwrap();
    for command in ["check", "serve"] {
        let (code, out, err) = run(jobgate(&dir, &[command])
            .env_remove("JOBGATE_SERVER__LISTEN")
            .env_remove("JOBGATE_ADMIN__LISTEN"));
        assert_eq!((code, &*out), (2, ""));
        assert!(
            err.contains("must not take the port of server.listen, 0.0.0.0:28080"),
            "{err}"
        );
    }
}

#[test]
fn check_says_everything_that_is_wrong_at_once_and_where() {
    let dir = here();
    let file = "[server]\nworkers = 5000\nlisten = \"nowhere\"\n[cache]\nttl = \"30\"\n[budget]\nreqests = 5\n";
    fs::write(dir.path().join("bad.toml"), file).unwrap();
    let (code, out, err) =
        run(jobgate(&dir, &["check", "--config", "bad.toml"]).env_remove("JOBGATE_SERVER__LISTEN"));
    assert_eq!((code, &*out), (2, ""));
    for told in [
        "bad.toml:2",
        "workers",
        "bad.toml:3",
        "listen",
        "bad.toml:5",
        "ttl",
        "bad.toml:7",
        "reqests",
        "upstream",
        "jobgate key new",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let serve =
        run(jobgate(&dir, &["serve", "--config", "bad.toml"]).env_remove("JOBGATE_SERVER__LISTEN"));
    assert_eq!((serve.0, serve.2), (2, err), "and serve says the same");

    for (args, told) in [
        (vec!["check"], "gateway.toml"),
        (vec!["check", "--config", "absent.toml"], "absent.toml"),
    ] {
        let (code, _, err) = run(&mut jobgate(&dir, &args));
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains(told) && err.contains("cannot be read"),
            "{err}"
        );
    }
}

#[test]
fn check_tells_of_stale_windows_and_allowances_that_do_not_do_what_they_say() {
    let dir = here();
    let (_, key, _) = run(&mut jobgate(&dir, &["key", "new", "ci"]));
    let client = &key[key.find("[[clients]]").unwrap()..];
    let file = format!(
        "[upstream]\nregion = \"cn-north-4\"\n[upstream.credential]\nkind = \"token\"\ntoken_env = \"THE_TOKEN\"\n\
         [cache]\nstale_if_error = \"1m\"\n{client}\nrefresh = \"10/s\"\nmax_stale = \"1h\"\n"
    );
    fs::write(dir.path().join("gateway.toml"), file).unwrap();
    let (code, out, err) = run(jobgate(&dir, &["check"]).env("THE_TOKEN", "t".repeat(64)));
    assert_eq!((code, &*err), (0, ""));
    let warnings: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("warning: "))
        .collect();
    let begins = [
        "cache.stale_if_error is shorter than cache.stale_while_revalidate",
        "max_stale of client \"ci\" is longer than both stale windows",
        "refresh of client \"ci\" lets it spend the whole of [budget]",
    ];
    assert_eq!(warnings.len(), begins.len(), "{out}");
    for (warning, begin) in warnings.iter().zip(begins) {
        assert!(warning.starts_with(begin), "{begin}: {warning}");
    }
}

#[test]
fn check_knows_what_budget_mode_its_sweep_and_the_shares_need() {
    let dir = here();
    let client = |name: &str, share: &str| {
        let (_, key, _) = run(&mut jobgate(&dir, &["key", "new", name]));
        let entry = &key[key.find("[[clients]]").unwrap()..];
        format!("{}\nshare = {share}\n", entry.trim_end())
    };
    let project = "0123456789abcdef0123456789abcdef";
    let clients = client("wallboard", "0.7") + &client("ci", "0.3");
    let file = format!(
        "[budget.sweep]\nmode = \"projects\"\nprojects = [\"{project}\"]\nshared = true\n{UPSTREAM}{clients}"
    );
    let good = dir.path().join("gateway.toml");
    fs::write(&good, &file).unwrap();
    let check = |variables: &[(&str, &str)]| {
        let mut command = jobgate(&dir, &["check"]);
        command.env("UP", "t".repeat(64));
        command.envs(variables.iter().copied());
        run(&mut command)
    };
    let (code, out, err) = check(&[]);
    assert_eq!((code, &*err), (0, ""));
    assert!(!out.contains("warning"), "{out}");

    for (variables, begins) in [
        (
            &[("JOBGATE_BUDGET__MODE", "ttl")][..],
            &[
                "budget.sweep has no effect, because budget.mode is \"ttl\"",
                "share of client \"wallboard\" has no effect, because budget.mode is \"ttl\"",
            ][..],
        ),
        (
            &[
                ("JOBGATE_BUDGET__SWEEP__REQUESTS", "60"),
                ("JOBGATE_CACHE__TTL", "1h"),
            ],
            &[
                "budget.sweep.requests, 60, lets list calls spend the whole of budget.requests, 50",
                "cache.ttl, 1h, is not shorter than cache.stale_while_revalidate, 10m",
            ],
        ),
        (
            &[("JOBGATE_BUDGET__SWEEP__MODE", "recent")],
            &["budget.sweep.projects has no effect"],
        ),
    ] {
        let (code, out, _) = check(variables);
        assert_eq!(code, 0);
        let warnings = out
            .lines()
            .filter_map(|line| line.strip_prefix("warning: "));
        let warnings: Vec<_> = warnings.collect();
        assert_eq!(warnings.len(), begins.len(), "{out}");
        for (warning, begin) in warnings.iter().zip(begins) {
            assert!(warning.starts_with(begin), "{begin}: {warning}");
        }
    }

    let file = file.replace(&format!("\"{project}\""), "\"p\"");
    fs::write(&good, file.replace("share = 0.3", "share = 0.31")).unwrap();
    let (code, out, err) = check(&[]);
    assert_eq!((code, &*out), (2, ""));
    for told in [
        "gateway.toml:3: budget.sweep.projects[0] = \"p\": not the id of a CodeArts project, which is 32 letters and digits",
        "clients[1].share = 0.31: the shares of all clients must not exceed 1 together, and add up to 1.01",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
}
