//! Temporary keys as JSON, in every spelling that the vendor's SDKs read: of the metadata service, of IAM, and of a file
//! that another process writes.
//!
//! `{"credential":{"access":"…","secret":"…","securitytoken":"…","expires_at":"2020-01-08T03:50:07.574000Z"}}`. Other
//! members are ignored; one thing under two names is refused, since nobody could say which counts.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::Material;
use crate::credential::fault::Flaw;
use crate::credential::secret::{Secret, check_header_text};

/// Why a JSON text gives no keys. It quotes nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysFlaw {
    /// No JSON, or without a member that must be there, or with one twice.
    #[error(
        "no JSON like {{\"credential\":{{\"access\":\"…\",\"secret\":\"…\"}}}} (line {line}, column {column})"
    )]
    Unreadable {
        /// Counted from 1; 0 if the text as a whole is meant.
        line: usize,
        /// Counted from 1, in bytes; 0 likewise.
        column: usize,
    },
    /// A key that cannot be used.
    #[error("{member}: {flaw}")]
    Unusable {
        /// The member, as it is usually spelt.
        member: &'static str,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// When they expire cannot be read.
    #[error("expires_at is no time like 2020-01-08T03:50:07.574000Z")]
    Time,
}

/// The keys, and when they expire if the text says it.
pub(in crate::credential) fn read_keys(
    json: &[u8],
) -> Result<(Material, Option<SystemTime>), KeysFlaw> {
    let Wrapped { credential: keys } =
        serde_json::from_slice(json).map_err(|error| KeysFlaw::Unreadable {
            line: error.line(),
            column: error.column(),
        })?;
    let unusable = |member| move |flaw| KeysFlaw::Unusable { member, flaw };
    check_header_text(&keys.access).map_err(unusable("access"))?;
    let security_token = keys.securitytoken.map(|token| Secret::parse(&token.0));
    let material = Material::Keys {
        access_key: keys.access,
        secret_key: Secret::parse(&keys.secret.0).map_err(unusable("secret"))?,
        security_token: security_token
            .transpose()
            .map_err(unusable("securitytoken"))?,
    };
    let expires_at = keys
        .expires_at
        .map(|text| time(&text).ok_or(KeysFlaw::Time));
    Ok((material, expires_at.transpose()?))
}

/// `2020-01-08T03:50:07.574000Z`; a time that does not say its offset is none.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    let time: Timestamp = text.parse().ok()?;
    SystemTime::try_from(time).ok()
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(alias = "credentials")]
    credential: Keys,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(alias = "accessKeyId", alias = "access_key_id")]
    access: String,
    #[serde(alias = "secretAccessKey", alias = "secret_access_key")]
    secret: Wiped,
    #[serde(alias = "securityToken", alias = "security_token")]
    securitytoken: Option<Wiped>,
    #[serde(alias = "expiration")]
    expires_at: Option<String>,
}

/// Text that is wiped when dropped.
struct Wiped(Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{KeysFlaw, read_keys};
    use crate::credential::fault::Flaw;
    use crate::credential::issue::Material;

    const SECRET: &str = "bYpzLp9S9cZCzVu0123456789";

    /// What was read, as text; a flaw is shown.
    #[track_caller]
    fn read(json: &str) -> (String, String, Option<String>, Option<SystemTime>) {
        let (material, expires_at) = read_keys(json.as_bytes()).unwrap_or_else(|f| panic!("{f}"));
        match material {
            Material::Keys {
                access_key,
                secret_key,
                security_token,
            } => (
                access_key,
                secret_key.expose().to_owned(),
                security_token.map(|token| token.expose().to_owned()),
                expires_at,
            ),
            Material::Token(_) => panic!("a token"),
        }
    }

    #[test]
    fn keys_are_read_in_every_spelling() {
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_578_455_407_574);
        for wrapper in ["credential", "credentials"] {
            for [access, secret, token, time] in [
                ["access", "secret", "securitytoken", "expires_at"],
                [
                    "accessKeyId",
                    "secretAccessKey",
                    "securityToken",
                    "expiration",
                ],
                [
                    "access_key_id",
                    "secret_access_key",
                    "security_token",
                    "expires_at",
                ],
            ] {
                let json = format!(
                    r#"{{"v":1,"{wrapper}":{{"{access}":"AK","{secret}":"{SECRET}","x":{{"y":[]}},
                    "{token}":"gQpjbi1ub3J0aC00\/AAAA","{time}":"2020-01-08T03:50:07.574000Z"}}}}"#
                );
                let (access_key, secret_key, security_token, expires) = read(&json);
                assert_eq!(
                    (access_key.as_str(), secret_key.as_str()),
                    ("AK", SECRET),
                    "{json}"
                );
                assert_eq!(
                    security_token.as_deref(),
                    Some("gQpjbi1ub3J0aC00/AAAA"),
                    "{json}"
                );
                assert_eq!(expires, Some(expires_at), "{json}");
            }
        }
    }

    #[test]
    fn lasting_keys_have_neither_token_nor_time() {
        for more in ["", r#","securitytoken":null,"expires_at":null"#] {
            let json = format!(r#"{{"credential":{{"access":"AK","secret":"{SECRET}"{more}}}}}"#);
            assert_eq!(
                read(&json),
                ("AK".to_owned(), SECRET.to_owned(), None, None)
            );
        }
    }

    #[test]
    fn a_flaw_names_the_member_and_quotes_nothing() {
        let keys = |members: &str| format!(r#"{{"credential":{{{members}}}}}"#);
        let good = format!(r#""access":"AK","secret":"{SECRET}""#);
        let with = |more: &str| keys(&format!("{good},{more}"));
        let unusable = |member, flaw| Some(KeysFlaw::Unusable { member, flaw });
        for (json, flaw) in [
            (String::new(), None),
            ("{}".to_owned(), None),
            (format!("{{{good}}}"), None),
            (format!(r#""{SECRET}""#), None),
            (keys(r#""access":"AK""#), None),
            (keys(&format!(r#""secret":"{SECRET}""#)), None),
            (
                keys(&format!(r#""access":"AK","secret":["{SECRET}"]"#)),
                None,
            ),
            (with(&format!(r#""secretAccessKey":"{SECRET}""#)), None),
            (format!("{} {SECRET}", keys(&good)), None),
            (keys(&good).replace("}}", "}"), None),
            (
                keys(&format!(r#""access":"","secret":"{SECRET}""#)),
                unusable("access", Flaw::Empty),
            ),
            (
                keys(&format!(r#""access":"A K","secret":"{SECRET}""#)),
                unusable("access", Flaw::NotVisibleAscii),
            ),
            (
                keys(r#""access":"AK","secret":"bYpzLp9S9cZCzVu""#),
                unusable("secret", Flaw::TooShort),
            ),
            (
                keys(r#""access":"AK","secret":"bYpzLp9S9cZCzVu\n0123456789""#),
                unusable("secret", Flaw::NotVisibleAscii),
            ),
            (
                with(r#""securitytoken":"""#),
                unusable("securitytoken", Flaw::Empty),
            ),
            (
                with(r#""securitytoken":"short""#),
                unusable("securitytoken", Flaw::TooShort),
            ),
            (with(r#""expires_at":"""#), Some(KeysFlaw::Time)),
            (
                with(r#""expires_at":"2020-01-08T03:50:07""#),
                Some(KeysFlaw::Time),
            ),
            (
                with(&format!(r#""expires_at":"{SECRET}""#)),
                Some(KeysFlaw::Time),
            ),
        ] {
            let found = read_keys(json.as_bytes())
                .err()
                .unwrap_or_else(|| panic!("{json}"));
            match flaw {
                Some(flaw) => assert_eq!(found, flaw, "{json}"),
                None => assert!(
                    matches!(found, KeysFlaw::Unreadable { .. }),
                    "{json}: {found}"
                ),
            }
            assert!(
                !format!("{found} {found:?}").contains("bYpzLp9S9cZCzVu"),
                "{found}"
            );
        }
    }
}
