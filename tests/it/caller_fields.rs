//! `cache.caller_fields`: whether clients see what the central user likes and may do.

use std::collections::BTreeSet;

use jobgate::config::CallerFields;
use serde_json::Value;

use crate::raw::{Reply, Script};
use crate::support::{DOCUMENTED, JOB, in_front_of};

/// The names of `result` whose values are null, and the validator.
async fn nulls(caller_fields: CallerFields, body: &str) -> (BTreeSet<String>, String) {
    let script = Script::answering([Reply::of(200, body)]).await;
    let gateway = in_front_of(&script.url())
        .with(|settings| settings.cache.caller_fields = caller_fields)
        .start();
    let (miss, hit) = (gateway.job(JOB).await, gateway.job(JOB).await);
    assert_eq!((miss.status, &miss.body), (hit.status, &hit.body));
    let told: Value = serde_json::from_slice(&hit.body).unwrap();
    let members = told["result"].as_object().unwrap().iter();
    let nulls = members.filter(|(_, value)| value.is_null());
    let nulls = nulls.map(|(name, _)| name.clone()).collect();
    for name in ["favorite", "is_view"] {
        let counted = format!("jobgate_fields_nulled_total{{field=\"{name}\"}}");
        assert_eq!(
            gateway.metric(&counted).await,
            0.0,
            "nothing is wrong with {name}"
        );
    }
    gateway.end().await;
    (nulls, miss.header("etag").to_owned())
}

#[tokio::test]
async fn eight_fields_are_about_the_central_user_and_clients_see_them_or_null() {
    let (kept, etag) = nulls(CallerFields::Keep, DOCUMENTED).await;
    assert_eq!(kept, BTreeSet::new());
    let (hidden, hidden_etag) = nulls(CallerFields::Null, DOCUMENTED).await;
    let about_the_user = [
        "favorite",
        "is_copy",
        "is_delete",
        "is_execute",
        "is_forbidden",
        "is_manager",
        "is_modify",
        "is_view",
    ];
    assert_eq!(hidden, about_the_user.map(str::to_owned).into());
    assert_ne!(hidden_etag, etag, "another body");
    let liked = DOCUMENTED.replace(r#""favorite" : false"#, r#""favorite" : true"#);
    assert_ne!(liked, DOCUMENTED);
    let (_, unchanged) = nulls(CallerFields::Null, &liked).await;
    assert_eq!(unchanged, hidden_etag, "what nobody sees changes nothing");
}
