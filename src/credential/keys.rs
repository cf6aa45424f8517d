//! The access key and secret key that sign requests, with what belongs to them.

use std::time::SystemTime;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::fault::{CredentialFault, Flaw};
use super::secret::check_header_text;
use super::signing::{self, Signable};
use super::source::{Generation, Source};
use super::{X_PROJECT_ID, X_SDK_DATE, X_SECURITY_TOKEN, header_text, sensitive};
use crate::error::Error;

/// `X-Sdk-Date` in UTC, e.g. `20240605T080058Z`.
pub(super) const SDK_DATE: &str = "%Y%m%dT%H%M%SZ";

/// An access key with its secret key, and the two headers that may go with them.
pub(super) struct KeyPair {
    access_key: String,
    secret_key: Source,
    security_token: Option<Source>,
    project_id: Option<HeaderValue>,
}

// === impl KeyPair ===

impl KeyPair {
    /// `place` names the access key in a fault.
    pub(super) fn new(
        access_key: &str,
        place: &str,
        secret_key: Source,
    ) -> Result<Self, CredentialFault> {
        check_header_text(access_key).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
        Ok(Self {
            access_key: access_key.to_owned(),
            secret_key,
            security_token: None,
            project_id: None,
        })
    }

    /// With temporary keys: the token is sent and signed.
    pub(super) fn with_security_token(self, security_token: Option<Source>) -> Self {
        Self {
            security_token,
            ..self
        }
    }

    /// For a sub-project: its id is sent and signed.
    pub(super) fn with_project_id(self, id: Option<&str>) -> Result<Self, CredentialFault> {
        let project_id = id.map(project_id).transpose()?;
        Ok(Self { project_id, ..self })
    }

    pub(super) fn secret_key(&self) -> &Source {
        &self.secret_key
    }

    pub(super) fn security_token(&self) -> Option<&Source> {
        self.security_token.as_ref()
    }

    /// Signs the smallest set of headers that upstream takes: every one more is one more that a hop could change.
    pub(super) fn sign(
        &self,
        request: &mut http::Request<()>,
        host: &str,
        wall: SystemTime,
    ) -> Result<Generation, Error> {
        let (secret_key, generation) = self.secret_key.current()?;
        let to_sign = self.headers_to_sign(host, wall)?;
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
        let value = signing::authorization(&signable, &self.access_key, secret_key.expose())
            .map_err(|fault| Error::Internal(fault.to_string().into()))?;
        let value = sensitive(&value)?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(generation)
    }

    /// In alphabetical order, which is the order they are signed in.
    fn headers_to_sign(
        &self,
        host: &str,
        wall: SystemTime,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
        let mut headers = vec![(HOST, header_text(host)?)];
        if let Some(id) = &self.project_id {
            headers.push((X_PROJECT_ID, id.clone()));
        }
        headers.push((X_SDK_DATE, header_text(&sdk_date(wall)?)?));
        if let Some(token) = &self.security_token {
            headers.push((X_SECURITY_TOKEN, sensitive(token.current()?.0.expose())?));
        }
        Ok(headers)
    }
}

fn sdk_date(wall: SystemTime) -> Result<String, Error> {
    Timestamp::try_from(wall)
        .map(|time| time.strftime(SDK_DATE).to_string())
        .map_err(|error| Error::Internal(format!("the clock is out of range: {error}").into()))
}

fn project_id(id: &str) -> Result<HeaderValue, CredentialFault> {
    let place = "upstream.credential.project_id";
    check_header_text(id).map_err(|flaw| CredentialFault::flawed(place, flaw))?;
    HeaderValue::from_str(id).or(Err(CredentialFault::flawed(place, Flaw::NotVisibleAscii)))
}
