//! What is stored is served, for as long as its lifetime says and no longer.

use std::time::Duration;

use httpmock::MockServer;

use crate::support::{DOCUMENTED, JOB, answering, in_front_of};

#[tokio::test]
async fn a_hit_ages_and_then_the_job_is_asked_for_again() {
    let upstream = MockServer::start_async().await;
    let mock = answering(&upstream, 200, DOCUMENTED).await;
    let gateway = in_front_of(&upstream.base_url())
        .with_manual_clock()
        .start();

    let miss = gateway.job(JOB).await;
    assert_eq!((miss.status.as_u16(), miss.header("age")), (200, "0"));
    assert_eq!(
        miss.header("cache-status"),
        "jobgate; fwd=uri-miss; stored; ttl=30"
    );

    gateway.clock.advance(Duration::from_millis(29_999));
    let hit = gateway.job(JOB).await;
    assert_eq!(
        (hit.header("age"), hit.header("cache-status")),
        ("29", "jobgate; hit; ttl=0")
    );
    assert_eq!(hit.body, miss.body);
    assert_eq!(mock.calls_async().await, 1);

    gateway.clock.advance(Duration::from_millis(1));
    let stale = gateway.job(JOB).await;
    assert_eq!(
        stale.header("cache-status"),
        "jobgate; fwd=stale; stored; ttl=30"
    );
    assert_eq!(mock.calls_async().await, 2);
    gateway.end().await;
}
