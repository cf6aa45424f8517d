//! Bodies in every form, and what of them is passed on.

use serde_json::json;

use super::read;

#[test]
fn every_form_of_body_is_read() {
    for (body, code, message) in [
        (r#"{"error_code":"A.1","error_msg":"m"}"#, "A.1", "m"),
        (r#"{"errorCode":"A.1","errorMsg":"m"}"#, "A.1", "m"),
        (r#"{"code":"A.1","message":"m"}"#, "A.1", "m"),
        (
            r#"{"success":false,"message":"m","err_code":"A.1","result":1}"#,
            "A.1",
            "m",
        ),
        (
            r#"{"error":{"code":401,"message":"m","title":"t"}}"#,
            "401",
            "m",
        ),
        (
            r#"{"error":{"code":"A.1","reason":"m"},"status":"error"}"#,
            "A.1",
            "m",
        ),
        (r#"{"result":null,"error":"m","status":"fail"}"#, "", "m"),
        (
            r#"{"error_code":"A.1","error":{"code":"B.2","message":"n"}}"#,
            "A.1",
            "",
        ),
        (
            r#"{"error_code":null,"code":"A.1","error_msg":7,"message":"m"}"#,
            "A.1",
            "m",
        ),
        (
            r#""{\"error\":{\"code\":\"A.1\",\"reason\":\"m\"}}""#,
            "A.1",
            "m",
        ),
        (r#""\"{\\\"code\\\":\\\"A.1\\\"}\"""#, "", ""), // unwrapped once only
        (r#"{"details":[{"error_code":"A.1"}]}"#, "", ""),
        (r#"{"error_code":"A.1","error_msg":"m""#, "", ""),
        (r#"[{"error_code":"A.1"}]"#, "", ""),
        ("\"text\"", "", ""),
    ] {
        let told = read(body.as_bytes());
        assert_eq!(told.code.as_deref().unwrap_or_default(), code, "{body}");
        assert_eq!(
            told.message.as_deref().unwrap_or_default(),
            message,
            "{body}"
        );
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(deep.as_bytes()), read(b""));
}

#[test]
fn a_code_that_is_none_is_dropped() {
    let long = "A".repeat(15) + &".b".repeat(25);
    for (code, kept) in [
        ("DEV.CB.032011", true),
        ("a_B-9.", true),
        (long.get(..64).unwrap(), true),
        (long.as_str(), false),
        ("", false),
        ("A 1", false),
        ("A/1", false),
        ("错误", false),
        ("a\"b", false),
        ("JG.4041", false),                        // ours alone
        ("x.cn-north-4.myhuaweicloud.com", false), // a host
        ("AKEXAMPLE0000000TEST", false),           // an access key
    ] {
        let told = read(json!({ "code": code }).to_string().as_bytes());
        assert_eq!(told.code.is_some(), kept, "{code}");
    }
}

#[test]
fn a_text_keeps_what_it_says_and_loses_what_is_private() {
    for (text, public) in [
        ("Invalid task ID.", "Invalid task ID."),
        ("任务id参数不合法", "任务id参数不合法"),
        ("  two\r\n lines\u{0}\u{1b} ", "two lines"),
        ("ak AKEXAMPLE0000000TEST not exist", "***"),
        ("ak lower-case-ak not exist", "***"),
        (
            "Get secretKey failed,ak:short,err:ak not exist",
            "Get secretKey failed,***,err:ak not exist",
        ),
        ("错误ak:short", "错误***"),
        (
            "SDK-HMAC-SHA256 Access=abc, SignedHeaders=host, Signature=9f8e",
            "SDK-HMAC-SHA256 ***, SignedHeaders=host, ***",
        ),
        ("access key id = abc!", "***"),
        (
            "AK access failed to reach the limit,forbidden.",
            "AK access failed to reach the limit,forbidden.",
        ),
        ("verify aksk signature fail", "verify aksk signature fail"),
        (
            "user HSTAEXAMPLE0000000TEST is locked",
            "user *** is locked",
        ),
        (
            "token MIIEIgYJKoZIhvcNAQcCoIIEEzCCBA8CAQExDTALBglghkgBZQMEAgEwMIIEIgYJKoZI+/-_= expired",
            "token *** expired",
        ),
        (
            "call https://build.example/v1?x=1 failed",
            "call *** failed",
        ),
        (
            "访问cloudbuild.cn-north-4.myhuaweicloud.com:443/v1失败",
            "访问***失败",
        ),
        ("CLOUDBUILD.MYHUAWEICLOUD.COM is down", "*** is down"),
        ("connect to 10.0.0.1:8080 failed", "connect to *** failed"),
        (
            "denied. Encoded authorization message: abc def",
            "denied. ***",
        ),
        (
            "denied, encoded_authorization_message=abc\ndef",
            "denied, ***",
        ),
        (
            "policy user over ratelimit,limit:10,time:1 minute",
            "policy user over ratelimit,limit:10,time:1 minute",
        ),
        ("https://build.example/", ""),
        (" \t\r\n", ""),
    ] {
        let told = read(json!({ "message": text }).to_string().as_bytes());
        let expected = if public == "***" { "" } else { public };
        assert_eq!(
            told.message.as_deref().unwrap_or_default(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let told = read(
        json!({ "message": "错".repeat(513) })
            .to_string()
            .as_bytes(),
    );
    assert_eq!(told.message.as_deref(), Some("错".repeat(512).as_str()));
}

#[test]
fn a_text_made_to_be_slow_to_clean_is_not() {
    let hostile = "1.1.1.1-".repeat(128 * 1024); // 1 MiB; cleaning all of it would take minutes
    let told = read(json!({ "message": hostile }).to_string().as_bytes());
    assert!(told.message.is_none_or(|text| !text.contains("1.1.1.1")));
}
