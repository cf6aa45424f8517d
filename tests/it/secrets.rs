//! The program itself, at log level `trace`, through successes and every kind of failure: nothing it writes or answers
//! shows a credential or a client's key, in whatever dress.

mod program;
mod search;

use jobgate::credential::Credential;

use crate::clients::{KEY, OTHER_KEY};
use crate::raw::{Reply, Script, Then, field};
use crate::support::{ACCESS_KEY, DOCUMENTED, JOB, SECRET_KEY};
use program::Program;
use search::assert_hidden;

pub(crate) const TOKEN: &str = "MIIF-token-test-0123456789abcdef+/0123456789abcdef==";
/// What the client `bot` signs with.
pub(crate) const BOT_SECRET: &str = "jgs_0123456789abcdef-secret-of-bot";
/// What a client may present by mistake: a key of somewhere else, and a cloud token too long to be ours.
const WRONG_KEY: &str = "jg_00000000000000000000000000000bad";

/// What upstream says, one thing after the other: first a success, so that the credential is proven.
fn replies(last: Reply) -> Vec<Reply> {
    let error = |status, text: &str| {
        Reply::of(
            status,
            &format!(r#"{{"error_code":"CB.00060200","error_msg":"{text}"}}"#),
        )
    };
    let mut replies = vec![Reply::of(200, DOCUMENTED)];
    for secret in [SECRET_KEY, TOKEN] {
        let escaped: String = secret
            .bytes()
            .map(|byte| format!("\\u{byte:04x}"))
            .collect();
        let job = DOCUMENTED.replace("jobname", secret);
        replies.extend([
            error(400, secret),
            error(500, &escaped),
            Reply::of(200, &job),
            Reply::of(200, &DOCUMENTED.replace("jobname", &escaped)),
            Reply::with(422, &format!("X-Request-Id: {secret}\r\n"), "{}"),
            Reply::with(
                302,
                &format!("Location: https://elsewhere.example/{secret}\r\n"),
                "",
            ),
            Reply::with(200, &format!("Content-Encoding: {secret}\r\n"), "{}"),
            Reply::new(
                format!("HTTP/1.1 200 {secret}\r\nContent-Length: 9\r\n\r\n{{"),
                Then::Close,
            ),
            Reply::new(format!("{secret}\r\n\r\n"), Then::Close),
        ]);
    }
    replies.extend([
        error(400, &format!("ak {ACCESS_KEY} not exist")),
        error(
            422,
            &format!("Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, Signature=00"),
        ),
        Reply::of(200, "<html>"),
        Reply::new("", Then::Hang),
        last,
    ]);
    replies
}

/// Everything that clients and upstream can do; gives what must not be found, and what was written.
async fn live(credential: &str, last: Reply) -> (Vec<String>, String) {
    let replies = replies(last);
    let calls = replies.len();
    let script = Script::answering(replies).await;
    let mut program = Program::start(&script, credential);
    let mut served = Vec::new();
    for n in 0..calls {
        served.push(program.job(n).await);
    }
    // an error echoing the token is no secret's under a signing key and the other way round; all of them are asked
    assert_eq!((served[0], script.calls()), (200, calls), "{served:?}");
    assert!(served.contains(&502) && served.contains(&504), "{served:?}");
    assert_eq!(
        program.job(calls).await,
        if served[calls - 1] == 429 { 429 } else { 503 }
    );
    assert_eq!(script.calls(), calls, "a hold");

    let path = format!("/v1/job/{JOB}/info");
    let token = "M".repeat(600) + TOKEN;
    for fields in [
        String::new(),
        format!("X-Api-Key: {WRONG_KEY}\r\n"),
        format!("X-Auth-Token: {token}\r\n"),
        format!("X-Auth-Token: {TOKEN}\r\n"),
        format!("Authorization: Bearer {SECRET_KEY}\r\n"),
        format!(
            "Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host, Signature=00\r\n"
        ),
        format!("X-Api-Key: {KEY}\r\nX-Api-Key: {OTHER_KEY}\r\n"),
        format!("X-Api-Key: {BOT_SECRET}\r\n"),
        format!(
            "X-Sdk-Date: 20240605T080058Z\r\nAuthorization: SDK-HMAC-SHA256 Access=bot, SignedHeaders=x-sdk-date, Signature={}\r\n",
            "0".repeat(64)
        ),
    ] {
        assert_eq!(program.ask(&path, &fields).await, 401, "{fields}");
    }
    let query = format!("/nothing?key={KEY}&token={TOKEN}");
    assert_eq!(
        program
            .ask(&query, &format!("Cookie: {SECRET_KEY}\r\n"))
            .await,
        404
    );
    assert_eq!(
        program
            .ask(
                &format!("/v1/job/bad/info?{KEY}"),
                &format!("X-Api-Key: {OTHER_KEY}\r\n")
            )
            .await,
        400
    );
    program.inspect().await;

    let (log, everything) = program.end();
    assert!(
        log.contains(r#""level":"DEBUG""#),
        "the level is below info:\n{log}"
    );
    for shown in [
        "wallboard",
        "fetch failed",
        "jobgate_requests_total",
        "JG.5024",
        "budget",
    ] {
        assert!(everything.contains(shown), "{shown} should be found");
    }
    (needles(&script), everything)
}

/// The secrets as they are, and the signatures and tokens as they were sent.
fn needles(script: &Script) -> Vec<String> {
    let mut needles = [
        SECRET_KEY, ACCESS_KEY, TOKEN, KEY, OTHER_KEY, WRONG_KEY, BOT_SECRET,
    ]
    .map(str::to_owned)
    .to_vec();
    for asked in script.asked() {
        let sent = ["authorization", "x-auth-token"].map(|name| field(&asked.head, name));
        let sent = sent
            .into_iter()
            .flatten()
            .last()
            .expect("every call is authorised");
        let secret = sent
            .rsplit_once("Signature=")
            .map_or(sent, |(_, signature)| signature);
        needles.push(secret.to_owned());
    }
    needles
}

#[tokio::test]
async fn nothing_ever_shows_the_signing_keys_a_signature_or_a_clients_key() {
    let credential = "kind = \"aksk\"\naccess_key_env = \"TEST_AK\"\nsecret_key_env = \"TEST_SK\"";
    let refused = format!("Incorrect IAM authentication information: ak {ACCESS_KEY} not exist");
    let last = Reply::of(
        401,
        &format!(r#"{{"error_code":"APIGW.0301","error_msg":"{refused}"}}"#),
    );
    let (mut needles, everything) = live(credential, last).await;
    needles.retain(|needle| needle != TOKEN); // here it is any text of upstream's, and no secret
    assert_hidden(&needles, &everything);
}

#[tokio::test]
async fn nothing_ever_shows_the_token_or_a_clients_key() {
    let last = Reply::of(
        429,
        r#"{"error_code":"APIGW.0308","error_msg":"over ratelimit,limit:1,time:1 hour"}"#,
    );
    let (mut needles, everything) =
        live("kind = \"token\"\ntoken_env = \"TEST_TOKEN\"", last).await;
    needles.retain(|needle| needle != SECRET_KEY); // here it is any text of upstream's, and no secret
    assert_hidden(&needles, &everything);
}

#[test]
fn a_credential_that_is_refused_at_the_start_is_not_shown_either() {
    for bad in [
        "short-secret",
        "blank in-the-middle-of-it",
        "line-feed-at-its-very-end\n",
        "ümläut-öf-16-bytes",
    ] {
        let faults = [
            Credential::from_keys(ACCESS_KEY, bad),
            Credential::from_token(bad),
        ];
        for fault in faults.map(|refused| refused.err().expect("refused")) {
            let told = format!("{fault:?} {fault}");
            assert!(!told.contains(bad.trim()), "{told}");
        }
    }
}
