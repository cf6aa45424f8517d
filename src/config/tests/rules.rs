//! The rules of each section: what must be there, what excludes what, what is only warned of.

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
fn clients_are_named_once_and_have_keys_of_their_own() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    for (first, second, expected) in [
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"a\"\nkey_sha256 = [\"{two}\"]"),
            "gateway.toml:11: clients[1].name = \"a\": is already the name of a client, see gateway.toml:8",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"b\"\nkey_sha256 = [\"{two}\", \"{one}\"]"),
            "gateway.toml:12: clients[1].key_sha256[1]: is the same key as clients[0].key_sha256[0]",
        ),
        (
            format!("name = \"a b\"\nkey_sha256 = [\"{one}\"]"),
            format!("name = \"b\"\nkey_sha256 = [\"{two}\"]"),
            "gateway.toml:8: clients[0].name = \"a b\": must be 1 to 64 letters",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"\nkey_sha256 = []".to_owned(),
            "gateway.toml:12: clients[1].key_sha256: must hold at least one key",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"".to_owned(),
            "gateway.toml:10: clients[1].key_sha256: must be set",
        ),
        (
            format!("name = \"a\"\nkey_sha256 = [\"{one}\"]"),
            "name = \"b\"\nkey_sha256 = [\"jg_hunter2\"]".to_owned(),
            "gateway.toml:12: clients[1].key_sha256[0]: not the SHA-256 of a key",
        ),
    ] {
        let faults = faults(with_required(&format!(
            "[[clients]]\n{first}\n[[clients]]\n{second}"
        )));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
        assert!(!faults[0].contains("hunter2"));
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
