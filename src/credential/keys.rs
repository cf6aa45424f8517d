//! The access key and secret key that sign requests, with what belongs to them: given apart, or in one file.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::fault::{CredentialFault, Flaw, MAX_BYTES};
use super::file::{Content, Watched};
use super::issue::{Material, read_keys};
use super::secret::{Secret, check_header_text};
use super::signing::{self, Signable};
use super::source::{Generation, Source};
use super::{X_PROJECT_ID, X_SDK_DATE, X_SECURITY_TOKEN, header_text, sensitive};
use crate::error::Error;

/// `X-Sdk-Date` in UTC, e.g. `20240605T080058Z`.
pub(super) const SDK_DATE: &str = "%Y%m%dT%H%M%SZ";

/// So long after their end keys are still tried: clocks differ, and upstream's is the one that counts.
pub(super) const EXPIRY_GRACE: Duration = Duration::from_secs(60);

/// What a request is signed with.
pub(super) struct Keys<'a> {
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a Secret,
    pub(super) security_token: Option<&'a Secret>,
}

/// Signs; `project_id` is sent and signed with whatever keys.
pub(super) struct Signer {
    project_id: Option<HeaderValue>,
}

/// An access key with its secret key and security token, each from a place of its own.
pub(super) struct KeyPair {
    access_key: String,
    secret_key: Source,
    security_token: Option<Source>,
    signer: Signer,
}

/// All of them in one file, that another process renews.
pub(super) struct KeysFile {
    file: Watched<KeySet>,
    signer: Signer,
}

/// One reading of it.
pub(super) struct KeySet {
    pub(super) keys: Material,
    /// If the file says it.
    pub(super) expires_at: Option<SystemTime>,
}

// === impl Signer ===

impl Signer {
    pub(super) fn new(project_id: Option<&str>) -> Result<Self, CredentialFault> {
        let project_id = project_id.map(project_id_value).transpose()?;
        Ok(Self { project_id })
    }

    /// Signs the smallest set of headers that upstream takes: every one more is one more that a hop could change.
    pub(super) fn sign(
        &self,
        keys: &Keys<'_>,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<(), Error> {
        let to_sign = self.headers_to_sign(keys, host, wall)?;
        let signed: Vec<&str> = to_sign.iter().map(|(name, _)| name.as_str()).collect();
        for (name, value) in &to_sign {
            request.headers_mut().insert(name, value.clone());
        }
        let signable = Signable {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            signed: &signed,
            body: b"",
        };
        let value = signing::authorization(&signable, keys.access_key, keys.secret_key.expose())
            .map_err(|fault| Error::Internal(fault.to_string().into()))?;
        let value = sensitive(&value)?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }

    /// In alphabetical order, which is the order they are signed in.
    fn headers_to_sign(
        &self,
        keys: &Keys<'_>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
        let mut headers = vec![(HOST, header_text(host)?)];
        if let Some(id) = &self.project_id {
            headers.push((X_PROJECT_ID, id.clone()));
        }
        headers.push((X_SDK_DATE, header_text(&sdk_date(wall)?)?));
        if let Some(token) = keys.security_token {
            headers.push((X_SECURITY_TOKEN, sensitive(token.expose())?));
        }
        Ok(headers)
    }
}

// === impl KeyPair ===

impl KeyPair {
    /// `place` names the access key in a fault; the security token goes with temporary keys.
    pub(super) fn new(
        access_key: &str,
        place: &str,
        secret_key: Source,
        security_token: Option<Source>,
        signer: Signer,
    ) -> Result<Self, CredentialFault> {
        check_header_text(access_key).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
        Ok(Self {
            access_key: access_key.to_owned(),
            secret_key,
            security_token,
            signer,
        })
    }

    /// Its secrets' sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.secret_key).chain(&self.security_token)
    }

    /// Which values it has now.
    pub(super) fn generation(&self) -> Result<Generation, CredentialFault> {
        self.sources()
            .try_fold(Generation::default(), |sum, source| {
                Ok(sum.with(source.current()?.1))
            })
    }

    pub(super) fn sign(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        let (secret_key, mut generation) = self.secret_key.current()?;
        let security_token = self.security_token.as_ref().map(Source::current);
        let security_token = security_token.transpose()?.map(|(token, other)| {
            generation = generation.with(other);
            token
        });
        let keys = Keys {
            access_key: &self.access_key,
            secret_key: &secret_key,
            security_token: security_token.as_deref(),
        };
        self.signer.sign(&keys, request, host, wall)?;
        Ok(generation)
    }
}

// === impl KeysFile ===

impl KeysFile {
    pub(super) fn open(path: &Path, signer: Signer) -> Result<Self, CredentialFault> {
        let file = Watched::open(path)?;
        Ok(Self { file, signer })
    }

    /// Which keys it holds now.
    pub(super) fn generation(&self) -> Result<Generation, CredentialFault> {
        self.file.current().map(|(_, generation)| generation)
    }

    /// When the keys expire that it held last.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        self.file.last().expires_at
    }

    /// Whether the keys that it held last are not sent any more.
    pub(super) fn are_over(&self, wall: SystemTime) -> bool {
        self.file.last().is_over(wall)
    }

    /// Its last readings.
    pub(super) fn known(&self) -> impl Iterator<Item = Arc<KeySet>> + use<> {
        self.file.known()
    }

    /// Signs with keys of one reading, unless they are known to have expired: that would be a failure of the key.
    pub(super) fn sign(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        let (set, generation) = self.file.current()?;
        if set.is_over(wall) {
            return Err(Error::CredentialUnavailable(
                "the keys of keys_file have expired".into(),
            ));
        }
        set.keys.put_on(request, &self.signer, host, wall)?;
        Ok(generation)
    }
}

// === impl KeySet ===

impl KeySet {
    fn is_over(&self, wall: SystemTime) -> bool {
        let end = self.expires_at.and_then(|at| at.checked_add(EXPIRY_GRACE));
        end.is_some_and(|end| end < wall)
    }
}

impl Content for KeySet {
    /// Two secrets, and the JSON around them.
    const MAX_BYTES: usize = 2 * MAX_BYTES + 16 * 1024;

    fn parse(content: &[u8], path: &Path) -> Result<Self, CredentialFault> {
        let (keys, expires_at) =
            read_keys(content).map_err(|flaw| CredentialFault::KeysUnreadable {
                path: path.to_owned(),
                flaw,
            })?;
        Ok(Self { keys, expires_at })
    }

    fn is(&self, other: &Self) -> bool {
        self.keys.is(&other.keys)
    }
}

fn sdk_date(wall: SystemTime) -> Result<String, Error> {
    Timestamp::try_from(wall)
        .map(|time| time.strftime(SDK_DATE).to_string())
        .map_err(|error| Error::Internal(format!("the clock is out of range: {error}").into()))
}

fn project_id_value(id: &str) -> Result<HeaderValue, CredentialFault> {
    let place = "upstream.credential.project_id";
    check_header_text(id).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
    HeaderValue::from_str(id).or(Err(CredentialFault::flawed(place, Flaw::NotVisibleAscii)))
}
