use super::super::metrics::CloseReason;
use super::{SHORT, settings, start};

#[tokio::test]
async fn a_connection_that_never_sends_a_byte_is_cut() {
    let mut quick = settings();
    quick.header_timeout = SHORT;
    let running = start(&quick);
    assert_eq!(running.client().await.read_to_end().await, "");
    running.ended(1, CloseReason::First).await;
    running.finish().await;
}

#[tokio::test]
async fn a_first_head_that_never_ends_is_cut() {
    let mut quick = settings();
    quick.header_timeout = SHORT;
    let running = start(&quick);
    for beginning in [
        "G",
        "PRI * HTTP/2.0\r\n\r\nSM",
        "GET / HTTP/1.1\r\nHost: x\r\n",
    ] {
        let mut client = running.client().await;
        client.send(beginning).await;
        assert_eq!(client.read_to_end().await, "", "{beginning}");
    }
    running.ended(3, CloseReason::First).await;
    running.finish().await;
}

#[tokio::test]
async fn a_later_head_that_never_ends_is_cut_long_before_idleness_would() {
    let mut quick = settings();
    quick.header_timeout = SHORT;
    let running = start(&quick);
    let mut client = running.client().await;
    client.exchange("/first").await;
    client.send("GET /second HTT").await;
    assert_eq!(client.read_to_end().await, "");
    running.ended(1, CloseReason::Head).await;
    running.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_order() {
    let mut quick = settings();
    quick.idle_timeout = SHORT;
    let running = start(&quick);
    let mut client = running.client().await;
    client.exchange("/first").await;
    assert_eq!(client.read_to_end().await, "");
    running.ended(1, CloseReason::Idle).await;
    running.finish().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let mut quick = settings();
    quick.request_timeout = SHORT;
    let running = start(&quick);
    let mut client = running.client().await;
    client.get("/big").await;
    running.ended(1, CloseReason::Stalled).await;
    drop(client);
    running.finish().await;
}

#[tokio::test]
async fn a_request_that_is_never_answered_does_not_hold_its_connection_for_ever() {
    let mut quick = settings();
    quick.request_timeout = SHORT;
    let running = start(&quick);
    let mut client = running.client().await;
    client.get("/held").await;
    assert_eq!(client.read_to_end().await, "");
    running.ended(1, CloseReason::Busy).await;
    running.finish().await;
}
