//! The file, the environment over it, and the sandbox under both.

use std::path::Path;
use std::time::Duration;

use super::super::{AuthMode, Checked, CredentialSettings, SecretSource, UpstreamFrom, load};
use super::{REQUIRED, checked, faults, variables};

#[test]
fn a_variable_overrides_the_file_and_is_the_place_of_its_faults() {
    let text = format!("{REQUIRED}[cache]\nttl = \"1m\"");
    let settings = checked(&text, &[("JOBGATE_CACHE__TTL", "2m")])
        .unwrap()
        .settings;
    assert_eq!(settings.cache.ttl, Duration::from_secs(120));
    assert_eq!(
        faults(checked(&text, &[("JOBGATE_CACHE__TTL", "3x")])),
        [
            "environment variable JOBGATE_CACHE__TTL: cache.ttl = \"3x\": not a duration; write for example \"30s\", 1ms to 1d"
        ]
    );
}

#[test]
fn a_variable_with_one_underscore_too_few_is_not_read_and_not_passed_over() {
    let environment = [
        ("JOBGATE_CACHE_TTL", "2m"),
        ("JOBGATE_UPSTREAM__CREDENTIAL__SECRET_KEY_ENV", "JOBGATE_SK"),
        ("JOBGATE_SK", "a secret"),
        ("JOBGATE_BUDGET_SWEEP_MODE", "auto"),
    ];
    let Checked { settings, warnings } = checked(REQUIRED, &environment).unwrap();
    assert_eq!(settings.cache.ttl, Duration::from_secs(30));
    assert_eq!(
        warnings,
        [
            "environment variable JOBGATE_CACHE_TTL is not read; did you mean JOBGATE_CACHE__TTL?",
            "environment variable JOBGATE_BUDGET_SWEEP_MODE is not read; did you mean JOBGATE_BUDGET__SWEEP__MODE?",
        ]
    );
}

#[test]
fn a_variable_is_toml_or_else_a_text() {
    let settings = checked(
        REQUIRED,
        &[
            ("JOBGATE_SERVER__LISTEN", "127.0.0.1:81"),
            ("JOBGATE_SERVER__WORKERS", "3"),
            (
                "JOBGATE_SERVER__ALLOWED_HOSTS",
                "[\"a.example\", 'b.example']",
            ),
            ("JOBGATE_CACHE__TTL", "\"7s\""),
            ("JOBGATE_CACHE__TTL_RUNNING", "250ms"),
            (
                "JOBGATE_UPSTREAM__CREDENTIAL__PROJECT_ID",
                "12345678901234567890123456789012",
            ),
            ("JOBGATE_UPSTREAM__CREDENTIAL__SECURITY_TOKEN_FILE", "1e5"),
            ("JOBGATE_BUDGET__SWEEP__MODE", "off"),
        ],
    )
    .unwrap()
    .settings;
    assert_eq!(settings.server.listen.port(), 81);
    assert_eq!(settings.server.workers, 3);
    assert_eq!(settings.server.allowed_hosts.len(), 2);
    assert_eq!(settings.cache.ttl, Duration::from_secs(7));
    assert_eq!(settings.cache.ttl_running, Duration::from_millis(250));
    let CredentialSettings::AkSk {
        security_token,
        project_id,
        ..
    } = settings.upstream.credential
    else {
        panic!("another kind");
    };
    assert_eq!(
        project_id.as_deref(),
        Some("12345678901234567890123456789012")
    );
    assert_eq!(security_token, Some(SecretSource::File("1e5".into())));
}

#[test]
fn a_variable_replaces_what_the_file_says_in_another_way() {
    let moved = [
        ("JOBGATE_UPSTREAM__ENDPOINT", "https://build.example"),
        (
            "JOBGATE_UPSTREAM__CREDENTIAL__SECRET_KEY_FILE",
            "/run/secrets/sk",
        ),
    ];
    let upstream = checked(REQUIRED, &moved).unwrap().settings.upstream;
    assert_eq!(upstream.endpoint, "https://build.example");
    let CredentialSettings::AkSk { secret_key, .. } = upstream.credential else {
        panic!("another kind");
    };
    assert_eq!(secret_key, SecretSource::File("/run/secrets/sk".into()));

    let token = [
        ("JOBGATE_UPSTREAM__CREDENTIAL__KIND", "token"),
        ("JOBGATE_UPSTREAM__CREDENTIAL__TOKEN_ENV", "TOKEN"),
    ];
    let upstream = checked(REQUIRED, &token).unwrap().settings.upstream;
    assert!(
        matches!(upstream.credential, CredentialSettings::Token(SecretSource::Env(name)) if name == "TOKEN")
    );

    let both = [
        ("JOBGATE_UPSTREAM__REGION", "cn-north-1"),
        ("JOBGATE_UPSTREAM__ENDPOINT", "https://build.example"),
    ];
    assert_eq!(
        faults(checked(REQUIRED, &both)),
        [
            "environment variable JOBGATE_UPSTREAM__ENDPOINT: upstream.endpoint = \"https://build.example\": \
             must not be set together with region"
        ]
    );
}

#[test]
fn names_without_two_underscores_are_left_alone() {
    let settings = checked(
        REQUIRED,
        &[
            ("JOBGATE_ADMIN_TOKEN", "x"),
            ("JOBGATE_CONFIG", "y"),
            ("SERVER__LISTEN", "z"),
        ],
    );
    assert!(settings.is_ok());
}

#[test]
fn a_variable_that_sets_no_key_is_refused() {
    for (name, said) in [
        (
            "JOBGATE_SERVER__LISTN",
            "server.listn: unknown key; did you mean `listen`?",
        ),
        (
            "JOBGATE_SERVER__TLS",
            "server.tls: is a section; set its keys one by one",
        ),
        (
            "JOBGATE_CLIENTS__NAME",
            "clients.name: is set in the file only, for each client",
        ),
        ("JOBGATE_NOWHERE__KEY", "nowhere.key: unknown key"),
        ("JOBGATE___LISTEN", "listen: unknown key"),
        (
            "JOBGATE_UPSTREAM__CREDENTIAL__SECRET_KEY",
            "upstream.credential.secret_key: unknown key; secrets are not written here, write `secret_key_env` or `secret_key_file`",
        ),
    ] {
        let faults = faults(checked(REQUIRED, &[(name, "hunter2")]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("environment variable {name}: {said}")),
            "{faults:?}"
        );
        assert!(!faults[0].contains("hunter2"));
    }
}

#[test]
fn everything_may_come_from_the_environment() {
    let checked = load(
        None,
        UpstreamFrom::Configuration,
        variables(&[
            ("JOBGATE_UPSTREAM__ENDPOINT", "http://127.0.0.1:4000"),
            ("JOBGATE_UPSTREAM__CREDENTIAL__KIND", "token"),
            ("JOBGATE_UPSTREAM__CREDENTIAL__TOKEN_ENV", "TOKEN"),
            ("JOBGATE_AUTH__MODE", "open"),
        ]),
    )
    .unwrap();
    assert_eq!(checked.settings.upstream.endpoint, "http://127.0.0.1:4000");
    let faults = faults(load(None, UpstreamFrom::Configuration, variables(&[])));
    assert!(
        faults
            .iter()
            .all(|fault| fault.starts_with("no configuration file: ")),
        "{faults:?}"
    );
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn the_sandbox_needs_no_file_and_no_client() {
    let checked = load(None, UpstreamFrom::Sandbox, variables(&[])).unwrap();
    assert_eq!(checked.settings.auth.mode, AuthMode::Open);
    assert!(checked.settings.server.listen.ip().is_loopback());
    assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
}

#[test]
fn the_sandbox_without_a_file_does_not_open_to_the_network_by_itself() {
    let outside = variables(&[("JOBGATE_SERVER__LISTEN", "0.0.0.0:8080")]);
    let faults = faults(load(None, UpstreamFrom::Sandbox, outside));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("open-to-network"), "{faults:?}");
}

#[test]
fn with_the_sandbox_a_file_holds_but_for_where_upstream_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(
        &path,
        "[upstream]\nregion = \"nowhere\"\ntimeout = \"1s\"\ncredential.kind = \"metadata\"\n",
    )
    .unwrap();
    let refused = faults(load(Some(&path), UpstreamFrom::Sandbox, variables(&[])));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("auth.mode"), "{refused:?}"); // the file's default, not the sandbox's
    let open = variables(&[("JOBGATE_AUTH__MODE", "open")]);
    let settings = load(Some(&path), UpstreamFrom::Sandbox, open)
        .unwrap()
        .settings;
    assert_eq!(settings.upstream.timeout, Duration::from_secs(1));
    assert_eq!(settings.upstream.connect_timeout, Duration::from_secs(1));
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let faults = faults(load(
        Some(Path::new("no/such/file.toml")),
        UpstreamFrom::Configuration,
        variables(&[]),
    ));
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].starts_with("no/such/file.toml: cannot be read: "),
        "{faults:?}"
    );
}
