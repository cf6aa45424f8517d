//! What holds for every body.

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseError;

use super::success;
use crate::policy::json::Json;
use crate::policy::normalise::{CallerFields, Field, normalise};

/// A field of a result, known or not, with any kind of value.
fn member() -> impl Strategy<Value = (String, String)> {
    let known = prop::sample::select(Field::ALL.to_vec());
    let name = prop_oneof![
        known.prop_map(|field| field.as_str().to_owned()),
        "[a-c_]{1,2}"
    ];
    (name, value())
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| format!("\"{value}\"")),
        r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|all| format!("[{}]", all.join(","))),
            inner.prop_map(|value| format!(r#"{{"id":{value}}}"#)),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = normalise(&bytes, CallerFields::Keep);
    }

    #[test]
    fn order_and_unknown_fields_survive_and_once_is_enough(
        members in prop::collection::btree_map("[a-z_]{1,2}", value(), 0..6),
        documented in prop::collection::vec(member(), 0..6),
    ) {
        let mut all: Vec<_> = members.into_iter().collect();
        for (name, value) in documented {
            if all.iter().all(|(taken, _)| *taken != name) {
                all.insert(all.len() / 2, (name, value));
            }
        }
        let text: Vec<_> = all.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let body = success(&text.join(","));
        let once = normalise(body.as_bytes(), CallerFields::Keep).unwrap();
        prop_assert_eq!(&normalise(&once.body, CallerFields::Keep).unwrap().body, &once.body);

        let sent = Json::parse(&once.body).unwrap();
        let sent = sent.get("result").and_then(Json::as_object).unwrap();
        prop_assert_eq!(sent.len(), all.len());
        for ((name, value), (sent_name, sent_value)) in all.iter().zip(sent) {
            prop_assert_eq!(name.as_str(), &**sent_name);
            if Field::of_result(name).is_none() {
                let sent_value = serde_json::to_string(sent_value).unwrap();
                let compact = serde_json::to_string(&Json::parse(value.as_bytes()).unwrap()).unwrap();
                prop_assert_eq!(sent_value, compact);
            }
        }
    }

    #[test]
    fn integers_are_exact_however_they_are_written(value in any::<i64>(), zeros in 0..20_usize) {
        let wanted = success(&format!(r#""create_time":{value}"#));
        let zeros = "0".repeat(zeros);
        for written in [format!("{value}"), format!("\"{value}\""), format!("{value}.0{zeros}")] {
            let body = success(&format!(r#""create_time":{written}"#));
            let found = normalise(body.as_bytes(), CallerFields::Keep).map_err(|why| TestCaseError::fail(why.to_string()))?;
            prop_assert_eq!(&found.body, wanted.as_bytes());
            prop_assert!(found.nulled.is_empty());
        }
    }
}
