//! Every kind of credential, and everything by which a client is known and bounded.

use std::time::Duration;

use super::{Checked, REQUIRED, checked, faults, with_required};
use crate::config::{CredentialSettings, PasswordSettings, SecretSource};
use crate::policy::allowance::Allowance;

const JOB: &str = "901878212b1a49be9c1a1054c272762a";

/// A file in front of a region, with this credential.
fn with_credential(credential: &str) -> String {
    format!(
        "auth.mode = \"open\"\n[upstream]\nregion = \"cn-north-4\"\ncredential = {{ {credential} }}\n"
    )
}

fn credential(text: &str) -> CredentialSettings {
    checked(text, &[]).unwrap().settings.upstream.credential
}

fn password(text: &str) -> PasswordSettings {
    match credential(text) {
        CredentialSettings::Password(settings) => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_needs_user_and_domain_and_takes_the_rest_from_the_region() {
    let named = "kind = \"password\", domain = \"d\", user = \"u\", password_file = \"p\"";
    let settings = password(&with_credential(named));
    assert_eq!(
        settings.iam_endpoint,
        "https://iam.cn-north-4.myhuaweicloud.com/"
    );
    assert_eq!((&*settings.domain, &*settings.user), ("d", "u"));
    assert_eq!(settings.password, SecretSource::File("p".into()));
    assert_eq!(settings.project, "cn-north-4");
    let other =
        format!("{named}, iam_endpoint = \"https://iam.example\", project = \"cn-north-4_sub\"");
    let settings = password(&with_credential(&other));
    assert_eq!(settings.iam_endpoint, "https://iam.example/");
    assert_eq!(settings.project, "cn-north-4_sub");
    let no_region = with_credential(named).replace(
        "region = \"cn-north-4\"",
        "endpoint = \"https://build.example\"",
    );
    assert_eq!(
        faults(checked(&no_region, &[]))
            .iter()
            .map(|fault| fault.split(',').next().unwrap_or_default())
            .collect::<Vec<_>>(),
        [
            "gateway.toml:4: upstream.credential.iam_endpoint: must be set",
            "gateway.toml:4: upstream.credential.project: must be set",
        ]
    );
}

#[test]
fn what_a_kind_of_credential_lacks_or_cannot_use_is_named() {
    for (written, expected) in [
        (
            "kind = \"password\", domain = \"d\", user = \"u\"",
            "upstream.credential: password_env or password_file must be set",
        ),
        (
            "kind = \"password\", user = \"u\", password_env = \"P\"",
            "upstream.credential.domain: must be set",
        ),
        (
            "kind = \"password\", domain = \"d\", user = \"\", password_env = \"P\"",
            "upstream.credential.user = \"\": must be 1 to 128 characters",
        ),
        (
            "kind = \"password\", domain = \"d\", user = \"u\", password_env = \"P\", iam_endpoint = \"http://iam.example\"",
            "upstream.credential.iam_endpoint = \"http://iam.example\": http:// would send the credential in the clear",
        ),
        (
            "kind = \"password\", domain = \"d\", user = \"u\", password_env = \"P\", iam_endpoint = \"https://iam.example/v3\"",
            "upstream.credential.iam_endpoint = \"https://iam.example/v3\": must be scheme and host",
        ),
        (
            "kind = \"metadata\", user = \"u\"",
            "upstream.credential.user = \"u\": does not belong to kind = \"metadata\"",
        ),
        (
            "kind = \"metadata\", metadata_endpoint = \"https://169.254.169.254\"",
            "upstream.credential.metadata_endpoint = \"https://169.254.169.254\": must be http:// and a host",
        ),
        (
            "kind = \"metadata\", metadata_endpoint = \"http://metadata.example\"",
            "upstream.credential.metadata_endpoint = \"http://metadata.example\": keys would cross the network in the clear",
        ),
        (
            "kind = \"metadata\", project_id = \"a b\"",
            "upstream.credential.project_id = \"a b\": must be 1 to 64 letters",
        ),
        (
            "kind = \"aksk\", keys_file = \"k\", secret_key_file = \"s\"",
            "upstream.credential.secret_key_file: must not be set together with keys_file",
        ),
        (
            "kind = \"token\", token_file = \"t\", keys_file = \"k\"",
            "upstream.credential.keys_file: does not belong to kind = \"token\"",
        ),
    ] {
        let faults = faults(checked(&with_credential(written), &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("gateway.toml:4: {expected}")),
            "{faults:?}"
        );
    }
}

#[test]
fn keys_may_come_from_one_file_or_from_the_machine() {
    let settings = credential(&with_credential(
        "kind = \"aksk\", keys_file = \"k\", project_id = \"p\"",
    ));
    assert!(matches!(
        settings,
        CredentialSettings::KeysFile { path, project_id: Some(id) } if path.as_os_str() == "k" && id == "p"
    ));
    let settings = credential(&with_credential("kind = \"metadata\""));
    assert!(matches!(
        settings,
        CredentialSettings::Metadata { endpoint, project_id: None } if endpoint == "http://169.254.169.254/"
    ));
}

#[test]
fn the_environment_can_replace_keys_by_a_file() {
    let replaced = checked(
        REQUIRED,
        &[("JOBGATE_UPSTREAM__CREDENTIAL__KEYS_FILE", "k")],
    )
    .unwrap();
    let settings = replaced.settings.upstream.credential;
    assert!(
        matches!(settings, CredentialSettings::KeysFile { .. }),
        "{settings:?}"
    );
}

/// A gateway whose one client says this of itself.
fn with_client(client: &str, more: &str) -> String {
    let keys = REQUIRED.replace("\"open\"", "\"keys\"");
    format!("{keys}{more}[[clients]]\nname = \"a\"\n{client}\n")
}

fn client(client: &str) -> Checked {
    checked(&with_client(client, ""), &[]).unwrap()
}

#[test]
fn a_client_may_have_a_virtual_key_in_place_of_a_plain_one() {
    let env = SecretSource::Env("S".to_owned());
    let file = SecretSource::File("s".into());
    for (written, expected) in [
        ("secret_env = \"S\"", vec![env.clone()]),
        ("secret_file = \"s\"", vec![file.clone()]),
        ("secret_env = \"S\"\nsecret_file = \"s\"", vec![env, file]),
    ] {
        let client = &client(written).settings.auth.clients[0];
        assert_eq!(client.secrets, expected);
        assert!(client.key_sha256.is_empty());
    }
    let faults = faults(checked(&with_client("secret_env = \"hunter2\"", ""), &[]));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(!faults[0].contains("hunter2"), "{faults:?}");
}

#[test]
fn what_a_client_may_do_is_bounded_by_its_entry() {
    let hash = "01".repeat(32);
    let written = format!("key_sha256 = [\"{hash}\"]\nrate = \"20/s\"\njobs = [\"{JOB}\"]");
    let client = &client(&written).settings.auth.clients[0];
    let expected = Allowance {
        times: 20,
        per: Duration::from_secs(1),
    };
    assert_eq!(client.rate, Some(expected));
    let jobs = client.jobs.as_ref().unwrap();
    assert_eq!(
        jobs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [JOB]
    );
    for (line, expected) in [
        (
            "rate = \"0/s\"",
            "clients[0].rate = \"0/s\": must be 1 to 10000 times",
        ),
        (
            "jobs = []",
            "clients[0].jobs = []: must hold 1 to 10000 ids",
        ),
        ("jobs = [\"x\"]", "clients[0].jobs[0] = "),
        (
            "jobs = [\"%3901878212b1a49be9c1a1054c272762a\"]",
            "clients[0].jobs[0] = ",
        ),
    ] {
        let faults = faults(checked(
            &with_client(&format!("key_sha256 = [\"{hash}\"]\n{line}"), ""),
            &[],
        ));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with(&format!("gateway.toml:10: {expected}")),
            "{faults:?}"
        );
    }
}

#[test]
fn a_certificate_may_stand_for_a_client_that_has_no_key() {
    let tls = |more: &str| {
        format!(
            "server.tls = {{ cert_file = \"c\", key_file = \"k\", client_ca_file = \"a\"{more} }}\n"
        )
    };
    for (more, required) in [
        ("", true),
        (", client_auth = \"required\"", true),
        (", client_auth = \"optional\"", false),
    ] {
        let checked = checked(&with_client("", &tls(more)), &[]).unwrap();
        let clients = checked.settings.server.tls.unwrap().clients.unwrap();
        assert_eq!(
            (clients.ca_file.as_os_str().to_str(), clients.required),
            (Some("a"), required)
        );
    }
    let keyless = faults(checked(&with_client("", ""), &[]));
    assert!(
        keyless[0].contains("key_sha256: must be set, or secret_env or secret_file"),
        "{keyless:?}"
    );
    let pointless =
        "server.tls = { cert_file = \"c\", key_file = \"k\", client_auth = \"optional\" }";
    let faults = faults(with_required(pointless));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].contains("client_auth = \"optional\": has no effect without client_ca_file"),
        "{faults:?}"
    );
}
