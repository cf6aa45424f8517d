use tokio::time::timeout;

use super::super::metrics::CloseReason;
use super::{SHORT, settings, start};

#[tokio::test]
async fn a_connection_is_kept_alive_and_answers_carry_a_date() {
    let running = start(&settings());
    let mut client = running.client().await;
    for path in ["/one", "/two", "/three"] {
        let answer = client.exchange(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\ndate: "), "{answer}");
    }
    assert_eq!(running.metrics.open(), 1);
    drop(client);
    running.ended(1, CloseReason::Done).await;
    running.finish().await;
}

#[tokio::test]
async fn ten_pipelined_requests_are_answered_in_order() {
    let running = start(&settings());
    let mut client = running.client().await;
    let requests: String = (0..10)
        .map(|n| format!("GET /n{n} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .collect();
    client.send(&requests).await;
    let answers = client.read_through("/n9").await;
    let bodies: Vec<_> = answers
        .split("\r\n\r\n")
        .skip(1)
        .map(|text| text.get(..3).unwrap())
        .collect();
    let expected: Vec<_> = (0..10).map(|n| format!("/n{n}")).collect();
    assert_eq!(bodies, expected);
    running.finish().await;
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_head() {
    let running = start(&settings());
    let mut client = running.client().await;
    client
        .send("GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HT")
        .await;
    client.read_through("/first").await;
    client.send("TP/1.1\r\nHost: x\r\n\r\n").await;
    client.read_through("/second").await;
    running.finish().await;
}

#[tokio::test]
async fn what_the_parser_refuses_is_answered_bare_counted_and_closed() {
    let running = start(&settings());
    let long_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let cases = [
        ("complete nonsense\r\n\r\n", "HTTP/1.1 400 "),
        (long_head.as_str(), "HTTP/1.1 431 "),
    ];
    for (count, (request, status)) in (1..).zip(cases) {
        let mut client = running.client().await;
        client.send(request).await;
        let answer = client.read_through("\r\n\r\n").await;
        assert!(answer.starts_with(status), "{answer}");
        assert_eq!(client.read_to_end().await, "");
        running.ended(count, CloseReason::Parse).await;
    }
    running.finish().await;
}

#[tokio::test]
async fn a_head_just_under_the_limit_is_read() {
    let running = start(&settings());
    let mut client = running.client().await;
    let token = "y".repeat(16_000);
    client
        .send(&format!(
            "GET /token HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n\r\n"
        ))
        .await;
    client.read_through("/token").await;
    running.finish().await;
}

#[tokio::test]
async fn an_answer_that_says_close_closes_although_the_announced_body_never_comes() {
    let running = start(&settings());
    for (count, body_so_far) in (1..).zip(["", "some of it"]) {
        let mut client = running.client().await;
        let head = "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
        client.send(&format!("{head}{body_so_far}")).await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.ends_with("refused"), "{answer}");
        drop(client); // until then it may be sending, and is listened to
        running.ended(count, CloseReason::Done).await;
    }
    running.finish().await;
}

#[tokio::test]
async fn a_panic_costs_one_connection_and_no_worker() {
    let mut one_worker = settings();
    one_worker.workers = 1;
    let running = start(&one_worker);
    let mut bystander = running.client().await;
    bystander.exchange("/before").await;
    let mut victim = running.client().await;
    victim.get("/panic").await;
    assert_eq!(victim.read_to_end().await, "");
    running.ended(1, CloseReason::Panic).await;
    bystander.exchange("/after").await;
    running.client().await.exchange("/new").await;
    running.finish().await;
}

#[tokio::test]
async fn at_the_most_connections_a_further_one_waits_for_a_place() {
    let mut few = settings();
    few.max_connections = 1;
    let running = start(&few);
    let mut first = running.client().await;
    first.exchange("/first").await;
    let mut second = running.client().await;
    second.get("/second").await;
    let early = timeout(SHORT, second.read_through("/second")).await;
    assert!(early.is_err(), "served beyond the limit: {early:?}");
    assert_eq!(running.metrics.open(), 1);
    drop(first);
    second.read_through("/second").await;
    running.finish().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_while_its_request_waits() {
    let running = start(&settings());
    let mut client = running.client().await;
    client.get("/held").await;
    running.held().await;
    drop(client);
    running.ended(1, CloseReason::Broken).await;
    assert_eq!(running.finish().await.cut, 0);
}

#[tokio::test]
async fn a_silent_kept_alive_connection_outlives_the_head_limit() {
    let mut quick_heads = settings();
    quick_heads.header_timeout = SHORT;
    let running = start(&quick_heads);
    let mut client = running.client().await;
    client.exchange("/first").await;
    tokio::time::sleep(SHORT * 3).await; // the time itself is what is tested
    client.exchange("/second").await;
    assert_eq!(running.metrics.closed(CloseReason::Head), 0);
    running.finish().await;
}
