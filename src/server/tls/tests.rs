use std::fs;
use std::path::PathBuf;

use rcgen::generate_simple_self_signed;
use tempfile::TempDir;

use super::{Tls, TlsFault};
use crate::config::{ClientCertificates, TlsSettings};

struct Files {
    _dir: TempDir,
    settings: TlsSettings,
}

fn files(cert: &str, key: &str) -> Files {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let settings = TlsSettings {
        cert_file: write("cert.pem", cert),
        key_file: write("key.pem", key),
        clients: None,
    };
    Files {
        _dir: dir,
        settings,
    }
}

fn pair() -> (String, String) {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// The fault's text and that of its causes.
fn fault_of(files: &Files) -> String {
    let fault: TlsFault = Tls::load(&files.settings).unwrap_err();
    let source = std::error::Error::source(&fault).map(ToString::to_string);
    format!("{fault}: {}", source.unwrap_or_default())
}

#[test]
fn a_certificate_and_its_key_are_taken() {
    let (cert, key) = pair();
    assert!(Tls::load(&files(&cert, &key).settings).is_ok());
}

#[test]
fn a_fault_names_the_file_and_the_reason() {
    let (cert, key) = pair();
    let (_, other_key) = pair();
    let cases = [
        (files("", &key), "cert.pem: no certificate in it"),
        (files(&cert, ""), "key.pem: no private key in it"),
        (files(&cert, &cert), "key.pem: no private key in it"),
        (files("-----BEGIN x", &key), "cert.pem: not well-formed PEM"),
        (files(&cert, &other_key), "key.pem: not usable together"),
        (files(&cert, &other_key), "KeyMismatch"),
    ];
    for (files, text) in cases {
        let fault = fault_of(&files);
        assert!(fault.contains(text), "{fault}");
    }
    let mut no_authority = files(&cert, &key);
    no_authority.settings.clients = Some(ClientCertificates {
        ca_file: no_authority.settings.key_file.clone(),
        required: true,
    });
    let fault = fault_of(&no_authority);
    assert!(fault.contains("key.pem: no certificate in it"), "{fault}");
    let mut missing = files(&cert, &key);
    missing.settings.key_file.set_file_name("absent.pem");
    let fault = fault_of(&missing);
    assert!(fault.contains("absent.pem: cannot be read"), "{fault}");
}

#[test]
fn a_broken_key_file_is_never_quoted() {
    let (cert, key) = pair();
    let on_one_line = key.replace('\n', "");
    let cut_off = key.lines().next().unwrap().to_owned() + "\nMIGHAgEAMBMGBy";
    for broken in [on_one_line, cut_off] {
        let files = files(&cert, &broken);
        let debug = format!("{:?}", Tls::load(&files.settings).unwrap_err());
        for text in [fault_of(&files), debug] {
            assert!(!text.contains("MIG"), "{text}");
        }
    }
}
