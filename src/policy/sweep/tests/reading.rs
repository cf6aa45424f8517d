//! What a page is read from.

use proptest::prelude::{any, proptest};

use super::{Page, item, job};
use crate::policy::json::JsonFault;
use crate::policy::sweep::{ListFault, PAGE_SIZE};

fn parse(body: &str) -> Result<Page, ListFault> {
    Page::parse(body.as_bytes())
}

#[test]
fn the_envelope_and_both_names_are_read_alike() {
    let one = item(1, 5, true);
    let wanted = parse(&format!(r#"{{"jobs":[{one}],"total":7}}"#)).unwrap();
    assert_eq!(
        (wanted.items.len(), wanted.entries, wanted.total),
        (1, 1, Some(7))
    );
    let [read] = wanted.items.as_slice() else {
        unreachable!()
    };
    assert_eq!(read.id, job(1));
    assert_eq!(
        (read.facts.running, read.facts.last_build_time),
        (Some(true), Some(5))
    );
    for body in [
        format!(r#"{{"job_list":[{one}],"total":"7"}}"#),
        format!(r#"{{"result":{{"jobs":[{one}],"total":7.0}},"status":"success"}}"#),
        format!(
            r#"{{"result":{{"x":1,"total":7,"job_list":[{one}]}},"error":null,"status":"success"}}"#
        ),
        format!(r#"{{"result":{{}},"jobs":[{one}],"total":7}}"#),
        format!(
            r#"{{"jobs":[{}],"total":7}}"#,
            one.replace(":5,", r#":"5","#)
        ),
    ] {
        assert_eq!(parse(&body).as_ref(), Ok(&wanted), "{body}");
    }
}

#[test]
fn what_is_no_page_is_refused_with_its_reason() {
    for (body, fault) in [
        ("", ListFault::Unreadable(JsonFault::CutOff)),
        (r#"{"jobs":[{}"#, ListFault::Unreadable(JsonFault::CutOff)),
        (
            "<html>",
            ListFault::Unreadable(JsonFault::Syntax { line: 1, column: 1 }),
        ),
        (
            r#"{"jobs":[],"jobs":[]}"#,
            ListFault::Unreadable(JsonFault::DuplicateKey),
        ),
        (
            r#"{"result":{"job_list":[]},"status":"fail"}"#,
            ListFault::Failure,
        ),
        (r#"{"jobs":[],"status":null}"#, ListFault::Failure),
        (r#"{"jobs":[],"error_code":"CB.1"}"#, ListFault::Failure),
        ("[]", ListFault::NoList),
        ("{}", ListFault::NoList),
        (r#"{"jobs":{},"total":0}"#, ListFault::NoList),
        (r#"{"result":null,"status":"success"}"#, ListFault::NoList),
    ] {
        assert_eq!(parse(body), Err(fault), "{body}");
    }
}

#[test]
fn at_most_100_entries_are_read_and_what_is_no_item_only_counts() {
    let many: Vec<String> = (0..PAGE_SIZE + 5)
        .map(|number| item(number, 5, false))
        .collect();
    let page = parse(&format!(r#"{{"jobs":[{}]}}"#, many.join(","))).unwrap();
    assert_eq!(
        (page.items.len(), page.entries, page.total),
        (PAGE_SIZE, PAGE_SIZE + 5, None)
    );
    let odd = r#"{"jobs":[null,7,"x",[],{},{"id":null},{"id":"short"}],"total":-1}"#;
    let page = parse(odd).unwrap();
    assert_eq!((page.items.len(), page.entries, page.total), (0, 7, None));
}

#[test]
fn two_fields_say_whether_a_build_runs_and_must_not_contradict_each_other() {
    let id = job(1);
    for (fields, running) in [
        (r#""is_finished":true"#, Some(false)),
        (r#""is_finished":"false""#, Some(true)),
        (r#""last_job_running_status":"Finished""#, Some(false)),
        (r#""last_job_running_status":"InQueue""#, Some(true)),
        (
            r#""is_finished":null,"last_job_running_status":"Running""#,
            Some(true),
        ),
        (
            r#""is_finished":true,"last_job_running_status":"Finished""#,
            Some(false),
        ),
        (
            r#""is_finished":true,"last_job_running_status":"Running""#,
            None,
        ),
        (
            r#""is_finished":false,"last_job_running_status":"Finished""#,
            None,
        ),
        (
            r#""is_finished":"perhaps","last_job_running_status":7"#,
            None,
        ),
        (r#""x":1"#, None),
    ] {
        let page = parse(&format!(r#"{{"jobs":[{{"id":"{id}",{fields}}}]}}"#)).unwrap();
        let [item] = page.items.as_slice() else {
            unreachable!()
        };
        assert_eq!(item.facts.running, running, "{fields}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
        let _ = Page::parse(&body);
    }
}
