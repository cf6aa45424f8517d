//! Each fault by its text; all of them at once; no secret in any.

use super::{REQUIRED, checked, faults, with_required};

/// What is written, and the one fault it causes.
#[track_caller]
fn is_refused(text: &str, expected: &str) {
    assert_eq!(faults(with_required(text)), [expected], "{text}");
}

#[test]
fn a_wrong_value_is_named_with_line_key_value_and_bound() {
    for (text, expected) in [
        (
            "cache.ttl = \"3x\"",
            "gateway.toml:7: cache.ttl = \"3x\": not a duration; write for example \"30s\"",
        ),
        (
            "cache.ttl = 30",
            "gateway.toml:7: cache.ttl = 30: not a duration; write for example \"30s\"",
        ),
        (
            "[cache]\nttl = \"2d\"",
            "gateway.toml:8: cache.ttl = \"2d\": must be between 1ms and 1day",
        ),
        (
            "\n\ncache.max_memory = \"1KiB\"",
            "gateway.toml:9: cache.max_memory = \"1KiB\": must be between 1MiB and 1PiB",
        ),
        (
            "cache.max_memory = \"much\"",
            "gateway.toml:7: cache.max_memory = \"much\": not a size; write for example \"256MiB\"",
        ),
        (
            "budget.requests = 0",
            "gateway.toml:7: budget.requests = 0: must be between 1 and 1000000",
        ),
        (
            "budget.requests = -1",
            "gateway.toml:7: budget.requests = -1: not a whole number from 0 to 4294967295",
        ),
        (
            "server.workers = 1.5",
            "gateway.toml:7: server.workers = 1.5: not a whole number",
        ),
        (
            "server.listen = \"localhost:80\"",
            "gateway.toml:7: server.listen = \"localhost:80\": not an IP address and a port; write for example \"127.0.0.1:8080\"",
        ),
        (
            "server.max_header_bytes = \"4KiB\"",
            "gateway.toml:7: server.max_header_bytes = \"4KiB\": must be between 8KiB and 1MiB",
        ),
        (
            "log.level = \"inform\"",
            "gateway.toml:7: log.level = \"inform\": must be one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"; did you mean \"info\"?",
        ),
        (
            "upstream.allow_plaintext = \"yes\"",
            "gateway.toml:7: upstream.allow_plaintext = \"yes\": must be true or false",
        ),
        (
            "server.trusted_proxies = [\"::1\", \"10/8\"]",
            "gateway.toml:7: server.trusted_proxies[1] = \"10/8\": not an address or network; write for example \"10.0.0.0/8\"",
        ),
        (
            "server.allowed_hosts = [\"a b\"]",
            "gateway.toml:7: server.allowed_hosts[0] = \"a b\": not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
        ),
        (
            "admin.listen = \"127.0.0.1:8080\"",
            "gateway.toml:7: admin.listen = \"127.0.0.1:8080\": must not be the address of server.listen",
        ),
        (
            "upstream.timeout = \"1s\"\nupstream.connect_timeout = \"2s\"",
            "gateway.toml:8: upstream.connect_timeout = \"2s\": must not be longer than upstream.timeout, 1s",
        ),
        (
            "cache.ttl_running = \"31s\"",
            "gateway.toml:7: cache.ttl_running = \"31s\": must not be longer than cache.ttl, 30s",
        ),
        (
            "server.tls.cert_file = \"a\"",
            "gateway.toml:7: server.tls.key_file: must be set",
        ),
        (
            "server = 3",
            "gateway.toml:7: server: must be a section, [server]",
        ),
        (
            "clients = [1]",
            "gateway.toml:7: clients: must be a list of sections, [[clients]]",
        ),
        (
            "server.tls = \"on\"",
            "gateway.toml:7: server.tls: must be a section, [server.tls]",
        ),
    ] {
        is_refused(text, expected);
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    for (text, expected) in [
        (
            "cache.tll = \"3s\"",
            "gateway.toml:7: cache.tll: unknown key; did you mean `ttl`?",
        ),
        (
            "budget.sweep.mod = \"off\"",
            "gateway.toml:7: budget.sweep.mod: unknown key; did you mean `mode`?",
        ),
        (
            "[servr]\nlisten = \"\"",
            "gateway.toml:7: servr: unknown key; did you mean `server`?",
        ),
        (
            "server.ttl = \"3s\"",
            "gateway.toml:7: server.ttl: unknown key; did you mean `cache.ttl`?",
        ),
        ("log.xyzzy = 1", "gateway.toml:7: log.xyzzy: unknown key"),
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = [\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]\nnane = 1",
            "gateway.toml:10: clients[0].nane: unknown key; did you mean `name`?",
        ),
    ] {
        is_refused(text, expected);
    }
}

#[test]
fn what_this_version_cannot_do_is_refused_by_name() {
    for (text, feature) in [
        ("budget.mode = \"budget\"", "budget mode; use \"ttl\""),
        (
            "budget.learn = true",
            "learning limits from upstream; use false",
        ),
        ("budget.sweep.mode = \"auto\"", "sweeps; use \"off\""),
        (
            "cache.stale_while_revalidate = \"10m\"",
            "serving stale answers; use \"0s\"",
        ),
        (
            "cache.stale_if_error = \"1h\"",
            "serving stale answers; use \"0s\"",
        ),
        (
            "cache.ttl_not_found = \"30s\"",
            "remembering denials; use \"0s\"",
        ),
        (
            "store.kind = \"redis\"",
            "stores other than memory; use \"memory\"",
        ),
        (
            "reload.watch = true",
            "watching the file; use false and send SIGHUP",
        ),
        ("server.max_wait = \"60s\"", "long polls; use \"0s\""),
        (
            "admin.listen = \"0.0.0.0:9090\"",
            "the admin API beyond this machine; listen on a loopback address such as \"127.0.0.1:9090\"",
        ),
        (
            "admin.allowed_hosts = [\"a\"]",
            "the admin API beyond this machine; leave it out",
        ),
        (
            "admin.token_file = \"t\"",
            "the admin API beyond this machine; leave it out",
        ),
        (
            "upstream.proxy = \"http://p\"",
            "a proxy to upstream; leave it out",
        ),
    ] {
        let (key, _) = text.split_once(" = ").unwrap();
        let faults = faults(with_required(text));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("gateway.toml:7: {key} = ")),
            "{faults:?}"
        );
        assert!(
            faults[0].ends_with(&format!("not available in this version: {feature}")),
            "{faults:?}"
        );
    }
}

#[test]
fn keys_of_clients_and_credentials_that_do_not_exist_yet_are_refused_by_name() {
    for key in [
        "rate = \"1/s\"",
        "refresh = \"1/m\"",
        "share = 0.5",
        "jobs = []",
        "max_stale = \"1m\"",
        "secret_env = \"A\"",
        "secret_file = \"a\"",
    ] {
        let hash = "0123456789abcdef".repeat(4);
        let faults = faults(with_required(&format!(
            "[[clients]]\nname = \"a\"\nkey_sha256 = [\"{hash}\"]\n{key}"
        )));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].contains("not available in this version"),
            "{faults:?}"
        );
    }
    for kind in ["password", "metadata"] {
        let text = REQUIRED.replace("\"aksk\"", &format!("\"{kind}\""));
        let faults = faults(checked(&text, &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].ends_with("use \"aksk\" or \"token\""),
            "{faults:?}"
        );
    }
}

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
            "gateway.toml:8: upstream.endpoint = \"https://a\": must not be set together with upstream.region",
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
            "gateway.toml:3: upstream.credential.token_file = \"t\": must not be set together with token_env",
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
fn all_faults_come_at_once_in_the_order_of_the_file() {
    let faults = faults(checked(
        "[cache]\nttl = 3\nfoo = 1\n[server]\nlisten = 1\nworkers = 5000\n[log]\nlevel = \"loud\"\n[upstream.credential]\nkind = \"aksk\"\n",
        &[("JOBGATE_BUDGET__REQUESTS", "many")],
    ));
    let begins = [
        "gateway.toml: auth.mode: ",
        "gateway.toml:2: cache.ttl = 3: ",
        "gateway.toml:3: cache.foo: ",
        "gateway.toml:5: server.listen = 1: ",
        "gateway.toml:6: server.workers = 5000: ",
        "gateway.toml:8: log.level = \"loud\": ",
        "gateway.toml:9: upstream: ",
        "gateway.toml:9: upstream.credential.access_key_env: ",
        "gateway.toml:9: upstream.credential: ",
        "environment variable JOBGATE_BUDGET__REQUESTS: budget.requests = \"many\": ",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:#?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{begin}: {fault}");
    }
}

#[test]
fn what_is_not_toml_is_one_fault_with_line_and_column() {
    let faults = faults(checked("[cache]\nttl = 3\"hunter2\"\n", &[]));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("gateway.toml:2:8: not TOML: "),
        "{faults:?}"
    );
    assert!(!faults[0].contains("hunter2"), "{faults:?}");
}

#[test]
fn no_secret_written_by_mistake_is_repeated() {
    for (text, key) in [
        (
            "upstream.credential.secret_key = \"hunter2\"",
            "secret_key_env",
        ),
        (
            "upstream.credential.access_key = \"hunter2\"",
            "access_key_env",
        ),
        ("upstream.credential.token = \"hunter2\"", "token_env"),
        ("upstream.credential.password = \"hunter2\"", "password_env"),
        (
            "upstream.credential.security_token_env = \"hunter2\"",
            "variable",
        ),
        ("upstream.credential.token_env = [\"hunter2\"]", "token_env"),
        ("admin.token = \"hunter2\"", "token_env"),
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = \"hunter2\"",
            "not a list",
        ),
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = [[\"hunter2\"]]",
            "not a list",
        ),
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = []\nkey = \"hunter2\"",
            "key_sha256",
        ),
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = []\nsecret = \"hunter2\"",
            "secret_env",
        ),
        ("upstream.proxy = \"http://user:hunter2@proxy\"", "proxy"),
    ] {
        let said = faults(with_required(text)).join("\n");
        assert!(said.contains(key) && !said.contains("hunter2"), "{said}");
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
