//! The lists: what they say, and of which jobs.

mod lies;

use std::collections::BTreeSet;
use std::time::Duration;

use http::{Method, Request};
use serde_json::Value;

use super::{Answer, Double, ID, SECRET, act_id, info, with_header, with_token};
use crate::sandbox::life::{ITEM_FIELDS, seconds};
use crate::sandbox::{PROJECTS, Stats, verify};

const NEWEST: &str = "/v1/job/list?page_size=100&sort_field=last_build_time&sort_order=DESC";

/// A page of a list, in either form.
struct Page {
    items: Vec<Value>,
    total: u64,
}

impl Double {
    async fn list(&self, target: &str) -> Answer {
        self.send(with_token(Method::GET, target)).await
    }

    /// All jobs, newest build first, page by page.
    async fn all(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for index in 0.. {
            let page = page(&self.list(&format!("{NEWEST}&page_index={index}")).await);
            if page.items.is_empty() {
                assert_eq!(page.total, all.len() as u64);
                break;
            }
            all.extend(page.items);
        }
        all
    }

    /// A job of the list as it is told there.
    async fn listed(&self, id: &str) -> Option<Value> {
        self.all().await.into_iter().find(|item| item["id"] == id)
    }
}

#[track_caller]
fn page(answer: &Answer) -> Page {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let (list, total) = match &body["result"] {
        Value::Null => (&body["jobs"], &body["total"]),
        result => (&result["job_list"], &result["total"]),
    };
    Page {
        items: list.as_array().unwrap().clone(),
        total: total.as_u64().unwrap(),
    }
}

fn demo(number: usize) -> String {
    format!("demo{number:028}")
}

fn field<'i>(items: &'i [Value], name: &str) -> Vec<&'i Value> {
    items.iter().map(|item| &item[name]).collect()
}

fn project_list(project: &str) -> String {
    format!("/v1/job/{project}/list?page_size=100")
}

/// Fails unless an item and the job's own answer agree.
#[track_caller]
fn assert_agree(item: &Value, job: &Value) {
    for (ours, theirs) in [
        ("id", "id"),
        ("job_name", "job_name"),
        ("build_project_id", "project_id"),
        ("project_permission_switch", "project_permission_switch"),
        ("last_job_running_status", "running_status"),
        ("last_build_status", "last_build_status"),
        ("last_build_time", "last_build_time"),
        ("health_score", "health_score"),
        ("disabled", "disabled"),
        ("favorite", "favorite"),
        ("source_code", "source_code"),
        ("is_copy", "is_copy"),
        ("is_delete", "is_delete"),
        ("is_execute", "is_execute"),
        ("is_forbidden", "is_forbidden"),
        ("is_modify", "is_modify"),
        ("is_view", "is_view"),
    ] {
        assert_eq!(item.get(ours), job.get(theirs), "{ours}: {item} {job}");
    }
    assert_eq!(
        item["is_finished"].as_bool().unwrap(),
        job["running_status"] == "Finished"
    );
    let build_time = item["build_time"].as_u64().map(seconds);
    assert_eq!(build_time.as_deref(), job["build_time"].as_str());
}

#[tokio::test]
async fn a_list_and_a_job_say_the_same_at_the_same_moment_also_of_jobs_that_rules_lead() {
    let double = Double::start(10_000).await;
    double.plays(&format!(
        r#"list_requests = 1000
demo_jobs = 12
[[rules]]
chance = 0
do = "missing"
[[rules]]
jobs = ["{}"]
do = {{ state = "running" }}
[[rules]]
jobs = ["{}"]
do = {{ state = "never_built" }}
[[rules]]
jobs = ["{}"]
do = {{ states = [{{ state = "queued", for = "9s" }}, {{ state = "running" }}] }}
[[rules]]
jobs = ["{}"]
from = "20s"
do = {{ vanish = "20s" }}
"#,
        demo(1),
        demo(2),
        demo(3),
        demo(4)
    ));
    let mut states = BTreeSet::new();
    for step in 0..20 {
        let all = double.all().await;
        assert_eq!(all.len(), if step < 8 { 12 } else { 11 }, "step {step}");
        for number in 1..=12 {
            let own = double.get(&demo(number)).await;
            let item = all.iter().find(|item| item["id"] == demo(number));
            assert_eq!(own.status == 200, item.is_some(), "{number}");
            let Some(item) = item else { continue };
            let own: Value = serde_json::from_slice(&own.body).unwrap();
            assert_agree(item, &own["result"]);
            states.insert(item["last_job_running_status"].as_str().unwrap().to_owned());
        }
        double.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(states.len(), 3, "{states:?}");
    let named = double.listed(&demo(2)).await.unwrap();
    let fields: Vec<_> = named.as_object().unwrap().keys().collect();
    assert_eq!(fields, ITEM_FIELDS, "in both cases all of them");
}

#[tokio::test]
async fn pages_of_a_list_are_sorted_as_asked_and_have_each_job_once() {
    let double = Double::start(1_000).await;
    let newest = double.all().await;
    let ids: BTreeSet<_> = newest.iter().map(|item| item["id"].as_str()).collect();
    assert_eq!((newest.len(), ids.len()), (150, 150));
    let times = field(&newest, "last_build_time");
    assert!(times.is_sorted_by_key(|time| std::cmp::Reverse(time.as_u64())));

    let oldest = "/v1/job/list?page_index=1&page_size=7&sort_field=last_build_time&sort_order=ASC";
    let oldest = page(&double.list(oldest).await);
    assert_eq!(oldest.total, 150);
    let backwards: Vec<_> = newest.iter().rev().skip(7).take(7).collect();
    assert_eq!(
        field(&oldest.items, "last_build_time"),
        backwards
            .iter()
            .map(|item| &item["last_build_time"])
            .collect::<Vec<_>>()
    );
    let by_name = page(&double.list("/v1/job/list?sort_field=job_name").await);
    let first: Vec<_> = (1..=10).map(demo).collect();
    assert_eq!(
        field(&by_name.items, "id"),
        first.iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn each_job_is_on_the_list_of_its_one_project_in_the_other_form() {
    let double = Double::start(1_000).await;
    let all = double.all().await;
    let mut total = 0;
    for project in PROJECTS {
        let answer = double.list(&project_list(project)).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["jobs", "total"], "no envelope");
        let page = page(&answer);
        let of_project = all.iter().filter(|item| item["project_id"] == project);
        let of_project: BTreeSet<_> = of_project.map(|item| item["id"].as_str()).collect();
        let listed = page.items.iter().map(|item| item["id"].as_str());
        assert_eq!(listed.collect::<BTreeSet<_>>(), of_project);
        for item in &page.items {
            for absent in ["project_id", "project_permission_switch", "build_number"] {
                assert_eq!(item.get(absent), None);
            }
        }
        total += page.total;
    }
    assert_eq!(total, 150);
    assert_eq!(page(&double.list(&project_list(ID)).await).total, 0);
}

#[tokio::test]
async fn a_job_is_listed_once_it_was_asked_for_and_what_is_no_living_job_never() {
    let double = Double::start(1_000).await;
    assert!(double.listed(ID).await.is_none());
    for id in [
        ID,
        &act_id("missing"),
        &act_id("faultstaterunning"),
        "successnormalised000000000000000",
        "error503apigw0000000000000000000",
    ] {
        double.get(id).await;
    }
    let item = double.listed(ID).await.unwrap();
    assert_eq!(item["id"], ID);
    assert_eq!(double.all().await.len(), 151, "and none of the others");
}

#[tokio::test]
async fn a_bad_query_or_project_is_refused_paid_and_met_by_no_rule() {
    let double = Double::start(1_000).await;
    double.plays("[[rules]]\ncalls = \"lists\"\ndo = { status = 503 }");
    for target in [
        "/v1/job/list?page_size=101",
        "/v1/job/short/list",
        "/v1/job/list?sort_order=UP",
    ] {
        let answer = double.list(target).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "CB.00060200".into()),
            "{target}"
        );
    }
    let stats = double.sandbox.stats();
    assert_eq!((stats.lists, stats.acts), (3, 0));
    assert_eq!(double.list("/v1/job/list").await.status, 503);
}

#[tokio::test]
async fn lists_have_a_quota_of_their_own_unless_it_is_shared() {
    let double = Double::start(2).await;
    double.plays("list_requests = 1");
    assert_eq!(double.list(NEWEST).await.status, 200);
    let throttled = double.list(NEWEST).await;
    assert_eq!(throttled.code(), "APIGW.0308");
    assert!(throttled.message().ends_with("limit:1,time:1 minute"));
    assert_eq!(double.get(ID).await.status, 200, "jobs have theirs");

    double.plays("shared = true");
    assert_eq!(double.list(NEWEST).await.status, 200, "the second of two");
    let throttled = double.list(NEWEST).await;
    assert!(throttled.message().ends_with("limit:2,time:1 minute"));
    assert_eq!(double.get(ID).await.status, 429);
    let seen = Stats {
        connections: 6,
        requests: 6,
        throttled: 3,
        answered: 3,
        lists: 2,
        lists_throttled: 2,
        ..Stats::default()
    };
    assert_eq!(double.sandbox.stats(), seen);
}

#[tokio::test]
async fn a_signature_of_a_list_call_covers_its_query() {
    let double = Double::start(1_000).await;
    for (asked, status) in [(NEWEST, 200), ("/v1/job/list?page_size=99", 401)] {
        let (mut head, body) = double.signed(SECRET, Duration::ZERO).into_parts();
        head.uri = NEWEST.parse().unwrap();
        let signature = verify::signature(&head, b"", "host;x-sdk-date", SECRET).unwrap();
        let authorization = format!(
            "SDK-HMAC-SHA256 Access=JOBGATESANDBOXACCESS, SignedHeaders=host;x-sdk-date, Signature={signature}"
        );
        head.uri = asked.parse().unwrap();
        let request = Request::from_parts(head, body);
        let answer = double.send(with_header(request, "authorization", &authorization));
        assert_eq!(answer.await.status, status, "{asked}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_quota_is_told_where_the_scenario_and_the_request_want_it() {
    let double = Double::start(2).await;
    let limits = |answer: &Answer| {
        let [of_api, of_user] = ["api", "user"].map(|of| {
            answer
                .header(&format!("x-apig-ratelimit-{of}"))
                .map(str::to_owned)
        });
        assert_eq!(of_api, of_user);
        of_api
    };
    let asking = |target: &str| {
        let request = with_token(Method::GET, target);
        with_header(request, "x-apig-mode", "debug")
    };
    assert_eq!(limits(&double.send(asking(&info(ID))).await), None);
    double.plays("rate_headers = true\nlist_requests = 5\nwindow = \"10s\"");
    assert_eq!(limits(&double.get(ID).await), None, "it does not ask");
    for (target, status, left) in [
        (NEWEST, 200, "remain:4,limit:5,time:10 second"),
        (NEWEST, 200, "remain:3,limit:5,time:10 second"),
        (&info(ID), 429, "remain:0,limit:2,time:10 second"),
    ] {
        let answer = double.send(asking(target)).await;
        assert_eq!(answer.status, status);
        assert_eq!(limits(&answer).as_deref(), Some(left));
    }
    double.clock.advance(Duration::from_secs(10));
    let answer = double.send(asking(&info(ID))).await;
    assert_eq!(limits(&answer).unwrap(), "remain:1,limit:2,time:10 second");
    let nobody = super::bare(Method::GET, NEWEST);
    let answer = double.send(with_header(nobody, "x-apig-mode", "debug"));
    assert_eq!(limits(&answer.await), None, "a quota is a user's");
}
