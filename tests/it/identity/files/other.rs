//! The process that renews what the gateway reads, and its file. It gets its credential where the gateway would.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jobgate::config::{CredentialSettings, SecretSource};
use jobgate::sandbox::{Metadata, SandboxAccount, SandboxSettings};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

use super::super::{Day, HOUR, MINUTE, Sky};
use crate::raw::Wire;
use crate::sandbox::Double;
use crate::support::open_with;

/// The other process, and the file it writes.
pub(super) struct Other {
    double: String,
    dir: TempDir,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Keys,
    Token,
}

// === impl Other ===

impl Other {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("credential")
    }

    /// Whole or not at all.
    pub(super) fn write(&self, text: &str) {
        let next = self.dir.path().join("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.path()).unwrap();
    }

    /// What it is given: the content of the file.
    pub(super) async fn get(&self) -> String {
        let addr = self.double.strip_prefix("http://").unwrap();
        let mut wire = Wire::open(addr.parse().unwrap()).await;
        match self.what {
            What::Keys => {
                let request =
                    format!("GET /openstack/latest/securitykey HTTP/1.1\r\nHost: {addr}\r\n\r\n");
                wire.write(request).await;
                wire.answer().await.body
            }
            What::Token => {
                let body = login();
                let request = format!(
                    "POST /v3/auth/tokens?nocatalog=true HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                wire.write(request).await;
                let head = wire.answer().await.head;
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                let token = lines.find(|(name, _)| name.eq_ignore_ascii_case("x-subject-token"));
                token.unwrap().1.to_owned()
            }
        }
    }

    pub(super) async fn renew(&self) {
        self.write(&self.get().await);
    }

    fn settings(&self) -> CredentialSettings {
        match self.what {
            What::Keys => CredentialSettings::KeysFile {
                path: self.path(),
                project_id: None,
            },
            What::Token => CredentialSettings::Token(SecretSource::File(self.path())),
        }
    }

    /// Dawn, with a file that is good for an hour.
    pub(super) async fn begin(what: What) -> (Self, Day) {
        let settings = SandboxSettings {
            requests: 10_000,
            token_lifetime: HOUR,
            metadata: Metadata::Old,
            ..SandboxSettings::default()
        };
        let double = Double::with(settings).await;
        let other = Self {
            double: double.url.clone(),
            dir: TempDir::new().unwrap(),
            what,
        };
        other.renew().await;
        let credential = open_with(other.settings(), &double.clock, &|_| None);
        let day = Day::of(double, credential);
        day.ask(Sky::Fair).await;
        (other, day)
    }

    /// So long, in which it renews in time.
    pub(super) async fn lasts(&self, day: &mut Day, long: Duration) {
        let end = day.double.clock.now() + long;
        while day.double.clock.now() < end {
            self.renew().await;
            day.calm(9 * MINUTE).await;
        }
    }
}

fn login() -> String {
    let account = SandboxAccount::default();
    let user = json!({
        "name": account.user,
        "password": account.password.expose_secret(),
        "domain": {"name": account.domain},
    });
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let scope = json!({"project": {"name": account.project}});
    json!({"auth": {"identity": identity, "scope": scope}}).to_string()
}

pub(super) fn half(text: &str) -> &str {
    text.get(..text.len() / 2).unwrap()
}
