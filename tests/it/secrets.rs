//! The program itself, at log level `trace`, through successes and every kind of failure: nothing it writes or answers
//! shows a credential or a client's key, in whatever dress.

mod identities;
mod program;
mod search;
mod starts;

use jobgate::credential::Credential;
use jobgate::credential::signing::{Signable, authorization};

use crate::clients::{KEY, OTHER_KEY};
use crate::raw::{Reply, Script, Then, field};
use crate::support::{ACCESS_KEY, DOCUMENTED, JOB, SECRET_KEY, nth_job};
use program::Program;
use search::assert_hidden;

pub(crate) const TOKEN: &str = "MIIF-token-test-0123456789abcdef+/0123456789abcdef==";
/// What goes with temporary keys.
pub(crate) const SECURITY_TOKEN: &str = "gQpjbi1ub3J0aC00-security-token/of+the=tests";
/// What JSON writes in its own way.
pub(crate) const PASSWORD: &str = r#"Pa"ss\word/of+the=tests&0123"#;
/// What the client `bot` signs with.
pub(crate) const BOT_SECRET: &str = "jgs_0123456789abcdef-secret-of-bot";
/// What a client may present by mistake: a key of somewhere else, and a cloud token too long to be ours.
const WRONG_KEY: &str = "jg_00000000000000000000000000000bad";

fn in_escapes(text: &str) -> String {
    text.bytes().map(|byte| format!("\\u{byte:04X}")).collect()
}

/// What upstream says, one thing after the other: first a success, so that the credential is proven.
fn replies(secrets: &[&str], last: Reply) -> Vec<Reply> {
    let error = |status, text: &str| {
        Reply::of(
            status,
            &format!(r#"{{"error_code":"CB.00060200","error_msg":"{text}"}}"#),
        )
    };
    let mut replies = vec![Reply::of(200, DOCUMENTED)];
    for secret in secrets {
        let escaped = in_escapes(secret);
        let quoted = serde_json::to_string(secret).expect("a text");
        let quoted = quoted.trim_matches('"');
        let job = DOCUMENTED.replace("jobname", quoted);
        replies.extend([
            error(400, quoted),
            error(
                400,
                &format!("in {{\\\"password\\\":\\\"{}", quoted.replace('\\', "\\\\")),
            ),
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

/// Everything that clients and upstream can do; gives what must not be found, and what was written. `secrets` are those of the
/// credential.
async fn live(credential: &str, secrets: &[&str], last: Reply) -> (Vec<String>, String) {
    let replies = replies(secrets, last);
    let calls = replies.len();
    let script = Script::answering(replies).await;
    let mut program = Program::start(&script, credential);
    #[cfg(target_os = "linux")]
    assert_eq!(
        program
            .limits()
            .lines()
            .filter(|line| line.split_whitespace().collect::<Vec<_>>()
                == ["Max", "core", "file", "size", "0", "0", "bytes"])
            .count(),
        1
    );
    let mut served = Vec::new();
    for n in 0..calls {
        served.push(program.job(n).await);
    }
    assert_eq!((served[0], script.calls()), (200, calls), "{served:?}");
    assert!(served.contains(&502) && served.contains(&504), "{served:?}");
    assert_eq!(
        program.job(calls).await,
        if served[calls - 1] == 429 { 429 } else { 503 }
    );
    assert_eq!(script.calls(), calls, "a hold");

    let presented = strangers(&mut program).await;
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
        "last_used",
    ] {
        assert!(everything.contains(shown), "{shown} should be found");
    }
    let mut needles = needles(&script);
    needles.extend(presented);
    (needles, everything)
}

/// What clients present, rightly and by mistake; gives the signatures.
async fn strangers(program: &mut Program) -> [String; 2] {
    let path = format!("/v1/job/{JOB}/info");
    let token = "M".repeat(600) + TOKEN;
    let stored = format!("/v1/job/{}/info", nth_job(0));
    let [signed, forged] = [BOT_SECRET, WRONG_KEY].map(|secret| signature(&stored, secret));
    assert_eq!(program.ask(&stored, &signed).await, 200);
    for fields in [
        String::new(),
        format!("X-Api-Key: {WRONG_KEY}\r\n"),
        format!("X-Auth-Token: {token}\r\n"),
        format!("X-Auth-Token: {TOKEN}\r\n"),
        format!("X-Auth-Token: {SECURITY_TOKEN}\r\n"),
        format!("X-Auth-Token: {PASSWORD}\r\n"),
        format!("Authorization: Bearer {SECRET_KEY}\r\n"),
        format!("Authorization: Basic {PASSWORD}\r\n"),
        format!(
            "Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host, Signature=00\r\n"
        ),
        format!("X-Api-Key: {KEY}\r\nX-Api-Key: {OTHER_KEY}\r\n"),
        format!("X-Api-Key: {BOT_SECRET}\r\n"),
        signed.replace("Access=bot", &format!("Access={BOT_SECRET}")),
        signed.replace("SDK-HMAC-SHA256 ", "SDK-HMAC-SM3 "),
        forged.clone(),
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
    [signed, forged].map(|fields| secret_of(&fields).to_owned())
}

/// The header fields of a request that the client `bot` signs with this.
fn signature(path: &str, secret: &str) -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let mut headers = http::HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("localhost"));
    let date = http::HeaderValue::from_str(&now.to_string()).expect("a header");
    headers.insert("x-sdk-date", date);
    let signable = Signable {
        method: "GET",
        path,
        query: "",
        headers: &headers,
        signed: &["host", "x-sdk-date"],
        body: b"",
    };
    let authorization = authorization(&signable, "bot", secret).expect("signable");
    format!("X-Sdk-Date: {now}\r\nAuthorization: {authorization}\r\n")
}

/// Of an authorisation what must not be shown: its signature, or all of it.
fn secret_of(authorization: &str) -> &str {
    let signature = authorization.trim_end().rsplit_once("Signature=");
    signature.map_or(authorization, |(_, signature)| signature)
}

/// The secrets as they are, and the signatures and tokens as they were sent.
fn needles(script: &Script) -> Vec<String> {
    let mut needles = [
        SECRET_KEY,
        ACCESS_KEY,
        SECURITY_TOKEN,
        TOKEN,
        PASSWORD,
        KEY,
        OTHER_KEY,
        WRONG_KEY,
        BOT_SECRET,
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
        needles.push(secret_of(sent).to_owned());
    }
    needles
}

#[tokio::test]
async fn nothing_ever_shows_the_signing_keys_a_signature_or_a_clients_key() {
    let credential = "kind = \"aksk\"\naccess_key_env = \"TEST_AK\"\nsecret_key_env = \"TEST_SK\"\nsecurity_token_env = \"TEST_SECURITY\"";
    for refused in [
        format!("Incorrect IAM authentication information: ak {ACCESS_KEY} not exist"),
        format!("Incorrect IAM authentication information: token {SECURITY_TOKEN} expired"),
    ] {
        let last = Reply::of(
            401,
            &format!(r#"{{"error_code":"APIGW.0301","error_msg":"{refused}"}}"#),
        );
        let (needles, everything) = live(credential, &[SECRET_KEY, SECURITY_TOKEN], last).await;
        assert_hidden(&needles, &everything);
    }
}

#[tokio::test]
async fn nothing_ever_shows_the_token_or_a_clients_key() {
    let text = format!("over ratelimit,limit:1,time:1 hour, token {TOKEN}");
    for text in [text.as_str(), "over ratelimit,limit:1,time:1 hour"] {
        let last = Reply::of(
            429,
            &format!(r#"{{"error_code":"APIGW.0308","error_msg":"{text}"}}"#),
        );
        let credential = "kind = \"token\"\ntoken_env = \"TEST_TOKEN\"";
        let (needles, everything) = live(credential, &[TOKEN], last).await;
        assert_hidden(&needles, &everything);
    }
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
