use tokio::net::TcpStream;

use super::super::metrics::CloseReason;
use super::{SHORT, settings, start};

#[tokio::test]
async fn a_running_request_is_finished_and_everything_idle_closes_at_once() {
    let running = start(&settings());
    let mut silent = running.client().await;
    let mut idle = running.client().await;
    idle.exchange("/idle").await;
    let mut busy = running.client().await;
    busy.get("/held").await;
    running.held().await;

    running.drain.begin();
    assert_eq!(idle.read_to_end().await, "");
    assert_eq!(silent.read_to_end().await, "");
    running.release.add_permits(1);
    let answer = busy.read_to_end().await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("/held"), "{answer}");

    running.ended(3, CloseReason::Drain).await;
    let addr = running.addr;
    assert_eq!(running.finish().await.cut, 0);
    assert!(TcpStream::connect(addr).await.is_err(), "still accepting");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let mut hasty = settings();
    hasty.drain_timeout = SHORT;
    let running = start(&hasty);
    let mut busy = running.client().await;
    busy.get("/held").await;
    running.held().await;

    running.drain.begin();
    assert_eq!(busy.read_to_end().await, "");
    running.ended(1, CloseReason::Cut).await;
    assert_eq!(running.finish().await.cut, 1);
}
