//! Each fault by its text; all of them at once; no secret in any.

use super::{REQUIRED, checked, faults, with_required};

/// What is written, and the one fault it causes.
#[track_caller]
fn is_refused(text: &str, expected: &str) {
    assert_eq!(faults(with_required(text)), [expected], "{text}");
}

/// What is written, and the one fault it causes.
pub(super) const WRONG_VALUES: &[(&str, &str)] = &[
    (
        "cache.ttl = \"3x\"",
        "gateway.toml:7: cache.ttl = \"3x\": not a duration; write for example \"30s\", 1ms to 1d",
    ),
    (
        "cache.ttl = 30",
        "gateway.toml:7: cache.ttl = 30: not a duration; write for example \"30s\", 1ms to 1d",
    ),
    (
        "[cache]\nttl = \"2d\"",
        "gateway.toml:8: cache.ttl = \"2d\": must be between 1ms and 1d",
    ),
    (
        "\n\ncache.max_memory = \"1KiB\"",
        "gateway.toml:9: cache.max_memory = \"1KiB\": must be between 1MiB and 1PiB",
    ),
    (
        "cache.max_memory = \"much\"",
        "gateway.toml:7: cache.max_memory = \"much\": not a size; write for example \"256MiB\", 1MiB to 1PiB",
    ),
    (
        "budget.requests = 0",
        "gateway.toml:7: budget.requests = 0: must be between 1 and 1000000",
    ),
    (
        "budget.requests = -1",
        "gateway.toml:7: budget.requests = -1: not a whole number, 1 to 1000000",
    ),
    (
        "server.workers = 1.5",
        "gateway.toml:7: server.workers = 1.5: not a whole number, 0 to 1024",
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
        "budget.mode = \"plain\"",
        "gateway.toml:7: budget.mode = \"plain\": must be one of \"budget\", \"ttl\"",
    ),
    (
        "budget.learn = \"yes\"",
        "gateway.toml:7: budget.learn = \"yes\": must be true or false",
    ),
    (
        "budget.sweep.mode = \"projekts\"",
        "gateway.toml:7: budget.sweep.mode = \"projekts\": must be one of \"auto\", \"recent\", \"projects\", \"off\"; did you mean \"projects\"?",
    ),
    (
        "budget.sweep.mode = true",
        "gateway.toml:7: budget.sweep.mode = true: must be one of \"auto\", \"recent\", \"projects\", \"off\"",
    ),
    (
        "budget.sweep.requests = 0",
        "gateway.toml:7: budget.sweep.requests = 0: must be between 1 and 1000000",
    ),
    (
        "budget.sweep.shared = 1",
        "gateway.toml:7: budget.sweep.shared = 1: must be true or false",
    ),
    (
        "budget.sweep.mode = \"projects\"",
        "gateway.toml:7: budget.sweep.projects: must name at least one CodeArts project when budget.sweep.mode is \"projects\"",
    ),
    (
        "[budget.sweep]\nmode = \"projects\"\nprojects = []",
        "gateway.toml:9: budget.sweep.projects = []: must name at least one CodeArts project when budget.sweep.mode is \"projects\"",
    ),
    (
        "[budget.sweep]\nmode = \"projects\"\nprojects = \"0123456789abcdef0123456789abcdef\"",
        "gateway.toml:9: budget.sweep.projects = \"0123456789abcdef0123456789abcdef\": not a list of texts; write for example [\"one\", \"two\"]",
    ),
    (
        "budget.sweep.projects = [\"0123456789abcdef0123456789abcdef\", \"0123456789abcdef0123456789abcde\"]",
        "gateway.toml:7: budget.sweep.projects[1] = \"0123456789abcdef0123456789abcde\": not the id of a CodeArts project, which is 32 letters and digits",
    ),
    (
        "budget.sweep.projects = [\"01234567-89ab-cdef-0123-456789abcde\"]",
        "gateway.toml:7: budget.sweep.projects[0] = \"01234567-89ab-cdef-0123-456789abcde\": not the id of a CodeArts project, which is 32 letters and digits",
    ),
    (
        "budget.sweep.mode = \"projects\"\nbudget.sweep.projects = [\n\"0123456789abcdef0123456789abcdef\",\n\"0123456789abcdef0123456789ABCDEF\",\n\"0123456789abcdef0123456789abcdef\"]",
        "gateway.toml:11: budget.sweep.projects[2] = \"0123456789abcdef0123456789abcdef\": is the same project as budget.sweep.projects[0]",
    ),
    (
        "upstream.allow_plaintext = \"yes\"",
        "gateway.toml:7: upstream.allow_plaintext = \"yes\": must be true or false",
    ),
    (
        "server.allowed_hosts = [\"a b\"]",
        "gateway.toml:7: server.allowed_hosts[0] = \"a b\": not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
    ),
    (
        "admin.listen = \"127.0.0.1:8080\"",
        "gateway.toml:7: admin.listen = \"127.0.0.1:8080\": must not take the port of server.listen, 127.0.0.1:8080; 0.0.0.0 and [::] take one on every address",
    ),
    (
        "admin.allowed_hosts = [\"https://ops\"]",
        "gateway.toml:7: admin.allowed_hosts[0] = \"https://ops\": not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
    ),
    (
        "admin.allowed_hosts = [\"ops\", \"*.example.com\"]",
        "gateway.toml:7: admin.allowed_hosts[1] = \"*.example.com\": wildcards mean nothing here; name each host, for example \"builds.example.com\"",
    ),
    (
        "server.allowed_hosts = [\"builds.example.com:65536\"]",
        "gateway.toml:7: server.allowed_hosts[0] = \"builds.example.com:65536\": not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
    ),
    (
        "server.allowed_hosts = [\"[::g]\"]",
        "gateway.toml:7: server.allowed_hosts[0] = \"[::g]\": not a host; write for example \"builds.example.com\" or \"builds.example.com:8080\"",
    ),
    (
        "admin.listen = \"0.0.0.0:9090\"",
        "gateway.toml:7: admin.listen = \"0.0.0.0:9090\": off loopback a token is required: set admin.token_env or admin.token_file, or listen on a loopback address such as \"127.0.0.1:9090\"",
    ),
    (
        "admin.token_env = \"T\"\nadmin.token_file = \"t\"",
        "gateway.toml:8: admin.token_file: must not be set together with token_env",
    ),
    (
        "cache.ttl_not_found = \"61m\"",
        "gateway.toml:7: cache.ttl_not_found = \"61m\": must be between 0s and 1h",
    ),
    (
        "cache.stale_while_revalidate = \"8d\"",
        "gateway.toml:7: cache.stale_while_revalidate = \"8d\": must be between 0s and 7d",
    ),
    (
        "cache.stale_if_error = \"forever\"",
        "gateway.toml:7: cache.stale_if_error = \"forever\": not a duration; write for example \"30s\", 0s to 7d",
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
];

#[test]
fn a_wrong_value_is_named_with_line_key_value_and_bound() {
    for (text, expected) in WRONG_VALUES {
        is_refused(text, expected);
    }
}

/// What is written, and the one fault it causes.
pub(super) const UNKNOWN_KEYS: &[(&str, &str)] = &[
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
];

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    for (text, expected) in UNKNOWN_KEYS {
        is_refused(text, expected);
    }
}

/// What is written, and how the one fault it causes ends.
pub(super) const UNAVAILABLE: &[(&str, &str)] = &[
    (
        "store.kind = \"redis\"",
        "stores other than memory; use \"memory\"",
    ),
    (
        "reload.watch = true",
        "reloading; use false and restart to apply a change",
    ),
    ("server.max_wait = \"60s\"", "long polls; use \"0s\""),
    (
        "server.trusted_proxies = [\"10.0.0.0/8\"]",
        "believing X-Forwarded-For; leave it out",
    ),
    (
        "upstream.proxy = \"http://p\"",
        "a proxy to upstream; leave it out",
    ),
];

#[test]
fn what_this_version_cannot_do_is_refused_by_name() {
    for (text, feature) in UNAVAILABLE {
        let (key, _) = text.split_once(" = ").unwrap();
        let faults = faults(with_required(text));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("gateway.toml:7: {key}")),
            "{faults:?}"
        );
        assert!(
            faults[0].ends_with(&format!("not available in this version: {feature}")),
            "{faults:?}"
        );
    }
}

#[test]
fn a_word_that_is_none_is_answered_with_those_there_are() {
    for (kind, hint) in [
        ("ak/sk", "; did you mean \"aksk\"?"),
        ("pasword", "; did you mean \"password\"?"),
        ("iam", ""),
    ] {
        let text = REQUIRED.replace("\"aksk\"", &format!("\"{kind}\""));
        let told = format!(
            "gateway.toml:3: upstream.credential.kind = \"{kind}\": must be one of \"aksk\", \"token\", \"password\", \"metadata\"{hint}"
        );
        assert_eq!(faults(checked(&text, &[])), [told]);
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
    for (text, place) in [
        ("[cache]\nttl = 3\"hunter2\"\n", "gateway.toml:2:8"),
        ("[admin]\ntoken = hunter2\n", "gateway.toml:2:9"),
        ("[admin]\ntoken = \"hunter2\n", "gateway.toml:2:17"),
        (
            "[admin]\ntoken = 99999999999999999999\n",
            "gateway.toml:2:9",
        ),
        (
            "[log]\nlevel = \"info\"\nlevel = \"warn\"\n",
            "gateway.toml:3:1",
        ),
    ] {
        let faults = faults(checked(text, &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("{place}: not TOML: ")),
            "{faults:?}"
        );
        assert!(
            !faults[0].contains("hunter2") && !faults[0].contains("999"),
            "{faults:?}"
        );
    }
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
        ("admin.token_env = \"hunter2\"", "variable"),
        ("admin.token_file = [\"hunter2\"]", "token_file"),
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
