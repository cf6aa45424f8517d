//! The metadata service: who is told temporary keys, and what they open.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::{Double, ID, KEYS, SESSION, bare, info, with_header};
use crate::sandbox::tests::Answer;
use crate::sandbox::{IdentityStats, Metadata};

const NO_AGENCY: &str = "Please configure Cloud Service Agency first";

/// What is signed with temporary keys.
const WITH_TOKEN: &str = "host;x-sdk-date;x-security-token";

impl Double {
    /// Asks for a job with temporary keys: this security token sent, if any, and these headers signed.
    async fn ask_with(&self, keys: &Value, token: Option<&str>, signed: &str) -> Answer {
        let mut request = bare(Method::GET, &info(ID));
        if let Some(token) = token {
            request = with_header(request, "x-security-token", token);
        }
        let pair = (text(keys, "access"), text(keys, "secret"));
        let request = self.sign(request, pair, signed, Duration::ZERO);
        self.send(request).await
    }

    /// As it should be done.
    async fn ask_rightly(&self, keys: &Value) -> Answer {
        self.ask_with(keys, Some(text(keys, "securitytoken")), WITH_TOKEN)
            .await
    }
}

fn text<'v>(keys: &'v Value, name: &str) -> &'v str {
    keys[name].as_str().unwrap()
}

#[tokio::test]
async fn each_generation_tells_keys_in_its_own_way() {
    let double = Double::start(1_000).await;
    double.sandbox.identity().set_metadata(Metadata::New);
    let session = double.put_session("60").await.text().to_owned();
    for (generation, put, without, within, words) in [
        (Metadata::New, 200, 401, 200, "securitytoken"),
        (Metadata::Old, 404, 200, 200, "securitytoken"),
        (Metadata::NoAgency, 200, 401, 401, NO_AGENCY),
    ] {
        double.sandbox.identity().set_metadata(generation);
        assert_eq!(double.put_session("60").await.status, put, "{generation:?}");
        let bare_answer = double.send(bare(Method::GET, KEYS)).await;
        assert_eq!(bare_answer.status, without, "{generation:?}");
        assert!(
            !bare_answer.text().contains(NO_AGENCY),
            "a session might help"
        );
        let request = with_header(bare(Method::GET, KEYS), "x-metadata-token", &session);
        let answer = double.send(request).await;
        assert_eq!(answer.status, within, "{generation:?}");
        assert!(answer.text().contains(words), "{generation:?}");
    }
    let expected = IdentityStats {
        session_calls: 4,
        key_calls: 6,
        key_sets: 1,
        ..IdentityStats::default()
    };
    assert_eq!(double.sandbox.identity().stats(), expected);
}

#[tokio::test]
async fn a_session_lives_as_long_as_was_asked_for_within_bounds() {
    let double = Double::start(1_000).await;
    for bad in ["", "0", "-1", "21601", "1.5", "six hours"] {
        assert_eq!(double.put_session(bad).await.status, 400, "{bad}");
    }
    let none = double.send(bare(Method::PUT, SESSION)).await;
    assert_eq!(none.status, 400, "no time to live");
    let session = double.put_session("21600").await.text().to_owned();
    let token = double.token().await;
    for (later, value, status) in [
        (0, session.as_str(), 200),
        (0, token.as_str(), 401),
        (0, "made-up", 401),
        (21_599, &session, 200),
        (1, &session, 401),
    ] {
        double.clock.advance(Duration::from_secs(later));
        let request = with_header(bare(Method::GET, KEYS), "x-metadata-token", value);
        assert_eq!(double.send(request).await.status, status, "{later}");
    }
    assert_eq!(double.opens(&session).await.0, 401, "a session is no token");
}

#[tokio::test]
async fn temporary_keys_open_only_with_their_token_sent_and_signed() {
    let double = Double::start(1_000).await;
    let keys = double.keys().await;
    let token = text(&keys, "securitytoken");
    for (sent, signed, status) in [
        (Some(token), WITH_TOKEN, 200),
        (Some(token), "x-sdk-date;x-security-token", 200),
        (Some(token), "host;x-sdk-date", 401),
        (None, "host;x-sdk-date", 401),
        (Some("another"), WITH_TOKEN, 401),
        (Some(""), WITH_TOKEN, 401),
    ] {
        let answer = double.ask_with(&keys, sent, signed).await;
        assert_eq!(answer.status, status, "{sent:?} {signed}");
        if status == 401 {
            assert!(answer.message().ends_with("verify aksk signature fail"));
        }
    }
    let mut wrong = keys.clone();
    wrong["secret"] = "wrong".into();
    assert_eq!(double.ask_rightly(&wrong).await.status, 401);
    assert_eq!(double.ask_rightly(&keys).await.status, 200);
}

#[tokio::test]
async fn ten_minutes_before_keys_end_there_are_others_and_both_open() {
    let double = Double::start(1_000).await;
    let first = double.keys().await;
    double.clock.advance(Duration::from_mins(49));
    assert_eq!(double.keys().await, first, "for everybody the same");
    double.clock.advance(Duration::from_mins(1));
    let second = double.keys().await;
    assert_ne!(second["access"], first["access"]);
    for (later, first_status, second_status) in [(0, 200, 200), (10, 401, 200), (50, 401, 401)] {
        double.clock.advance(Duration::from_mins(later));
        assert_eq!(
            double.ask_rightly(&first).await.status,
            first_status,
            "{later}"
        );
        assert_eq!(
            double.ask_rightly(&second).await.status,
            second_status,
            "{later}"
        );
    }
    let ended = double.ask_rightly(&first).await;
    assert_eq!(ended.code(), "APIGW.0301");
    assert!(
        ended.message().ends_with("not exist"),
        "{}",
        ended.message()
    );
}

#[tokio::test]
async fn revoked_keys_are_dead_and_the_next_are_new() {
    let double = Double::start(1_000).await;
    let revoked = double.keys().await;
    double.sandbox.identity().revoke_keys();
    assert_eq!(double.ask_rightly(&revoked).await.status, 401);
    let next = double.keys().await;
    assert_eq!(double.ask_rightly(&next).await.status, 200);
    assert_eq!(double.sandbox.identity().stats().key_sets, 2);
}

#[tokio::test]
async fn wrong_signatures_lock_their_own_key_alone() {
    let double = Double::start(1_000).await;
    let keys = double.keys().await;
    for _ in 0..6 {
        let answer = double.ask_with(&keys, None, "host;x-sdk-date").await;
        assert!(answer.message().ends_with("verify aksk signature fail"));
    }
    let locked = double.ask_rightly(&keys).await;
    assert!(
        locked
            .message()
            .contains("AK access failed to reach the limit")
    );
    let permanent = double.signed(super::super::SECRET, Duration::ZERO);
    assert_eq!(double.send(permanent).await.status, 200);
}
