//! Commands that end: what they are given, or find in a file that is wrong, they do not repeat.

use std::fs;
use std::process::Command;

use super::search::assert_hidden;
use super::{BOT_SECRET, PASSWORD, SECURITY_TOKEN, TOKEN};
use crate::clients::KEY;
use crate::support::{ACCESS_KEY, SECRET_KEY};

/// Runs it in `folder`, with secrets in the environment; gives everything it wrote.
fn run(folder: &tempfile::TempDir, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_jobgate"))
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .envs([
            ("GOOD", TOKEN),
            ("SHORT", "fifteen-bytes-x"),
            ("TWO_LINES", &format!("{TOKEN}\n{PASSWORD}")),
            ("BLANK", &format!("{SECRET_KEY} ")),
            ("RUST_BACKTRACE", "full"),
            ("RUST_LOG", "trace"),
        ])
        .output()
        .expect("it runs");
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
        .concat()
}

/// What somebody may write by mistake into the section of the credential, the clients or TLS.
fn mistakes() -> Vec<String> {
    let token = |rest: &str| format!("[upstream.credential]\nkind = \"token\"\n{rest}");
    let client = |rest: &str| {
        format!(
            "[[clients]]\nname = \"bot\"\n{rest}\n{}",
            token("token_env = \"GOOD\"")
        )
    };
    let quoted = serde_json::json!(PASSWORD);
    let password = |user: &str, rest: &str| {
        format!(
            "[upstream.credential]\nkind = \"password\"\niam_endpoint = \"https://iam.example\"\n\
             domain = \"d\"\n{user}\nproject = \"cn-north-4\"\n{rest}"
        )
    };
    vec![
        token(&format!("token_env = \"{TOKEN}\"")),
        token(&format!("token_env = {TOKEN}")),
        token(&format!("token_env = \"{TOKEN}")),
        token(&format!("token_env = [\"{TOKEN}\"]")),
        token(&format!("token = \"{TOKEN}\"")),
        token(TOKEN),
        token(&format!(
            "token_env = \"GOOD\"\nsecret_key = \"{SECRET_KEY}\""
        )),
        token("token_env = \"SHORT\""),
        token("token_env = \"TWO_LINES\""),
        token("token_env = \"BLANK\""),
        format!(
            "[upstream.credential]\nkind = \"aksk\"\naccess_key_env = \"{ACCESS_KEY}\"\nsecret_key_env = \"{SECRET_KEY}\""
        ),
        format!(
            "[upstream.credential]\nkind = \"aksk\"\naccess_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\nsecurity_token = \"{SECURITY_TOKEN}\""
        ),
        format!(
            "[upstream.credential]\nkind = \"aksk\"\naccess_key_env = \"GOOD\"\nsecret_key_env = \"BLANK\"\nsecurity_token_env = \"{SECURITY_TOKEN}\""
        ),
        password("user = \"u\"", &format!("password = {quoted}")),
        password("user = \"u\"", &format!("password_env = {quoted}")),
        password("user = \"u\"", "password_env = \"TWO_LINES\""),
        client(&format!("key_sha256 = [\"{KEY}\"]")),
        client(&format!("key_sha256 = \"{KEY}\"")),
        client(&format!("key = \"{KEY}\"")),
        client(&format!("secret_env = \"{BOT_SECRET}\"")),
        client(&format!("secret = \"{BOT_SECRET}\"")),
        client("secret_env = \"TWO_LINES\""),
        format!(
            "{}\n[admin]\ntoken_env = \"{TOKEN}\"",
            token("token_env = \"GOOD\"")
        ),
        format!(
            "{}\n[admin]\ntoken = \"{TOKEN}\"",
            token("token_env = \"GOOD\"")
        ),
    ]
}

#[test]
fn a_secret_in_the_wrong_place_of_the_file_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let needles = [
        TOKEN,
        PASSWORD,
        SECRET_KEY,
        ACCESS_KEY,
        SECURITY_TOKEN,
        KEY,
        BOT_SECRET,
    ];
    for mistake in mistakes() {
        let file = format!(
            "[upstream]\nregion = \"cn-north-4\"\n[server]\nlisten = \"127.0.0.1:0\"\n{mistake}\n"
        );
        let open = if mistake.contains("[[clients]]") {
            ""
        } else {
            "[auth]\nmode = \"open\"\n"
        };
        fs::write(folder.path().join("gateway.toml"), format!("{open}{file}")).expect("written");
        for command in ["check", "serve"] {
            let told = run(&folder, &[command]);
            let places = [
                "gateway.toml",
                ": upstream.credential: ",
                "client bot, secret_env",
            ];
            let is_told = places.iter().any(|place| told.contains(place));
            assert!(is_told, "{mistake}\n{told}");
            assert!(!told.contains("serving"), "{mistake}\n{told}");
            assert_hidden(&needles, &told);
        }
    }
}

#[test]
fn a_key_is_shown_once_when_it_is_made_and_never_again() {
    for (args, prefix) in [
        (&["key", "new", "bot"][..], "jgk_"),
        (&["key", "new", "bot", "--virtual"], "jgs_"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let told = run(&folder, args);
        let key = told.lines().find(|line| line.starts_with(prefix));
        let key = key.expect("a key of its own line").to_owned();
        assert_eq!((key.len(), told.matches(&key).count()), (68, 1), "{told}");
        assert_hidden(&[&key], &told.replace(&key, ""));
        let other = run(&folder, args);
        assert!(!other.contains(&key), "each is another one");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}

#[test]
fn the_key_of_a_certificate_is_not_shown_wherever_it_is_put() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let key = made.signing_key.serialize_pem();
    let needles: Vec<_> = key
        .lines()
        .filter(|line| line.len() >= 16 && !line.starts_with("---"))
        .collect();
    assert!(!needles.is_empty());
    for (name, text) in [
        ("cert.pem", made.cert.pem()),
        ("key.pem", key.clone()),
        ("bad.pem", key.replace("/", "?").replace("A", "!")),
        ("bare.pem", needles.join("\n")),
        ("half.pem", key.chars().take(key.len() / 2).collect()),
    ] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    for (certificate, key) in [
        ("key.pem", "cert.pem"),
        ("key.pem", "key.pem"),
        ("cert.pem", "bad.pem"),
        ("cert.pem", "bare.pem"),
        ("cert.pem", "half.pem"),
        ("bare.pem", "key.pem"),
    ] {
        let file = format!(
            "[upstream]\nregion = \"cn-north-4\"\n[auth]\nmode = \"open\"\n\
             [server]\nlisten = \"127.0.0.1:0\"\n[server.tls]\ncert_file = \"{certificate}\"\nkey_file = \"{key}\"\n\
             [upstream.credential]\nkind = \"token\"\ntoken_env = \"GOOD\"\n"
        );
        fs::write(folder.path().join("gateway.toml"), file).expect("written");
        for command in ["check", "serve"] {
            let told = run(&folder, &[command]);
            assert!(told.contains(".pem: "), "{certificate} {key}: {told}");
            assert!(!told.contains("serving"), "{told}");
            assert_hidden(&needles, &told);
        }
    }
}
