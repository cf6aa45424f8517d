//! The metadata service of a cloud server: `PUT /meta-data/latest/api/token`, a session, and
//! `GET /openstack/latest/securitykey`, temporary keys of the server's agency.
//!
//! Servers of the old generation know no sessions: the PUT is 404, and keys are for anybody who asks.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::json;

use super::answer::{of_metadata, of_metadata_json, told};
use super::{Authority, Grant, Metadata};
use crate::sandbox::Sandbox;

/// How long a session shall live, in seconds.
const TTL: &str = "x-metadata-token-ttl-seconds";

/// The header a session comes in.
const SESSION: &str = "x-metadata-token";

/// The longest session, in seconds: six hours, which is what the SDKs ask for.
const MAX_TTL: u64 = 21_600;

/// By these words the SDKs know that no session would help.
const NO_AGENCY: &str = "Please configure Cloud Service Agency first";

impl Sandbox {
    /// A session.
    pub(super) fn session(&self, head: &Parts) -> Response<Bytes> {
        if self.generation() == Metadata::Old {
            return of_metadata(StatusCode::NOT_FOUND, "Not Found");
        }
        let ttl = head.headers.get(TTL).and_then(|ttl| ttl.to_str().ok());
        let ttl = ttl.and_then(|ttl| ttl.parse().ok());
        let Some(seconds) = ttl.filter(|ttl| (1..=MAX_TTL).contains(ttl)) else {
            return of_metadata(StatusCode::BAD_REQUEST, "Bad Request");
        };
        let expires_at = self.0.clock.wall() + Duration::from_secs(seconds);
        let session = self
            .state()
            .authority
            .seal
            .issue(Grant::Session, expires_at);
        of_metadata(StatusCode::OK, session)
    }

    /// The keys that the server has now.
    pub(super) fn temporary_keys(&self, head: &Parts) -> Response<Bytes> {
        let generation = self.generation();
        if generation != Metadata::Old && !self.has_session(head) {
            return of_metadata(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        if generation == Metadata::NoAgency {
            return of_metadata(StatusCode::UNAUTHORIZED, NO_AGENCY);
        }
        let now = self.0.clock.wall();
        let mut state = self.state();
        let lifetime = state.scenario.identity().key_lifetime;
        let lifetime = lifetime.unwrap_or(self.0.settings.key_lifetime);
        let set = state.authority.keys.current(lifetime, now);
        of_metadata_json(&json!({"credential": {
            "access": set.access_key,
            "secret": set.secret_key,
            "securitytoken": set.security_token,
            "expires_at": told(set.expires_at),
        }}))
    }

    /// As a test, the scenario or the settings say, in this order.
    fn generation(&self) -> Metadata {
        let state = self.state();
        let said = state.authority.metadata;
        said.or(state.scenario.identity().metadata)
            .unwrap_or(self.0.settings.metadata)
    }

    fn has_session(&self, head: &Parts) -> bool {
        let now = self.0.clock.wall();
        let Authority { seal, .. } = &self.state().authority;
        head.headers
            .get(SESSION)
            .is_some_and(|session| seal.open(session.as_bytes(), now) == Ok(Grant::Session))
    }
}
