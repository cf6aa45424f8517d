//! `[upstream.credential]`: which kind, and where its secrets are. The secrets themselves are not read here.

use super::raw::{CredentialKind, RawCredential};
use super::report::Report;
use super::section::Section;
use super::{CredentialSettings, SecretSource, secret, unavailable};

/// The keys of `kind = "aksk"`.
const AKSK_KEYS: [&str; 6] = [
    "access_key_env",
    "secret_key_env",
    "secret_key_file",
    "security_token_env",
    "security_token_file",
    "project_id",
];
/// The keys of `kind = "token"`.
const TOKEN_KEYS: [&str; 2] = ["token_env", "token_file"];

/// Checks the section; `None` only after a fault.
pub(super) fn check(
    raw: Option<&RawCredential>,
    report: &mut Report,
) -> Option<CredentialSettings> {
    let mut section = Section::of(report, "upstream.credential");
    let Some(raw) = raw else {
        section.own_fault(
            "must be set: kind = \"aksk\" with access_key_env and secret_key_env, \
             or kind = \"token\" with token_env",
        );
        return None;
    };
    match section.required("kind", &raw.kind)? {
        CredentialKind::Aksk => {
            refuse_others(&mut section, raw, "aksk", &AKSK_KEYS);
            aksk(raw, &mut section)
        }
        CredentialKind::Token => {
            refuse_others(&mut section, raw, "token", &TOKEN_KEYS);
            secret::required(&mut section, "token", &raw.token_env, &raw.token_file)
                .map(CredentialSettings::Token)
        }
        CredentialKind::Password => {
            section.fault("kind", unavailable::PASSWORD.to_string());
            None
        }
        CredentialKind::Metadata => {
            section.fault("kind", unavailable::METADATA.to_string());
            None
        }
    }
}

/// What stands in until the sandbox gives its own.
pub(super) fn sandbox() -> CredentialSettings {
    CredentialSettings::AkSk {
        access_key_env: "JOBGATE_SANDBOX_AK".to_owned(),
        secret_key: SecretSource::Env("JOBGATE_SANDBOX_SK".to_owned()),
        security_token: None,
        project_id: None,
    }
}

fn aksk(raw: &RawCredential, section: &mut Section<'_>) -> Option<CredentialSettings> {
    let access_key_env = section.required("access_key_env", &raw.access_key_env);
    let access_key_env =
        access_key_env.and_then(|name| secret::variable(section, "access_key_env", name));
    let secret_key = secret::required(
        section,
        "secret_key",
        &raw.secret_key_env,
        &raw.secret_key_file,
    );
    let security_token = secret::source(
        section,
        "security_token",
        &raw.security_token_env,
        &raw.security_token_file,
    );
    let project_id = section.optional("project_id", &raw.project_id);
    if project_id.as_ref().is_some_and(|id| !is_project_id(id)) {
        section.fault("project_id", "must be 1 to 64 letters, digits, - or _");
    }
    Some(CredentialSettings::AkSk {
        access_key_env: access_key_env?,
        secret_key: secret_key?,
        security_token,
        project_id,
    })
}

/// It is sent as a header, so nothing else can be let through.
fn is_project_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}

/// A key of another kind is a mistake: the operator believes that it does something.
fn refuse_others(section: &mut Section<'_>, raw: &RawCredential, kind: &str, own: &[&str]) {
    let present = [
        ("access_key_env", raw.access_key_env.is_some()),
        ("secret_key_env", raw.secret_key_env.is_some()),
        ("secret_key_file", raw.secret_key_file.is_some()),
        ("security_token_env", raw.security_token_env.is_some()),
        ("security_token_file", raw.security_token_file.is_some()),
        ("project_id", raw.project_id.is_some()),
        ("token_env", raw.token_env.is_some()),
        ("token_file", raw.token_file.is_some()),
        ("iam_endpoint", raw.iam_endpoint.is_some()),
        ("domain", raw.domain.is_some()),
        ("user", raw.user.is_some()),
        ("password_env", raw.password_env.is_some()),
        ("password_file", raw.password_file.is_some()),
        ("project", raw.project.is_some()),
    ];
    let others = present
        .iter()
        .filter(|(key, is_set)| *is_set && !own.contains(key));
    for (key, _) in others {
        if section.is_overridden("kind") && !section.is_overridden(key) {
            continue; // the file speaks of the kind that the environment has replaced
        }
        section.fault(key, format!("does not belong to kind = \"{kind}\""));
    }
}
