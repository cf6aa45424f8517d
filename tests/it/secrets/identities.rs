//! Credentials that are given, renewed and replaced: neither the one in use nor a former one is shown, nor what it was asked for
//! with, whatever an identity service says.

use std::fs;

use super::program::{Program, check_live};
use super::search::assert_hidden;
use super::{PASSWORD, in_escapes, replies};
use crate::raw::{Reply, Script, Then};
use crate::support::DOCUMENTED;

/// No secrets, but nobody's business: they are found neither in an answer nor in the log.
const USER: &str = "the-user-of-the-tests";
const DOMAIN: &str = "the \"domain\" of/the tests";

/// Tokens or secret keys, the first and what takes its place.
const FIRST: &str = "MIIF-first-0123456789abcdef+/0123456789abcdef==";
const SECOND: &str = "MIIF-second-0123456789abcdef+/0123456789abcdef==";
const FIRST_SECURITY: &str = "gQpjbi1ub3J0aC00-first-security-token/of+the=tests";
const SECOND_SECURITY: &str = "gQpjbi1ub3J0aC00-second-security-token/of+the=tests";
const SESSION: &str = "a-session-with-the-metadata-service+/0123==";

const FIRST_ACCESS: &str = "AKFIRSTTESTTESTTEST0";
const SECOND_ACCESS: &str = "AKSECONDTESTTESTTEST";

const EXPIRED: &str = include_str!("../../samples/error-401-token-expired.json");

/// None of these may be found.
const NEEDLES: [&str; 10] = [
    PASSWORD,
    USER,
    DOMAIN,
    FIRST,
    SECOND,
    FIRST_SECURITY,
    SECOND_SECURITY,
    SESSION,
    FIRST_ACCESS,
    SECOND_ACCESS,
];

/// What is asked of IAM, to the letter.
fn login() -> String {
    serde_json::json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": USER, "password": PASSWORD, "domain": {"name": DOMAIN},
        }}},
        "scope": {"project": {"name": "cn-north-4"}},
    }})
    .to_string()
}

fn granted(token: &str) -> Reply {
    let body =
        r#"{"token":{"expires_at":"2999-01-04T09:05:22.701000Z","project":{"name":"cn-north-4"}}}"#;
    Reply::with(201, &format!("X-Subject-Token: {token}\r\n"), body)
}

fn keys(access: &str, secret: &str, security_token: &str) -> String {
    serde_json::json!({"credential": {
        "access": access, "secret": secret, "securitytoken": security_token,
        "expires_at": "2999-01-04T09:05:22.701000Z",
    }})
    .to_string()
}

fn with_password(iam: &Script) -> String {
    let (url, user, domain) = (iam.url(), USER, serde_json::json!(DOMAIN));
    format!(
        "kind = \"password\"\niam_endpoint = \"{url}\"\ndomain = {domain}\nuser = \"{user}\"\n\
         password_env = \"TEST_PASSWORD\"\nproject = \"cn-north-4\""
    )
}

fn with_metadata(service: &Script) -> String {
    let url = service.url();
    format!("kind = \"metadata\"\nmetadata_endpoint = \"{url}\"")
}

/// Asks for as many jobs as upstream has replies; gives the statuses.
async fn ask(program: &mut Program, jobs: std::ops::Range<usize>) -> Vec<u16> {
    let mut served = Vec::new();
    for n in jobs {
        served.push(program.job(n).await);
    }
    served
}

async fn end(mut program: Program) -> String {
    program.inspect().await;
    let (_, everything) = program.end();
    assert_hidden(&NEEDLES, &everything);
    everything
}

#[tokio::test]
async fn neither_a_token_in_use_nor_a_former_one_nor_the_password_is_shown() {
    let iam = Script::answering([granted(FIRST), granted(SECOND)]).await;
    let refused = Reply::of(
        401,
        &EXPIRED.replace("expired", &format!("{SECOND} is over")),
    );
    let mut said = replies(&[FIRST, SECOND, PASSWORD], refused);
    let jobs = said.len();
    said.insert(1, Reply::of(401, EXPIRED));
    let calls = said.len();
    let upstream = Script::answering(said).await;
    let mut program = Program::start(&upstream, &with_password(&iam));
    let served = ask(&mut program, 0..jobs).await;
    assert_eq!((iam.calls(), upstream.calls()), (2, calls), "{served:?}");
    assert!(served[0] == 200 && served.contains(&502), "{served:?}");
    let asked = upstream.asked();
    assert!(asked[1].head.contains(FIRST) && asked[2].head.contains(SECOND));
    let everything = end(program).await;
    assert!(everything.contains(r#"jobgate_credential_renewals_total{result="issued"} 2"#));
}

#[tokio::test]
async fn no_temporary_keys_are_shown_nor_a_session_with_the_metadata_service() {
    let service = Script::answering([
        Reply::with(200, "", SESSION),
        Reply::of(200, &keys(FIRST_ACCESS, FIRST, FIRST_SECURITY)),
        Reply::of(200, &keys(SECOND_ACCESS, SECOND, SECOND_SECURITY)),
    ])
    .await;
    let refused = format!(
        r#"{{"error_code":"APIGW.0301","error_msg":"ak {FIRST_ACCESS}, token {}"}}"#,
        in_escapes(FIRST_SECURITY)
    );
    let said = replies(&[FIRST, FIRST_SECURITY], Reply::of(401, &refused));
    let calls = said.len();
    let upstream = Script::answering(said).await;
    let mut program = Program::start(&upstream, &with_metadata(&service));
    let served = ask(&mut program, 0..calls).await;
    assert_eq!(upstream.calls(), calls, "{served:?}");
    assert!(served[0] == 200 && served.contains(&502), "{served:?}");
    service.was_asked(3).await; // refused keys are asked for anew
    end(program).await;
}

/// Upstream refuses the very first call with what was given, and repeats it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_run_shows_nothing_of_what_it_was_given() {
    for (is_token, told) in [
        (true, FIRST),
        (true, PASSWORD),
        (false, FIRST),
        (false, FIRST_SECURITY),
    ] {
        let said = serde_json::json!({"error_code": "APIGW.0301", "error_msg": told});
        let upstream = Script::answering([Reply::of(401, &said.to_string())]).await;
        let iam = Script::answering([granted(FIRST)]).await;
        let service = Script::answering([
            Reply::with(200, "", SESSION),
            Reply::of(200, &keys(FIRST_ACCESS, FIRST, FIRST_SECURITY)),
        ])
        .await;
        let credential = if is_token {
            with_password(&iam)
        } else {
            with_metadata(&service)
        };
        let told = check_live(&upstream, &credential);
        assert!(told.contains("FAILED") && upstream.calls() > 0, "{told}");
        assert_hidden(&NEEDLES, &told);
    }
}

/// Each thing that IAM may say instead of a token.
fn refusals() -> Vec<Reply> {
    let words = |text: &str| {
        let quoted = serde_json::json!(text);
        format!(r#"{{"error":{{"code":401,"message":{quoted},"title":"Unauthorized"}}}}"#)
    };
    let login = login();
    let half = login.get(..login.len() - 60).expect("ASCII");
    let escaped = words("?").replace('?', &in_escapes(PASSWORD));
    let long = FIRST.repeat(60); // of which only the beginning might be told
    let mut replies: Vec<_> = [400, 401, 403, 404, 429, 500]
        .into_iter()
        .flat_map(|status| {
            [
                Reply::of(status, &login),
                Reply::of(status, &words(&format!("unreadable: {half}"))),
            ]
        })
        .collect();
    replies.extend([
        Reply::of(401, &words(&login)),
        Reply::of(401, &words(PASSWORD)),
        Reply::of(401, &words(&words(&words(&login)))),
        Reply::of(401, &serde_json::json!(words(&login)).to_string()),
        Reply::of(401, &escaped),
        Reply::of(401, &words(&escaped)),
        Reply::of(401, &words(&format!("user {USER} of {DOMAIN} is unknown"))),
        Reply::of(401, &words(&long)),
        Reply::with(401, &format!("X-IAM-Trace-Id: {USER}\r\n"), "{}"),
        Reply::with(302, &format!("Location: https://x/{PASSWORD}\r\n"), &login),
        Reply::with(201, &format!("X-Subject-Token: {FIRST}\r\n"), &login),
        Reply::with(201, &format!("X-Subject-Token: {FIRST}\r\n"), ""),
        Reply::with(201, "", &login),
        Reply::new(
            format!("HTTP/1.1 201 Told\r\nX-Subject-Token: {FIRST}\r\nContent-Length: 9999\r\n\r\n{login}"),
            Then::Close,
        ),
        Reply::new(format!("HTTP/1.1 401 {PASSWORD}\r\nX-Subject-Token: {FIRST}"), Then::Close),
        Reply::new(login, Then::Close),
    ]);
    replies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_iam_says_nothing_of_what_it_was_asked_with_is_shown() {
    for (nth, reply) in refusals().into_iter().enumerate() {
        let iam = Script::answering([reply]).await;
        let upstream = Script::answering([Reply::of(200, DOCUMENTED)]).await;
        let mut program = Program::start(&upstream, &with_password(&iam));
        assert_eq!(program.job(0).await, 503, "{nth}");
        assert_eq!((iam.calls(), upstream.calls()), (1, 0), "{nth}");
        let everything = end(program).await;
        assert!(everything.contains("JG.5033"), "{nth}: {everything}");

        let told = check_live(&upstream, &with_password(&iam));
        assert!(told.contains("FAILED"), "{nth}: {told}");
        assert_eq!((iam.calls(), upstream.calls()), (2, 0), "{nth}");
        assert_hidden(&NEEDLES, &told);
    }
}

#[tokio::test]
async fn whatever_the_metadata_service_says_no_keys_and_no_session_are_shown() {
    let keys = keys(FIRST_ACCESS, FIRST, FIRST_SECURITY);
    let cut = keys.get(..keys.len() - 40).expect("ASCII");
    let session = Reply::with(200, "", SESSION);
    for (nth, answers) in [
        [session.clone(), Reply::of(200, cut)],
        [
            session.clone(),
            Reply::of(200, &keys.replace("2999-", "1999-")),
        ],
        [
            session.clone(),
            Reply::of(200, &keys.replace("2999-", FIRST)),
        ],
        [
            session.clone(),
            Reply::of(500, &format!(r#"{{"code":"x","message":"{SESSION}"}}"#)),
        ],
        [
            session.clone(),
            Reply::of(
                403,
                &format!(r#"{{"code":"x","message":"{}"}}"#, in_escapes(SESSION)),
            ),
        ],
        [
            Reply::with(200, "", format!("{SESSION}\n{SESSION}")),
            session.clone(),
        ],
        [Reply::with(500, "", SESSION), session],
    ]
    .into_iter()
    .enumerate()
    {
        let service = Script::answering(answers).await;
        let upstream = Script::answering([Reply::of(200, DOCUMENTED)]).await;
        let mut program = Program::start(&upstream, &with_metadata(&service));
        assert_eq!(program.job(0).await, 503, "{nth}");
        assert_eq!(upstream.calls(), 0, "{nth}");
        end(program).await;
    }
}

#[tokio::test]
async fn a_file_shows_neither_what_it_holds_nor_what_it_held_nor_what_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    for (kind, first, second) in [
        (
            "kind = \"aksk\"\nkeys_file",
            keys(FIRST_ACCESS, FIRST, FIRST_SECURITY),
            keys(SECOND_ACCESS, SECOND, SECOND_SECURITY),
        ),
        ("kind = \"token\"\ntoken_file", FIRST.into(), SECOND.into()),
    ] {
        let renamed = |secret: &str| Reply::of(200, &DOCUMENTED.replace("jobname", secret));
        let said = [
            Reply::of(200, DOCUMENTED),
            Reply::of(200, DOCUMENTED),
            renamed(FIRST),
            renamed(SECOND),
            renamed(&in_escapes(FIRST)),
        ];
        let calls = said.len();
        let upstream = Script::answering(said).await;
        fs::write(&path, &first).expect("written");
        let credential = format!("{kind} = \"{}\"", path.display());
        let mut program = Program::start(&upstream, &credential);
        assert_eq!(program.job(0).await, 200);
        fs::write(&path, &second).expect("written");
        assert_eq!(ask(&mut program, 1..calls).await, [200, 502, 502, 502]);
        for broken in [
            format!("{second}\n{first}"),
            format!("{second} , {first}"),
            format!("{FIRST}\u{fc}"),
        ] {
            fs::write(&path, broken).expect("written");
            assert_eq!(program.job(calls).await, 503, "{kind}");
            program.inspect().await;
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(program.job(calls).await, 503, "{kind}");
        assert_eq!(upstream.calls(), calls);
        end(program).await;
    }
}
