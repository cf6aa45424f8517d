//! The rules of each section: what must be there, what excludes what, what is only warned of.

use super::super::SecretSource;
use super::{REQUIRED, checked, faults, with_required};

#[test]
fn upstream_must_be_one_plain_endpoint_with_one_credential() {
    let credential = REQUIRED.replace("upstream.region = \"cn-north-4\"", "");
    for (text, expected) in [
        (
            "",
            "gateway.toml:3: upstream: region or endpoint must be set",
        ),
        (
            "upstream.region = \"cn-nort-4\"",
            "gateway.toml:7: upstream.region = \"cn-nort-4\": unknown region; did you mean \"cn-north-4\"?",
        ),
        (
            "upstream.region = \"cn-north-4\"\nupstream.endpoint = \"https://a\"",
            "gateway.toml:8: upstream.endpoint = \"https://a\": must not be set together with region",
        ),
        (
            "upstream.endpoint = \"http://10.0.0.1:80\"",
            "gateway.toml:7: upstream.endpoint = \"http://10.0.0.1:80\": http:// would send the credential in the clear",
        ),
        (
            "upstream.endpoint = \"https://a/v1\"",
            "gateway.toml:7: upstream.endpoint = \"https://a/v1\": must be scheme and host",
        ),
        (
            "upstream.endpoint = \"https://a?b\"",
            "gateway.toml:7: upstream.endpoint = \"https://a?b\": must be scheme and host",
        ),
        (
            "upstream.endpoint = \"https://a#b\"",
            "gateway.toml:7: upstream.endpoint = \"https://a#b\": must be scheme and host",
        ),
        (
            "upstream.endpoint = \"https://user:hunter2@a\"",
            "gateway.toml:7: upstream.endpoint: must be scheme and host",
        ),
        (
            "upstream.endpoint = \"ftp://a\"",
            "gateway.toml:7: upstream.endpoint = \"ftp://a\": must be scheme and host",
        ),
        (
            "upstream.endpoint = \"a.example\"",
            "gateway.toml:7: upstream.endpoint = \"a.example\": must be scheme and host",
        ),
    ] {
        let faults = faults(checked(&format!("{credential}{text}"), &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
    }
    for endpoint in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
        "https://a.example/",
        "https://a:8443",
    ] {
        assert!(
            checked(
                &format!("{credential}upstream.endpoint = \"{endpoint}\""),
                &[]
            )
            .is_ok(),
            "{endpoint}"
        );
    }
    let plaintext = format!(
        "{credential}upstream.endpoint = \"http://10.0.0.1\"\nupstream.allow_plaintext = true"
    );
    assert_eq!(checked(&plaintext, &[]).unwrap().warnings.len(), 1);
}

#[test]
fn a_credential_says_where_each_secret_is_once_and_nothing_of_other_kinds() {
    let none = "upstream.region = \"cn-north-4\"\nauth.mode = \"open\"\n";
    for (text, expected) in [
        ("", "gateway.toml:1: upstream.credential: must be set"),
        (
            "upstream.credential.token_env = \"T\"",
            "gateway.toml:3: upstream.credential.kind: must be set",
        ),
        (
            "upstream.credential.kind = \"token\"",
            "gateway.toml:3: upstream.credential: token_env or token_file must be set",
        ),
        (
            "upstream.credential = { kind = \"token\", token_env = \"T\", token_file = \"t\" }",
            "gateway.toml:3: upstream.credential.token_file: must not be set together with token_env",
        ),
        (
            "upstream.credential = { kind = \"token\", token_env = \"T\", user = \"u\" }",
            "gateway.toml:3: upstream.credential.user = \"u\": does not belong to kind = \"token\"",
        ),
        (
            "upstream.credential = { kind = \"aksk\", access_key_env = \"A\" }",
            "gateway.toml:3: upstream.credential: secret_key_env or secret_key_file must be set",
        ),
        (
            "upstream.credential = { kind = \"token\", token_env = \"MIIabc==\" }",
            "gateway.toml:3: upstream.credential.token_env: must be the name of an environment variable",
        ),
    ] {
        let faults = faults(checked(&format!("{none}{text}"), &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
    }
}

#[test]
fn who_may_ask_is_decided_on_purpose() {
    let keys = REQUIRED.replace("\"open\"", "\"keys\"");
    assert_eq!(
        faults(checked(&keys, &[])),
        [
            "gateway.toml:6: auth.mode = \"keys\": \"keys\" needs at least one [[clients]] entry; `jobgate key new NAME` prints one to paste"
        ]
    );
    let outside = "server.listen = \"0.0.0.0:80\"";
    let refused = faults(with_required(outside));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(
        refused[0].starts_with(
            "gateway.toml:6: auth.mode = \"open\": \"open\" is for loopback listeners"
        ),
        "{refused:?}"
    );

    let to_network = REQUIRED.replace("\"open\"", "\"open-to-network\"");
    let warnings = checked(&format!("{to_network}{outside}"), &[])
        .unwrap()
        .warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("open-to-network"),
        "{warnings:?}"
    );

    let hash = "01".repeat(32);
    let client = format!("[[clients]]\nname = \"a\"\nkey_sha256 = [\"{hash}\"]\n");
    let warnings = checked(&format!("{keys}{outside}\n{client}"), &[])
        .unwrap()
        .warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("without server.tls"),
        "{warnings:?}"
    );
    let tls = "server.tls = { cert_file = \"c\", key_file = \"k\" }";
    let warnings = checked(&format!("{keys}{outside}\n{tls}\n{client}"), &[])
        .unwrap()
        .warnings;
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_base_path_is_empty_or_plain_segments() {
    for good in ["", "/a", "/build/v1.0_~-"] {
        let settings = with_required(&format!("server.base_path = \"{good}\""))
            .unwrap()
            .settings;
        assert_eq!(settings.server.base_path, good);
    }
    for bad in [
        "/", "a", "/a/", "//a", "/a//b", "/a?b", "/a%20b", "/..", "/a/./b", "/é",
    ] {
        let faults = faults(with_required(&format!("server.base_path = \"{bad}\"")));
        assert!(
            faults.len() == 1 && faults[0].contains("must be empty or segments"),
            "{bad}: {faults:?}"
        );
    }
}

#[test]
fn a_silence_shorter_than_the_sdks_need_is_a_warning() {
    assert!(
        with_required("server.idle_timeout = \"75s\"")
            .unwrap()
            .warnings
            .is_empty()
    );
    let warnings = with_required("server.idle_timeout = \"74s\"")
        .unwrap()
        .warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("idle_timeout"),
        "{warnings:?}"
    );
}

#[test]
fn a_run_may_be_scaled_down_to_milliseconds() {
    let text = "budget.window = \"3s\"\ncache.ttl = \"300ms\"\ncache.ttl_running = \"1ms\"\nupstream.timeout = \"1ms\"\nserver.request_timeout = \"1ms\"\nserver.header_timeout = \"1ms\"";
    assert!(with_required(text).is_ok());
}

#[test]
fn an_admin_listener_off_loopback_has_a_token_or_is_refused() {
    let listen = "admin.listen = \"0.0.0.0:9090\"\n";
    for (token, source) in [
        ("token_env = \"T\"", SecretSource::Env("T".to_owned())),
        ("token_file = \"t\"", SecretSource::File("t".into())),
    ] {
        let checked = with_required(&format!("{listen}admin.{token}")).unwrap();
        assert_eq!(checked.settings.admin.token, Some(source));
        assert_eq!(
            checked.warnings,
            [
                "admin.listen is off loopback and speaks plain HTTP: its token crosses the network in the clear"
            ]
        );
    }
    // what is wrong with the token is one fault, not two
    let faults = faults(with_required(&format!(
        "{listen}admin.token_env = \"a token\""
    )));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("gateway.toml:8: admin.token_env: must be the name"),
        "{faults:?}"
    );

    for at_home in ["127.0.0.1:9090", "[::1]:9090", ""] {
        let text = format!("admin.listen = \"{at_home}\"");
        assert!(
            with_required(&text).unwrap().warnings.is_empty(),
            "{at_home}"
        );
        let text = format!("{text}\nadmin.token_env = \"T\"");
        let checked = with_required(&text).unwrap();
        assert!(checked.warnings.is_empty(), "{at_home}");
        assert!(checked.settings.admin.token.is_some(), "{at_home}");
    }
}

#[test]
fn the_listeners_do_not_take_each_others_port_on_any_address() {
    for (server, admin, is_refused) in [
        ("0.0.0.0:28080", "127.0.0.1:28080", true),
        ("127.0.0.1:28080", "0.0.0.0:28080", true),
        ("10.1.2.3:28080", "[::]:28080", true),
        ("[::]:28080", "127.0.0.1:28080", true),
        ("[::]:28080", "[::1]:28080", true),
        ("0.0.0.0:28080", "[::ffff:127.0.0.1]:28080", true),
        ("[::1]:28080", "[::1]:28080", true),
        ("127.0.0.1:28080", "127.0.0.2:28080", false),
        ("0.0.0.0:28080", "[::1]:28080", false),
        ("0.0.0.0:28080", "127.0.0.1:28081", false),
        ("0.0.0.0:0", "127.0.0.1:0", false),
        ("0.0.0.0:28080", "", false),
    ] {
        let open = REQUIRED.replace("\"open\"", "\"open-to-network\"");
        let lines = format!(
            "server.listen = \"{server}\"\nadmin.listen = \"{admin}\"\nadmin.token_env = \"T\""
        );
        let checked = checked(&format!("{open}{lines}"), &[]);
        if !is_refused {
            assert!(checked.is_ok(), "{server} {admin}: {checked:?}");
            continue;
        }
        let faults = faults(checked);
        assert_eq!(faults.len(), 1, "{faults:?}");
        let begin = format!(
            "gateway.toml:8: admin.listen = \"{admin}\": must not take the port of server.listen, {server}"
        );
        assert!(faults[0].starts_with(&begin), "{faults:?}");
    }
}

#[test]
fn hosts_are_compared_in_lower_case() {
    let text =
        "server.allowed_hosts = [\"A.example\"]\nadmin.allowed_hosts = [\"Ops.Example:9090\"]";
    let settings = with_required(text).unwrap().settings;
    assert_eq!(settings.server.allowed_hosts, ["a.example"]);
    assert_eq!(settings.admin.allowed_hosts, ["ops.example:9090"]);
}
