//! Who is let in, and what the others are told.

use std::time::Duration;

use http::Method;

use super::{Double, ID, SECRET, bare, info, with_header};

#[tokio::test]
async fn a_signature_and_a_token_both_open() {
    let double = Double::start(1_000).await;
    let signed = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!(signed.status, 200);
    assert_eq!(double.get(ID).await.status, 200);
    assert_eq!(double.sandbox.stats().unauthorised, 0);
}

#[tokio::test]
async fn every_other_credential_is_refused_with_its_reason_and_costs_no_quota() {
    let double = Double::start(1).await;
    let token = |value| with_header(bare(Method::GET, &info(ID)), "x-auth-token", value);
    let authorization = |value| with_header(bare(Method::GET, &info(ID)), "authorization", value);
    let unknown = "SDK-HMAC-SHA256 Access=NOBODY, SignedHeaders=x-sdk-date, Signature=00";
    let undated =
        "SDK-HMAC-SHA256 Access=JOBGATESANDBOXACCESS, SignedHeaders=x-sdk-date, Signature=00";
    let wrong = "a-secret-that-is-not-the-sandboxes";
    let not_verified = "verify aksk signature fail";
    for (request, detail) in [
        (bare(Method::GET, &info(ID)), "Unauthorized"),
        (token("wrong"), "decrypt token fail"),
        (token(""), "decrypt token fail"),
        (authorization(unknown), "ak NOBODY not exist"),
        (authorization(undated), not_verified),
        (authorization("Bearer x"), not_verified),
        (double.signed(wrong, Duration::ZERO), not_verified),
    ] {
        let answer = double.send(request).await;
        assert_eq!((answer.status, answer.code()), (401, "APIGW.0301".into()));
        let message = format!("Incorrect IAM authentication information: {detail}");
        assert_eq!(answer.message(), message);
    }
    let stats = double.sandbox.stats();
    assert_eq!((stats.unauthorised, stats.answered), (7, 0));
    assert_eq!(double.get(ID).await.status, 200);
}

#[tokio::test]
async fn a_right_signature_of_more_than_fifteen_minutes_ago_is_refused_and_is_no_failure() {
    let double = Double::start(1_000).await;
    for _ in 0..10 {
        let answer = double
            .send(double.signed(SECRET, Duration::from_secs(901)))
            .await;
        assert_eq!((answer.status, answer.code()), (401, "APIGW.0303".into()));
    }
    let recent = double.signed(SECRET, Duration::from_secs(898));
    assert_eq!(
        double.send(recent).await.status,
        200,
        "the key is not locked"
    );
}

#[tokio::test]
async fn six_wrong_signatures_lock_the_key_for_five_minutes_but_not_the_token() {
    let double = Double::start(1_000).await;
    for _ in 0..6 {
        let answer = double
            .send(double.signed("a wrong secret", Duration::ZERO))
            .await;
        assert_eq!(
            answer.message(),
            "Incorrect IAM authentication information: verify aksk signature fail"
        );
    }
    let locked = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!((locked.status, locked.code()), (401, "APIGW.0301".into()));
    assert!(
        locked
            .text()
            .contains("AK access failed to reach the limit,forbidden.")
    );
    assert_eq!(double.get(ID).await.status, 200);
    double.clock.advance(Duration::from_mins(5));
    let after = double.send(double.signed(SECRET, Duration::ZERO)).await;
    assert_eq!(after.status, 200);
}
