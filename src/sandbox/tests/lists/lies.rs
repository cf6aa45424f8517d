//! What rules make of lists.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::{NEWEST, Page, assert_agree, demo, page, project_list};
use crate::sandbox::PROJECTS;
use crate::sandbox::tests::{Double, ID, info, with_token};

#[tokio::test]
async fn a_list_as_a_whole_can_be_wrong() {
    let double = Double::start(1_000).await;
    let rule = |act: &str| double.plays(&format!("[[rules]]\ncalls = \"lists\"\ndo = {act}"));
    let right = page(&double.list(NEWEST).await);
    let ids = |page: &Page| -> Vec<_> { page.items.iter().map(|it| it["id"].clone()).collect() };

    rule("\"unsorted\"");
    let unsorted = page(&double.list(NEWEST).await);
    assert!(unsorted.items.is_sorted_by_key(|item| item["id"].as_str()));
    assert_ne!(ids(&unsorted), ids(&right));

    rule("\"short_page\"");
    let short = page(&double.list(NEWEST).await);
    assert_eq!((short.items.len(), short.total), (50, 150));
    let second: Vec<_> = right.items.iter().step_by(2).cloned().collect();
    assert_eq!(short.items, second);
    let last = page(&double.list(&format!("{NEWEST}&page_index=1")).await);
    assert_eq!(last.items.len(), 25, "the others are nowhere");

    rule("{ total = 3 }");
    let total = page(&double.list(NEWEST).await);
    assert_eq!((total.items, total.total), (right.items.clone(), 3));

    rule("\"other_form\"");
    for (target, key) in [(NEWEST, "jobs"), (&project_list(PROJECTS[0]), "result")] {
        let answer = double.list(target).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(body.get(key).is_some(), "{body}");
        assert!(!page(&answer).items.is_empty());
    }

    rule("{ old = \"30s\" }");
    let now = page(&double.list(NEWEST).await);
    assert_ne!(now.items, right.items);
    double.clock.advance(Duration::from_secs(30));
    assert_eq!(
        page(&double.list(NEWEST).await).items,
        right.items,
        "what was right half a minute ago"
    );
    assert_eq!(double.sandbox.stats().acts, 8);
}

#[tokio::test]
async fn a_list_can_lie_of_the_jobs_of_a_rule_and_of_no_others() {
    let double = Double::start(1_000).await;
    double.plays("list_requests = 1000");
    let (lied_of, other) = (demo(1), demo(2));
    for act in [
        "{ state = \"running\" }",
        "{ state = \"never_built\" }",
        "\"missing\"",
        "{ vanish = \"0s\" }",
        "{ ahead = \"90s\" }",
        "{ without = \"last_build_time\" }",
    ] {
        double.plays("list_requests = 1000\n[[rules]]\ndo = { state = \"finished\" }");
        let before = (double.listed(&lied_of).await, double.listed(&other).await);
        double.plays(&format!(
            "list_requests = 1000\n[[rules]]\ncalls = \"lists\"\njobs = [\"{lied_of}\"]\ndo = {act}\n[[rules]]\ndo = {{ state = \"finished\" }}"
        ));
        let own = double.get(&lied_of).await;
        let after = (double.listed(&lied_of).await, double.listed(&other).await);
        assert_eq!(after.1, before.1, "{act}");
        let truth: Value = serde_json::from_slice(&own.body).unwrap();
        assert_agree(&before.0.unwrap(), &truth["result"]);
        match act {
            "\"missing\"" | "{ vanish = \"0s\" }" => assert!(after.0.is_none()),
            "{ state = \"running\" }" => {
                let item = after.0.unwrap();
                assert_eq!(item["is_finished"], false);
                assert!(
                    item["last_build_time"].as_u64() > truth["result"]["last_build_time"].as_u64()
                );
            }
            "{ ahead = \"90s\" }" => {
                let mut item = after.0.unwrap();
                let built = item["last_build_time"].as_u64().unwrap();
                item["last_build_time"] = (built - 90_000).into();
                assert_agree(&item, &truth["result"]);
            }
            "{ without = \"last_build_time\" }" => {
                assert_eq!(after.0.unwrap().get("last_build_time"), None);
            }
            "{ state = \"never_built\" }" => {
                assert!(after.0.unwrap()["last_build_time"].is_null());
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_snapshot_can_be_of_one_job_alone() {
    let double = Double::start(1_000).await;
    double.plays("speed = 100");
    let before = double.listed(&demo(1)).await;
    let other = double.listed(&demo(2)).await;
    double.clock.advance(Duration::from_secs(30));
    double.plays(&format!(
        "speed = 100\n[[rules]]\ncalls = \"lists\"\njobs = [\"{}\"]\ndo = {{ old = \"30s\" }}",
        demo(1)
    ));
    assert_eq!(double.listed(&demo(1)).await, before);
    assert_ne!(double.listed(&demo(2)).await, other);
}

#[tokio::test]
async fn rules_take_the_calls_they_are_about() {
    let double = Double::start(1_000).await;
    let (first, second) = (project_list(PROJECTS[0]), project_list(PROJECTS[1]));
    let of_first = format!("calls = \"lists\"\nprojects = [\"{}\"]", PROJECTS[0]);
    for (keys, expected) in [
        ("", [503, 200, 200, 200]),
        ("calls = \"jobs\"", [503, 200, 200, 200]),
        ("calls = \"lists\"", [200, 503, 503, 503]),
        ("calls = \"all\"", [503, 503, 503, 503]),
        ("calls = \"all\"\ntimes = 2", [503, 503, 200, 200]),
        (&of_first, [200, 200, 503, 200]),
    ] {
        double.plays(&format!("[[rules]]\n{keys}\ndo = {{ status = 503 }}"));
        let mut met = Vec::new();
        for target in [&info(ID), NEWEST, &first, &second] {
            met.push(double.list(target).await.status);
        }
        assert_eq!(met, expected, "{keys}");
    }
}

#[tokio::test]
async fn a_list_meets_faults_of_the_wire_as_a_job_does() {
    let double = Double::start(1_000).await;
    double.plays("[[rules]]\ncalls = \"lists\"\ndo = { cut = \"body\" }");
    let request = with_token(Method::GET, NEWEST);
    let mut connection = double.connect().await;
    let answer = connection.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.into_body().collect().await.is_err(), "it is cut off");

    double.plays("[[rules]]\ncalls = \"lists\"\ndo = { recorded = \"error403apigw\" }");
    let refused = double.list(NEWEST).await;
    assert_eq!((refused.status, refused.code()), (403, "APIGW.0302".into()));
}
