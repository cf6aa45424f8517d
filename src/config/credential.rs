//! `[upstream.credential]`: which kind, and where its secrets are. The secrets themselves are not read here.

use http::Uri;
use http::uri::Scheme;

use super::endpoint::{bare_uri, is_link_local, is_loopback, of_endpoint};
use super::raw::{CredentialKind, Key, RawCredential, RawUpstream};
use super::report::Report;
use super::section::Section;
use super::{CredentialSettings, PasswordSettings, SecretSource, secret};

/// The keys of `kind = "aksk"`.
const AKSK_KEYS: [&str; 7] = [
    "access_key_env",
    "secret_key_env",
    "secret_key_file",
    "security_token_env",
    "security_token_file",
    "keys_file",
    "project_id",
];
/// The keys of `kind = "token"`.
const TOKEN_KEYS: [&str; 2] = ["token_env", "token_file"];
/// The keys of `kind = "password"`.
const PASSWORD_KEYS: [&str; 6] = [
    "iam_endpoint",
    "domain",
    "user",
    "password_env",
    "password_file",
    "project",
];
/// The keys of `kind = "metadata"`.
const METADATA_KEYS: [&str; 2] = ["metadata_endpoint", "project_id"];

/// Where every cloud server finds its own metadata service.
const METADATA_ENDPOINT: &str = "http://169.254.169.254";

/// Characters of an IAM name; the longest that IAM allows is 64, and a slip is longer.
const NAME_CHARS: usize = 128;

/// Checks the section; `None` only after a fault.
pub(super) fn check(upstream: &RawUpstream, report: &mut Report) -> Option<CredentialSettings> {
    let mut section = Section::of(report, "upstream.credential");
    let section = &mut section;
    let Some(raw) = &upstream.credential else {
        section.own_fault(
            "must be set: kind = \"aksk\" with access_key_env and secret_key_env, \
             or kind = \"token\" with token_env, or kind \"password\" or \"metadata\"",
        );
        return None;
    };
    match section.required("kind", &raw.kind)? {
        CredentialKind::Aksk => {
            refuse_others(section, raw, "aksk", &AKSK_KEYS);
            aksk(raw, section)
        }
        CredentialKind::Token => {
            refuse_others(section, raw, "token", &TOKEN_KEYS);
            secret::required(section, "token", &raw.token_env, &raw.token_file)
                .map(CredentialSettings::Token)
        }
        CredentialKind::Password => {
            refuse_others(section, raw, "password", &PASSWORD_KEYS);
            password(raw, upstream, section).map(CredentialSettings::Password)
        }
        CredentialKind::Metadata => {
            refuse_others(section, raw, "metadata", &METADATA_KEYS);
            let project_id = project_id(raw, section);
            let endpoint = metadata_endpoint(raw, allows_plaintext(upstream), section)?;
            Some(CredentialSettings::Metadata {
                endpoint,
                project_id,
            })
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
    if raw.keys_file.is_some() {
        return keys_file(raw, section);
    }
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
    let project_id = project_id(raw, section);
    Some(CredentialSettings::AkSk {
        access_key_env: access_key_env?,
        secret_key: secret_key?,
        security_token,
        project_id,
    })
}

/// All keys of one file, so that they change together; of keys in two places each could be of another time.
fn keys_file(raw: &RawCredential, section: &mut Section<'_>) -> Option<CredentialSettings> {
    let others = [
        ("access_key_env", &raw.access_key_env),
        ("secret_key_env", &raw.secret_key_env),
        ("secret_key_file", &raw.secret_key_file),
        ("security_token_env", &raw.security_token_env),
        ("security_token_file", &raw.security_token_file),
    ];
    for (key, _) in others.iter().filter(|(_, item)| item.is_some()) {
        if section.is_overridden("keys_file") && !section.is_overridden(key) {
            continue; // the file speaks of the keys that the environment has replaced
        }
        section.fault(
            key,
            "must not be set together with keys_file, which holds all keys",
        );
    }
    let project_id = project_id(raw, section);
    let path = section.optional("keys_file", &raw.keys_file)?;
    Some(CredentialSettings::KeysFile {
        path: path.into(),
        project_id,
    })
}

fn password(
    raw: &RawCredential,
    upstream: &RawUpstream,
    section: &mut Section<'_>,
) -> Option<PasswordSettings> {
    let region = upstream.region.as_ref().and_then(|region| region.parse());
    let iam_endpoint = match &raw.iam_endpoint {
        Some(_) => {
            let allow = allows_plaintext(upstream);
            let written = section.optional("iam_endpoint", &raw.iam_endpoint);
            written.and_then(|text| of_endpoint("iam_endpoint", &text, allow, section))
        }
        None => iam_of_region(region.as_deref(), section),
    };
    let domain = name("domain", &raw.domain, section);
    let user = name("user", &raw.user, section);
    let password = secret::required(section, "password", &raw.password_env, &raw.password_file);
    let project = match (&raw.project, region) {
        (None, Some(region)) => Some(region), // the region's name is its main project's
        _ => name("project", &raw.project, section),
    };
    Some(PasswordSettings {
        iam_endpoint: iam_endpoint?,
        domain: domain?,
        user: user?,
        password: password?,
        project: project?,
    })
}

fn iam_of_region(region: Option<&str>, section: &mut Section<'_>) -> Option<Uri> {
    let Some(region) = region else {
        section.fault(
            "iam_endpoint",
            "must be set, since upstream.endpoint does not tell it; \
             write for example \"https://iam.cn-north-4.myhuaweicloud.com\"",
        );
        return None;
    };
    // a region that is no name is a fault of `upstream.region`
    format!("https://iam.{region}.myhuaweicloud.com")
        .parse()
        .ok()
}

fn name(key: &str, item: &Key<String>, section: &mut Section<'_>) -> Option<String> {
    let name = section.required(key, item)?;
    let is_name =
        (1..=NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !is_name {
        section.fault(
            key,
            format!("must be 1 to {NAME_CHARS} characters, none of them a control character"),
        );
    }
    is_name.then_some(name)
}

fn allows_plaintext(upstream: &RawUpstream) -> bool {
    let allow = upstream.allow_plaintext.as_ref();
    allow.and_then(|allow| allow.parse()).unwrap_or(false)
}

/// Keys come over it in the clear, so it is an address that no router passes on, or the operator says otherwise.
fn metadata_endpoint(
    raw: &RawCredential,
    allow_plaintext: bool,
    section: &mut Section<'_>,
) -> Option<Uri> {
    let written = section.or(
        "metadata_endpoint",
        &raw.metadata_endpoint,
        METADATA_ENDPOINT.to_owned(),
    );
    let uri = bare_uri(&written).filter(|uri| uri.scheme() == Some(&Scheme::HTTP));
    if uri.is_none() {
        section.fault(
            "metadata_endpoint",
            "must be http:// and a host, with a port if need be; every cloud server has it at http://169.254.169.254",
        );
    }
    let is_far = |uri: &Uri| !is_loopback(uri) && !is_link_local(uri);
    if uri.as_ref().is_some_and(is_far) && !allow_plaintext {
        section.fault(
            "metadata_endpoint",
            "keys would cross the network in the clear: must be a link-local or loopback address, or set upstream.allow_plaintext = true",
        );
    }
    uri
}

fn project_id(raw: &RawCredential, section: &mut Section<'_>) -> Option<String> {
    let project_id = section.optional("project_id", &raw.project_id);
    if project_id.as_ref().is_some_and(|id| !is_project_id(id)) {
        section.fault("project_id", "must be 1 to 64 letters, digits, - or _");
    }
    project_id
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
        ("keys_file", raw.keys_file.is_some()),
        ("project_id", raw.project_id.is_some()),
        ("token_env", raw.token_env.is_some()),
        ("token_file", raw.token_file.is_some()),
        ("iam_endpoint", raw.iam_endpoint.is_some()),
        ("domain", raw.domain.is_some()),
        ("user", raw.user.is_some()),
        ("password_env", raw.password_env.is_some()),
        ("password_file", raw.password_file.is_some()),
        ("project", raw.project.is_some()),
        ("metadata_endpoint", raw.metadata_endpoint.is_some()),
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
