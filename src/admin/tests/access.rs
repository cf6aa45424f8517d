//! Who may: the token, the name, the page.

use super::{Double, JOB, TOKEN, guarded, request, running, running_with};

#[tokio::test]
async fn everything_below_api_asks_for_the_token_and_the_probes_do_not() {
    let admin = running_with(Double::default(), guarded()).await;
    let entry = format!("/api/entries/{JOB}");
    for path in [
        "/api/stats",
        "/api/entries",
        &entry,
        "/api",
        "/api/nothing",
        "/api/entries/bad",
    ] {
        for header in [
            String::new(),
            "Authorization: Bearer wrong-token-0123456789\r\n".to_owned(),
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("Authorization: Bearer {TOKEN}x\r\n"),
            format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n"),
            format!("X-Api-Key: {TOKEN}\r\n"),
        ] {
            for method in ["GET", "DELETE", "POST"] {
                let answer = admin.ask_with(&format!("{method} {path}"), &header).await;
                answer.assert_error(401, "JG.4011");
                assert!(answer.has("www-authenticate: bearer"), "{}", answer.head);
                assert!(!answer.body.contains(TOKEN));
            }
        }
    }
    assert_eq!(admin.asked(), [""; 0]);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            admin.ask(&format!("GET {path}")).await.status,
            200,
            "{path}"
        );
    }
    for (line, status) in [
        ("GET /api/stats", 200),
        ("GET /api/entries", 200),
        ("DELETE /api/entries", 200),
        ("GET /api/nothing", 404),
        ("PUT /api/stats", 405),
        ("GET /api/entries/bad", 400),
    ] {
        assert_eq!(admin.ask_as_operator(line).await.status, status, "{line}");
    }
    assert_eq!(admin.asked().len(), 2);
    admin.stopped().await;
}

#[tokio::test]
async fn without_a_token_in_the_configuration_none_is_asked_for() {
    let admin = running().await;
    assert_eq!(admin.ask("GET /api/entries").await.status, 200);
    assert_eq!(admin.ask_as_operator("GET /api/entries").await.status, 200);
    admin.stopped().await;
}

#[tokio::test]
async fn a_foreign_name_reaches_nothing_even_with_the_token() {
    let admin = running_with(Double::default(), guarded()).await;
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    for line in [
        "GET /api/entries",
        "DELETE /api/entries",
        "POST /api/upstream/pause",
    ] {
        for (host, status, code) in [
            ("Host: evil.example\r\n", 421, "JG.4211"),
            ("Host: evil.example:9090\r\n", 421, "JG.4211"),
            ("", 400, "JG.4002"),
            ("Host: localhost\r\nHost: localhost\r\n", 400, "JG.4002"),
        ] {
            let refused = admin.send(&request(line, &format!("{host}{token}"))).await;
            refused.assert_error(status, code);
        }
    }
    assert_eq!(admin.asked(), [""; 0]);
    let listed = request("GET /api/entries", &format!("Host: ops.example\r\n{token}"));
    assert_eq!(admin.send(&listed).await.status, 200);
    admin.stopped().await;
}

#[tokio::test]
async fn a_foreign_page_changes_nothing_and_reads_nothing() {
    let admin = running().await;
    let own = format!("Origin: http://{}\r\n", admin.addr);
    let foreign = "Origin: http://evil.example\r\n".to_owned();
    let linked = "Sec-Fetch-Site: cross-site\r\n".to_owned();
    for (line, fields, allowed) in [
        ("GET /api/entries", &own, true),
        ("DELETE /api/entries", &own, true),
        ("GET /api/entries", &linked, true),
        ("DELETE /api/entries", &linked, false),
        ("POST /api/upstream/pause", &linked, false),
        ("GET /api/entries", &foreign, false),
        ("GET /metrics", &foreign, false),
        ("DELETE /api/entries", &foreign, false),
        ("OPTIONS /api/entries", &foreign, false), // a preflight: refused without a CORS header
    ] {
        let answer = admin.ask_with(line, fields).await;
        if allowed {
            assert_eq!(
                (answer.status, admin.asked().len()),
                (200, 1),
                "{line} {fields}"
            );
        } else {
            answer.assert_error(403, "JG.4032");
            assert_eq!(admin.asked(), [""; 0], "{line} {fields}");
        }
    }
    admin.stopped().await;
}
