//! Who is calling: a verified signature or a token, by the credential of the settings or by one that was issued
//! (`identity`). It says nothing of what the caller may do.
//!
//! With both a signature and a token the outcome is not documented; here the signature decides.

use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::identity::Grant;
use super::lockout::Verdict;
use super::refusal::Refusal;
use super::verify::{Claim, DATE};
use super::{Sandbox, State};

/// The header a token comes in.
const TOKEN: &str = "x-auth-token";

/// How far `X-Sdk-Date` may be from the clock, either way ("within 15 minutes").
const MAX_SKEW: Duration = Duration::from_mins(15);

/// The header that temporary keys need besides.
const SECURITY_TOKEN: &str = "x-security-token";

impl Sandbox {
    /// What the caller may reach. A signature reaches what a token of the project does.
    pub(super) fn authenticate(&self, head: &Parts, body: &[u8]) -> Result<Grant, Refusal> {
        match (head.headers.get(AUTHORIZATION), head.headers.get(TOKEN)) {
            (Some(authorization), _) => {
                let text = authorization.to_str().unwrap_or_default();
                let claim = Claim::parse(text).ok_or(Refusal::BadSignature)?;
                self.check_signature(&claim, head, body)?;
                Ok(Grant::Project)
            }
            (None, Some(token)) => self.check_token(token.as_bytes()),
            (None, None) => Err(Refusal::NoCredential),
        }
    }

    fn check_token(&self, token: &[u8]) -> Result<Grant, Refusal> {
        let right = self.0.settings.credential.token.expose_secret();
        if right.as_bytes().ct_eq(token).into() {
            Ok(Grant::Project)
        } else {
            self.grant_of(token)
        }
    }

    fn check_signature(&self, claim: &Claim<'_>, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let wall = self.0.clock.wall();
        let mut state = self.state();
        let credential = &self.0.settings.credential;
        let State {
            lockout,
            secret_key,
            authority,
            ..
        } = &mut *state;
        let (secret, security_token, lockout) = if claim.access_key == credential.access_key {
            (secret_key.expose_secret(), None, lockout)
        } else {
            let set = authority.keys.find(claim.access_key, wall);
            let set = set.ok_or_else(|| Refusal::UnknownKey(claim.access_key.to_owned()))?;
            let security_token = Some(set.security_token.as_str());
            (set.secret_key.as_str(), security_token, &mut set.lockout)
        };
        let signed_at = signed_at(head);
        if signed_at.is_some_and(|signed_at| is_skewed(signed_at, wall)) {
            return Err(Refusal::Skewed);
        }
        let is_right = signed_at.is_some()
            && claim.holds(head, body, secret)
            && security_token.is_none_or(|token| has_security_token(claim, head, token));
        match lockout.judge(is_right, self.0.clock.now()) {
            Verdict::Accepted => Ok(()),
            Verdict::Failed => Err(Refusal::BadSignature),
            Verdict::Locked => Err(Refusal::Locked),
        }
    }
}

/// A security token counts only if it is signed too.
fn has_security_token(claim: &Claim<'_>, head: &Parts, token: &str) -> bool {
    let sent = head.headers.get(SECURITY_TOKEN);
    claim.covers(SECURITY_TOKEN) && sent.is_some_and(|sent| sent == token)
}

fn signed_at(head: &Parts) -> Option<SystemTime> {
    read_date(head.headers.get(DATE)?.to_str().ok()?)
}

/// `20240605T080058Z`.
fn read_date(text: &str) -> Option<SystemTime> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Offset::UTC.to_timestamp(date).ok()?.try_into().ok()
}

fn is_skewed(signed_at: SystemTime, now: SystemTime) -> bool {
    let skew = now
        .duration_since(signed_at)
        .unwrap_or_else(|ahead| ahead.duration());
    skew > MAX_SKEW
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{MAX_SKEW, is_skewed, read_date};

    #[test]
    fn a_date_is_read_in_its_one_form() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_574_458);
        assert_eq!(read_date("20240605T080058Z"), Some(at));
        for other in [
            "",
            "20240605T080058",
            "2024-06-05T08:00:58Z",
            "20241305T080058Z",
            "0",
        ] {
            assert_eq!(read_date(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_may_be_fifteen_minutes_off_either_way_and_no_more() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let instant = Duration::from_nanos(1_000);
        for (off, skewed) in [
            (Duration::ZERO, false),
            (MAX_SKEW, false),
            (MAX_SKEW + instant, true),
        ] {
            assert_eq!(is_skewed(now - off, now), skewed, "{off:?} late");
            assert_eq!(is_skewed(now + off, now), skewed, "{off:?} early");
        }
    }
}
