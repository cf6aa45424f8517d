//! What a credential puts on a request, where it reads it from, and what it never shows.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Request};
use tempfile::TempDir;

use super::{Credential, CredentialFault, Flaw, signing};
use crate::clock::Clock;
use crate::config::{CredentialSettings, SecretSource, UpstreamSettings};
use crate::error::Error;
use crate::policy::hold::CredentialKind;

const ACCESS_KEY: &str = "AKEXAMPLE0000000TEST";
const SECRET_KEY: &str = "SKexample/With+Odd=Chars~0123456789abcdef";
const TOKEN: &str = "MIItoken-made-up-for-tests==";
const HOST: &str = "cloudbuild-ext.cn-north-4.myhuaweicloud.com";
const PATH: &str = "/v1/job/901878212b1a49be9c1a1054c272762a/info";

/// 2024-06-05T08:00:58Z, the date of the vectors.
fn the_date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458)
}

fn request() -> Request<()> {
    Request::get(PATH).body(()).unwrap()
}

fn authorised(credential: &Credential) -> HeaderMap {
    let mut request = request();
    credential
        .authorise(&mut request, HOST, the_date())
        .unwrap();
    request.into_parts().0.headers
}

fn env(name: &str) -> Option<String> {
    let value = match name {
        "AK" => ACCESS_KEY,
        "SK" => SECRET_KEY,
        "SECURITY_TOKEN" => "gQpjbi1ub3J0aC00AAAA",
        "TOKEN" => TOKEN,
        "EMPTY" => "",
        "SHORT" => "fifteen-bytes-x",
        "BLANK" => "a secret key with blanks",
        _ => return None,
    };
    Some(value.to_owned())
}

fn aksk(secret_key: &str) -> CredentialSettings {
    CredentialSettings::AkSk {
        access_key_env: "AK".to_owned(),
        secret_key: SecretSource::Env(secret_key.to_owned()),
        security_token: None,
        project_id: None,
    }
}

fn open(credential: &CredentialSettings) -> Result<Credential, CredentialFault> {
    Credential::open(&upstream(credential.clone()), &env, &Clock::manual())
}

/// An upstream that is never called, for its credential.
pub(super) fn upstream(credential: CredentialSettings) -> UpstreamSettings {
    UpstreamSettings {
        endpoint: "http://upstream.invalid".parse().unwrap(),
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        max_body: 100,
        max_in_flight: 4,
        ca_file: None,
        credential,
    }
}

fn from_env(name: &str) -> CredentialSettings {
    CredentialSettings::Token(SecretSource::Env(name.to_owned()))
}

/// The fault of opening; a credential cannot be printed, so `unwrap_err` does not compile.
#[track_caller]
fn fault(settings: &CredentialSettings) -> CredentialFault {
    match open(settings) {
        Ok(_) => panic!("opened"),
        Err(fault) => fault,
    }
}

/// A token file of a test's own.
struct TokenFile(TempDir);

impl TokenFile {
    fn new(content: &str) -> Self {
        let file = Self(TempDir::new().unwrap());
        file.write(content);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("token")
    }

    fn write(&self, content: &str) {
        fs::write(self.path(), content).unwrap();
    }

    fn settings(&self) -> CredentialSettings {
        CredentialSettings::Token(SecretSource::File(self.path()))
    }

    fn open(&self) -> Credential {
        open(&self.settings()).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

#[test]
fn a_signing_credential_reproduces_the_vendors_vector_with_the_fewest_headers() {
    let credential = open(&aksk("SK")).unwrap_or_else(|fault| panic!("{fault}"));
    let headers = authorised(&credential);
    assert_eq!(headers["x-sdk-date"], "20240605T080058Z");
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/samples/signing-vectors.json")).unwrap();
    let vector = &vectors["vectors"][3];
    assert_eq!(vector["name"], "04-minimum-headers");
    assert_eq!(
        headers["authorization"],
        vector["expected"]["authorization"].as_str().unwrap()
    );
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(
        headers.len(),
        3,
        "host, x-sdk-date, authorization and nothing else"
    );
}

#[test]
fn project_id_and_security_token_are_sent_and_signed() {
    let settings = CredentialSettings::AkSk {
        access_key_env: "AK".to_owned(),
        secret_key: SecretSource::Env("SK".to_owned()),
        security_token: Some(SecretSource::Env("SECURITY_TOKEN".to_owned())),
        project_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
    };
    let credential = open(&settings).unwrap_or_else(|fault| panic!("{fault}"));
    let headers = authorised(&credential);
    let signable = signing::Signable {
        method: "GET",
        path: PATH,
        query: "",
        headers: &headers,
        signed: &["host", "x-project-id", "x-sdk-date", "x-security-token"],
        body: b"",
    };
    let expected = signing::authorization(&signable, ACCESS_KEY, SECRET_KEY).unwrap();
    assert_eq!(headers["authorization"], expected);
    assert!(headers["x-security-token"].is_sensitive());
    assert!(credential.echoed_in(b"... gQpjbi1ub3J0aC00AAAA ..."));
}

#[test]
fn a_request_goes_out_under_exactly_one_scheme() {
    let mut request = request();
    let keys =
        Credential::from_keys(ACCESS_KEY, SECRET_KEY).unwrap_or_else(|fault| panic!("{fault}"));
    let token = Credential::from_token(TOKEN).unwrap_or_else(|fault| panic!("{fault}"));
    keys.authorise(&mut request, HOST, the_date()).unwrap();
    token.authorise(&mut request, HOST, the_date()).unwrap();
    assert_eq!(request.headers()["x-auth-token"], TOKEN);
    assert!(request.headers()["x-auth-token"].is_sensitive());
    assert!(!request.headers().contains_key("authorization"));
    assert!(!request.headers().contains_key("x-sdk-date"));
    keys.authorise(&mut request, HOST, the_date()).unwrap();
    assert!(!request.headers().contains_key("x-auth-token"));
    assert!(request.headers().contains_key("authorization"));
}

#[test]
fn a_fault_names_the_variable_and_never_the_value() {
    for (settings, expected) in [
        (
            from_env("NOWHERE"),
            "environment variable NOWHERE is not set",
        ),
        (
            CredentialSettings::AkSk {
                access_key_env: "NO_AK".to_owned(),
                secret_key: SecretSource::Env("NO_SK".to_owned()),
                security_token: None,
                project_id: None,
            },
            "environment variables NO_AK and NO_SK are not set",
        ),
        (
            from_env("EMPTY"),
            "environment variable EMPTY: the value is empty",
        ),
        (
            aksk("SHORT"),
            "environment variable SHORT: the value is too short: at least 16 bytes",
        ),
        (
            aksk("BLANK"),
            "environment variable BLANK: the value contains a blank or a character that is not visible ASCII",
        ),
    ] {
        assert_eq!(fault(&settings).to_string(), expected);
    }
}

#[test]
fn a_file_that_is_gone_no_file_or_too_long_is_named() {
    let file = TokenFile::new(TOKEN);
    fs::remove_file(file.path()).unwrap();
    let text = fault(&file.settings()).to_string();
    assert_eq!(text, format!("cannot read file {}", file.path().display()));
    fs::create_dir(file.path()).unwrap();
    assert!(matches!(
        fault(&file.settings()),
        CredentialFault::Unreadable { .. }
    ));
    fs::remove_dir(file.path()).unwrap();
    for (length, accepted) in [
        (15, false),
        (16, true),
        (128 * 1024, true),
        (128 * 1024 + 1, false),
    ] {
        file.write(&format!("{}\r\n", "t".repeat(length)));
        assert_eq!(open(&file.settings()).is_ok(), accepted, "{length}");
    }
    assert!(matches!(
        fault(&file.settings()),
        CredentialFault::Flawed {
            flaw: Flaw::TooLong,
            ..
        }
    ));
}

#[test]
fn a_rewritten_token_file_is_used_from_the_next_request_on() {
    let file = TokenFile::new("the-first-token-of-all\n");
    let credential = file.open();
    assert_eq!(
        authorised(&credential)["x-auth-token"],
        "the-first-token-of-all"
    );
    file.write("a-second-and-longer-token\n");
    assert_eq!(
        authorised(&credential)["x-auth-token"],
        "a-second-and-longer-token"
    );
    for still_a_secret in [
        "the-first-token-of-all", // a call that was sent with it may have its answer yet to come
        "a-second-and-longer-token",
    ] {
        assert!(credential.echoed_in(still_a_secret.as_bytes()));
    }
}

#[test]
fn a_file_that_was_rewritten_under_its_old_time_is_read_again() {
    let file = TokenFile::new("the-first-token-of-all\n");
    let changed = || {
        let metadata = fs::metadata(file.path()).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let (modified, first) = (
        fs::metadata(file.path()).unwrap().modified().unwrap(),
        changed(),
    );
    let credential = file.open();
    assert_eq!(
        authorised(&credential)["x-auth-token"],
        "the-first-token-of-all"
    );
    // as a copy does that keeps times, once the file system's clock has gone on
    while changed() == first {
        file.write("another-token-as-long!\n");
        let written = fs::File::options().write(true).open(file.path()).unwrap();
        written.set_modified(modified).unwrap();
    }
    assert_eq!(
        authorised(&credential)["x-auth-token"],
        "another-token-as-long!"
    );
}

#[test]
fn a_token_file_that_is_gone_stops_the_calls_until_it_is_back() {
    let file = TokenFile::new("the-first-token-of-all");
    let credential = file.open();
    fs::remove_file(file.path()).unwrap();
    let mut request = request();
    let error = credential
        .authorise(&mut request, HOST, the_date())
        .unwrap_err();
    assert!(matches!(error, Error::CredentialUnavailable(_)), "{error}");
    assert!(!request.headers().contains_key("x-auth-token"));
    assert!(
        credential.echoed_in(b"the-first-token-of-all"),
        "still a secret"
    );
    file.write("the-second-token-of-all");
    assert_eq!(
        authorised(&credential)["x-auth-token"],
        "the-second-token-of-all"
    );
}

#[tokio::test]
async fn renewal_is_worth_a_repeat_only_if_the_token_differs_from_the_refused_one() {
    let file = TokenFile::new("the-first-token-of-all");
    let credential = file.open();
    let first = credential
        .authorise(&mut request(), HOST, the_date())
        .unwrap();
    assert!(!credential.renew(401, first).await, "the same token again");
    file.write("the-other-token-of-all");
    assert!(credential.renew(401, first).await);
    assert!(
        credential.renew(401, first).await,
        "also for the second request that was refused"
    );
    let second = credential
        .authorise(&mut request(), HOST, the_date())
        .unwrap();
    assert!(!credential.renew(401, second).await);
    fs::remove_file(file.path()).unwrap();
    assert!(!credential.renew(401, second).await);
}

#[tokio::test]
async fn neither_keys_nor_variables_can_be_renewed() {
    for (settings, kind) in [
        (aksk("SK"), CredentialKind::Lockable),
        (from_env("TOKEN"), CredentialKind::Renewable),
    ] {
        let credential = open(&settings).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(credential.kind(), kind);
        let used = credential
            .authorise(&mut request(), HOST, the_date())
            .unwrap();
        assert!(!credential.renew(401, used).await);
    }
}

#[test]
fn a_secret_is_found_in_an_answer_however_json_spells_it() {
    let credential =
        Credential::from_keys(ACCESS_KEY, SECRET_KEY).unwrap_or_else(|fault| panic!("{fault}"));
    let slashed = SECRET_KEY.replace('/', "\\/");
    let unicode = SECRET_KEY.replace('=', "\\u003d").replace('+', "\\u002B");
    let inner = format!(r#"{{"error":"{slashed}"}}"#);
    let nested = serde_json::to_string(&inner).unwrap();
    let in_capitals = SECRET_KEY.to_uppercase();
    let in_capitals = in_capitals.bytes().map(|byte| format!("\\u{byte:04X}"));
    let in_capitals = in_capitals.collect();
    let mut hidden = "nothing is wrapped as often as this: \\".to_owned();
    for _ in 0..16 {
        hidden = hidden.replace('\\', "\\\\");
    }
    for body in [
        SECRET_KEY.to_owned(),
        format!("<html>{SECRET_KEY}</html>"),
        format!(r#"{{"error_msg":"sk {slashed} is wrong"}}"#),
        format!(r#"{{"{slashed}":1}}"#),
        format!(r#"{{"a":[{{"b":"{unicode}"}}]}}"#),
        format!(r#"{{"a":"{unicode}","no machine number":[1e999,-1E+999]}}"#),
        format!(
            r#"{{"error_msg":"unreadable: {}"}}"#,
            inner.replace('"', "\\\"")
        ),
        nested.get(..nested.len() - 3).unwrap().to_owned(), // cut off
        in_capitals,
        hidden,
    ] {
        assert!(credential.echoed_in(body.as_bytes()), "{body}");
    }
    let almost = SECRET_KEY.replace("cdef", "cdee");
    for body in [
        "",
        "{}",
        "\\",
        ACCESS_KEY,
        r#"{"a":"\\","b":"C:\\\\temp\\u002","c":"\ud83d\ude00"}"#,
        almost.as_str(),
    ] {
        assert!(!credential.echoed_in(body.as_bytes()), "{body}");
    }
}
