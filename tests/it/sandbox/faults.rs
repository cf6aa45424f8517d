//! Every fault of the sandbox before a gateway: one exact answer, so many calls, and the next job is answered.

use std::time::Duration;

use jobgate::policy::job::JobId;

use super::Double;
use crate::support::Running;

/// A job as any other.
const WELL: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Far below what the faults that stall take, far above what an answer takes.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The id without zeros, what a client gets for it, and how often upstream was asked.
#[rustfmt::skip] // a row a line
const THROUGH_THE_GATEWAY: &[(&str, u16, &str, u64)] = &[
    ("faultstaterunning", 200, "", 1),
    ("faultmissing", 404, "DEVCB.00031006", 1),
    ("faultvanish1h", 200, "", 1),
    ("faultstatus418", 502, "JG.5024", 1),
    ("faultstatus503", 503, "APIGW.0613", 3),
    ("faultwrongid", 502, "JG.5024", 1),
    ("faultnotjson", 502, "JG.5024", 1),
    ("faultredirect", 502, "JG.5025", 1),
    ("faultencoded", 502, "JG.5024", 1),
    ("faultdelay50ms", 200, "", 1),
    ("faultdelay1h", 504, "JG.5042", 1),
    ("faultdriphead1ms", 504, "JG.5042", 1),
    ("faultdripbody10ms", 504, "JG.5042", 1),
    ("faultcutstart", 502, "JG.5021", 2),
    ("faultcuthead", 502, "JG.5024", 1),
    ("faultcutbody", 502, "JG.5024", 1),
    ("faultresetstart", 502, "JG.5021", 2),
    ("faultresethead", 502, "JG.5024", 1),
    ("faultresetbody", 502, "JG.5024", 1),
    ("faultsilencestart", 504, "JG.5042", 1),
    ("faultsilencehead", 504, "JG.5042", 1),
    ("faultsilencebody", 504, "JG.5042", 1),
    ("faulthuge65mib", 502, "JG.5024", 1),
    ("faultinterim", 502, "JG.5024", 1),
    ("faulttwice", 200, "", 1),
    ("faultnothttp", 502, "JG.5024", 1),
    ("faulttypo", 400, "CB.00060201", 1),
    ("faultthrottle10per1m", 429, "APIGW.0308", 1), // last: it stops all calls
];

#[tokio::test]
async fn every_fault_is_survived_and_told_as_its_row_says() {
    let double = Double::start().await;
    let gateway = double
        .gateway()
        .with(|settings| settings.upstream.timeout = TIMEOUT)
        .start();
    // once ids agree, an answer about another job is known for what it is
    assert_eq!(gateway.job(WELL).await.status, 200);
    let mut wrong = Vec::new();
    for &(id, status, code, calls) in THROUGH_THE_GATEWAY {
        let id = format!("{id:0<32}");
        let answer = gateway.job(&id).await;
        let asked = double.sandbox.calls_of(&JobId::parse(&id).unwrap());
        let told = (answer.status.as_u16(), answer.code(), asked);
        if told != (status, code.to_owned(), calls) {
            wrong.push(format!("{id}: {told:?}"));
        }
        double.clock.advance(Duration::from_secs(60));
        let well = gateway.job(WELL).await;
        assert_eq!(well.status, 200, "after {id}: {}", well.text());
        assert!(well.text().contains(WELL), "after {id}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(paid(&gateway).await, double.sandbox.stats().requests);
    gateway.end().await;
}

/// The calls that the gateway counts as made, however they ended.
async fn paid(gateway: &Running) -> u64 {
    let text = gateway.admin("/metrics").await.text();
    let calls = text
        .lines()
        .filter(|line| line.starts_with("jobgate_upstream_calls_total{"));
    calls
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum()
}
