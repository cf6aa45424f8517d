//! What a cloud server's metadata service is asked, and what its answers mean.

use std::time::{Duration, SystemTime};

use super::{DATE, answer, assert_unavailable, fault, service};
use crate::clock::Clock;
use crate::credential::issue::metadata::Metadata;
use crate::credential::issue::{IssueFault, Issued, Issuer, Kind, Material};
use crate::upstream::tests::script::{Reply, Script, Then};

const SESSION: &str = "c2Vzc2lvbi1vZi10aGlzLXNlcnZlcg==";
const SECOND_SESSION: &str = "dGhlLXNlY29uZC1zZXNzaW9u";
const NO_AGENCY: &str =
    r#"{"error":{"message":"Please configure Cloud Service Agency first.","code":401}}"#;

/// The sample of the keys, which expire an hour later than [`DATE`] of that day.
fn keys() -> String {
    let body = include_str!("../../../../tests/samples/ecs-securitykey-response.json");
    answer(200, "Date: Wed, 08 Jan 2020 02:50:07 GMT\r\n", body)
}

fn session(token: &str) -> String {
    answer(200, "", token)
}

fn refused() -> String {
    answer(401, "", r#"{"error":"the session has expired"}"#)
}

fn issuer(script: &Script, clock: &Clock) -> Issuer {
    let endpoint = format!("http://{}", script.address());
    Issuer::metadata(&endpoint.parse().unwrap(), clock)
}

#[track_caller]
fn assert_issued(outcome: Result<Issued, IssueFault>) {
    let issued = outcome.unwrap_or_else(|fault| panic!("{fault}"));
    let Material::Keys {
        access_key,
        secret_key,
        security_token,
    } = issued.material
    else {
        panic!("a token");
    };
    assert_eq!(access_key, "X54UUMS1C2VFHXLAMLYP");
    assert_eq!(secret_key.expose(), "bYpzLp9S9cZCzVu...");
    let security_token = security_token.unwrap_or_else(|| panic!("no security token"));
    assert_eq!(security_token.expose(), "gQpjbi1ub3J0aC00...");
    assert_eq!(issued.lifetime, Duration::from_millis(3_600_574));
    let expires_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_578_455_407_574);
    assert_eq!(issued.expires_at, expires_at);
}

/// The first lines of all requests, in the order of their connections.
fn asked(script: &Script) -> Vec<String> {
    let count = script.requests().len();
    let line = |i| script.request(i, 0).lines().next().unwrap().to_owned();
    (0..count).map(line).collect()
}

const PUT: &str = "PUT /meta-data/latest/api/token HTTP/1.1";
const GET: &str = "GET /openstack/latest/securitykey HTTP/1.1";

#[tokio::test]
async fn a_new_server_is_asked_for_a_session_and_then_for_the_keys_in_exactly_these_bytes() {
    let script = service(vec![session(&format!("{SESSION}\n")), keys()]).await;
    assert_issued(issuer(&script, &Clock::system()).issue().await);
    let rest = format!(
        "host: {}\r\nuser-agent: jobgate/{}\r\naccept-encoding: identity\r\nconnection: close\r\n",
        script.address(),
        env!("CARGO_PKG_VERSION")
    );
    let put =
        format!("{PUT}\r\nx-metadata-token-ttl-seconds: 21600\r\ncontent-length: 0\r\n{rest}\r\n");
    let get = format!("{GET}\r\nx-metadata-token: {SESSION}\r\n{rest}\r\n");
    assert_eq!(script.request(0, 0), put);
    assert_eq!(script.request(1, 0), get);
    assert_eq!(script.requests(), [1, 1]);
}

#[tokio::test]
async fn an_old_server_is_asked_without_a_session() {
    for status in [404, 405, 503] {
        let script = service(vec![answer(status, "", "no such thing"), keys()]).await;
        assert_issued(issuer(&script, &Clock::system()).issue().await);
        assert_eq!(asked(&script), [PUT, GET], "{status}");
        let get = script.request(1, 0);
        assert!(!get.contains("x-metadata-token"), "{get}");
    }
}

#[tokio::test]
async fn a_session_is_used_for_its_life_and_not_longer() {
    let script = service(vec![
        session(SESSION),
        keys(),
        keys(),
        session(SECOND_SESSION),
        keys(),
    ])
    .await;
    let clock = Clock::manual();
    let issuer = issuer(&script, &clock);
    assert_issued(issuer.issue().await);
    clock.advance(Duration::from_secs(21_600) - Duration::from_nanos(1));
    assert_issued(issuer.issue().await);
    assert_eq!(asked(&script), [PUT, GET, GET]);
    clock.advance(Duration::from_nanos(1));
    assert_issued(issuer.issue().await);
    assert_eq!(asked(&script), [PUT, GET, GET, PUT, GET]);
    assert!(script.request(2, 0).contains(SESSION));
    assert!(script.request(4, 0).contains(SECOND_SESSION));
}

#[tokio::test]
async fn a_session_that_is_refused_before_its_time_is_got_again_once() {
    let good = [session(SESSION), keys(), refused(), session(SECOND_SESSION)];
    for (last, is_good) in [(keys(), true), (refused(), false)] {
        let script = service(good.iter().cloned().chain([last]).collect()).await;
        let issuer = issuer(&script, &Clock::system());
        assert_issued(issuer.issue().await);
        let outcome = issuer.issue().await;
        if is_good {
            assert_issued(outcome);
        } else {
            assert_unavailable(&fault(outcome), "the metadata service answered 401", None);
        }
        assert_eq!(asked(&script), [PUT, GET, GET, PUT, GET]);
        assert!(script.request(4, 0).contains(SECOND_SESSION));
    }
}

#[tokio::test]
async fn a_new_session_that_is_refused_is_not_got_again() {
    let script = service(vec![session(SESSION), refused()]).await;
    let outcome = issuer(&script, &Clock::system()).issue().await;
    assert_unavailable(&fault(outcome), "the metadata service answered 401", None);
    assert_eq!(asked(&script), [PUT, GET]);
}

#[tokio::test]
async fn a_server_without_an_agency_is_told_so_and_not_asked_again() {
    let without = answer(401, "", NO_AGENCY);
    let script = service(vec![session(SESSION), without.clone(), without]).await;
    let issuer = issuer(&script, &Clock::system());
    let expected = "the cloud server has no agency, give it one that may use CodeArts Build: \
                    the metadata service answered 401: 401 Please configure Cloud Service Agency first.";
    for asked_for in [vec![PUT, GET], vec![PUT, GET, GET]] {
        let fault = fault(issuer.issue().await);
        assert_eq!(fault, IssueFault::Refused(expected.into()));
        assert_eq!(
            asked(&script),
            asked_for,
            "also with a session that was kept"
        );
    }
}

#[tokio::test]
async fn what_is_no_session_token_gets_no_further() {
    let long = "x".repeat(256 * 1024 + 1);
    for (reply, why) in [
        (session(""), "no usable session token"),
        (
            session("<html>a page of somebody else</html>"),
            "no usable session token",
        ),
        (session("tökentökentöken"), "no usable session token"),
        (session(&long), "over 262144 bytes"),
        (
            answer(302, "Location: /meta-data/latest/api/token\r\n", ""),
            "answered 302",
        ),
        (answer(400, "", ""), "answered 400"),
        (answer(401, "", ""), "answered 401"),
        (answer(403, "", ""), "answered 403"),
        (answer(500, "", ""), "answered 500"),
    ] {
        let script = service(vec![reply, keys()]).await;
        let outcome = issuer(&script, &Clock::system()).issue().await;
        assert_unavailable(&fault(outcome), why, None);
        assert_eq!(asked(&script), [PUT], "{why}");
    }
}

#[tokio::test]
async fn what_are_no_keys_are_asked_for_later() {
    let later = Some(Duration::from_secs(9));
    let sample = include_str!("../../../../tests/samples/ecs-securitykey-response.json");
    let without_time = r#"{"credential":{"access":"AK","secret":"a-secret-of-more-than-16"}}"#;
    let expired = "Date: Wed, 08 Jan 2020 03:50:08 GMT\r\n";
    for (reply, why, retry_after) in [
        (answer(404, "", ""), "answered 404", None),
        (answer(403, "", ""), "answered 403", None),
        (answer(503, "Retry-After: 9\r\n", ""), "answered 503", later),
        (
            answer(307, "Location: /openstack/latest/securitykey\r\n", ""),
            "answered 307",
            None,
        ),
        (answer(201, DATE, sample), "answered 201", None),
        (answer(200, expired, sample), "they have expired", None),
        (answer(200, DATE, without_time), "without expires_at", None),
        (answer(200, DATE, "<html>"), "no JSON like", None),
        (
            answer(200, DATE, &sample.replace("bYpzLp9S9cZCzVu...", "short")),
            "secret: the value is too short",
            None,
        ),
        (
            answer(
                500,
                "",
                &format!(r#"{{"error_msg":"bad session {SESSION}"}}"#),
            ),
            "quote what is private",
            None,
        ),
    ] {
        let script = service(vec![session(SESSION), reply, keys()]).await;
        let outcome = issuer(&script, &Clock::system()).issue().await;
        let fault = fault(outcome);
        assert_unavailable(&fault, why, retry_after);
        assert!(!fault.to_string().contains(SESSION), "{fault}");
        assert_eq!(asked(&script), [PUT, GET], "{why}");
    }
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up() {
    let silent = vec![Reply::new("", Then::Hang)];
    let spoken = vec![Reply::new(session(SESSION), Then::Keep)];
    for (connections, asked_for) in [
        (vec![silent.clone()], vec![PUT]),
        (vec![spoken, silent], vec![PUT, GET]),
    ] {
        let script = Script::start(connections).await;
        let endpoint = format!("http://{}", script.address()).parse().unwrap();
        let limit = Duration::from_millis(150);
        let metadata = Metadata::waiting(limit, &endpoint, &Clock::system());
        let outcome = Issuer(Kind::Metadata(metadata)).issue().await;
        assert_unavailable(&fault(outcome), "no whole answer within 150ms", None);
        assert_eq!(asked(&script), asked_for);
    }
}
