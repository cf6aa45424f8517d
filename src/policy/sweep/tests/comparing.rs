//! One item against one stored answer.

use std::time::Duration;

use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};

use super::{Page, SECOND, body, item};
use crate::clock::Clock;
use crate::policy::normalise::{CallerFields, Field, normalise};
use crate::policy::sweep::{Difference, FULL_LOOK, Ignored, Missing, Times, Verdict, compare};

/// The list was sent a second after the look.
fn times() -> Times {
    let looked = Clock::system().now();
    Times {
        looked,
        confirmed: looked,
        listed: looked + SECOND,
    }
}

fn judge_at(item: &str, stored: &[u8], times: Times) -> Verdict {
    let page = Page::parse(format!(r#"{{"jobs":[{item}]}}"#).as_bytes()).unwrap();
    let [item] = page.items.as_slice() else {
        panic!("no item: {item}")
    };
    compare(item, stored, times, &Ignored::default())
}

fn judge(item: &str, stored: &[u8]) -> Verdict {
    judge_at(item, stored, times())
}

/// The stored body, with one field spelled otherwise.
fn stored(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(body(1, 500, false)).unwrap();
    assert!(text.contains(from), "{from}");
    normalise(text.replace(from, to).as_bytes(), CallerFields::Keep)
        .unwrap()
        .body
        .to_vec()
}

#[test]
fn equal_validators_confirm_and_what_differs_proves_a_look() {
    let plain = item(1, 500, false);
    let differs = |field| Verdict::Differs(Difference::Field(field));
    for (case, found, wanted) in [
        (
            "all equal",
            judge(&plain, &body(1, 500, false)),
            Verdict::Equal,
        ),
        (
            "all equal, running",
            judge(&item(1, 500, true), &body(1, 500, true)),
            Verdict::Equal,
        ),
        (
            "a start",
            judge(&item(1, 501, true), &body(1, 500, false)),
            Verdict::Differs(Difference::Build),
        ),
        (
            "a start and a finish",
            judge(&item(1, 501, false), &body(1, 500, false)),
            Verdict::Differs(Difference::Build),
        ),
        (
            "a finish",
            judge(&plain, &body(1, 500, true)),
            Verdict::Differs(Difference::Running),
        ),
        (
            "it runs after all",
            judge(&item(1, 500, true), &body(1, 500, false)),
            Verdict::Differs(Difference::Running),
        ),
        (
            "renamed",
            judge(&plain, &stored(r#""job1""#, r#""other""#)),
            differs(Field::JobName),
        ),
        (
            "disabled",
            judge(&plain, &stored(r#""disabled":false"#, r#""disabled":true"#)),
            differs(Field::Disabled),
        ),
        (
            "another score",
            judge(&plain, &stored(":74", ":75")),
            differs(Field::HealthScore),
        ),
        (
            "another end",
            judge(
                &plain,
                &stored(r#"build_status":"success""#, r#"build_status":"failed""#),
            ),
            differs(Field::LastBuildStatus),
        ),
    ] {
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn what_both_sides_spell_differently_is_no_difference() {
    let plain = item(1, 500, false);
    let running = item(1, 500, true).replace("success", "aborted");
    for (case, found) in [
        (
            "a number in a string",
            judge(&plain.replace(":74", r#":"74""#), &body(1, 500, false)),
        ),
        (
            "the time in a string",
            judge(&plain.replace(":500", r#":"500""#), &body(1, 500, false)),
        ),
        (
            "a boolean in a string",
            judge(
                &plain.replace(r#""disabled":false"#, r#""disabled":"FALSE""#),
                &body(1, 500, false),
            ),
        ),
        (
            "null here",
            judge(&plain.replace(":74", ":null"), &body(1, 500, false)),
        ),
        ("null there", judge(&plain, &stored(":74", ":null"))),
        (
            "absent there",
            judge(&plain, &stored(r#""health_score":74"#, r#""x":1"#)),
        ),
        (
            "a score that bodies cannot carry",
            judge(&plain, &stored(":74", ":74000000000")),
        ),
        (
            "the status in capitals",
            judge(&plain.replace("success", "SUCCESS"), &body(1, 500, false)),
        ),
        (
            "the status of the build before",
            judge(&running, &body(1, 500, true)),
        ),
        (
            "a build time in another unit",
            judge(&plain.replace("62000", "1"), &body(1, 500, false)),
        ),
        (
            "more fields",
            judge(
                &plain.replacen('{', r#"{"build_number":"9","#, 1),
                &body(1, 500, false),
            ),
        ),
    ] {
        assert_eq!(found, Verdict::Equal, "{case}");
    }
}

#[test]
fn what_clients_do_not_see_of_the_central_user_is_not_compared_and_all_else_is() {
    let about_the_user = r#""favorite":true,"is_view":false,"is_copy":false"#;
    let liked = item(1, 500, false).replace(r#""favorite":false"#, about_the_user);
    let seen_as = |caller_fields| {
        let body = String::from_utf8(body(1, 500, false)).unwrap();
        let body = body.replace(r#""favorite":false"#, r#""favorite":false,"is_view":true"#);
        normalise(body.as_bytes(), caller_fields)
            .unwrap()
            .body
            .to_vec()
    };
    let differs = |field| Verdict::Differs(Difference::Field(field));
    let (shown, hidden) = (seen_as(CallerFields::Keep), seen_as(CallerFields::Null));
    for (case, found, wanted) in [
        ("shown", judge(&liked, &shown), differs(Field::Favorite)),
        ("hidden", judge(&liked, &hidden), Verdict::Equal),
        (
            "disabled",
            judge(
                &liked.replace(r#""disabled":false"#, r#""disabled":true"#),
                &hidden,
            ),
            differs(Field::Disabled),
        ),
        (
            "built again",
            judge(&liked.replace(":500", ":501"), &hidden),
            Verdict::Differs(Difference::Build),
        ),
    ] {
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn a_list_older_than_the_entry_says_nothing() {
    let now = Clock::system().now();
    let at = |seconds| now + seconds * SECOND;
    for (case, looked, confirmed, listed) in [
        ("looked at since", 11, 11, 10),
        ("looked at and confirmed since", 11, 12, 10),
        ("confirmed by a later list", 1, 11, 10),
    ] {
        let times = Times {
            looked: at(looked),
            confirmed: at(confirmed),
            listed: at(listed),
        };
        for found in [item(1, 500, false), item(1, 900, true)] {
            assert_eq!(
                judge_at(&found, &body(1, 500, false), times),
                Verdict::Older,
                "{case}"
            );
        }
    }
    let same_moment = Times {
        looked: now,
        confirmed: now,
        listed: now,
    };
    assert_eq!(
        judge_at(&item(1, 500, false), &body(1, 500, false), same_moment),
        Verdict::Equal
    );
    let older_build = judge(&item(1, 499, true), &body(1, 500, false));
    assert_eq!(
        older_build,
        Verdict::Older,
        "an older build is no difference"
    );
}

#[test]
fn fields_missing_confirm_nothing_and_prove_nothing() {
    let plain = item(1, 500, false);
    let no_time = plain.replace("last_build_time", "x");
    let no_flag = plain.replace("is_finished", "x");
    let no_state = no_flag.replace("last_job_running_status", "y");
    let unknown = |missing| Verdict::Unknown(missing);
    for (case, found, wanted) in [
        (
            "no time",
            judge(&no_time, &body(1, 500, false)),
            unknown(Missing::BuildTime),
        ),
        (
            "no time stored",
            judge(&plain, &stored(r#""last_build_time""#, r#""x""#)),
            unknown(Missing::BuildTime),
        ),
        (
            "a time before 1970",
            judge(&plain.replace(":500", ":-500"), &body(1, 500, false)),
            unknown(Missing::BuildTime),
        ),
        (
            "one of two states",
            judge(&no_flag, &body(1, 500, false)),
            Verdict::Equal,
        ),
        (
            "no state",
            judge(&no_state, &body(1, 500, false)),
            unknown(Missing::Running),
        ),
        (
            "no state stored",
            judge(&plain, &stored(r#""running_status""#, r#""x""#)),
            unknown(Missing::Running),
        ),
        (
            "no state, another build",
            judge(&no_state, &body(1, 400, false)),
            Verdict::Differs(Difference::Build),
        ),
        ("no body", judge(&plain, b"{"), unknown(Missing::Body)),
        ("no result", judge(&plain, b"{}"), unknown(Missing::Body)),
    ] {
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn a_list_confirms_only_what_was_looked_at_within_the_hour() {
    let looked = Clock::system().now();
    for (since, wanted) in [
        (FULL_LOOK, Verdict::Equal),
        (FULL_LOOK + Duration::from_nanos(1), Verdict::FullLookDue),
    ] {
        let listed = looked + since;
        let times = Times {
            looked,
            confirmed: looked + SECOND,
            listed,
        };
        assert_eq!(
            judge_at(&item(1, 500, false), &body(1, 500, false), times),
            wanted
        );
    }
}

proptest! {
    /// Whatever a list says: an entry that was looked at after it was sent is neither confirmed nor doubted, and one that was looked at
    /// before is confirmed only if build and state are the stored ones.
    #[test]
    fn a_list_forges_nothing(
        stored in prop_oneof![Just(body(1, 500, false)), Just(body(1, 500, true)), any::<Vec<u8>>()],
        began in 498_u64..503,
        runs in any::<bool>(),
        noise in "[ -~]{0,20}",
        looked in 0_u32..4,
        confirmed in 0_u32..4,
        listed in 0_u32..4,
    ) {
        let now = Clock::system().now();
        let times = Times { looked: now + looked * SECOND, confirmed: now + confirmed * SECOND, listed: now + listed * SECOND };
        let noise = serde_json::to_string(&noise).unwrap();
        let item = item(1, began, runs).replacen('{', &format!(r#"{{"x":{noise},"#), 1);
        let verdict = judge_at(&item, &stored, times);
        if looked.max(confirmed) > listed {
            prop_assert!(verdict == Verdict::Older);
        }
        if verdict == Verdict::Equal {
            prop_assert!(began == 500 && stored == body(1, 500, runs));
        }
    }
}
