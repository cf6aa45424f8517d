//! Whose signature it is, while secrets come, change and go.

use std::fs;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderValue, Request};
use tempfile::TempDir;

use super::super::signing::{Signable, authorization};
use super::{ClientSecrets, NO_MATCH, NOBODYS};
use crate::config::{ClientSettings, SecretSource};
use crate::error::Error;
use crate::policy::allowance::Allowance;
use crate::policy::client::{ClientId, Fingerprint};

const OLD: &str = "jgs_old-secret-of-wallboard";
const NEW: &str = "jgs_new-secret-of-wallboard";

fn client(name: &str, secrets: Vec<SecretSource>) -> ClientSettings {
    ClientSettings {
        name: name.to_owned(),
        key_sha256: Vec::new(),
        secrets,
        rate: None,
        jobs: None,
        refresh: Allowance::DEFAULT,
        share: None,
        max_stale: None,
    }
}

fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458)
}

/// A request at [`wall`], signed.
fn signed(access_key: &str, secret_key: &str) -> Parts {
    let request = Request::get("/v1/job/901878212b1a49be9c1a1054c272762a/info")
        .header(HOST, "gateway")
        .header("x-sdk-date", "20240605T080058Z");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let signable = Signable {
        method: "GET",
        path: head.uri.path(),
        query: "",
        headers: &head.headers,
        signed: &["host", "x-sdk-date"],
        body: b"",
    };
    let value = authorization(&signable, access_key, secret_key).unwrap();
    head.headers
        .insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
    head
}

/// Who asks with these keys in this second; the text of the refusal otherwise.
fn whose(
    secrets: &ClientSecrets,
    (access_key, secret_key): (&str, &str),
    second: u64,
) -> Result<usize, &'static str> {
    let head = signed(access_key, secret_key);
    let at = (wall(), second);
    match secrets.identify(&head.headers[AUTHORIZATION], &head, false, at) {
        Ok(client) => Ok(client.index().unwrap()),
        Err(Error::BadSignature(text)) => Err(text),
        Err(other) => unreachable!("{other:?}"),
    }
}

fn no_match() -> Result<usize, &'static str> {
    match NO_MATCH {
        Error::BadSignature(text) => Err(text),
        other => unreachable!("{other:?}"),
    }
}

fn open(clients: &[ClientSettings]) -> ClientSecrets {
    let env = |name: &str| Some(format!("jgs_secret-of-variable-{name}"));
    ClientSecrets::open(clients, &env).ok().unwrap()
}

#[test]
fn a_signature_is_of_the_client_whose_name_and_secret_made_it_and_of_nobody_else_in_the_same_words()
{
    let variable = |name: &str| vec![SecretSource::Env(name.to_owned())];
    let secrets = open(&[
        client("keys-only", Vec::new()),
        client("wallboard", variable("W")),
        client("bot", variable("B")),
    ]);
    let (of_w, of_b) = ("jgs_secret-of-variable-W", "jgs_secret-of-variable-B");
    for (keys, expected) in [
        (("wallboard", of_w), Ok(1)),
        (("bot", of_b), Ok(2)),
        (("bot", of_w), no_match()),
        (("Bot", of_b), no_match()),
        (("keys-only", of_w), no_match()),
        (("keys-only", NOBODYS), no_match()),
        (("stranger", of_w), no_match()),
        (("stranger", NOBODYS), no_match()),
        (("wallboard", NOBODYS), no_match()),
        (("", of_w), no_match()),
    ] {
        assert_eq!(whose(&secrets, keys, 0), expected, "{keys:?}");
    }
}

#[test]
fn while_one_secret_replaces_the_other_both_are_good_and_each_has_its_own_last_use() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, format!("{NEW}\n")).unwrap();
    let both = vec![SecretSource::Env("W".to_owned()), SecretSource::File(path)];
    let secrets = open(&[client("wallboard", both)]);
    let old = "jgs_secret-of-variable-W";
    let uses = |second| -> Vec<(String, Option<u64>)> {
        let uses = secrets.uses(second);
        uses.map(|one| {
            assert_eq!(one.owner, ClientId::at(0));
            (one.fingerprint.to_string(), one.last_use)
        })
        .collect()
    };
    let [old_name, new_name] = [old, NEW].map(|key| Fingerprint::of(key.as_bytes()).to_string());
    assert_eq!(
        uses(0),
        [(old_name.clone(), None), (new_name.clone(), None)]
    );
    assert_eq!(whose(&secrets, ("wallboard", old), 3), Ok(0));
    assert_eq!(whose(&secrets, ("wallboard", OLD), 4), no_match());
    assert_eq!(
        uses(5),
        [(old_name.clone(), Some(3)), (new_name.clone(), None)]
    );
    assert_eq!(whose(&secrets, ("wallboard", NEW), 7), Ok(0));
    assert_eq!(uses(7), [(old_name, Some(3)), (new_name, Some(7))]);
}

#[test]
fn a_file_is_looked_at_again_in_another_second_and_a_new_secret_was_never_used() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, OLD).unwrap();
    let secrets = open(&[client("wallboard", vec![SecretSource::File(path.clone())])]);
    let last_use = |second| secrets.uses(second).next().map(|one| one.last_use);
    assert_eq!(whose(&secrets, ("wallboard", OLD), 1), Ok(0));
    fs::write(&path, NEW.repeat(2)).unwrap(); // of another length: two writes within a tick of the clock look alike
    assert_eq!(
        whose(&secrets, ("wallboard", OLD), 1),
        Ok(0),
        "one look a second"
    );
    assert_eq!(whose(&secrets, ("wallboard", OLD), 2), no_match());
    assert_eq!(last_use(2), Some(None));
    assert_eq!(whose(&secrets, ("wallboard", &NEW.repeat(2)), 2), Ok(0));
    assert_eq!(last_use(3), Some(Some(2)));

    fs::remove_file(&path).unwrap();
    assert_eq!(
        whose(&secrets, ("wallboard", &NEW.repeat(2)), 4),
        no_match()
    );
    assert_eq!(last_use(4), None, "none is good");
    fs::write(&path, OLD).unwrap();
    assert_eq!(whose(&secrets, ("wallboard", OLD), 5), Ok(0), "it is back");
}

#[test]
fn a_secret_that_cannot_be_used_is_named_by_its_client_and_key_and_never_shown() {
    let dir = TempDir::new().unwrap();
    let short = dir.path().join("short");
    fs::write(&short, "hunter2").unwrap();
    for (source, expected) in [
        (
            SecretSource::Env("UNSET".to_owned()),
            "client wallboard, secret_env: environment variable UNSET is not set",
        ),
        (
            SecretSource::File(dir.path().join("none")),
            "client wallboard, secret_file: cannot read file",
        ),
        (
            SecretSource::File(short),
            "the value is too short: at least 16 bytes",
        ),
    ] {
        let fault = ClientSecrets::open(&[client("wallboard", vec![source])], &|_| None).err();
        let told = format!("{:#}", anyhow::Error::new(fault.unwrap()));
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("hunter2"));
    }
}
